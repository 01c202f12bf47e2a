//! What a recipient agrees to: which parts of one message, for what, and what becomes of the rest.
//!
//! The gateway asks, the client may restrict and never widen. The canonical octets of the consent
//! that was given are hashed into the seal of the key. Within one CMS message this is policy, not
//! cryptography: whoever holds the content key could read every part.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::wire::{self, Digest};

/// One consent. All members are always written, so that both sides hash the same octets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// What for.
    pub purpose: Purpose,
    /// Parts that may be converted; the others are passed through as they are or left out.
    pub parts: Vec<Pattern>,
    /// How the result may travel.
    pub output: Output,
    /// The handset profile that it is made for.
    #[serde(deserialize_with = "Option::deserialize")]
    pub device: Option<String>,
    /// What becomes of a signature, which no conversion can keep valid.
    pub signature: Signature,
    /// Whether the encrypted message may be kept as it came, once it has been converted.
    pub keep_original: bool,
}

/// What a conversion is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A message that goes to a handset.
    TranscodeForHandset,
    /// Parts that a mail client fetches converted (RFC 5259).
    TranscodeForMailbox,
}

/// How the result may travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// In clear, as Internet mail.
    MailCleartext,
    /// In clear, as a multimedia message.
    MmsCleartext,
    /// Encrypted for the recipient again.
    Reencrypt,
}

/// What becomes of a signature over the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// The result is signed by the gateway in its own name.
    GatewaySign,
    /// The signed original is attached.
    KeepOriginal,
    /// Signed content is not converted.
    Refuse,
    /// Verified, the result recorded, removed.
    VerifyAndStrip,
}

/// Media types: `image/png`, `image/*` or `*/*`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// Octets of the longest: two names of RFC 6838 §4.2 and a slash.
    pub const MAX_OCTETS: usize = 255;

    /// From its text; `None` when it is none, or not in lower case.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let (kind, subtype) = text.split_once('/')?;
        let name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && name
                    .bytes()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"!#$&-^_.+".contains(&c))
        };
        let legal = match (kind, subtype) {
            ("*", "*") => true,
            (kind, "*") => name(kind),
            (kind, subtype) => name(kind) && name(subtype),
        };
        (legal && text.len() <= Self::MAX_OCTETS).then(|| Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether everything that `other` matches is matched by this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let ((kind, subtype), (other_kind, other_subtype)) = (self.halves(), other.halves());
        (kind == "*" || kind == other_kind) && (subtype == "*" || subtype == other_subtype)
    }

    /// Whether a media type is among these; its parameters do not matter.
    #[must_use]
    pub fn matches(&self, media_type: &str) -> bool {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let Some((kind, subtype)) = essence.split_once('/') else { return false };
        let same = |pattern: &str, name: &str| pattern == "*" || pattern.eq_ignore_ascii_case(name);
        let (own_kind, own_subtype) = self.halves();
        same(own_kind, kind) && same(own_subtype, subtype)
    }

    fn halves(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| de::Error::custom("not a media type or range in lower case"))
    }
}

impl Output {
    const fn within(self, asked: Self) -> bool {
        matches!(
            (self, asked),
            (Self::Reencrypt, _)
                | (Self::MailCleartext, Self::MailCleartext)
                | (Self::MmsCleartext, Self::MmsCleartext)
        )
    }
}

impl Signature {
    /// Refusing discloses nothing, stripping less than keeping or signing anew.
    const fn within(self, asked: Self) -> bool {
        match self {
            Self::Refuse => true,
            Self::VerifyAndStrip => !matches!(asked, Self::Refuse),
            Self::KeepOriginal => matches!(asked, Self::KeepOriginal),
            Self::GatewaySign => matches!(asked, Self::GatewaySign),
        }
    }
}

impl Consent {
    /// Whether a part of this media type may be converted.
    #[must_use]
    pub fn allows(&self, media_type: &str) -> bool {
        self.parts.iter().any(|pattern| pattern.matches(media_type))
    }

    /// Whether this allows nothing that `asked` does not.
    #[must_use]
    pub fn within(&self, asked: &Self) -> bool {
        self.purpose == asked.purpose
            && self.device == asked.device
            && self.output.within(asked.output)
            && self.signature.within(asked.signature)
            && (asked.keep_original || !self.keep_original)
            && self.parts.iter().all(|part| asked.parts.iter().any(|pattern| pattern.covers(part)))
    }

    /// What is hashed: RFC 8785.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        // Strings, a list of strings and a truth value: there is nothing without a spelling.
        wire::canonical(self).unwrap_or_default()
    }

    /// SHA-256 of its octets.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        Digest::of(&self.octets())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    fn asked() -> Consent {
        Consent {
            purpose: Purpose::TranscodeForHandset,
            parts: vec![Pattern::new("image/*").unwrap(), Pattern::new("video/mp4").unwrap()],
            output: Output::MmsCleartext,
            device: Some("nokia-6230".into()),
            signature: Signature::VerifyAndStrip,
            keep_original: true,
        }
    }

    #[test]
    fn a_consent_names_the_parts_it_is_for() {
        let consent = asked();
        for media_type in ["image/png", "IMAGE/PNG; name=x", "video/mp4"] {
            assert!(consent.allows(media_type), "{media_type}");
        }
        for media_type in ["text/plain", "video/3gpp", "image", "", "imagex/png", ";image/png"] {
            assert!(!consent.allows(media_type), "{media_type}");
        }
    }

    #[test]
    fn a_pattern_has_one_spelling() {
        for text in
            ["Image/png", "image", "*/png", "image/", "/", "", " image/png", "image/*;q=1", "a/b/c", "im*/x"]
        {
            assert_eq!(Pattern::new(text), None, "{text}");
        }
        for text in ["*/*", "image/*", "application/vnd.oma.dd+xml"] {
            assert_eq!(Pattern::new(text).unwrap().text(), text);
        }
    }

    #[test]
    fn a_client_may_ask_for_less_and_not_for_more() {
        let narrower: [fn(&mut Consent); 6] = [
            |c| c.parts = vec![Pattern::new("image/png").unwrap()],
            |c| c.parts.clear(),
            |c| c.output = Output::Reencrypt,
            |c| c.signature = Signature::Refuse,
            |c| c.keep_original = false,
            |_| {},
        ];
        for change in narrower {
            let mut consent = asked();
            change(&mut consent);
            assert!(consent.within(&asked()), "{consent:?}");
        }
        let wider: [fn(&mut Consent); 7] = [
            |c| c.parts.push(Pattern::new("text/plain").unwrap()),
            |c| c.parts = vec![Pattern::new("*/*").unwrap()],
            |c| c.parts = vec![Pattern::new("video/*").unwrap()],
            |c| c.output = Output::MailCleartext,
            |c| c.signature = Signature::KeepOriginal,
            |c| c.device = None,
            |c| c.purpose = Purpose::TranscodeForMailbox,
        ];
        for change in wider {
            let mut consent = asked();
            change(&mut consent);
            assert!(!consent.within(&asked()), "{consent:?}");
        }
    }

    #[test]
    fn what_is_hashed_is_written_the_same_by_every_implementation() {
        assert_eq!(
            core::str::from_utf8(&asked().octets()).unwrap(),
            r#"{"device":"nokia-6230","keep_original":true,"output":"mms-cleartext","parts":["image/*","video/mp4"],"purpose":"transcode-for-handset","signature":"verify-and-strip"}"#
        );
    }

    #[test]
    fn a_consent_with_a_member_too_many_or_too_few_is_none() {
        let whole = serde_json::to_value(asked()).unwrap();
        assert_eq!(serde_json::from_value::<Consent>(whole.clone()).unwrap(), asked());
        for name in whole.as_object().unwrap().keys() {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(name);
            assert!(serde_json::from_value::<Consent>(less).is_err(), "without {name}");
        }
        let mut more = whole;
        more["and_forward"] = true.into();
        assert!(serde_json::from_value::<Consent>(more).is_err());
    }

    fn any_consent() -> impl Strategy<Value = Consent> {
        let part = prop::sample::select(vec!["*/*", "image/*", "image/png", "video/*", "text/plain"]);
        (
            prop::collection::vec(part, 0..4),
            prop::sample::select(vec![Output::Reencrypt, Output::MmsCleartext, Output::MailCleartext]),
            prop::sample::select(vec![
                Signature::Refuse,
                Signature::VerifyAndStrip,
                Signature::KeepOriginal,
                Signature::GatewaySign,
            ]),
            any::<bool>(),
        )
            .prop_map(|(parts, output, signature, keep_original)| Consent {
                parts: parts.into_iter().filter_map(Pattern::new).collect(),
                output,
                signature,
                keep_original,
                ..asked()
            })
    }

    proptest! {
        #[test]
        fn restricting_is_an_order_and_a_restricted_consent_allows_no_further_part(
            a in any_consent(), b in any_consent(), c in any_consent(),
        ) {
            prop_assert!(a.within(&a));
            prop_assert!(!(a.within(&b) && b.within(&c)) || a.within(&c));
            if a.within(&b) {
                for media_type in ["image/png", "image/gif", "video/mp4", "text/plain", "text/html"] {
                    prop_assert!(!a.allows(media_type) || b.allows(media_type));
                }
            }
        }
    }
}
