//! Status tokens: request status, MM status, read status (TS 23.140 §8.4.1 to §8.4.3).
//!
//! Reads the 3GPP tokens in any case, the MM1 names and octet values (OMA MMS_ENC) and the numbers
//! of TS 32.298 that peers use instead; writes 3GPP tokens only. What a status means for a message,
//! and whether to try again, is for the mapping tables.

use alloc::borrow::ToOwned;
use alloc::string::String;

use super::value::unquoted;

/// Outcome of a request: `X-Mms-Request-Status-Code`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestStatus {
    /// `Ok`
    Ok,
    /// `Error-unspecified`
    Unspecified,
    /// `Error-service-denied`
    ServiceDenied,
    /// `Error-message-format-corrupt`
    MessageFormatCorrupt,
    /// `Error-sending-address-unresolved`
    SendingAddressUnresolved,
    /// `Error-message-not-found`
    MessageNotFound,
    /// `Error-network-problem`
    NetworkProblem,
    /// `Error-content-not-accepted`
    ContentNotAccepted,
    /// `Error-unsupported-message`
    UnsupportedMessage,
    /// A token that means none of these, as received.
    Other(String),
}

/// Whether a status token says of itself that trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Named `Error-permanent-…`, or a number of the permanent range.
    Permanent,
    /// Named `Error-transient-…`, or a number of the transient range.
    Transient,
}

impl RequestStatus {
    /// Reads a token. Names such as `Error-permanent-service-denied` and `Error-transient-network-problem`
    /// read as the 3GPP status that says the same; see [`RequestStatus::persistence`] for what that loses.
    #[must_use]
    pub fn read(token: &str) -> Self {
        let token = unquoted(token);
        if let Some(number) = octet(token) {
            return Self::of_number(number).unwrap_or_else(|| Self::Other(token.to_owned()));
        }
        let core = strip(token, "error-");
        let core = strip(strip(core, "transient-"), "permanent-");
        let known: [(&str, Self); 11] = [
            ("ok", Self::Ok),
            ("success", Self::Ok),
            ("unspecified", Self::Unspecified),
            ("failure", Self::Unspecified),
            ("service-denied", Self::ServiceDenied),
            ("message-format-corrupt", Self::MessageFormatCorrupt),
            ("sending-address-unresolved", Self::SendingAddressUnresolved),
            ("message-not-found", Self::MessageNotFound),
            ("network-problem", Self::NetworkProblem),
            ("content-not-accepted", Self::ContentNotAccepted),
            ("unsupported-message", Self::UnsupportedMessage),
        ];
        let found = known.into_iter().find(|(name, _)| same_words(core, name));
        found.map_or_else(|| Self::Other(token.to_owned()), |(_, status)| status)
    }

    /// The 3GPP token to write. A status that 3GPP does not have is written `Error-unspecified`.
    #[must_use]
    pub const fn token(&self) -> &'static str {
        match self {
            Self::Ok => "Ok",
            Self::Unspecified | Self::Other(_) => "Error-unspecified",
            Self::ServiceDenied => "Error-service-denied",
            Self::MessageFormatCorrupt => "Error-message-format-corrupt",
            Self::SendingAddressUnresolved => "Error-sending-address-unresolved",
            Self::MessageNotFound => "Error-message-not-found",
            Self::NetworkProblem => "Error-network-problem",
            Self::ContentNotAccepted => "Error-content-not-accepted",
            Self::UnsupportedMessage => "Error-unsupported-message",
        }
    }

    /// What the token itself says about trying again; `None` for 3GPP tokens, which do not say.
    #[must_use]
    pub fn persistence(token: &str) -> Option<Persistence> {
        let token = unquoted(token);
        match octet(token) {
            Some(192..=223) => return Some(Persistence::Transient),
            Some(224..) => return Some(Persistence::Permanent),
            Some(_) => return None,
            None => {}
        }
        let core = strip(token, "error-");
        if strip(core, "transient-") != core {
            Some(Persistence::Transient)
        } else if strip(core, "permanent-") != core {
            Some(Persistence::Permanent)
        } else {
            None
        }
    }

    /// CDR values 0 to 36 (TS 32.298), MM1 response-status octets 128 to 235 (MMS_ENC §7.3.48).
    fn of_number(number: u8) -> Option<Self> {
        Some(match number {
            0 | 128 => Self::Ok,
            4 | 129 | 192 | 224 => Self::Unspecified,
            30 | 130 | 225 => Self::ServiceDenied,
            31 | 131 | 226 => Self::MessageFormatCorrupt,
            32 | 132 | 193 | 227 => Self::SendingAddressUnresolved,
            33 | 133 | 194 | 228 => Self::MessageNotFound,
            34 | 134 | 195 => Self::NetworkProblem,
            35 | 135 | 229 => Self::ContentNotAccepted,
            36 | 136 => Self::UnsupportedMessage,
            _ => return None,
        })
    }
}

/// Delivery outcome: `X-Mms-MM-Status-Code`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MmStatus {
    /// `Expired`
    Expired,
    /// `Retrieved`
    Retrieved,
    /// `Rejected`
    Rejected,
    /// `Deferred`
    Deferred,
    /// `Indeterminate`
    Indeterminate,
    /// `Forwarded`
    Forwarded,
    /// `Unrecognised`, also read as `Unrecognized`.
    Unrecognised,
    /// `Unreachable`, of newer MM1 stacks; MM4 has no such token.
    Unreachable,
    /// Any other token, as received.
    Other(String),
}

impl MmStatus {
    /// Reads a token or an MM1 status octet (128 to 135).
    #[must_use]
    pub fn read(token: &str) -> Self {
        let token = unquoted(token);
        let known: [(&str, u8, Self); 9] = [
            ("expired", 128, Self::Expired),
            ("retrieved", 129, Self::Retrieved),
            ("rejected", 130, Self::Rejected),
            ("deferred", 131, Self::Deferred),
            ("unrecognised", 132, Self::Unrecognised),
            ("unrecognized", 132, Self::Unrecognised),
            ("indeterminate", 133, Self::Indeterminate),
            ("forwarded", 134, Self::Forwarded),
            ("unreachable", 135, Self::Unreachable),
        ];
        let number = octet(token);
        let found =
            known.into_iter().find(|(name, value, _)| same_words(token, name) || number == Some(*value));
        found.map_or_else(|| Self::Other(token.to_owned()), |(_, _, status)| status)
    }

    /// The 3GPP token to write; what MM4 cannot say is written `Indeterminate`.
    #[must_use]
    pub const fn token(&self) -> &'static str {
        match self {
            Self::Expired => "Expired",
            Self::Retrieved => "Retrieved",
            Self::Rejected => "Rejected",
            Self::Deferred => "Deferred",
            Self::Indeterminate | Self::Unreachable | Self::Other(_) => "Indeterminate",
            Self::Forwarded => "Forwarded",
            Self::Unrecognised => "Unrecognised",
        }
    }
}

/// Who rejected an MM: `X-Mms-MM-Status-Extension` (Rel-6).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusExtension {
    /// `Rejection-By-MMS-Recipient`
    RejectionByMmsRecipient,
    /// `Rejection-By-Other-RS`
    RejectionByOtherRs,
    /// Any other token, as received.
    Other(String),
}

impl StatusExtension {
    /// Reads a token in any case.
    #[must_use]
    pub fn read(token: &str) -> Self {
        let token = unquoted(token);
        if same_words(token, "rejection-by-mms-recipient") {
            Self::RejectionByMmsRecipient
        } else if same_words(token, "rejection-by-other-rs") || same_words(token, "rejection-by-other-r/s") {
            Self::RejectionByOtherRs
        } else {
            Self::Other(token.to_owned())
        }
    }

    /// The token to write; an unknown one as received.
    #[must_use]
    pub fn token(&self) -> &str {
        match self {
            Self::RejectionByMmsRecipient => "Rejection-By-MMS-Recipient",
            Self::RejectionByOtherRs => "Rejection-By-Other-RS",
            Self::Other(token) => token,
        }
    }
}

/// What the recipient did: `X-Mms-Read-Status`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadStatus {
    /// `Read`
    Read,
    /// `Deleted without being read`
    DeletedWithoutBeingRead,
    /// Any other text, as received.
    Other(String),
}

impl ReadStatus {
    /// Reads a token in any case, with blanks, hyphens or underscores, or an MM1 octet (128, 129).
    #[must_use]
    pub fn read(token: &str) -> Self {
        let token = unquoted(token);
        match octet(token) {
            Some(128) => return Self::Read,
            Some(129) => return Self::DeletedWithoutBeingRead,
            _ => {}
        }
        if same_words(token, "read") {
            Self::Read
        } else if same_words(token, "deleted-without-being-read") || same_words(token, "deleted") {
            Self::DeletedWithoutBeingRead
        } else {
            Self::Other(token.to_owned())
        }
    }

    /// The 3GPP token to write; an unknown one as received, because either known one might be false.
    #[must_use]
    pub fn token(&self) -> &str {
        match self {
            Self::Read => "Read",
            Self::DeletedWithoutBeingRead => "Deleted without being read",
            Self::Other(token) => token,
        }
    }
}

/// A bare number or `0x80`.
fn octet(token: &str) -> Option<u8> {
    match token.strip_prefix("0x").or_else(|| token.strip_prefix("0X")) {
        Some(hex) => u8::from_str_radix(hex, 16).ok(),
        None if token.bytes().all(|c| c.is_ascii_digit()) => token.parse().ok(),
        None => None,
    }
}

/// `token` without `prefix`, compared as words.
fn strip<'a>(token: &'a str, prefix: &str) -> &'a str {
    match token.split_at_checked(prefix.len()) {
        Some((start, rest)) if same_words(start, prefix) => rest,
        _ => token,
    }
}

/// Equal but for ASCII case and for blank, hyphen and underscore, which all separate words.
fn same_words(left: &str, right: &str) -> bool {
    let word = |octet: u8| match octet {
        b' ' | b'_' => b'-',
        octet => octet.to_ascii_lowercase(),
    };
    left.len() == right.len() && left.bytes().map(word).eq(right.bytes().map(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nine_request_statuses_read_back() {
        for status in [
            RequestStatus::Ok,
            RequestStatus::Unspecified,
            RequestStatus::ServiceDenied,
            RequestStatus::MessageFormatCorrupt,
            RequestStatus::SendingAddressUnresolved,
            RequestStatus::MessageNotFound,
            RequestStatus::NetworkProblem,
            RequestStatus::ContentNotAccepted,
            RequestStatus::UnsupportedMessage,
        ] {
            assert_eq!(RequestStatus::read(status.token()), status);
            assert_eq!(RequestStatus::read(&status.token().to_ascii_uppercase()), status);
        }
    }

    #[test]
    fn numbers_and_mm1_names_read_as_the_3gpp_status() {
        for (token, status) in [
            ("0", RequestStatus::Ok),
            ("128", RequestStatus::Ok),
            ("0x80", RequestStatus::Ok),
            (" \"OK\" ", RequestStatus::Ok),
            ("34", RequestStatus::NetworkProblem),
            ("Error-transient-network-problem", RequestStatus::NetworkProblem),
            ("Error-permanent-service-denied", RequestStatus::ServiceDenied),
            ("error_permanent_content_not_accepted", RequestStatus::ContentNotAccepted),
            ("Error-permanent-failure", RequestStatus::Unspecified),
        ] {
            assert_eq!(RequestStatus::read(token), status, "{token}");
        }
    }

    #[test]
    fn a_name_that_says_transient_is_not_forgotten() {
        assert_eq!(RequestStatus::persistence("Error-transient-failure"), Some(Persistence::Transient));
        assert_eq!(RequestStatus::persistence("195"), Some(Persistence::Transient));
        assert_eq!(RequestStatus::persistence("Error-permanent-failure"), Some(Persistence::Permanent));
        assert_eq!(RequestStatus::persistence("Error-network-problem"), None);
    }

    #[test]
    fn unknown_tokens_are_kept_and_never_emitted() {
        let partial = RequestStatus::read("Error-transient-partial-success");
        assert_eq!(partial, RequestStatus::Other("Error-transient-partial-success".into()));
        assert_eq!(partial.token(), "Error-unspecified");
        assert_eq!(RequestStatus::read("999").token(), "Error-unspecified");
        assert_eq!(MmStatus::read("Teleported"), MmStatus::Other("Teleported".into()));
        assert_eq!(MmStatus::Unreachable.token(), "Indeterminate");
    }

    #[test]
    fn both_spellings_of_unrecognised_are_one_status() {
        assert_eq!(MmStatus::read("Unrecognized"), MmStatus::Unrecognised);
        assert_eq!(MmStatus::read("UNRECOGNISED").token(), "Unrecognised");
        assert_eq!(MmStatus::read("129"), MmStatus::Retrieved);
    }

    #[test]
    fn read_status_tolerates_punctuation() {
        assert_eq!(ReadStatus::read("Deleted-Without-Being_Read"), ReadStatus::DeletedWithoutBeingRead);
        assert_eq!(ReadStatus::read("read"), ReadStatus::Read);
        assert_eq!(ReadStatus::read("skimmed").token(), "skimmed");
    }

    #[test]
    fn multibyte_tokens_are_cut_nowhere() {
        assert_eq!(RequestStatus::read("error\u{2010}é"), RequestStatus::Other("error\u{2010}é".into()));
        assert_eq!(RequestStatus::persistence("ééééééééé"), None);
    }
}
