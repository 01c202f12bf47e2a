//! Signed attributes (RFC 5652 §5.3, §11): content-type, message-digest and signing-time.
//!
//! Each may stand once, with one value (§11); others are passed over.

use alloc::vec::Vec;

use const_oid::ObjectIdentifier as Oid;

use super::Limits;
use crate::certificate;
use crate::recipient::Malformed;
use crate::recipient::element::{self, Element, Elements, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET};

pub(crate) const CONTENT_TYPE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.3");
pub(crate) const MESSAGE_DIGEST: Oid = Oid::new_unwrap("1.2.840.113549.1.9.4");
pub(crate) const SIGNING_TIME: Oid = Oid::new_unwrap("1.2.840.113549.1.9.5");

/// The signed attributes of one signer.
#[derive(Debug, Clone)]
pub(super) struct Attributes {
    pub(super) content_type: Option<Oid>,
    pub(super) message_digest: Option<Vec<u8>>,
    /// Seconds since 1970 began.
    pub(super) signing_time: Option<i64>,
    /// As a SET in the order in which they came.
    sent: Vec<u8>,
    /// In the order of DER, when that is another one.
    sorted: Option<Vec<u8>>,
}

impl Attributes {
    /// Reads them from their definite encoding, whatever its tag.
    pub(super) fn read(set: &Element<'_>, limits: &Limits) -> Result<Self, Malformed> {
        let mut read = Self {
            content_type: None,
            message_digest: None,
            signing_time: None,
            sent: element::element(SET, &[set.content]),
            sorted: None,
        };
        let mut all = Vec::new();
        let mut attributes = set.inside();
        while !attributes.is_empty() {
            if all.len() >= limits.element.entries {
                return Err(Malformed::TooMany);
            }
            let attribute = attributes.take(SEQUENCE, "an attribute")?;
            all.push(attribute.whole);
            let mut fields = attribute.inside();
            let kind = fields.take(OBJECT_IDENTIFIER, "a kind of attribute")?.oid()?;
            let mut values = fields.take(SET, "values of an attribute")?.inside();
            match kind {
                CONTENT_TYPE => {
                    let value = only(&mut values, OBJECT_IDENTIFIER)?.oid()?;
                    once(read.content_type.replace(value).is_some())?;
                }
                MESSAGE_DIGEST => {
                    let value = only(&mut values, OCTET_STRING)?.content.to_vec();
                    once(read.message_digest.replace(value).is_some())?;
                }
                SIGNING_TIME => {
                    let value = values.any("a signing time")?;
                    // A time that is written in another way is none, and no fault.
                    once(read.signing_time.is_some())?;
                    read.signing_time = certificate::seconds(value);
                }
                _ => {}
            }
        }
        if !all.is_sorted() {
            all.sort_unstable();
            read.sorted = Some(element::element(SET, &all));
        }
        Ok(read)
    }

    /// What was signed: in DER, or, by programs that do not sort, in the order in which they came.
    pub(super) fn encodings(&self) -> impl Iterator<Item = &[u8]> {
        self.sorted.as_deref().into_iter().chain([self.sent.as_slice()])
    }
}

fn only<'a>(values: &mut Elements<'a>, tag: u8) -> Result<Element<'a>, Malformed> {
    let value = values.take(tag, "a value of an attribute")?;
    if values.is_empty() { Ok(value) } else { Err(Malformed::Expected("one value of an attribute")) }
}

fn once(before: bool) -> Result<(), Malformed> {
    if before { Err(Malformed::Expected("an attribute once")) } else { Ok(()) }
}

/// Whether content reads as the attributes of a signature: then a signature over it without
/// attributes may have been made over the content whose digest is in them.
pub(super) fn is_set_of_attributes(content: &[u8]) -> bool {
    let mut whole = Elements::of(content);
    let Ok(set) = whole.take(SET, "a set") else { return false };
    let mut attributes = set.inside();
    let attribute = attributes.take(SEQUENCE, "an attribute");
    attribute
        .and_then(|attribute| attribute.inside().take(OBJECT_IDENTIFIER, "a kind of attribute")?.oid())
        .is_ok()
}
