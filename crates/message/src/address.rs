//! Addresses of TS 23.140 and of Internet mail, without any wire form: `/TYPE=PLMN`, the domain
//! of a relay and angle brackets are syntax of the interfaces and live in their codecs.
//!
//! Checked at construction, so that a value of these types can be written to any interface
//! without a further look at injection.

use alloc::{borrow::ToOwned, string::String};
use core::{fmt, net::IpAddr};

/// Why a text is no address of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFault {
    /// A control character, white space or a non-ASCII character where none may be.
    Character,
    /// Nothing there.
    Empty,
    /// Longer than the limit of its kind (15 digits, 64 octets local part, 255 octets domain).
    Length,
    /// Not of the kind's grammar.
    Syntax,
}

impl fmt::Display for AddressFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character => "contains a character that an address cannot hold",
            Self::Empty => "is empty",
            Self::Length => "is longer than an address may be",
            Self::Syntax => "is not an address",
        })
    }
}

/// A telephone number: digits only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    digits: String,
    international: bool,
}

impl Number {
    /// An E.164 number from its digits with or without `+`; 1 to 15 digits. Visual separators
    /// (RFC 3966 §3) `-`, `.`, `(`, `)` and blanks are taken out.
    ///
    /// # Errors
    /// When anything else than digits and separators is there, or too many or no digits.
    pub fn international(text: &str) -> Result<Self, AddressFault> {
        Ok(Self { digits: digits(text, 15)?, international: true })
    }

    /// A number without its country code, or a short code: 1 to 20 digits, no `+`.
    ///
    /// # Errors
    /// As [`Number::international`].
    pub fn local(text: &str) -> Result<Self, AddressFault> {
        if text.trim_start().starts_with('+') {
            return Err(AddressFault::Syntax);
        }
        Ok(Self { digits: digits(text, 20)?, international: false })
    }

    /// International when the text starts with `+`, else local.
    ///
    /// # Errors
    /// As [`Number::international`].
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        if text.trim_start().starts_with('+') { Self::international(text) } else { Self::local(text) }
    }

    /// The digits without `+`.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Whether the digits begin with a country code.
    #[must_use]
    pub const fn is_international(&self) -> bool {
        self.international
    }
}

fn digits(text: &str, most: usize) -> Result<String, AddressFault> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let mut digits = String::with_capacity(text.len().min(most));
    for c in text.chars() {
        match c {
            '0'..='9' if digits.len() == most => return Err(AddressFault::Length),
            '0'..='9' => digits.push(c),
            '-' | '.' | '(' | ')' | ' ' => {}
            _ => return Err(AddressFault::Syntax),
        }
    }
    if digits.is_empty() { Err(AddressFault::Empty) } else { Ok(digits) }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.international {
            f.write_str("+")?;
        }
        f.write_str(&self.digits)
    }
}

/// An e-mail address, `local@domain` of RFC 5321 §4.1.2. The local part is kept without quotes;
/// the domain in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailAddress {
    local: String,
    domain: String,
}

impl MailAddress {
    /// An address from its two sides; `local` unquoted. Non-ASCII letters are legal here
    /// (RFC 6531); an interface that cannot carry them refuses. Angle brackets are legal in a quoted
    /// local part and refused all the same: nobody has such an address, and systems that look for
    /// the end of a path at the first `>` would read another recipient.
    ///
    /// # Errors
    /// Control characters anywhere, angle brackets, white space or a second `@` in the domain, RFC 5321 §4.5.3.1 lengths.
    pub fn new(local: &str, domain: &str) -> Result<Self, AddressFault> {
        if local.is_empty() || domain.is_empty() {
            return Err(AddressFault::Empty);
        }
        if local.len() > 64 || domain.len() > 255 {
            return Err(AddressFault::Length);
        }
        if local.chars().any(|c| c.is_control() || c == '<' || c == '>') {
            return Err(AddressFault::Character);
        }
        let bad = |c: char| c.is_control() || c.is_whitespace() || "@<>()\\\",;".contains(c);
        if domain.chars().any(bad) {
            return Err(AddressFault::Character);
        }
        if domain.starts_with('.') || domain.ends_with('.') || domain.contains("..") {
            return Err(AddressFault::Syntax);
        }
        Ok(Self { local: local.to_owned(), domain: domain.to_lowercase() })
    }

    /// An address from `local@domain` or `"quoted local"@domain`.
    ///
    /// # Errors
    /// As [`MailAddress::new`], or no `@`.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let (local, domain) = text.trim().rsplit_once('@').ok_or(AddressFault::Syntax)?;
        match local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(quoted) => {
                let mut plain = String::with_capacity(quoted.len());
                let mut escaped = false;
                for c in quoted.chars() {
                    if c == '\\' && !escaped {
                        escaped = true;
                    } else if c == '"' && !escaped {
                        return Err(AddressFault::Syntax);
                    } else {
                        plain.push(c);
                        escaped = false;
                    }
                }
                if escaped { Err(AddressFault::Syntax) } else { Self::new(&plain, domain) }
            }
            None if local.chars().all(is_dot_atom) => Self::new(local, domain),
            None => Err(AddressFault::Syntax),
        }
    }

    /// The part before `@`, without quotes.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part after `@`, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether both sides can go through a system without SMTPUTF8.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain.is_ascii()
    }
}

fn is_dot_atom(c: char) -> bool {
    !c.is_control() && !c.is_whitespace() && !"()<>[]:;@\\,\"".contains(c)
}

impl fmt::Display for MailAddress {
    /// The form of RFC 5321, local part quoted when it must be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dots = self.local.starts_with('.') || self.local.ends_with('.') || self.local.contains("..");
        if !dots && self.local.chars().all(is_dot_atom) {
            write!(f, "{}@{}", self.local, self.domain)
        } else {
            f.write_str("\"")?;
            for c in self.local.chars() {
                if c == '"' || c == '\\' {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
            write!(f, "\"@{}", self.domain)
        }
    }
}

/// Who sends or receives, in the sense of TS 23.140 §7.2.1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// An IP address (`/TYPE=IPv4`, `/TYPE=IPv6`).
    Ip(IpAddr),
    /// An e-mail address.
    Mail(MailAddress),
    /// A name that is neither number nor e-mail address, as senders of bulk messages use:
    /// 1 to 64 printable ASCII characters without `@`, `/`, `<`, `>`, `"`, `,` and `;`.
    Name(String),
    /// A telephone number or short code (`/TYPE=PLMN`).
    Number(Number),
}

impl Address {
    /// A bare name.
    ///
    /// # Errors
    /// Length or characters outside the set above.
    pub fn name(text: &str) -> Result<Self, AddressFault> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressFault::Empty);
        }
        if text.len() > 64 {
            return Err(AddressFault::Length);
        }
        if !text.chars().all(|c| (c == ' ' || c.is_ascii_graphic()) && !"@/<>\",;".contains(c)) {
            return Err(AddressFault::Character);
        }
        Ok(Self::Name(text.to_owned()))
    }

    /// The address as a person writes it: `+447700900001`, `7255`, `a@b.example`, `192.0.2.1`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let text = text.trim();
        if text.contains('@') {
            MailAddress::parse(text).map(Self::Mail)
        } else if let Ok(ip) = text.parse::<IpAddr>() {
            Ok(Self::Ip(ip))
        } else if let Ok(number) = Number::parse(text) {
            Ok(Self::Number(number))
        } else {
            Self::name(text)
        }
    }

    /// The e-mail address, if it is one.
    #[must_use]
    pub const fn mail(&self) -> Option<&MailAddress> {
        if let Self::Mail(mail) = self { Some(mail) } else { None }
    }

    /// The number, if it is one.
    #[must_use]
    pub const fn number(&self) -> Option<&Number> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => write!(f, "{ip}"),
            Self::Mail(mail) => write!(f, "{mail}"),
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// An address with the name that a person sees beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Where it goes.
    pub address: Address,
    /// What is shown, decoded; `None` when the sender gave none.
    pub display: Option<String>,
}

impl Party {
    /// A party without a name.
    #[must_use]
    pub const fn new(address: Address) -> Self {
        Self { address, display: None }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn what_a_person_writes_is_read_as_its_kind() {
        assert!(
            matches!(Address::parse("+44 7700 900001").unwrap(), Address::Number(n) if n.to_string() == "+447700900001")
        );
        assert!(matches!(Address::parse("7255").unwrap(), Address::Number(n) if !n.is_international()));
        assert!(
            matches!(Address::parse("a@B.example").unwrap(), Address::Mail(m) if m.domain() == "b.example")
        );
        assert!(matches!(Address::parse("2001:db8::1").unwrap(), Address::Ip(_)));
        assert!(matches!(Address::parse("Bank Info").unwrap(), Address::Name(_)));
    }

    #[test]
    fn a_local_part_that_needs_quotes_gets_them_back() {
        for text in ["\"a b\"@x.example", "\"a\\\"b\"@x.example", "a.b+c=d/e@x.example", "\".a\"@x.example"] {
            assert_eq!(MailAddress::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(MailAddress::new("a@b", "x.example").unwrap().to_string(), "\"a@b\"@x.example");
    }

    #[test]
    fn nothing_that_could_break_a_line_is_an_address() {
        for text in
            ["a\r\nRCPT TO:<b>@x.example", "a@x.exa\nmple", "a@", "@x", "a b@x.example", "a@x..example"]
        {
            assert!(MailAddress::parse(text).is_err(), "{text:?}");
        }
        assert!(MailAddress::parse("\"Eve <b@c.example\"@x.example").is_err(), "a path within a path");
        assert!(Address::name("x\u{0}").is_err());
        assert_eq!(Number::international("+4477009000011234"), Err(AddressFault::Length));
        assert_eq!(Number::international("+"), Err(AddressFault::Empty));
    }
}
