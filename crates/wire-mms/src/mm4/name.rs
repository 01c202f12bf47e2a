//! The headers that MM4 knows (TS 23.140 §8.4, tables of the six PDUs; RFC 5322 for the rest).
//!
//! A closed list: each name has one spelling, used for writing, and the aliases seen, for reading.
//! A header that is not here is unknown and travels verbatim.

use alloc::string::String;
use core::iter;

use crate::quirks::HeaderCase;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $spelling:literal $(| $alias:literal)*;)*) => {
        /// A known header.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Name {
            $($(#[$doc])* $name,)*
        }

        impl Name {
            /// All known headers, in the order in which they are written.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The exact spelling of the specification.
            #[must_use]
            pub const fn spelling(self) -> &'static str {
                match self { $(Self::$name => $spelling,)* }
            }

            /// Other spellings that peers were seen to use. Read, never written.
            #[must_use]
            pub const fn aliases(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($alias),*],)* }
            }
        }
    };
}

names! {
    /// Version of TS 23.140, `x.y.z`.
    MmsVersion = "X-Mms-3GPP-MMS-Version" | "X-Mms-3GPP-Version" | "X-3GPP-MMS-Version";
    /// Which of the six PDUs.
    MessageType = "X-Mms-Message-Type";
    /// Joins a response with its request.
    TransactionId = "X-Mms-Transaction-ID";
    /// The MM, unchanged over all hops.
    MessageId = "X-Mms-Message-ID";
    /// Shown recipients; the envelope decides who receives.
    To = "To";
    /// Shown copy recipients.
    Cc = "Cc";
    /// Originator; of a report: the recipient that it reports on.
    From = "From";
    /// Of the content.
    ContentType = "Content-Type";
    /// Personal, Advertisement, Informational, Auto or another token.
    MessageClass = "X-Mms-Message-Class";
    /// Of submission; of a report: of the event.
    Date = "Date";
    /// When the MM expires: a date or seconds.
    Expiry = "X-Mms-Expiry";
    /// Whether the originator wants a delivery report.
    DeliveryReport = "X-Mms-Delivery-Report";
    /// Whether the originator's R/S wants one though its user did not ask.
    OriginatorRsDeliveryReport = "X-Mms-Originator-R/S-Delivery-Report" | "X-Mms-Originator-RS-Delivery-Report";
    /// Low, Normal, High.
    Priority = "X-Mms-Priority";
    /// Show or Hide.
    SenderVisibility = "X-Mms-Sender-Visibility";
    /// Whether the originator wants a read report.
    ReadReply = "X-Mms-Read-Reply" | "X-Mms-Read-Report";
    /// RFC 2047 text.
    Subject = "Subject";
    /// Whether a response is wanted.
    AckRequest = "X-Mms-Ack-Request" | "X-Mms-Acknowledgement-Request";
    /// Where responses and reports go.
    OriginatorSystem = "X-Mms-Originator-System";
    /// How often the MM was forwarded.
    ForwardCounter = "X-Mms-Forward-Counter";
    /// `n, address` of an earlier sender; repeated.
    PreviouslySentBy = "X-Mms-Previously-sent-by" | "X-Mms-Forwarded-By";
    /// `n, date` of an earlier sending; repeated.
    PreviouslySentDate = "X-Mms-Previously-sent-date-and-time";
    /// Outcome of a request, in its response.
    RequestStatusCode = "X-Mms-Request-Status-Code" | "X-Mms-Response-Status" | "X-Mms-Response-Status-Code" | "X-Mms-Request-Status";
    /// Free text beside a status.
    StatusText = "X-Mms-Status-Text" | "X-Mms-Response-Text" | "X-Mms-Request-Status-Text";
    /// Recipients to which a status applies (Rel-6).
    RequestRecipients = "X-Mms-Request-Recipients";
    /// Delivery outcome, in a delivery report.
    MmStatusCode = "X-Mms-MM-Status-Code" | "X-Mms-Status" | "X-Mms-MM-Status" | "X-Mms-Status-Code";
    /// Who rejected (Rel-6).
    MmStatusExtension = "X-Mms-MM-Status-Extension" | "X-Mms-Status-Extension";
    /// Whether the originator's user sees the report (Rel-6).
    ForwardToOriginatorUa = "X-Mms-Forward-To-Originator-UA";
    /// Read or deleted without being read.
    ReadStatus = "X-Mms-Read-Status";
    /// Value added service provider (Rel-6).
    VaspId = "X-Mms-VASP-ID";
    /// Value added service (Rel-6).
    VasId = "X-Mms-VAS-ID";
    /// Tariff of the service (Rel-6).
    ServiceCode = "X-Mms-Service-Code";
    /// Who pays (Rel-6).
    ChargedParty = "X-Mms-Charged-Party";
    /// Address of a third party that pays (Rel-6).
    ChargedPartyId = "X-Mms-Charged-Party-ID";
    /// Destination application (Rel-6).
    ApplicId = "X-Mms-Applic-ID";
    /// Application for replies (Rel-6).
    ReplyApplicId = "X-Mms-Reply-Applic-ID";
    /// Application addressing (Rel-6).
    AuxApplicInfo = "X-Mms-Aux-Applic-Info";
    /// Content class (Rel-6).
    ContentClass = "X-Mms-Content-Class";
    /// Whether there is DRM-protected content (Rel-6).
    DrmContent = "X-Mms-Drm-Content";
    /// Whether the content may be adapted (Rel-6).
    AdaptationAllowed = "X-Mms-Adaptation-Allowed" | "X-Mms-Adaptations";
    /// Reply charging: Requested, Requested text only, Accepted, Accepted text only.
    ReplyCharging = "X-Mms-Reply-Charging";
    /// The MM to which a charged reply answers.
    ReplyChargingId = "X-Mms-Reply-Charging-ID";
    /// Until when replies are paid for: a date or seconds.
    ReplyChargingDeadline = "X-Mms-Reply-Charging-Deadline";
    /// Largest reply that is paid for, in octets.
    ReplyChargingSize = "X-Mms-Reply-Charging-Size";
    /// RFC 5322 sender: a system address, or the originator with a domain.
    Sender = "Sender";
    /// RFC 5322 Message-ID; equal to the MM's ID or not.
    Rfc5322MessageId = "Message-ID";
    /// RFC 2045.
    MimeVersion = "MIME-Version";
}

impl Name {
    /// The header that a spelling means, in any case; `None` for an unknown header.
    /// `X-Mms-Status` is read as [`Name::MmStatusCode`], which it is outside responses.
    #[must_use]
    pub fn read(spelling: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|name| name.spellings().any(|known| known.eq_ignore_ascii_case(spelling)))
    }

    /// The name as a peer wants it spelt. Names of RFC 5322 and MIME do not vary.
    #[must_use]
    pub fn written(self, case: HeaderCase) -> String {
        let exact = self.spelling();
        if case == HeaderCase::ThreeGpp || !exact.starts_with("X-Mms-") {
            return String::from(exact);
        }
        let mut start = true;
        let word_case = |c: char| {
            let cased = if start { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            start = c == '-';
            cased
        };
        exact.chars().map(word_case).collect()
    }

    /// The exact spelling, then the aliases.
    pub fn spellings(self) -> impl Iterator<Item = &'static str> {
        iter::once(self.spelling()).chain(self.aliases().iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn no_spelling_means_two_headers() {
        let mut seen = BTreeSet::new();
        for name in Name::ALL {
            for spelling in name.spellings() {
                assert!(seen.insert(spelling.to_ascii_lowercase()), "{spelling}");
                assert_eq!(Name::read(&spelling.to_ascii_uppercase()), Some(*name));
            }
        }
    }

    #[test]
    fn an_unknown_header_has_no_name() {
        assert_eq!(Name::read("X-Mms-Forward-Route"), None);
        assert_eq!(Name::read("X-Mms-MMS-Version"), None, "the MM1 version that some peers leak");
    }
}
