//! The closed vocabularies that value maps translate to: a canonical value and its word in tables.
//!
//! Wire tokens are not here; they are data (`mappings/fields`, `mappings/status`).

use cedrat_message::{Class, DeliveryStatus, Field, Priority, ReadStatus, ReplyChargingKind, Visibility};

/// A value with one word for it in tables.
pub trait Word: Sized {
    /// Its word; `None` for a value outside the closed vocabulary (a class of the token extension).
    fn word(&self) -> Option<&'static str>;
    /// The value of that word.
    fn of_word(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($list:ident, $type:ty { $($pattern:path = $word:literal,)* }) => {
        const $list: &[&str] = &[$($word),*];

        impl Word for $type {
            fn word(&self) -> Option<&'static str> {
                #[allow(unreachable_patterns)]
                match self { $($pattern => Some($word),)* _ => None }
            }

            fn of_word(word: &str) -> Option<Self> {
                match word { $($word => Some($pattern),)* _ => None }
            }
        }
    };
}

words! { CLASSES, Class {
    Class::Advertisement = "advertisement",
    Class::Auto = "auto",
    Class::Informational = "informational",
    Class::Personal = "personal",
} }

words! { PRIORITIES, Priority {
    Priority::High = "high",
    Priority::Low = "low",
    Priority::Normal = "normal",
} }

words! { VISIBILITIES, Visibility {
    Visibility::Hide = "hide",
    Visibility::Show = "show",
} }

words! { REPLY_CHARGING, ReplyChargingKind {
    ReplyChargingKind::Accepted = "accepted",
    ReplyChargingKind::AcceptedTextOnly = "accepted-text-only",
    ReplyChargingKind::Requested = "requested",
    ReplyChargingKind::RequestedTextOnly = "requested-text-only",
} }

words! { DELIVERY_WORDS, DeliveryStatus {
    DeliveryStatus::Deferred = "deferred",
    DeliveryStatus::Expired = "expired",
    DeliveryStatus::Forwarded = "forwarded",
    DeliveryStatus::Indeterminate = "indeterminate",
    DeliveryStatus::Rejected = "rejected",
    DeliveryStatus::Retrieved = "retrieved",
    DeliveryStatus::Unreachable = "unreachable",
    DeliveryStatus::Unrecognised = "unrecognised",
} }

words! { READ_WORDS, ReadStatus {
    ReadStatus::DeletedUnread = "deleted-unread",
    ReadStatus::Read = "read",
} }

const YES_NO: &[&str] = &["yes", "no"];

impl Word for bool {
    fn word(&self) -> Option<&'static str> {
        Some(if *self { "yes" } else { "no" })
    }

    fn of_word(word: &str) -> Option<Self> {
        match word {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }
    }
}

/// The words of every delivery status.
pub const DELIVERY: &[&str] = DELIVERY_WORDS;
/// The words of every read status.
pub const READ: &[&str] = READ_WORDS;

/// The words that a value map of this field may translate to; `None` for a field without a closed
/// vocabulary.
#[must_use]
pub const fn of_field(field: Field) -> Option<&'static [&'static str]> {
    match field {
        Field::Class => Some(CLASSES),
        Field::Automatic | Field::DeliveryReport | Field::ReadReport | Field::RelayDeliveryReport => {
            Some(YES_NO)
        }
        Field::Priority => Some(PRIORITIES),
        Field::ReplyCharging => Some(REPLY_CHARGING),
        Field::SenderVisibility => Some(VISIBILITIES),
        _ => None,
    }
}
