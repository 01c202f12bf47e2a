//! `cedrat map`: one message file translated, without server, database or network.

use std::{io::Write as _, path::PathBuf};

use bytes::Bytes;
use cedrat_mapping::{
    Inbound, Loss, Submission, Tables,
    mail::{self, MailEnvelope, MailReading, MailWriting},
    mm4,
};
use cedrat_message::{Address, MailAddress, Message, Recipient, Refusal, Role};
use cedrat_wire_mms::{mm4::Pdu, quirks::Quirks};
use serde_json::json;

use super::{Failure, complain};
use crate::clock;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Side {
    Mail,
    Mm4,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cedrat map --from mm4 --to mail message.mm4
  cedrat map --from mail --to mm4 --rcpt +447700900001 mail.eml --out message.mm4 --loss loss.json
  cedrat map --from mm4 --to mm4 --quirks mail-style-hub message.mm4      transit between two peers
FILE and the result are raw messages, header and body, without an envelope. Without --rcpt the
recipients of the To and Cc headers stand in for the envelope. The loss report says, field by
field, what the other side cannot be told.")]
pub(super) struct Args {
    /// What FILE is
    #[arg(long, value_name = "SIDE")]
    from: Side,
    /// What it becomes
    #[arg(long, value_name = "SIDE")]
    to: Side,
    /// The message; - for standard input
    file: PathBuf,
    /// Return path of the envelope
    #[arg(long, value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// A recipient of the envelope; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    rcpt: Vec<String>,
    /// Configuration whose peer is used
    #[arg(long, value_name = "FILE", requires = "peer")]
    config: Option<PathBuf>,
    /// The peer on the MM4 side
    #[arg(long, value_name = "NAME", requires = "config")]
    peer: Option<String>,
    /// A quirk profile for the MM4 side written; may be repeated
    #[arg(long, value_name = "PROFILE", conflicts_with = "peer")]
    quirks: Vec<String>,
    /// Domain that makes numbers e-mail addresses
    #[arg(long, value_name = "DOMAIN", default_value = "mms.example")]
    number_domain: String,
    /// Where the result goes; standard output when not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the loss report goes, as JSON; standard error when not given, as text
    #[arg(long, value_name = "FILE")]
    loss: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let octets = read(args)?;
    let (tables, quirks) = tables(args)?;
    let (inbound, loss) = inbound(args, &tables, &quirks, octets)?;
    let (submission, loss) = match inbound {
        Inbound::Message(message) => outbound(args, &tables, &quirks, &message, loss)?,
        Inbound::Delivery(reports) => {
            let report = reports.first().ok_or_else(|| "the report speaks of nobody".to_owned())?;
            let submission = match args.to {
                Side::Mm4 => mm4::delivery_report(&tables, report, &quirks, &local(), clock::now()),
                Side::Mail => {
                    let written =
                        mail::delivery_report(&tables, &reports, &report_writing(args), clock::now());
                    written.map_err(|refusal| describe(&tables, &refusal))?.0
                }
            };
            (submission, loss)
        }
        Inbound::Read(report) => {
            let submission = match args.to {
                Side::Mm4 => mm4::read_report(&tables, &report, &quirks, &local(), clock::now()),
                Side::Mail => {
                    let written = mail::read_report(&tables, &report, &report_writing(args), clock::now());
                    written.map_err(|refusal| describe(&tables, &refusal))?.0
                }
            };
            (submission, loss)
        }
        Inbound::Result(_) => {
            return Err("an answer (.RES) is between two relays and is not translated".to_owned().into());
        }
    };
    write(args, &submission, &loss)
}

fn read(args: &Args) -> Result<Bytes, Failure> {
    let name = args.file.display();
    let read = if args.file.as_os_str() == "-" {
        let mut octets = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut octets).map(|_| octets)
    } else {
        std::fs::read(&args.file)
    };
    read.map(Bytes::from).map_err(|fault| format!("{name} cannot be read: {fault}").into())
}

fn tables(args: &Args) -> Result<(Tables, Quirks), Failure> {
    if let (Some(path), Some(id)) = (&args.config, &args.peer) {
        let (config, tables) = super::load(path)?;
        let peer = config.peer(id).ok_or_else(|| format!("there is no peer {id:?} in {}", path.display()))?;
        return Ok((tables, peer.quirks.clone()));
    }
    let tables = Tables::embedded().map_err(|faults| {
        Failure(faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect())
    })?;
    let names: Vec<&str> = args.quirks.iter().map(String::as_str).collect();
    let quirks = tables.quirks(&names).map_err(|faults| {
        let known: Vec<&str> = tables.profiles().map(|profile| profile.name.as_str()).collect();
        let unknown: Vec<&str> = faults.iter().map(|fault| fault.name.as_str()).collect();
        format!("there is no quirk profile {}; there are {}", unknown.join(", "), known.join(", "))
    })?;
    Ok((tables, quirks))
}

fn inbound(args: &Args, tables: &Tables, quirks: &Quirks, octets: Bytes) -> Result<(Inbound, Loss), Failure> {
    let refused = |refusal: Refusal| Failure::from(describe(tables, &refusal));
    match args.from {
        Side::Mm4 => {
            let pdu = Pdu::decode(&octets, &cedrat_wire_mms::mm4::Limits::default())
                .map_err(|fault| format!("{} is no MM4 PDU: {fault}", args.file.display()))?;
            let recipients = if args.rcpt.is_empty() {
                let lists = [pdu.to(), pdu.cc()];
                lists
                    .into_iter()
                    .flatten()
                    .map(|address| address.envelope(address.domain.as_deref()))
                    .collect()
            } else {
                args.rcpt.clone()
            };
            let from = args.mail_from.clone().unwrap_or_else(|| {
                pdu.from().map_or_else(String::new, |from| from.envelope(from.domain.as_deref()))
            });
            let envelope = mm4::Envelope { from: &from, recipients: &recipients };
            let standard = Quirks::default();
            // A profile speaks of the side that is written; the reader takes every shape.
            let quirks = if args.to == Side::Mm4 { &standard } else { quirks };
            mm4::inbound(tables, &pdu, &envelope, quirks, clock::now())
                .map(|(inbound, _, loss)| (inbound, loss))
                .map_err(|(refusal, _)| refused(refusal))
        }
        Side::Mail => {
            let from = match args.mail_from.as_deref() {
                Some("" | "<>") => None,
                Some(text) => {
                    Some(MailAddress::parse(text).map_err(|fault| format!("--mail-from {text:?} {fault}"))?)
                }
                None => header(&octets, "From").and_then(|text| first_address(&text)),
            };
            let mut recipients = Vec::new();
            for text in &args.rcpt {
                let address = Address::parse(text).map_err(|fault| format!("--rcpt {text:?} {fault}"))?;
                recipients.push(recipient(address));
            }
            if recipients.is_empty() {
                let named = header(&octets, "To").and_then(|text| first_address(&text));
                let address = named.map(|mail| {
                    cedrat_message::Number::parse(mail.local())
                        .map_or_else(|_| Address::Mail(mail.clone()), Address::Number)
                });
                recipients.extend(address.map(recipient));
            }
            let envelope = MailEnvelope { from, recipients, ..MailEnvelope::default() };
            let id = clock::token();
            let reading =
                MailReading::new(vec![args.number_domain.clone()], format!("{id}@{}", args.number_domain));
            mail::inbound(tables, &octets, &envelope, &reading, clock::now()).map_err(refused)
        }
    }
}

const fn recipient(address: Address) -> Recipient {
    Recipient { address, role: Role::To, notify: None, original: None }
}

fn header(octets: &Bytes, name: &str) -> Option<String> {
    let (headers, _) = cedrat_mime::header::Headers::parse(octets, &cedrat_mime::Limits::default()).ok()?;
    headers.first(name).map(str::to_owned)
}

fn first_address(text: &str) -> Option<MailAddress> {
    cedrat_wire_mail::value::addresses(text)
        .into_iter()
        .find_map(|mailbox| MailAddress::parse(&mailbox.address()?).ok())
}

fn outbound(
    args: &Args,
    tables: &Tables,
    quirks: &Quirks,
    message: &Message,
    loss: Loss,
) -> Result<(Submission, Loss), Failure> {
    let written = match args.to {
        Side::Mm4 => mm4::outbound(tables, message, &message.recipients, quirks, &local(), clock::now()),
        Side::Mail => {
            let id = clock::token();
            let mut writing = MailWriting::new("gateway.example", &args.number_domain, &id);
            writing.peer = args.peer.clone();
            mail::outbound(tables, message, &message.recipients, &writing, clock::now())
        }
    };
    written
        .map(|(submission, second)| (submission, loss.then(second)))
        .map_err(|refusal| describe(tables, &refusal).into())
}

const fn local() -> mm4::Local<'static> {
    mm4::Local {
        system_address: "system-user@mms.gateway.example",
        domain: "mms.gateway.example",
        peer_domain: "mms.peer.example",
        transaction_id: "map-1",
        ack: true,
        relay_delivery_report: None,
        report_to: None,
        boundary: "cedrat-map",
    }
}

fn report_writing(args: &Args) -> mail::ReportWriting {
    let mail = MailWriting::new("gateway.example", &args.number_domain, &clock::token());
    mail::ReportWriting { mail, original: None }
}

fn describe(tables: &Tables, refusal: &Refusal) -> String {
    let (code, (class, subject, detail)) = tables.smtp(refusal.reason);
    format!(
        "refused: {code} {class}.{subject}.{detail} {} ({})",
        refusal.reason.text(),
        refusal.detail.for_operator()
    )
}

fn write(args: &Args, submission: &Submission, loss: &Loss) -> Result<(), Failure> {
    match &args.out {
        Some(path) => std::fs::write(path, &submission.content)
            .map_err(|fault| format!("{} cannot be written: {fault}", path.display()))?,
        // A closed pipe ends the output, not the program.
        None => drop(std::io::stdout().lock().write_all(&submission.content)),
    }
    match &args.loss {
        Some(path) => {
            let envelope = json!({
                "mail_from": submission.mail_from,
                "recipients": submission.recipients.iter().map(|to| &to.address).collect::<Vec<_>>(),
                "envid": submission.envid,
                "deliver_by": submission.deliver_by.map(|(seconds, mode)| format!("{seconds};{mode}")),
            });
            let mut report = serde_json::to_value(loss).unwrap_or_default();
            if let Some(object) = report.as_object_mut() {
                object.insert("envelope".into(), envelope);
            }
            let text = serde_json::to_string_pretty(&report).unwrap_or_default();
            std::fs::write(path, text + "\n")
                .map_err(|fault| format!("{} cannot be written: {fault}", path.display()))?;
        }
        None => {
            for entry in &loss.entries {
                let value = entry.value.as_deref().map_or_else(String::new, |value| format!(" [{value}]"));
                complain(&format!(
                    "{:<12} {}: {}{value}",
                    entry.fidelity.token(),
                    entry.field.token(),
                    entry.note
                ));
            }
        }
    }
    Ok(())
}
