//! Messages to send: an MMS with a picture, a text and a presentation, and a mail in text and HTML
//! with a picture.

use bytes::Bytes;
use cedrat_mime::{
    Header, Headers,
    transfer::{encode_base64, encode_quoted_printable},
    write::{self, Part},
};
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

/// A picture to send.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Its file name.
    pub name: String,
    /// `image/png` and the like.
    pub media_type: String,
    /// The file.
    pub octets: Bytes,
}

impl Picture {
    /// One made here, about so many octets large.
    pub fn drawn(octets: usize) -> Self {
        Self {
            name: "sunset.png".to_owned(),
            media_type: "image/png".to_owned(),
            octets: picture::png(picture::side_of(octets)).into(),
        }
    }

    /// A file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &std::path::Path) -> Result<Self, String> {
        let octets =
            std::fs::read(path).map_err(|fault| format!("{} cannot be read: {fault}", path.display()))?;
        let name =
            path.file_name().map_or_else(|| "picture".into(), |name| name.to_string_lossy().into_owned());
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        let media_type = match ending.as_str() {
            "gif" => "image/gif",
            "jpeg" | "jpg" => "image/jpeg",
            "png" => "image/png",
            "webp" => "image/webp",
            _ => "application/octet-stream",
        };
        Ok(Self { name, media_type: media_type.to_owned(), octets: octets.into() })
    }
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
    /// Picture.
    pub picture: Picture,
    /// Whether an answer (.RES) is asked for.
    pub ack: bool,
    /// Whether a delivery report is asked for.
    pub delivery_report: bool,
    /// Whether a read report is asked for.
    pub read_report: bool,
}

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
        let media = [(smil::Element::Img, self.picture.name.as_str()), (smil::Element::Text, "text.txt")];
        let parts = media.map(|(element, src)| smil::Shown {
            called: smil::Names::default(),
            src,
            element: Some(element),
            duration: None,
            size: None,
        });
        let (presentation, _) = smil::rewrite(None, &parts, &smil::Stage::default());
        let parts = vec![
            part(
                "application/smil",
                &[("charset", "us-ascii")],
                "smil",
                "smil.xml",
                presentation.write().into_bytes(),
                None,
            ),
            part(
                "text/plain",
                &[("charset", "utf-8")],
                "text",
                "text.txt",
                quoted(&self.text),
                Some("quoted-printable"),
            ),
            part(
                &self.picture.media_type,
                &[("name", &self.picture.name)],
                "picture",
                &self.picture.name,
                based(&self.picture.octets),
                Some("base64"),
            ),
        ];
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
    /// Picture, if any.
    pub picture: Option<Picture>,
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
        let Some(picture) = &self.picture else { return Ok(text) };
        let headers = Headers::from_iter([
            write::content_type(&picture.media_type, &[("name", &picture.name)]),
            write::disposition("attachment", &[("filename", &picture.name)]),
            Header::new("Content-Transfer-Encoding", "base64"),
        ]);
        let picture = Part::new(headers, based(&picture.octets));
        write::multipart("mixed", &[], &format!("mail-{id}"), vec![text, picture]).map_err(told)
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
