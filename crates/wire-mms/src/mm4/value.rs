//! The smaller values of MM4 headers: yes and no, priority, class, expiry, indexed values
//! (TS 23.140 §8.4.4).
//!
//! Readers accept any case and surrounding quotes, and answer `None` for what is no such value, so
//! that absent and unreadable both stay absent: no default is invented here.

use alloc::borrow::ToOwned;
use alloc::string::String;

use crate::date;
use crate::quirks::ExpiryForm;

/// Declares an enum of exact tokens with an open end.
macro_rules! open_tokens {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $token:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// Any other token, as received.
            Other(String),
        }

        impl $name {
            /// Reads a token in any case.
            #[must_use]
            pub fn read(token: &str) -> Self {
                let token = unquoted(token);
                $(if token.eq_ignore_ascii_case($token) {
                    return Self::$variant;
                })*
                Self::Other(token.to_owned())
            }

            /// The exact token to write; an unknown one as received.
            #[must_use]
            pub fn token(&self) -> &str {
                match self {
                    $(Self::$variant => $token,)*
                    Self::Other(token) => token,
                }
            }
        }
    };
}

open_tokens! {
    /// `X-Mms-Message-Class`. Operators extend it with tokens of their own.
    MessageClass {
        /// `Personal`
        Personal = "Personal",
        /// `Advertisement`
        Advertisement = "Advertisement",
        /// `Informational`
        Informational = "Informational",
        /// `Auto`
        Auto = "Auto",
    }
}
open_tokens! {
    /// `X-Mms-Content-Class` (Rel-6).
    ContentClass {
        /// `text`
        Text = "text",
        /// `image-basic`
        ImageBasic = "image-basic",
        /// `image-rich`
        ImageRich = "image-rich",
        /// `video-basic`
        VideoBasic = "video-basic",
        /// `video-rich`
        VideoRich = "video-rich",
        /// `megapixel`
        Megapixel = "megapixel",
        /// `content-basic`
        ContentBasic = "content-basic",
        /// `content-rich`
        ContentRich = "content-rich",
    }
}

/// `X-Mms-Priority`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// `Low`
    Low,
    /// `Normal`
    Normal,
    /// `High`
    High,
}

impl Priority {
    /// Reads a token in any case, or an MM1 octet (128 to 130).
    #[must_use]
    pub fn read(token: &str) -> Option<Self> {
        match unquoted(token) {
            token if token.eq_ignore_ascii_case("low") || token == "128" => Some(Self::Low),
            token if token.eq_ignore_ascii_case("normal") || token == "129" => Some(Self::Normal),
            token if token.eq_ignore_ascii_case("high") || token == "130" => Some(Self::High),
            _ => None,
        }
    }

    /// The exact token to write.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Normal => "Normal",
            Self::High => "High",
        }
    }
}

/// `X-Mms-Sender-Visibility`. `From` stands in the PDU either way; the recipient's R/S hides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SenderVisibility {
    /// `Show`
    Show,
    /// `Hide`
    Hide,
}

impl SenderVisibility {
    /// Reads a token in any case, or an MM1 octet (128 is hide, 129 is show).
    #[must_use]
    pub fn read(token: &str) -> Option<Self> {
        match unquoted(token) {
            token if token.eq_ignore_ascii_case("show") || token == "129" => Some(Self::Show),
            token if token.eq_ignore_ascii_case("hide") || token == "128" => Some(Self::Hide),
            _ => None,
        }
    }

    /// The exact token to write.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Show => "Show",
            Self::Hide => "Hide",
        }
    }
}

/// A moment or a span: `X-Mms-Expiry`, `X-Mms-Reply-Charging-Deadline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExpiryValue {
    /// At this moment, in milliseconds since 1970 UTC.
    At(i64),
    /// This many seconds after submission.
    After(u64),
}

impl ExpiryValue {
    /// Reads seconds or a date of any form that [`date::parse`] knows.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = unquoted(text);
        if !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) {
            return text.parse().ok().map(Self::After);
        }
        date::parse(text).map(Self::At)
    }

    /// Writes the value in the form wanted. A form of the other kind (date for seconds) is reached
    /// through `now`, the time of submission in milliseconds since 1970 UTC.
    #[must_use]
    pub fn written(self, form: ExpiryForm, now: i64) -> String {
        match form {
            ExpiryForm::HttpDate => date::http(self.moment(now)),
            ExpiryForm::Rfc3339 => date::rfc3339(self.moment(now)),
            ExpiryForm::Seconds => alloc::format!("{}", self.seconds(now)),
        }
    }

    fn moment(self, now: i64) -> i64 {
        match self {
            Self::At(ms) => ms,
            Self::After(seconds) => now
                .saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))
                .min(LAST_MOMENT),
        }
    }

    fn seconds(self, now: i64) -> u64 {
        match self {
            Self::At(ms) => u64::try_from(ms.saturating_sub(now)).unwrap_or(0) / 1000,
            Self::After(seconds) => seconds,
        }
    }
}

/// The last second of the year 9999, the last that a date of four year digits can name.
const LAST_MOMENT: i64 = 253_402_300_799_000;

/// `n, value`: the previously-sent trace. The index 0 is the first submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed<T> {
    /// Which sending.
    pub index: u32,
    /// Who or when.
    pub value: T,
}

impl<'a> Indexed<&'a str> {
    /// Reads `n, value`; a value without an index (as in `X-Mms-Forwarded-By`) gets `position`.
    #[must_use]
    pub fn read(text: &'a str, position: u32) -> Self {
        if let Some((index, value)) = text.split_once(',')
            && index.trim().bytes().all(|c| c.is_ascii_digit())
            && let Ok(index) = index.trim().parse()
        {
            return Self { index, value: value.trim() };
        }
        Self { index: position, value: text.trim() }
    }
}

/// Reads `Yes` or `No` in any case, also `true`, `false`, `1`, `0` and the MM1 octets 128 and 129.
#[must_use]
pub fn yes_no(token: &str) -> Option<bool> {
    let token = unquoted(token);
    let is = |word: &str| token.eq_ignore_ascii_case(word);
    if is("yes") || is("true") || is("1") || is("128") {
        Some(true)
    } else if is("no") || is("false") || is("0") || is("129") {
        Some(false)
    } else {
        None
    }
}

/// The token to write for a flag.
pub(super) const fn yes_no_token(flag: bool) -> &'static str {
    if flag { "Yes" } else { "No" }
}

/// Without blanks and one pair of double quotes around it.
pub(super) fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).map_or(text, str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_date_in_any_form_or_seconds() {
        assert_eq!(ExpiryValue::read("86400"), Some(ExpiryValue::After(86_400)));
        for text in
            ["Tue, 18 Jan 2022 00:23:39 GMT", "2022-01-18T02:23:39+02:00", "\"18 Jan 2022 00:23:39 +0000\""]
        {
            assert_eq!(ExpiryValue::read(text), Some(ExpiryValue::At(1_642_465_419_000)), "{text}");
        }
        for text in ["", "-5", "tomorrow", "99999999999999999999999"] {
            assert_eq!(ExpiryValue::read(text), None, "{text}");
        }
    }

    #[test]
    fn an_expiry_is_written_in_the_form_of_the_peer() {
        let now = 1_642_465_419_000;
        let hour = ExpiryValue::After(3600);
        assert_eq!(hour.written(ExpiryForm::HttpDate, now), "Tue, 18 Jan 2022 01:23:39 GMT");
        assert_eq!(hour.written(ExpiryForm::Rfc3339, now), "2022-01-18T01:23:39Z");
        assert_eq!(ExpiryValue::At(now + 90_500).written(ExpiryForm::Seconds, now), "90");
        assert_eq!(ExpiryValue::At(0).written(ExpiryForm::Seconds, now), "0", "already past");
        assert_eq!(ExpiryValue::After(u64::MAX).written(ExpiryForm::Rfc3339, now), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn an_indexed_value_may_lack_its_index() {
        assert_eq!(
            Indexed::read("2, +15550120001/TYPE=PLMN", 0),
            Indexed { index: 2, value: "+15550120001/TYPE=PLMN" }
        );
        assert_eq!(
            Indexed::read("1,Tue, 18 Jan 2022 00:23:39 GMT", 0).value,
            "Tue, 18 Jan 2022 00:23:39 GMT"
        );
        assert_eq!(Indexed::read("Tue, 18 Jan 2022 00:23:39 GMT", 7).index, 7);
    }

    #[test]
    fn tokens_are_read_in_any_case_and_written_in_one() {
        assert_eq!(yes_no(" \"YES\" "), Some(true));
        assert_eq!(yes_no("maybe"), None);
        assert_eq!(Priority::read("HIGH").map(Priority::token), Some("High"));
        assert_eq!(SenderVisibility::read("hide"), Some(SenderVisibility::Hide));
        assert_eq!(MessageClass::read("personal").token(), "Personal");
        assert_eq!(MessageClass::read("x-tariff-7").token(), "x-tariff-7");
        assert_eq!(ContentClass::read("Image-Rich"), ContentClass::ImageRich);
    }
}
