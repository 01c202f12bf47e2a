//! Messages to send: an MMS with a text, attachments and a presentation of them, and a mail in text
//! and HTML with attachments.

use bytes::Bytes;
use cedrat_mime::{
    Header, Headers,
    transfer::{encode_base64, encode_quoted_printable},
    write::{self, Part},
};
use cedrat_plan::format::{Format, Kind};
use cedrat_wire_mail::{
    smtp::{Address, Body, Form, Mail, Notify, Rcpt, client::Transaction},
    value,
};
use cedrat_wire_mms::{
    address::{self, AddressKind, MmsAddress},
    mm4::{ForwardReq, Id, MessageClass, Priority, WriteStyle},
    quirks::Quirks,
    smil,
};

use super::picture;
use crate::clock;

/// A picture, sound, video or another file to send.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its file name.
    pub name: String,
    /// `image/png` and the like.
    pub media_type: String,
    /// The file.
    pub octets: Bytes,
}

impl Attachment {
    /// A file of this name; its type is what its suffix says.
    pub fn named(name: &str, octets: Bytes) -> Self {
        let format = format_of(name);
        Self {
            name: name.to_owned(),
            media_type: format.unwrap_or(Format::Unknown).media_type().to_owned(),
            octets,
        }
    }

    /// A picture made here, about so many octets large.
    pub fn drawn(octets: usize) -> Self {
        Self::named("sunset.png", picture::png(picture::side_of(octets)).into())
    }

    /// A file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &std::path::Path) -> Result<Self, String> {
        let octets =
            std::fs::read(path).map_err(|fault| format!("{} cannot be read: {fault}", path.display()))?;
        let name = path.file_name().map_or_else(|| "file".into(), |name| name.to_string_lossy());
        Ok(Self::named(&name, octets.into()))
    }

    /// How a presentation shows it; `None` where it can not.
    fn element(&self) -> Option<smil::Element> {
        match format_of(&self.name)?.kind() {
            Kind::Picture => Some(smil::Element::Img),
            Kind::Sound => Some(smil::Element::Audio),
            Kind::Video => Some(smil::Element::Video),
            Kind::Text => Some(smil::Element::Text),
            Kind::Card | Kind::Document | Kind::Presentation => None,
        }
    }
}

/// The format that files with this suffix have.
fn format_of(name: &str) -> Option<Format> {
    let suffix = name.rsplit_once('.')?.1.to_ascii_lowercase();
    let suffix = if suffix == "jpeg" { "jpg" } else { &suffix };
    Format::ALL.iter().copied().find(|format| format.extension() == suffix)
}

/// An MMS to send over MM4.
#[derive(Debug, Clone)]
pub struct Mms {
    /// Number of the sender.
    pub from: String,
    /// Number or mail address of each recipient.
    pub to: Vec<String>,
    /// MMS domain of the sender.
    pub domain: String,
    /// Subject.
    pub subject: Option<String>,
    /// Text.
    pub text: String,
    /// What is shown after the text, in this order.
    pub attachments: Vec<Attachment>,
    /// Whether an answer (.RES) is asked for.
    pub ack: bool,
    /// Whether a delivery report is asked for.
    pub delivery_report: bool,
    /// Whether a read report is asked for.
    pub read_report: bool,
}

/// Name of the text of an MMS.
const TEXT: &str = "text.txt";

impl Mms {
    /// The transaction of its MM4_forward.REQ, with identifiers that hold `id`.
    ///
    /// # Errors
    /// When an address is none.
    pub fn transaction(&self, id: &str) -> Result<Transaction, String> {
        let from = address(&self.from)?;
        let to = self.to.iter().map(|to| address(to)).collect::<Result<Vec<_>, _>>()?;
        let (content_type, body) = self.body(id)?;
        let quirks = Quirks::default();
        let system = format!("system-user@{}", self.domain);
        let style =
            WriteStyle { quirks: &quirks, system: &system, domain: &self.domain, now: clock::now().0 };
        let request = ForwardReq {
            message_class: Some(MessageClass::Personal),
            priority: Some(Priority::Normal),
            date: Some(clock::now().0),
            delivery_report: Some(self.delivery_report),
            read_reply: Some(self.read_report),
            ack_request: Some(self.ack),
            subject: self.subject.as_deref().map(value::encode_unstructured),
            rfc5322_message_id: Some(format!("{id}@{}", self.domain)),
            ..ForwardReq::new(
                Id::new(format!("t-{id}")),
                Id::new(format!("m-{id}")),
                from.clone(),
                to.clone(),
                content_type,
            )
        };
        let mut content = Vec::new();
        request.pdu(&style, body).encode(&mut content);
        let recipients = to.iter().map(|to| to.envelope(None)).collect::<Vec<_>>();
        transaction(&from.envelope(Some(&self.domain)), &recipients, content.into())
    }

    /// Content-Type and body.
    fn body(&self, id: &str) -> Result<(String, Bytes), String> {
        let text = (TEXT, Some(smil::Element::Text));
        let files = self.attachments.iter().map(|file| (file.name.as_str(), file.element()));
        let shown = std::iter::once(text).chain(files).map(|(src, element)| smil::Shown {
            called: smil::Names::default(),
            src,
            element,
            duration: None,
            size: None,
        });
        let (presentation, _) = smil::rewrite(None, &shown.collect::<Vec<_>>(), &smil::Stage::default());
        let presentation = presentation.write().into_bytes();
        let mut parts = vec![
            part("application/smil", &[("charset", "us-ascii")], "smil", "smil.xml", presentation, None),
            part(
                "text/plain",
                &[("charset", "utf-8")],
                "text",
                TEXT,
                quoted(&self.text),
                Some("quoted-printable"),
            ),
        ];
        parts.extend(self.attachments.iter().enumerate().map(|(index, file)| {
            part(
                &file.media_type,
                &[("name", &file.name)],
                &format!("file-{index}"),
                &file.name,
                based(&file.octets),
                Some("base64"),
            )
        }));
        let parameters = [("type", "application/smil"), ("start", "<smil>")];
        let whole = write::multipart("related", &parameters, &format!("mms-{id}"), parts)
            .map_err(|fault| fault.to_string())?;
        let content_type = whole.headers.first("Content-Type").unwrap_or_default().to_owned();
        let body: Vec<u8> =
            whole.into_slices().iter().skip(1).flat_map(|slice| slice.iter().copied()).collect();
        Ok((content_type, body.into()))
    }
}

fn part(
    essence: &str,
    parameters: &[(&str, &str)],
    id: &str,
    name: &str,
    body: Vec<u8>,
    encoding: Option<&str>,
) -> Part {
    let mut headers = Headers::from_iter([
        write::content_type(essence, parameters),
        Header::new("Content-ID", format!("<{id}>")),
        Header::new("Content-Location", name),
    ]);
    if let Some(encoding) = encoding {
        headers.push(Header::new("Content-Transfer-Encoding", encoding));
    }
    Part::new(headers, body)
}

fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let lines = text.replace("\r\n", "\n").replace('\n', "\r\n");
    encode_quoted_printable(lines.as_bytes(), &mut out);
    out
}

fn based(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_base64(octets, &mut out);
    out
}

/// A number or a mail address.
fn address(text: &str) -> Result<MmsAddress, String> {
    let read = address::one(text).ok_or_else(|| format!("{text:?} is no address"))?;
    match read.kind {
        AddressKind::Unspecified if read.is_number() => Ok(MmsAddress { kind: AddressKind::Plmn, ..read }),
        AddressKind::Plmn | AddressKind::Mail | AddressKind::Ipv4 | AddressKind::Ipv6 => Ok(read),
        _ => Err(format!("{text:?} is neither a number such as +447700900001 nor a mail address")),
    }
}

/// A transaction between the addresses of an MM4 envelope, `<` and `>` around them or not.
///
/// # Errors
/// When an address is none.
pub fn transaction(from: &str, to: &[String], content: Bytes) -> Result<Transaction, String> {
    let parse = |text: &str| {
        let bare = text.trim().trim_start_matches('<').trim_end_matches('>');
        Address::parse(bare, Form::Mms)
            .map_err(|fault| format!("{bare:?} is no address of an envelope: {fault:?}"))
    };
    let mut mail = Mail::new(parse(from)?);
    mail.body = if content.is_ascii() { Body::SevenBit } else { Body::EightBitMime };
    let recipients = to.iter().map(|to| parse(to).map(Rcpt::new)).collect::<Result<Vec<_>, _>>()?;
    Ok(Transaction { mail, recipients, content })
}

/// A mail to send.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Sender, with or without a name.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Subject.
    pub subject: String,
    /// Text, sent as HTML as well.
    pub text: String,
    /// What is attached, in this order.
    pub attachments: Vec<Attachment>,
    /// Which reports are asked for.
    pub notify: Option<Notify>,
}

impl Letter {
    /// Its transaction, with identifiers that hold `id`.
    ///
    /// # Errors
    /// When an address is none.
    pub fn transaction(&self, id: &str) -> Result<Transaction, String> {
        let sender = value::addresses(&self.from).into_iter().next();
        let sender = sender.ok_or_else(|| format!("{:?} is no mail address", self.from))?;
        let address = sender.address().ok_or_else(|| format!("{:?} is no mail address", self.from))?;
        let domain = sender.domain.clone();
        let mut headers = Headers::from_iter([
            Header::new("From", value::encode_mailbox(sender.display.as_deref(), &address)),
            Header::new("To", self.to.join(", ")),
            Header::new("Subject", value::encode_unstructured(&self.subject)),
            Header::new("Date", value::format_date(clock::now().0)),
            Header::new("Message-ID", format!("<{id}@{domain}>")),
            Header::new("MIME-Version", "1.0"),
        ]);
        let content = self.content(id)?;
        headers.extend(content.headers.iter().cloned());
        let mut octets = Vec::new();
        headers.encode(&mut octets);
        octets.extend_from_slice(b"\r\n");
        for slice in content.into_slices().iter().skip(1) {
            octets.extend_from_slice(slice);
        }
        self.envelope(&address, octets.into())
    }

    /// The transaction of a message that is there already.
    ///
    /// # Errors
    /// When an address is none.
    pub fn envelope(&self, from: &str, content: Bytes) -> Result<Transaction, String> {
        let parse =
            |text: &str| Address::parse(text, Form::Mail).map_err(|_| format!("{text:?} is no mail address"));
        let mut mail = Mail::new(parse(from)?);
        mail.body = if content.is_ascii() { Body::SevenBit } else { Body::EightBitMime };
        let recipients = self
            .to
            .iter()
            .map(|to| Ok(Rcpt { notify: self.notify, ..Rcpt::new(parse(to)?) }))
            .collect::<Result<Vec<_>, String>>()?;
        Ok(Transaction { mail, recipients, content })
    }

    fn content(&self, id: &str) -> Result<Part, String> {
        let told = |fault: write::BoundaryFault| fault.to_string();
        let alternatives =
            vec![text_part("text/plain", &self.text), text_part("text/html", &html(&self.text))];
        let text = write::multipart("alternative", &[], &format!("text-{id}"), alternatives).map_err(told)?;
        if self.attachments.is_empty() {
            return Ok(text);
        }
        let files = self.attachments.iter().map(|file| {
            let headers = Headers::from_iter([
                write::content_type(&file.media_type, &[("name", &file.name)]),
                write::disposition("attachment", &[("filename", &file.name)]),
                Header::new("Content-Transfer-Encoding", "base64"),
            ]);
            Part::new(headers, based(&file.octets))
        });
        let parts = std::iter::once(text).chain(files).collect();
        write::multipart("mixed", &[], &format!("mail-{id}"), parts).map_err(told)
    }
}

fn text_part(essence: &str, text: &str) -> Part {
    let headers = Headers::from_iter([
        write::content_type(essence, &[("charset", "utf-8")]),
        Header::new("Content-Transfer-Encoding", "quoted-printable"),
    ]);
    Part::new(headers, quoted(text))
}

fn html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let paragraphs: Vec<String> =
        escaped.split("\n\n").map(|one| format!("<p>{}</p>", one.replace('\n', "<br>\n"))).collect();
    format!("<!DOCTYPE html>\n<html><body>\n{}\n</body></html>\n", paragraphs.join("\n"))
}
