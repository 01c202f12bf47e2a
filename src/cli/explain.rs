//! `cedrat explain`: the decision that a message would get, by the same code that decides.

use std::path::PathBuf;

use cedrat_message::{Address, Origin};
use cedrat_relay::route::{Query, Verdict};
use serde_json::json;

use super::{Failure, load, say};
use crate::{
    config::{
        handoff::WithoutKey,
        imap::{Account, After, Named},
        octets,
    },
    gateway::Settings,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cedrat explain --config cedrat.toml --from alice@example.org --to +447700900001
  cedrat explain --config cedrat.toml --from +15550120001 --to bob@example.org --octets 300000 --json
  cedrat explain --config cedrat.toml --from +15550120001 --to 07700900001 --peer op-b
  cedrat explain --config cedrat.toml --from alice@example.org --account support
Nothing is sent and nothing is looked up; the routes of the file decide exactly as they do for a message.
The profile of the recipient's handset follows for each peer, every value with the layer that it is from;
a UAProf document that would have to be fetched is not part of it.")]
pub(super) struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Sender: a number or an e-mail address
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// Recipient: a number or an e-mail address; with --account the first of its `to`
    #[arg(long, value_name = "ADDRESS", required_unless_present = "account")]
    to: Option<String>,
    /// Size of the message on the wire
    #[arg(long, value_name = "N", default_value = "10000")]
    octets: String,
    /// The peer that it comes from
    #[arg(long, value_name = "NAME")]
    peer: Option<String>,
    /// The account of [[imap]] in whose mailbox it lies
    #[arg(long, value_name = "NAME", conflicts_with = "peer")]
    account: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let read = |name: &str, text: &str| {
        Address::parse(text).map_err(|fault| Failure::from(format!("--{name} {text:?} {fault}")))
    };
    let from = read("from", &args.from)?;
    let size = octets(&args.octets).ok_or_else(|| format!("--octets {:?} is not a size", args.octets))?;
    let (config, tables) = load(&args.config)?;
    let settings = super::runtime()?.block_on(async { Settings::build(config, tables) })?;
    let mailboxes = match &args.account {
        Some(id) => mailboxes(&settings, id)?,
        None => Vec::new(),
    };
    let to = args.to.clone().or_else(|| mailboxes.iter().find_map(|one| one.recipients.first().cloned()));
    let to =
        to.ok_or_else(|| "--to is needed: the messages of this account name their recipients".to_owned())?;
    let to = read("to", &to)?;
    let by = mailboxes.first().map(|account| account.peer.clone()).or_else(|| args.peer.clone());
    let peer = match &by {
        Some(id) => Some(settings.peer(id).ok_or_else(|| format!("there is no peer {id:?}"))?),
        None => None,
    };
    let interface = match (peer, from.mail()) {
        (Some(peer), _) if peer.protocol == crate::config::PeerProtocol::Mm4 => Origin::Mm4,
        (Some(_), _) | (None, Some(_)) => Origin::Mail,
        (None, None) => Origin::Mm4,
    };
    let explanation = settings.routes.explain(&Query {
        message_id: "",
        sender: Some(&from),
        recipient: &to,
        peer: by.as_deref(),
        peer_numbers: peer.map(|peer| &peer.numbers),
        interface,
        octets: size,
    });
    let decision = &explanation.decision;
    let (verdict, peers) = match &decision.verdict {
        Verdict::Deliver(peers) => ("deliver".to_owned(), peers.clone()),
        Verdict::Hold => ("hold for the operator".to_owned(), Vec::new()),
        Verdict::Reject(refusal) => {
            let (code, (a, b, c)) = settings.tables.smtp(refusal.reason);
            (format!("refuse: {code} {a}.{b}.{c} {}", refusal.reason.text()), Vec::new())
        }
    };
    let limits = limits(&settings, peer, &peers, interface);
    let handsets: Vec<_> = peers
        .iter()
        .filter_map(|id| settings.peer(id))
        .map(|peer| (peer.id.as_str(), settings.profiles.effective(peer, &decision.recipient)))
        .collect();
    let handoff = handoff(&settings, &decision.recipient);
    if args.json {
        let value = json!({
            "from": from.to_string(),
            "to": decision.recipient.to_string(),
            "interface": if interface == Origin::Mail { "mail" } else { "mm4" },
            "octets": size,
            "normalised": explanation.normalised,
            "trials": explanation.trials.iter().map(|trial| json!({
                "rule": trial.rule, "matched": trial.matched, "why": trial.why
            })).collect::<Vec<_>>(),
            "route": decision.rule,
            "verdict": verdict,
            "peers": peers,
            "limits": limits.iter().map(|(name, value, origin)| json!({
                "limit": name, "value": value, "origin": origin
            })).collect::<Vec<_>>(),
            "handsets": handsets.iter().map(|(peer, profile)| json!({
                "peer": peer, "profile": profile
            })).collect::<Vec<_>>(),
            "handoff": handoff,
            "mailboxes": mailboxes.iter().map(|account| json!({
                "account": account.id, "mailbox": account.mailbox, "server": account.host, "rules": rules(account)
            })).collect::<Vec<_>>(),
        });
        say(&value.to_string());
        return Ok(());
    }
    say(&format!("{from} → {to}, {size} octets"));
    for account in &mailboxes {
        say(&format!("  mailbox  {} at {}: {}", account.mailbox, account.host, rules(account)));
    }
    for step in &explanation.normalised {
        say(&format!("  number   {step}"));
    }
    for trial in &explanation.trials {
        let mark = if trial.matched { "✓" } else { "·" };
        say(&format!("  {mark} route  {}: {}", trial.rule, trial.why));
    }
    say(&format!(
        "  verdict  {verdict}{}",
        if peers.is_empty() { String::new() } else { format!(" to {}", peers.join(", then ")) }
    ));
    for (name, value, origin) in limits {
        say(&format!("  limit    {name} {value}  ({origin})"));
    }
    if let Some(handoff) = &handoff {
        say(&format!("  key      encrypted mail {handoff}  ([handoff])"));
    }
    for (peer, profile) in &handsets {
        say(&format!("  handset  at {peer}"));
        for (name, value, origin) in profile.rows() {
            let value = if value.is_empty() { "none" } else { &value };
            say(&format!("    {name:<16} {value}  ({origin})"));
        }
    }
    match decision.verdict {
        Verdict::Reject(_) => Err(Failure(Vec::new())),
        _ => Ok(()),
    }
}

/// The mailboxes of an account.
fn mailboxes(settings: &Settings, id: &str) -> Result<Vec<Account>, Failure> {
    let all = &settings.config.imap;
    let found: Vec<Account> = all.iter().filter(|account| account.id == id).cloned().collect();
    if found.is_empty() { Err(format!("there is no account {id:?} in [[imap]]").into()) } else { Ok(found) }
}

/// What is done with the messages of a mailbox, in one line.
fn rules(account: &Account) -> String {
    let to = match (&account.recipients, &account.named) {
        (fixed, _) if !fixed.is_empty() => format!("to {}", fixed.join(", ")),
        (_, Named::Plus) => format!("to the number behind {}+", account.user),
        (_, Named::Fields(fields)) => format!("to whom {} name", fields.join(", ")),
    };
    let after = match &account.after {
        After::Delete => "then deleted".to_owned(),
        After::Keep => "then left as they are".to_owned(),
        After::Move(to) => format!("then moved to {to:?}"),
        After::Seen => "then marked as read".to_owned(),
    };
    let refused = match &account.refused_to {
        Some(to) => format!("moved to {to:?}"),
        None => "flagged".to_owned(),
    };
    format!("{to}, {after}; refused ones are {refused}")
}

/// What encrypted mail to a recipient waits for.
fn handoff(settings: &Settings, recipient: &Address) -> Option<String> {
    let accounts = settings.handoff.as_ref()?;
    let account = accounts.account_of(recipient).and_then(|index| accounts.all.get(index))?;
    let without = match accounts.config.without_key {
        WithoutKey::Notice => "replaced by a notice",
        WithoutKey::Refuse => "refused",
        WithoutKey::Untouched => "delivered as it came",
    };
    let seconds = accounts.config.wait_ms / 1000;
    Some(format!("waits {seconds} s for the key of account {}, else it is {without}", account.name()))
}

/// Every limit that would apply, with where it is from.
fn limits(
    settings: &Settings,
    from: Option<&crate::config::Peer>,
    peers: &[String],
    interface: Origin,
) -> Vec<(String, String, String)> {
    let own = &settings.config;
    let mut limits = Vec::new();
    let (listener, section) = match interface {
        Origin::Mm4 => (own.mm4.max_octets, "mm4.max_octets"),
        Origin::Mail => (own.mail.max_octets, "mail.max_octets"),
    };
    let (most, origin) = match from.and_then(|peer| Some((peer.policy.limits.max_octets?, peer))) {
        Some((octets, peer)) if octets < listener => (octets, format!("max_octets of peer {}", peer.id)),
        _ => (listener, section.to_owned()),
    };
    limits.push(("octets in".to_owned(), most.to_string(), origin));
    for peer in peers.iter().filter_map(|id| settings.peer(id)) {
        if let Some(octets) = peer.out_max_octets {
            limits.push((
                format!("octets to {}", peer.id),
                octets.to_string(),
                format!("out_max_octets of peer {}", peer.id),
            ));
        }
        limits.push((
            format!("lifetime at {}", peer.id),
            format!("{} s", peer.lifetime_ms / 1000),
            format!("lifetime of peer {}", peer.id),
        ));
        limits.push((
            format!("connections to {}", peer.id),
            peer.max_connections.to_string(),
            format!("max_connections of peer {}", peer.id),
        ));
    }
    limits
}
