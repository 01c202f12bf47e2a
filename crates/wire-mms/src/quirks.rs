//! What one MM4 peer needs otherwise than TS 23.140 says: the typed form of a quirk profile.
//!
//! A profile is named after the shape seen, cites its evidence, and changes only what it names;
//! [`Quirks::default`] is the 3GPP reading. Rows (#1 to #18) are those of the table of deviations
//! in the documentation of the profiles. This module neither reads the profile files nor decides
//! which peer gets which profile.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Declares an enum whose variants are the tokens of one profile key; the first is the default.
macro_rules! tokens {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident = $first_token:literal, $($(#[$variant_doc:meta])* $variant:ident = $token:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub enum $name {
            $(#[$first_doc])* #[default] $first,
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The variant of a profile token; `None` for a word that is not in [`Self::tokens`].
            #[must_use]
            pub fn from_token(token: &str) -> Option<Self> {
                match token {
                    $first_token => Some(Self::$first),
                    $($token => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Every legal token of this key, the default first.
            #[must_use]
            pub const fn tokens() -> &'static [&'static str] {
                &[$first_token, $($token),*]
            }

            /// The token of this variant, as a profile spells it.
            #[must_use]
            pub const fn token(self) -> &'static str {
                match self {
                    Self::$first => $first_token,
                    $(Self::$variant => $token,)*
                }
            }
        }
    };
}

tokens! {
    /// Spelling of `X-Mms-*` names sent. #2
    HeaderCase {
        /// `X-Mms-3GPP-MMS-Version`, exactly as TS 23.140 prints them; some peers compare literally.
        ThreeGpp = "3gpp",
        /// `X-Mms-3gpp-Mms-Version`, `X-Mms-Transaction-Id`: each word capitalised, the rest lower.
        LowerThreeGpp = "lower-3gpp",
    }
}
tokens! {
    /// What happens to double quotes around transaction and message IDs that are sent on. #3
    IdQuotes {
        /// The octets received, quotes included.
        Echo = "echo",
        /// Without surrounding quotes.
        Strip = "strip",
        /// With quotes, whether they came with them or not.
        Add = "add",
    }
}
tokens! {
    /// Form of a telephone number in `From`, `To`, `Cc` and the previously-sent trace. #4
    AddressForm {
        /// `+15550123/TYPE=PLMN`.
        E164Plmn = "e164-plmn",
        /// `+15550123`.
        E164 = "e164",
        /// `+15550123/TYPE=PLMN@host`.
        E164PlmnDomain = "e164-plmn-domain",
    }
}
tokens! {
    /// What the `Sender` header of a request holds; a response always names the system. #4, #8
    SenderHeader {
        /// The system address of the sending R/S.
        System = "system",
        /// The originator with the domain of the sending R/S.
        Originator = "originator",
        /// No `Sender` header.
        None = "none",
    }
}
tokens! {
    /// Multipart subtype of a message with a presentation. #7
    Multipart {
        /// `multipart/related` with `type` and `start`.
        Related = "related",
        /// `multipart/mixed`, the SMIL as an attachment.
        Mixed = "mixed",
    }
}
tokens! {
    /// What to do about the presentation part. #7
    Smil {
        /// As the message has it.
        Pass = "pass",
        /// A message without one is refused.
        Require = "require",
        /// One is generated where there is none.
        Synthesize = "synthesize",
        /// It is removed.
        Drop = "drop",
    }
}
tokens! {
    /// How a generated presentation names the other parts. #7
    Refs {
        /// By Content-Location.
        Location = "location",
        /// By `cid:` and Content-ID.
        Cid = "cid",
        /// By Content-Location, with a Content-ID of the same name for those who look there.
        Both = "both",
    }
}
tokens! {
    /// Form of the `Date` header. #6
    DateForm {
        /// `Tue, 18 Jan 2022 00:23:39 +0000`.
        Rfc5322 = "rfc5322",
        /// `Tue, 18 Jan 2022 00:23:39 GMT`.
        HttpDate = "http-date",
    }
}
tokens! {
    /// Form of `X-Mms-Expiry`. #11
    ExpiryForm {
        /// `Tue, 18 Jan 2022 00:23:39 GMT`.
        HttpDate = "http-date",
        /// Whole seconds from now.
        Seconds = "seconds",
        /// `2022-01-18T00:23:39Z`.
        Rfc3339 = "rfc3339",
    }
}
tokens! {
    /// When an MM4 response is sent to this peer's requests. #10
    Ack {
        /// When the request asks for one.
        Request = "request",
        /// Never.
        Never = "never",
        /// Whether asked for or not.
        Always = "always",
    }
}
tokens! {
    /// What this peer's `Ok` response means for the recipient. #10
    AckMeans {
        /// The peer's R/S took responsibility.
        Accepted = "accepted",
        /// The message reached the handset; no report follows.
        Delivered = "delivered",
    }
}
tokens! {
    /// Whether delivery and read reports can be expected from this peer. #10
    Reports {
        /// A missing report is worth noting.
        Expect = "expect",
        /// Some come.
        Rare = "rare",
        /// None ever comes; not an error.
        Never = "never",
    }
}
tokens! {
    /// Line ends accepted within DATA.
    LineEnds {
        /// CRLF only; a bare CR or LF is refused.
        Strict = "strict",
        /// Bare CR and LF become CRLF; for listed legacy hubs only.
        Normalize = "normalize",
    }
}
tokens! {
    /// Who receives a message. One token: the key exists to be stated, not to be changed. #5
    Recipients {
        /// The envelope decides; header lists are shown, never expanded.
        Envelope = "envelope",
    }
}
tokens! {
    /// Where a response to this peer's request is addressed. #8
    ResAddress {
        /// `X-Mms-Originator-System`, falling back to `Sender`.
        OriginatorSystem = "originator-system",
        /// `Sender`, falling back to the envelope sender.
        Sender = "sender",
    }
}
tokens! {
    /// How much a response says. #8
    ResHeaders {
        /// Every header of the TS 23.140 tables, with Date, Sender and MIME headers.
        ThreeGpp = "3gpp",
        /// Only what the peer needs to match it: version, type, IDs, status and addresses.
        Minimal = "minimal",
    }
}
tokens! {
    /// Trace of earlier forwarding. #12
    ForwardTrace {
        /// Written as `X-Mms-Previously-sent-by` and `-date-and-time`, unknown trace headers kept.
        ThreeGpp = "3gpp",
        /// Sent on as received.
        Pass = "pass",
    }
}
tokens! {
    /// What happens to a message with a damaged part. #18
    Damaged {
        /// Answered `Error-message-format-corrupt`.
        Refuse = "refuse",
        /// Delivered with the part marked.
        Deliver = "deliver",
    }
}

/// Bounds of an expiry, relative to arrival, in milliseconds. #11
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiryClamp {
    /// An earlier expiry (or one already past) is moved to this.
    pub min_ms: u64,
    /// A later expiry is moved to this.
    pub max_ms: u64,
}

/// The quirk profile of one MM4 peer. Field names are the keys of a profile file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quirks {
    /// Where the deviation was seen. A profile without evidence is refused when it is compiled.
    pub evidence: String,
    /// Sent as `X-Mms-3GPP-MMS-Version`; any version, or none, is accepted. #1
    pub mms_version: String,
    /// Spelling of the names sent. #2
    pub header_case: HeaderCase,
    /// Quotes around IDs sent. #3
    pub id_quotes: IdQuotes,
    /// Form of numbers in headers. #4
    pub address_form: AddressForm,
    /// Whether `MAIL FROM` and `RCPT TO` carry a domain. #4
    pub envelope_domain: bool,
    /// Content of `Sender` in requests. #4
    pub sender_header: SenderHeader,
    /// Multipart subtype written. #7
    pub multipart: Multipart,
    /// Presentation policy. #7
    pub smil: Smil,
    /// How a generated presentation refers to parts. #7
    pub refs: Refs,
    /// Form of `Date`. #6
    pub date_form: DateForm,
    /// Form of `X-Mms-Expiry`. #11
    pub expiry_form: ExpiryForm,
    /// Bounds of the expiry. #11
    pub expiry_clamp: ExpiryClamp,
    /// When responses are sent. #10
    pub ack: Ack,
    /// How long to wait for the peer's response, in milliseconds. Not standardised. #10
    pub ack_timeout_ms: u64,
    /// What its response means. #10
    pub ack_means: AckMeans,
    /// Whether reports come. #10
    pub reports: Reports,
    /// Header names that this peer uses for a status beside the built-in aliases. #9
    pub status_alias: Vec<String>,
    /// This peer's status token -> canonical outcome, where it differs from the table. #10
    pub status_map: BTreeMap<String, String>,
    /// Headers removed when a message of this peer is relayed; kept in the stored original. #13
    pub strip_headers: Vec<String>,
    /// Line ends accepted.
    pub line_ends: LineEnds,
    /// Largest message sent or accepted, in octets on the wire. #14
    pub max_octets: u64,
    /// Most media parts in a message. #14
    pub max_parts: u32,
    /// Most recipients shown in `To` and `Cc` of a group message. Twenty were seen from plain 3GPP peers,
    /// so the default only bounds; hubs that take ten have a profile. #17
    pub group_max: u32,
    /// Who receives. #5
    pub recipients: Recipients,
    /// Where responses go. #8
    pub res_address: ResAddress,
    /// How much a response says. #8
    pub res_headers: ResHeaders,
    /// Trace of earlier forwarding. #12
    pub forward_trace: ForwardTrace,
    /// Policy for damaged parts. #18
    pub damaged: Damaged,
    /// How long a repeated (peer, message ID, recipient) counts as the same request, in
    /// milliseconds. #10
    pub dedupe_window_ms: u64,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            evidence: String::from("3GPP TS 23.140"),
            mms_version: String::from("5.5.0"),
            header_case: HeaderCase::default(),
            id_quotes: IdQuotes::default(),
            address_form: AddressForm::default(),
            envelope_domain: true,
            sender_header: SenderHeader::default(),
            multipart: Multipart::default(),
            smil: Smil::default(),
            refs: Refs::default(),
            date_form: DateForm::default(),
            expiry_form: ExpiryForm::default(),
            expiry_clamp: ExpiryClamp { min_ms: 5 * 60_000, max_ms: 7 * 86_400_000 },
            ack: Ack::default(),
            ack_timeout_ms: 300_000,
            ack_means: AckMeans::default(),
            reports: Reports::default(),
            status_alias: Vec::new(),
            status_map: BTreeMap::new(),
            strip_headers: Vec::new(),
            line_ends: LineEnds::default(),
            max_octets: 1_048_576,
            max_parts: 10,
            group_max: 100,
            recipients: Recipients::default(),
            res_address: ResAddress::default(),
            res_headers: ResHeaders::default(),
            forward_trace: ForwardTrace::default(),
            damaged: Damaged::default(),
            dedupe_window_ms: 86_400_000,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_token_reads_back_to_the_variant_that_wrote_it() {
        macro_rules! check {
            ($($name:ident),*) => {$(
                assert_eq!($name::tokens().first().copied(), Some($name::default().token()));
                for token in $name::tokens() {
                    assert_eq!($name::from_token(token).unwrap().token(), *token);
                }
                assert_eq!($name::from_token("no-such-token"), None);
            )*};
        }
        check!(
            HeaderCase,
            IdQuotes,
            AddressForm,
            SenderHeader,
            Multipart,
            Smil,
            Refs,
            DateForm,
            ExpiryForm,
            Ack,
            AckMeans,
            Reports,
            LineEnds,
            Recipients,
            ResAddress,
            ResHeaders,
            ForwardTrace,
            Damaged
        );
    }
}
