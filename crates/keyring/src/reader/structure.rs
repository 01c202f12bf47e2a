//! All of a message but its ciphertext: what a session offers to a client, and what content is tried with.

use alloc::vec::Vec;

use const_oid::ObjectIdentifier as Oid;

use super::{Error, Event, Field, Format, Kind, Limits, Reader, Summary};
use crate::algorithm::ContentEncryption;

/// A message that was read to its end once. Elements are whole and as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// What it is.
    pub format: Format,
    /// The version that the sender wrote.
    pub version: u8,
    /// `originatorInfo`, tagged `[0]`.
    pub originator_info: Option<Vec<u8>>,
    /// Each RecipientInfo; at least one.
    pub recipients: Vec<Vec<u8>>,
    /// The type of the content that is encrypted.
    pub content_type: Oid,
    /// How it is encrypted.
    pub encryption: ContentEncryption,
    /// `authAttrs`, tagged `[1]`.
    pub auth_attributes: Option<Vec<u8>>,
    /// The MAC itself; there is one exactly when `format` has it.
    pub mac: Option<Vec<u8>>,
    /// Attributes that nothing vouches for, tagged `[1]` or, after a MAC, `[2]`.
    pub unprotected_attributes: Option<Vec<u8>>,
    /// Size, digest, and where the ciphertext is.
    pub summary: Summary,
}

impl Structure {
    /// Reads a message that is in memory; octets after it are ignored.
    ///
    /// # Errors
    /// As [`Reader::next`] and [`Reader::finish`].
    pub fn of(octets: &[u8], limits: Limits) -> Result<Self, Error> {
        let mut survey = Survey::new(limits);
        survey.update(octets)?;
        survey.finish()
    }
}

/// Takes the structure of a message from its stream.
#[derive(Debug)]
pub struct Survey {
    reader: Reader,
    format: Option<(Format, u8)>,
    originator_info: Option<Vec<u8>>,
    recipients: Vec<Vec<u8>>,
    encryption: Option<(Oid, ContentEncryption)>,
    auth_attributes: Option<Vec<u8>>,
    mac: Option<Vec<u8>>,
    unprotected_attributes: Option<Vec<u8>>,
    ended: bool,
}

impl Survey {
    /// Before the first octet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            reader: Reader::new(limits),
            format: None,
            originator_info: None,
            recipients: Vec::new(),
            encryption: None,
            auth_attributes: None,
            mac: None,
            unprotected_attributes: None,
            ended: false,
        }
    }

    /// Takes the next octets; those after the end of the structure are ignored.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn update(&mut self, octets: &[u8]) -> Result<(), Error> {
        let mut rest = octets;
        while let Some(event) = self.reader.next(&mut rest)? {
            match event {
                Event::Format(format, version) => self.format = Some((format, version)),
                Event::OriginatorInfo(octets) => self.originator_info = Some(octets),
                Event::Recipient(octets) => self.recipients.push(octets),
                Event::Encryption(content_type, encryption) => {
                    self.encryption = Some((content_type, encryption));
                }
                Event::Ciphertext(_) => {}
                Event::AuthAttributes(octets) => self.auth_attributes = Some(octets),
                Event::Mac(octets) => self.mac = Some(octets),
                Event::UnprotectedAttributes(octets) => self.unprotected_attributes = Some(octets),
                Event::End => self.ended = true,
            }
        }
        Ok(())
    }

    /// Whether the end of the structure was seen.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.ended
    }

    /// After the last octet.
    ///
    /// # Errors
    /// As [`Reader::finish`].
    pub fn finish(self) -> Result<Structure, Error> {
        let summary = self.reader.finish()?;
        let (Some((format, version)), Some((content_type, encryption))) = (self.format, self.encryption)
        else {
            return Err(Error { at: summary.octets, kind: Kind::Expected(Field::EncryptedContentInfo) });
        };
        Ok(Structure {
            format,
            version,
            originator_info: self.originator_info,
            recipients: self.recipients,
            content_type,
            encryption,
            auth_attributes: self.auth_attributes,
            mac: self.mac,
            unprotected_attributes: self.unprotected_attributes,
            summary,
        })
    }
}
