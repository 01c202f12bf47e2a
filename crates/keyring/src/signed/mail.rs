//! Where in a mail a signature is (RFC 8551 §3.5): `multipart/signed`, whose first part is signed as it
//! stands, or `application/pkcs7-mime; smime-type=signed-data`, which holds what is signed.
//!
//! Only a signature over the whole message is judged (RFC 9787 §4): of a part, nobody could tell
//! which of the rest it does not cover. One layer is judged; what is signed may be signed itself.

use alloc::vec::Vec;

use bytes::Bytes;
use cedrat_mime::{Message, Node};

use super::{Limits, SIGNED_DATA, Signed, Verdict};
use crate::mail::pieces;
use crate::reader;
use crate::recipient::Malformed;

/// A message that is signed as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The entity that was signed; `None` when it could not be taken out of the signature.
    pub content: Option<Bytes>,
    /// What was found of the signature.
    pub judged: Judged,
}

/// What was found of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// It is not S/MIME: OpenPGP, or something new.
    NotSmime,
    /// It cannot be read.
    Unreadable(Malformed),
    /// One verdict for each signer; there may be none.
    Verdicts(Vec<Verdict>),
}

/// The signature over a whole message; `None` when it is not signed as a whole.
#[must_use]
pub fn of_message(message: &Message, limits: &Limits) -> Option<Signature> {
    let root = message.root();
    if is_opaque(root) {
        return Some(opaque(&octets(root), limits));
    }
    if root.content_type.essence != "multipart/signed" {
        return None;
    }
    let mut parts = message.children(root);
    let (content, signature) = (parts.next(), parts.next());
    let protocol = root.content_type.parameter("protocol").unwrap_or_default();
    let kind = signature.map_or(protocol, |it| it.content_type.essence.as_str());
    let judged = match signature {
        _ if !is_smime(protocol) && !is_smime(kind) => Judged::NotSmime,
        Some(signature) if parts.next().is_none() => {
            let signed = octets(signature);
            let over = content.map(|it| it.octets.clone()).unwrap_or_default();
            match Signed::read(&signed, limits) {
                Ok(signed) => Judged::Verdicts(signed.verify_detached(&over)),
                Err(fault) => Judged::Unreadable(fault),
            }
        }
        _ => Judged::Unreadable(Malformed::Expected("two parts of multipart/signed")),
    };
    Some(Signature { content: content.map(|it| it.octets.clone()), judged })
}

fn opaque(octets: &Bytes, limits: &Limits) -> Signature {
    match Signed::read(octets, limits) {
        Ok(signed) => {
            let judged = Judged::Verdicts(signed.verify());
            let content = signed.into_content().map(|content| match content {
                alloc::borrow::Cow::Borrowed(content) => octets.slice_ref(content),
                alloc::borrow::Cow::Owned(content) => content.into(),
            });
            Signature { content, judged }
        }
        Err(fault) => Signature { content: None, judged: Judged::Unreadable(fault) },
    }
}

/// Whether anything in a message is signed, as a whole or in part.
#[must_use]
pub fn holds_signatures(message: &Message) -> bool {
    message.nodes().any(|(_, node)| node.content_type.essence == "multipart/signed" || is_opaque(node))
}

fn is_smime(kind: &str) -> bool {
    ["application/pkcs7-signature", "application/x-pkcs7-signature"]
        .iter()
        .any(|smime| smime.eq_ignore_ascii_case(kind))
}

/// It says so, or its content does where it says nothing.
fn is_opaque(node: &Node) -> bool {
    match node.content_type.essence.as_str() {
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
            match node.content_type.parameter("smime-type") {
                Some(kind) => kind.eq_ignore_ascii_case("signed-data"),
                None => begins_signed(node),
            }
        }
        "application/octet-stream" => {
            let name = node.filename().unwrap_or_default().as_bytes();
            name.last_chunk().is_some_and(|end: &[u8; 4]| end.eq_ignore_ascii_case(b".p7m"))
                && begins_signed(node)
        }
        _ => false,
    }
}

fn begins_signed(node: &Node) -> bool {
    let start = pieces(node).next().unwrap_or_default();
    reader::content_type(start.get(..256).unwrap_or(&start)) == Some(SIGNED_DATA)
}

/// The body without its transfer encoding.
fn octets(node: &Node) -> Bytes {
    node.decoded().octets
}
