//! Shared by the tests: tables, fixed clock, reading and writing with plain settings.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bytes::Bytes;
use cedrat_mapping::mail::{self, MailEnvelope, MailReading, MailWriting};
use cedrat_mapping::{Inbound, Loss, Submission, Tables};
use cedrat_message::{Address, MailAddress, Message, Part, PartKind, Recipient, Refusal, Role, Timestamp};
use cedrat_mime::transfer;

pub static TABLES: LazyLock<Tables> = LazyLock::new(|| match Tables::embedded() {
    Ok(tables) => tables,
    Err(faults) => panic!("{faults:?}"),
});

/// Fri, 1 Apr 2005 12:00:00 +0000.
pub const NOW: Timestamp = Timestamp(1_112_356_800_000);

pub const NUMBER_DOMAIN: &str = "mms.example";
pub const HOST: &str = "gateway.example";

/// A folder of real messages that is not part of the project; says so when it is absent.
pub fn vectors(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

pub fn recipient(address: &str) -> Recipient {
    Recipient { address: Address::parse(address).unwrap(), role: Role::To, notify: None, original: None }
}

pub fn envelope(from: &str, to: &[&str]) -> MailEnvelope {
    MailEnvelope {
        from: (!from.is_empty()).then(|| MailAddress::parse(from).unwrap()),
        recipients: to.iter().map(|to| recipient(to)).collect(),
        ..MailEnvelope::default()
    }
}

pub fn reading() -> MailReading {
    MailReading::new(vec![NUMBER_DOMAIN.into()], "made.id@gateway.example".into())
}

pub fn writing() -> MailWriting {
    MailWriting {
        seed: "boundary".into(),
        peer: Some("mmsc.peer.example".into()),
        ..MailWriting::new(HOST, NUMBER_DOMAIN, "q1")
    }
}

pub fn read_mail(content: &[u8], envelope: &MailEnvelope) -> Result<(Inbound, Loss), Refusal> {
    mail::inbound(&TABLES, &Bytes::copy_from_slice(content), envelope, &reading(), NOW)
}

pub fn message_of(content: &[u8]) -> Message {
    match read_mail(content, &envelope("sender@mail.example", &["+447700900002"])) {
        Ok((Inbound::Message(message), _)) => message,
        other => panic!("not a message: {other:?}"),
    }
}

pub fn write_mail(message: &Message) -> Result<(Submission, Loss), Refusal> {
    mail::outbound(&TABLES, message, &message.recipients, &writing(), NOW)
}

/// The octets of a part without its transfer encoding.
pub fn octets(part: &Part) -> Bytes {
    use cedrat_message::TransferEncoding as T;
    let encoding = match part.body.encoding {
        T::Base64 => cedrat_mime::Encoding::Base64,
        T::Binary => cedrat_mime::Encoding::Binary,
        T::EightBit => cedrat_mime::Encoding::EightBit,
        T::QuotedPrintable => cedrat_mime::Encoding::QuotedPrintable,
        T::SevenBit => cedrat_mime::Encoding::SevenBit,
    };
    transfer::decode(encoding, &part.body.encoded).octets
}

pub fn text(part: &Part) -> String {
    cedrat_wire_mail::charset::text(&octets(part), part.charset.as_deref()).0
}

/// All texts that a person reads, in order.
pub fn texts(message: &Message) -> Vec<String> {
    message.content.parts.iter().filter(|part| part.kind == PartKind::Text).map(text).collect()
}

/// Files of a folder with their names, sorted.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}
