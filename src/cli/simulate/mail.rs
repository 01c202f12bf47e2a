//! `cedrat simulate smtp`: a mail host that takes mail and shows what a mail reader would show.

use std::net::SocketAddr;

use cedrat_wire_mail::smtp::Protocol;
use serde_json::json;

use super::{Happening, Station, Taking, keep, prepare, send, show_sent};
use crate::{
    cli::{Failure, say},
    simulate::{
        mail::{MailHost, Reported},
        receive::{Arrival, Limits, Setting},
        view::{View, shortened, size},
    },
};

/// Lines of text that are shown.
const LINES: usize = 6;

#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  cedrat simulate smtp --listen 127.0.0.1:2601
  cedrat simulate smtp --lmtp --dir ./inbox
  cedrat simulate smtp --peer 127.0.0.1:2526 --report delivered --read-report
  cedrat simulate smtp --fail 451:0.2 --fail 550:0.01 --delay 250
  cedrat simulate smtp send --to 127.0.0.1:2526 --from alice@example.test --rcpt +447700900001@mms.gw.test"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Where to listen; port 0 for a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:2601")]
    listen: SocketAddr,
    /// Speak LMTP
    #[arg(long)]
    lmtp: bool,
    /// The gateway's mail port, for reports; without it nothing is reported
    #[arg(long, value_name = "HOST:PORT")]
    peer: Option<String>,
    /// What is reported where a DSN is asked for: delivered, failed, none
    #[arg(long, value_name = "ACTION", default_value = "delivered")]
    report: Reported,
    /// Notify that messages were displayed where that is asked for (MDN)
    #[arg(long)]
    read_report: bool,
    #[command(flatten)]
    taking: Taking,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Send mail
    Send(send::Mail),
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    if let Some(Verb::Send(args)) = &args.verb {
        return send::mail(args).await;
    }
    let taking = &args.taking;
    let host = MailHost { host: taking.host.clone(), report: args.report, read_report: args.read_report };
    prepare(taking.dir.as_deref())?;
    let setting = Setting {
        host: taking.host.clone(),
        protocol: if args.lmtp { Protocol::Lmtp } else { Protocol::Smtp },
        mms: false,
        faults: taking.faults()?,
        limits: Limits::default(),
    };
    let what = if args.lmtp { "lmtp" } else { "smtp" };
    let mut station = Station::open(args.listen, setting, args.peer.as_deref(), what, taking.json).await?;
    while let Some(happening) = station.next().await {
        match happening {
            Happening::Arrived(arrival) => {
                let kept = keep(taking.dir.as_deref(), &arrival, "eml");
                if !taking.quiet {
                    let view = View::of(&arrival.content);
                    say(&if taking.json {
                        as_json(&arrival, &view, kept.as_deref()).to_string()
                    } else {
                        as_text(&arrival, &view)
                    });
                }
                station.post(host.letters(&arrival)).await;
            }
            Happening::Sent(sent) if !taking.quiet => show_sent(&sent, taking.json),
            Happening::Sent(_) => {}
        }
    }
    station.close(taking.json).await;
    Ok(())
}

/// What a mail reader would show.
pub(in crate::cli) fn as_text(arrival: &Arrival, view: &Result<View, String>) -> String {
    let to: Vec<&str> = arrival.recipients.iter().map(|rcpt| rcpt.address.as_str()).collect();
    let mut out = format!(
        "{:>4} {}: <{}> -> {} {}",
        arrival.number,
        arrival.fate,
        arrival.mail.from,
        shortened(&to.join(", "), 60),
        size(arrival.content.len())
    );
    match view {
        Ok(view) => {
            for name in ["From", "To", "Cc", "Subject"] {
                if let Some(value) = view.header(name) {
                    out.push_str(&format!("\n     {name:<8} {}", shortened(value, 85)));
                }
            }
            let mut lines = view.text.lines().filter(|line| !line.trim().is_empty());
            for line in lines.by_ref().take(LINES) {
                out.push_str(&format!("\n     | {}", shortened(line, 90)));
            }
            if lines.next().is_some() {
                out.push_str("\n     | …");
            }
            for part in view.attachments() {
                let name =
                    part.name.as_deref().map_or_else(|| "(no name)".into(), |name| shortened(name, 50));
                out.push_str(&format!("\n     + {name}  {}  {}", part.media_type, size(part.octets.len())));
            }
        }
        Err(fault) => out.push_str(&format!("\n     cannot be shown: {fault}")),
    }
    out
}

fn as_json(
    arrival: &Arrival,
    view: &Result<View, String>,
    kept: Option<&std::path::Path>,
) -> serde_json::Value {
    let header = |name| view.as_ref().ok().and_then(|view| view.header(name));
    json!({
        "number": arrival.number,
        "time": cedrat_wire_mms::date::rfc3339(arrival.at.0),
        "remote": arrival.remote.to_string(),
        "mail_from": arrival.mail.from.as_str(),
        "recipients": arrival.recipients.iter().map(|rcpt| rcpt.address.as_str()).collect::<Vec<_>>(),
        "notify": arrival.recipients.iter().map(|rcpt| rcpt.notify.map(|it| it.to_string())).collect::<Vec<_>>(),
        "envid": arrival.mail.envelope_id(),
        "from": header("From"),
        "to": header("To"),
        "subject": header("Subject"),
        "message_id": header("Message-ID"),
        "text": view.as_ref().ok().map(|view| &view.text),
        "parts": view.as_ref().ok().map(View::parts_json),
        "fault": view.as_ref().err(),
        "octets": arrival.content.len(),
        "fate": arrival.fate.to_string(),
        "file": kept,
    })
}
