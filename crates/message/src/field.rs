//! The closed list of fields of a message: what a mapping table may name, and what every table
//! must speak of.

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident $token:literal;)*) => {
        /// A field of the canonical message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $($(#[$doc])* $variant,)* }

        impl Field {
            /// All of them, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in tables and loss reports.
            #[must_use]
            pub const fn token(self) -> &'static str {
                match self { $(Self::$variant => $token,)* }
            }

            /// The field of that name.
            #[must_use]
            pub fn read(token: &str) -> Option<Self> {
                match token { $($token => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

fields! {
    /// Made by a machine.
    Automatic "automatic";
    /// Recipients shown in no header.
    Bcc "bcc";
    /// Recipients in copy.
    Cc "cc";
    /// Message class.
    Class "class";
    /// The parts.
    Content "content";
    /// How the parts stand together.
    ContentType "content-type";
    /// When it was sent.
    Date "date";
    /// Delivery report request.
    DeliveryReport "delivery-report";
    /// Earliest delivery.
    DeliveryTime "delivery-time";
    /// Envelope identifier.
    EnvelopeId "envelope-id";
    /// Expiry.
    Expiry "expiry";
    /// Forward counter.
    ForwardCounter "forward-counter";
    /// Systems it went through.
    Hops "hops";
    /// Message identifier.
    MessageId "message-id";
    /// Message type of the PDU.
    MessageType "message-type";
    /// Sender.
    Originator "originator";
    /// Where relays answer to.
    OriginatorSystem "originator-system";
    /// Earlier sendings.
    PreviouslySent "previously-sent";
    /// Priority.
    Priority "priority";
    /// Read report request.
    ReadReport "read-report";
    /// The relay's own delivery report request.
    RelayDeliveryReport "relay-delivery-report";
    /// Reply charging.
    ReplyCharging "reply-charging";
    /// Where answers go.
    ReplyTo "reply-to";
    /// How much of the message a failure report returns.
    ReturnContent "return-content";
    /// Return path.
    ReturnPath "return-path";
    /// Sender visibility.
    SenderVisibility "sender-visibility";
    /// Sensitivity.
    Sensitivity "sensitivity";
    /// Fields of value added services, content class, DRM, adaptation.
    ServiceFields "service-fields";
    /// Subject.
    Subject "subject";
    /// Recipients addressed.
    To "to";
    /// Transaction identifier of one hop.
    TransactionId "transaction-id";
    /// Fields without a word here.
    Unknown "unknown";
    /// Protocol version.
    Version "version";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_one_name_that_reads_back() {
        for &field in Field::ALL {
            assert_eq!(Field::read(field.token()), Some(field));
        }
    }
}
