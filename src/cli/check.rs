//! `cedrat check`: the configuration, the files that it names, and its routing tests.

use std::path::PathBuf;

use cedrat_message::{Address, Origin};
use cedrat_relay::route::Query;

use super::{Failure, load, say};
use crate::{adapters::imap, config::Config, gateway::Settings, workers};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  cedrat check --config cedrat.toml
Every fault is told at once as file:line:column: what is wrong and what would be right.
  cedrat check --config cedrat.toml --login
Certificates, keys and secrets are read; nothing is connected to, but with --login the IMAP servers:
each account logs in; mailboxes that messages come from are opened to look only.")]
pub(super) struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Log in to every IMAP account and open the mailboxes that messages come from, to look only
    #[arg(long)]
    login: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (config, tables) = load(&args.config)?;
    // The resolver wants a runtime around it, although nothing is looked up.
    let runtime = super::runtime()?;
    let settings = runtime.block_on(async { Settings::build(config, tables) })?;
    let mut failed = Vec::new();
    let own = &settings.config;
    for test in &own.tests {
        let place = format!("{}:{}", args.config.display(), test.line);
        let (Ok(from), Ok(to)) = (Address::parse(&test.from), Address::parse(&test.to)) else {
            failed.push(format!("{place}: `from` and `to` of a test are numbers or e-mail addresses"));
            continue;
        };
        let interface = if from.mail().is_some() { Origin::Mail } else { Origin::Mm4 };
        let explanation = settings.routes.explain(&Query {
            message_id: "",
            sender: Some(&from),
            recipient: &to,
            peer: None,
            peer_numbers: None,
            interface,
            octets: test.octets,
        });
        let rule = explanation.decision.rule.as_deref().unwrap_or("no route");
        if rule != test.route {
            failed.push(format!("{place}: {from} → {to} took {rule:?}, not {:?}", test.route));
        }
        if let Some(wanted) = &test.peer {
            let peers = match &explanation.decision.verdict {
                cedrat_relay::route::Verdict::Deliver(peers) => peers.clone(),
                _ => Vec::new(),
            };
            if peers.first() != Some(wanted) {
                failed.push(format!("{place}: {from} → {to} goes to {peers:?}, not to {wanted:?}"));
            }
        }
    }
    if !failed.is_empty() {
        return Err(Failure(failed));
    }
    runtime.block_on(media(own))?;
    if args.login {
        runtime.block_on(logins(&settings))?;
    }
    for notice in settings.profiles.notices() {
        say(&format!("note: {notice}"));
    }
    say(&format!(
        "{} is good: {} peers, {} routes, {} tests, configuration {}",
        args.config.display(),
        own.peers.len(),
        own.routes.len(),
        own.tests.len(),
        own.digest
    ));
    Ok(())
}

/// Whether every account works, by trying it; one after the other, so that no server is rushed.
async fn logins(settings: &Settings) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for account in &settings.config.imap {
        let name = format!("mailbox {} {}", account.id, account.mailbox);
        match imap::attempt(settings, account).await {
            Ok(tried) => {
                let tls = if tried.tls.is_empty() { "clear text" } else { &tried.tls };
                say(&format!("{name}: {} messages at {} over {tls}", tried.messages, account.host));
                for lack in tried.lacks {
                    say(&format!("note: {name}: {lack}"));
                }
            }
            Err(why) => failed.push(format!("{name}: {why}")),
        }
    }
    let peers = settings.config.peers.iter();
    for (peer, account) in peers.filter_map(|peer| Some((peer, peer.mailbox.as_ref()?))) {
        let name = format!("peer {}", peer.id);
        match imap::attempt_to_fill(settings, peer, account).await {
            Ok(tried) => {
                let tls = if tried.tls.is_empty() { "clear text" } else { &tried.tls };
                say(&format!("{name}: logged in as {} over {tls}", account.user));
                for lack in tried.lacks {
                    say(&format!("note: {name}: {lack}"));
                }
            }
            Err(why) => failed.push(format!("{name}: {why}")),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure(failed)) }
}

/// Whether media can be converted here, by trying it.
async fn media(config: &Config) -> Result<(), Failure> {
    let Some(settings) = &config.conversion.workers else {
        say("note: media are not converted: `media.enabled` is false, or there is no cedrat-transcode");
        return Ok(());
    };
    let hello = workers::examine(settings).await?;
    match workers::complaint(&hello) {
        None => say("media: converted by workers that may open no file, no socket and start nothing"),
        Some(complaint) if settings.best_effort => say(&format!("warning: {complaint}")),
        Some(complaint) => return Err(Failure::from(complaint)),
    }
    Ok(())
}
