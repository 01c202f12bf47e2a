//! What a reader refuses, where, and what the grammar wanted there. No key is involved: all of it may be told.

use core::fmt;

use const_oid::ObjectIdentifier as Oid;

/// A message that is not read further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Octets from the start of the structure to the element that is wrong, or to the end of the input.
    pub at: u64,
    /// What is wrong.
    pub kind: Kind,
}

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An element is longer than the one that it is in.
    BeyondEnclosing,
    /// The encrypted content is not in the message (RFC 5652 §6.1 allows that; mail has no other place).
    Detached,
    /// End-of-contents where none can be.
    EndOfContents,
    /// Another element, or the end of the enclosing one, in place of this.
    Expected(Field),
    /// A primitive element of indefinite length.
    IndefinitePrimitive,
    /// A length of more than four octets, or the reserved one.
    LengthOfLength,
    /// A ContentInfo that holds something else than content encrypted for recipients.
    OtherContentType(Oid),
    /// A tag number above 30.
    TagNumber,
    /// More elements open than [`super::Limits::depth`].
    TooDeep,
    /// An element longer than [`super::Limits::element_octets`], or all of them together longer than
    /// [`super::Limits::header_octets`].
    TooLarge,
    /// More recipients than [`super::Limits::recipients`].
    TooManyRecipients,
    /// The input ended in or before this.
    Truncated(Field),
}

/// A place in the grammar of RFC 5652 §6.1 and RFC 5083 §2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `authAttrs`, or the MAC when there are none.
    AuthAttrs,
    /// The content of the ContentInfo.
    Content,
    /// `contentEncryptionAlgorithm`.
    ContentEncryptionAlgorithm,
    /// The whole.
    ContentInfo,
    /// A segment of the encrypted content.
    ContentOctets,
    /// Its content type.
    ContentType,
    /// `encryptedContent`.
    EncryptedContent,
    /// `encryptedContentInfo` or `authEncryptedContentInfo`.
    EncryptedContentInfo,
    /// The type of the content that is encrypted.
    EncryptedContentType,
    /// Nothing more.
    End,
    /// EnvelopedData or AuthEnvelopedData.
    EnvelopedData,
    /// `mac`.
    Mac,
    /// `originatorInfo`, or the recipients when there is none.
    OriginatorInfo,
    /// One recipient.
    RecipientInfo,
    /// `recipientInfos`.
    RecipientInfos,
    /// `unprotectedAttrs` or `unauthAttrs`, or the end.
    UnprotectedAttrs,
    /// `version`.
    Version,
}

impl Field {
    /// What comes first in an element of this kind.
    pub(super) const fn first(self) -> Self {
        match self {
            Self::Content => Self::EnvelopedData,
            Self::ContentInfo => Self::ContentType,
            Self::EncryptedContent | Self::ContentOctets => Self::ContentOctets,
            Self::EncryptedContentInfo => Self::EncryptedContentType,
            Self::EnvelopedData => Self::Version,
            Self::RecipientInfos => Self::RecipientInfo,
            _ => Self::End,
        }
    }

    /// What comes after an element of this kind that holds no others of the grammar.
    pub(super) const fn following(self) -> Self {
        match self {
            Self::AuthAttrs => Self::Mac,
            Self::ContentEncryptionAlgorithm => Self::EncryptedContent,
            Self::ContentType => Self::Content,
            Self::EncryptedContentType => Self::ContentEncryptionAlgorithm,
            Self::Mac => Self::UnprotectedAttrs,
            Self::OriginatorInfo => Self::RecipientInfos,
            Self::RecipientInfo => Self::RecipientInfo,
            Self::Version => Self::OriginatorInfo,
            _ => Self::End,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::AuthAttrs => "authAttrs or mac",
            Self::Content => "content [0]",
            Self::ContentEncryptionAlgorithm => "contentEncryptionAlgorithm",
            Self::ContentInfo => "ContentInfo",
            Self::ContentOctets => "a segment of encryptedContent",
            Self::ContentType => "contentType",
            Self::EncryptedContent => "encryptedContent",
            Self::EncryptedContentInfo => "encryptedContentInfo",
            Self::EncryptedContentType => "the contentType of encryptedContentInfo",
            Self::End => "the end of the element",
            Self::EnvelopedData => "EnvelopedData or AuthEnvelopedData",
            Self::Mac => "mac",
            Self::OriginatorInfo => "originatorInfo or recipientInfos",
            Self::RecipientInfo => "a RecipientInfo",
            Self::RecipientInfos => "recipientInfos",
            Self::UnprotectedAttrs => "unprotected attributes or the end",
            Self::Version => "version",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::BeyondEnclosing => f.write_str("an element is longer than the one that it is in"),
            Kind::Detached => f.write_str("the encrypted content is not in the message"),
            Kind::EndOfContents => f.write_str("end-of-contents where none can be"),
            Kind::Expected(field) => write!(f, "expected {field}"),
            Kind::IndefinitePrimitive => f.write_str("a primitive element of indefinite length"),
            Kind::LengthOfLength => f.write_str("a length of more than four octets"),
            Kind::OtherContentType(oid) => {
                write!(f, "expected enveloped data, found content of the type {oid}")
            }
            Kind::TagNumber => f.write_str("a tag number above 30"),
            Kind::TooDeep => f.write_str("elements are nested too deeply"),
            Kind::TooLarge => f.write_str("an element is too large"),
            Kind::TooManyRecipients => f.write_str("there are too many recipients"),
            Kind::Truncated(field) => write!(f, "the input ended; expected {field}"),
        }?;
        write!(f, " (octet {})", self.at)
    }
}

impl core::error::Error for Error {}
