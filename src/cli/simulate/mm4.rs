//! `cedrat simulate mm4`: an MM4 system that takes PDUs, prints a line for each, answers and reports.

use std::net::SocketAddr;

use cedrat_wire_mail::smtp::Protocol;
use cedrat_wire_mms::mm4::{Name, Pdu};
use serde_json::json;

use super::{Happening, Station, Taking, keep, prepare, send, show_sent};
use crate::{
    cli::{Failure, say},
    simulate::{
        mm4::{Answer, Reported, System},
        receive::{Arrival, Limits, Setting},
        view::{View, shortened, size},
    },
};

#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  cedrat simulate mm4 --peer 127.0.0.1:2525                       answers and reports to the gateway
  cedrat simulate mm4 --peer 127.0.0.1:2525 --answer late:30      answers after half a minute
  cedrat simulate mm4 --peer 127.0.0.1:2525 --answer Error-network-problem
  cedrat simulate mm4 --fail 451:0.1 --drop-after-dot 0.01 --seed 7   a bad day, the same one each time
  cedrat simulate mm4 send --to 127.0.0.1:2525 --from +15550120001 --rcpt alice@example.test"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Where to listen; port 0 for a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:2600")]
    listen: SocketAddr,
    /// The gateway's MM4 port, for answers and reports; without it nothing is answered
    #[arg(long, value_name = "HOST:PORT")]
    peer: Option<String>,
    /// Its MMS domain
    #[arg(long, value_name = "DOMAIN", default_value = "mms.simulator.test")]
    domain: String,
    /// How requests are answered: ok, never, twice, late:SECONDS, or an error such as Error-network-problem
    #[arg(long, value_name = "ANSWER", default_value = "ok")]
    answer: Answer,
    /// What is reported where a delivery report is asked for: retrieved, rejected, expired, deferred,
    /// indeterminate, forwarded, unrecognised, none
    #[arg(long, value_name = "STATUS", default_value = "retrieved")]
    report: Reported,
    /// Report messages as read where that is asked for
    #[arg(long)]
    read_report: bool,
    #[command(flatten)]
    taking: Taking,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Send MM4_forward.REQ messages
    Send(send::Mms),
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    if let Some(Verb::Send(args)) = &args.verb {
        return send::mms(args).await;
    }
    let taking = &args.taking;
    let system = System {
        domain: args.domain.clone(),
        answer: args.answer.clone(),
        report: args.report.clone(),
        read_report: args.read_report,
    };
    prepare(taking.dir.as_deref())?;
    let setting = Setting {
        host: taking.host.clone(),
        protocol: Protocol::Smtp,
        mms: true,
        faults: taking.faults()?,
        limits: Limits::default(),
    };
    let mut station = Station::open(args.listen, setting, args.peer.as_deref(), "mm4", taking.json).await?;
    while let Some(happening) = station.next().await {
        match happening {
            Happening::Arrived(arrival) => {
                let kept = keep(taking.dir.as_deref(), &arrival, "mm4");
                let pdu = System::read(&arrival.content);
                if !taking.quiet {
                    say(&if taking.json {
                        as_json(&arrival, &pdu, kept.as_deref()).to_string()
                    } else {
                        as_line(&arrival, &pdu)
                    });
                }
                if let Ok(pdu) = &pdu {
                    station.post(system.letters(&arrival, pdu)).await;
                }
            }
            Happening::Sent(sent) if !taking.quiet => show_sent(&sent, taking.json),
            Happening::Sent(_) => {}
        }
    }
    station.close(taking.json).await;
    Ok(())
}

/// A PDU in a line.
pub(in crate::cli) fn as_line(arrival: &Arrival, pdu: &Result<Pdu, String>) -> String {
    let to: Vec<&str> = arrival.recipients.iter().map(|rcpt| rcpt.address.as_str()).collect();
    let envelope = format!("<{}> -> {}", arrival.mail.from, shortened(&to.join(", "), 60));
    let octets = size(arrival.content.len());
    let start = format!("{:>4} {}:", arrival.number, arrival.fate);
    match pdu {
        Ok(pdu) => {
            let mut says = String::new();
            for name in [Name::RequestStatusCode, Name::MmStatusCode, Name::ReadStatus, Name::Subject] {
                if let Some(value) = pdu.value(name) {
                    let value = cedrat_wire_mail::value::unstructured(value);
                    says.push_str(&format!(" {:?}", shortened(&value, 40)));
                }
            }
            let id = pdu.message_id().map_or_else(String::new, |id| shortened(id.as_str(), 60));
            format!("{start} {}{says} {envelope} {octets} {id}", pdu.kind.token())
        }
        Err(fault) => format!("{start} no PDU ({fault}) {envelope} {octets}"),
    }
}

fn as_json(
    arrival: &Arrival,
    pdu: &Result<Pdu, String>,
    kept: Option<&std::path::Path>,
) -> serde_json::Value {
    let view = View::of(&arrival.content).unwrap_or_default();
    let value = |name| pdu.as_ref().ok().and_then(|pdu| pdu.value(name));
    json!({
        "number": arrival.number,
        "time": cedrat_wire_mms::date::rfc3339(arrival.at.0),
        "remote": arrival.remote.to_string(),
        "kind": pdu.as_ref().ok().map(|pdu| pdu.kind.token()),
        "fault": pdu.as_ref().err(),
        "mail_from": arrival.mail.from.as_str(),
        "recipients": arrival.recipients.iter().map(|rcpt| rcpt.address.as_str()).collect::<Vec<_>>(),
        "transaction_id": value(Name::TransactionId),
        "message_id": value(Name::MessageId),
        "request_status": value(Name::RequestStatusCode),
        "mm_status": value(Name::MmStatusCode),
        "read_status": value(Name::ReadStatus),
        "subject": value(Name::Subject).map(cedrat_wire_mail::value::unstructured),
        "parts": view.parts_json(),
        "octets": arrival.content.len(),
        "fate": arrival.fate.to_string(),
        "file": kept,
    })
}
