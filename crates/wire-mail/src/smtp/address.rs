//! Envelope addresses: the mailbox of RFC 5321 section 4.1.2 with RFC 6531, and the forms of MMS
//! peers that have no domain (TS 23.140 clause 8.4.3: `+15550100/TYPE=PLMN`, short codes).
//!
//! An [`Address`] is canonical: its local part is quoted exactly when it must be, source routes
//! are gone, and no control character is in it, so that it can be written into a command as it
//! is. It does not fold case, resolve domains or know what kind of subscriber it names.

use alloc::{borrow::Cow, string::String};
use core::fmt;

/// Which grammar an envelope follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// RFC 5321: a domain is required, except for `Postmaster`.
    Mail,
    /// MM4: the domain may be missing, and IPv6 addresses keep their colons.
    Mms,
}

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFault {
    /// A control character, which could end the command it is written into.
    Control,
    /// The domain is missing or not made of labels, nor a literal in brackets.
    Domain,
    /// The local part is empty or holds a character that has to be quoted.
    LocalPart,
    /// `<` and `>` do not match, or more follows.
    Path,
}

/// One canonical envelope address; the null reverse-path `<>` is the empty one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Address(String);

impl Address {
    /// The null reverse-path.
    #[must_use]
    pub const fn null() -> Self {
        Self(String::new())
    }

    /// Reads an address without its angle brackets: `user@a.test`, `"a b"@a.test`, or nothing at
    /// all. A source route (`@relay.test:user@a.test`) is dropped as RFC 5321 appendix C asks.
    ///
    /// # Errors
    /// When the text is not an address of that form.
    pub fn parse(text: &str, form: Form) -> Result<Self, AddressFault> {
        if text.chars().any(char::is_control) {
            return Err(AddressFault::Control);
        }
        if text.is_empty() {
            return Ok(Self::null());
        }
        let text = match text.strip_prefix('@') {
            Some(route) => route.split_once(':').map(|(_, mailbox)| mailbox).ok_or(AddressFault::Path)?,
            None => text,
        };
        let (local, domain) = split(text)?;
        if local.is_empty() {
            return Err(AddressFault::LocalPart);
        }
        match domain {
            Some(domain) if !is_domain(domain) => return Err(AddressFault::Domain),
            None if form == Form::Mail && !local.eq_ignore_ascii_case("postmaster") => {
                return Err(AddressFault::Domain);
            }
            _ => {}
        }
        let quoted = text.starts_with('"');
        let colons = form == Form::Mms && ends_with_ignore_case(&local, "/TYPE=IPv6");
        if !quoted && !local.chars().all(|char| is_atext(char) || char == '.' || (colons && char == ':')) {
            return Err(AddressFault::LocalPart);
        }
        let mut out = String::with_capacity(text.len() + 2);
        if is_dot_string(&local) || (colons && !quoted) {
            out.push_str(&local);
        } else {
            push_quoted(&mut out, &local);
        }
        if let Some(domain) = domain {
            out.push('@');
            out.push_str(domain);
        }
        Ok(Self(out))
    }

    /// The address as it is written into a command, without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the null reverse-path.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether SMTPUTF8 is needed to write it.
    #[must_use]
    pub fn is_international(&self) -> bool {
        !self.0.is_ascii()
    }

    /// The local part without quotes and escapes.
    #[must_use]
    pub fn local(&self) -> Cow<'_, str> {
        split(&self.0).map_or(Cow::Borrowed(self.as_str()), |(local, _)| local)
    }

    /// The domain or address literal, when there is one.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        split(&self.0).ok().and_then(|(_, domain)| domain)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the path at the beginning of a command's arguments; returns it and what follows.
///
/// White space before the path and missing angle brackets are accepted, as many clients need.
pub(crate) fn read_path(text: &str, form: Form) -> Result<(Address, &str), AddressFault> {
    let text = text.trim_start_matches(' ');
    let Some(inner) = text.strip_prefix('<') else {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        if word.is_empty() || word.contains(['<', '>', '"']) {
            return Err(AddressFault::Path);
        }
        return Ok((Address::parse(word, form)?, rest));
    };
    let mut quoted = false;
    let mut escaped = false;
    for (at, octet) in inner.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => {
                let path = inner.get(..at).unwrap_or_default();
                let rest = inner.get(at + 1..).unwrap_or_default();
                return match rest.strip_prefix(' ') {
                    Some(rest) => Ok((Address::parse(path, form)?, rest)),
                    None if rest.is_empty() => Ok((Address::parse(path, form)?, rest)),
                    None => Err(AddressFault::Path),
                };
            }
            _ => {}
        }
    }
    Err(AddressFault::Path)
}

/// Local part without quotes, and domain.
fn split(text: &str) -> Result<(Cow<'_, str>, Option<&str>), AddressFault> {
    let Some(quoted) = text.strip_prefix('"') else {
        return Ok(match text.rsplit_once('@') {
            Some((local, domain)) => (Cow::Borrowed(local), Some(domain)),
            None => (Cow::Borrowed(text), None),
        });
    };
    let mut local = String::with_capacity(quoted.len());
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => local.push(chars.next().ok_or(AddressFault::LocalPart)?.1),
            '"' => {
                let rest = quoted.get(at + 1..).unwrap_or_default();
                return match rest.strip_prefix('@') {
                    Some(domain) => Ok((Cow::Owned(local), Some(domain))),
                    None if rest.is_empty() => Ok((Cow::Owned(local), None)),
                    None => Err(AddressFault::LocalPart),
                };
            }
            char => local.push(char),
        }
    }
    Err(AddressFault::LocalPart)
}

fn push_quoted(out: &mut String, local: &str) {
    out.push('"');
    for char in local.chars() {
        if matches!(char, '"' | '\\') {
            out.push('\\');
        }
        out.push(char);
    }
    out.push('"');
}

fn is_atext(char: char) -> bool {
    char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char) || !char.is_ascii()
}

fn is_dot_string(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// Labels of letters, digits, hyphens and underscores (seen in real host names), or anything
/// printable in brackets.
fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[') {
        return literal.strip_suffix(']').is_some_and(|inner| {
            !inner.is_empty()
                && inner.bytes().all(|octet| matches!(octet, b'!'..=b'~') && !b"[]\\".contains(&octet))
        });
    }
    domain.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_') || !char.is_ascii())
    })
}

fn ends_with_ignore_case(text: &str, suffix: &str) -> bool {
    text.len()
        .checked_sub(suffix.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Address, AddressFault, Form, read_path};
    use alloc::string::{String, ToString};
    use proptest::prelude::*;

    fn mail(text: &str) -> Result<String, AddressFault> {
        Address::parse(text, Form::Mail).map(|address| address.to_string())
    }

    #[test]
    fn quoted_local_parts_keep_their_quotes_only_where_they_need_them() {
        assert_eq!(mail(r#""a b"@x.test"#).unwrap(), r#""a b"@x.test"#);
        assert_eq!(mail(r#""abc"@x.test"#).unwrap(), "abc@x.test");
        assert_eq!(mail(r#""a\"b\\c\d"@x.test"#).unwrap(), r#""a\"b\\cd"@x.test"#);
        assert_eq!(mail(r#""victim@a.test> SIZE=1"@x.test"#).unwrap(), r#""victim@a.test> SIZE=1"@x.test"#);
        assert_eq!(mail("a..b.@x.test").unwrap(), r#""a..b."@x.test"#);
        let address = Address::parse(r#""a@b"@x.test"#, Form::Mail).unwrap();
        assert_eq!((address.local().as_ref(), address.domain()), ("a@b", Some("x.test")));
    }

    #[test]
    fn source_routes_are_dropped_and_literals_kept() {
        assert_eq!(mail("@a.test,@b.test:joe@c.test").unwrap(), "joe@c.test");
        assert_eq!(mail("joe@[192.0.2.1]").unwrap(), "joe@[192.0.2.1]");
        assert_eq!(mail("joe@[IPv6:2001:db8::1]").unwrap(), "joe@[IPv6:2001:db8::1]");
        assert_eq!(mail("Postmaster").unwrap(), "Postmaster");
        assert_eq!(mail("").unwrap(), "");
    }

    #[test]
    fn what_is_no_mailbox_is_refused() {
        use AddressFault::{Control, Domain, LocalPart, Path};
        for (text, fault) in [
            ("joe", Domain),
            ("joe@", Domain),
            ("joe@a..test", Domain),
            ("joe@-a.test", Domain),
            ("joe@a test", Domain),
            ("joe@[]", Domain),
            ("@x.test", Path),
            ("a b@x.test", LocalPart),
            ("a@b@x.test", LocalPart),
            (r#""a"b@x.test"#, LocalPart),
            (r#""a"#, LocalPart),
            (r#""a\"#, LocalPart),
            (r#"""@x.test"#, LocalPart),
            ("a\r\nRCPT TO:<b@x.test>", Control),
            ("a\0@x.test", Control),
            ("a\u{85}@x.test", Control),
        ] {
            assert_eq!(mail(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn addresses_of_mms_peers_need_no_domain() {
        for text in [
            "+15550123001/TYPE=PLMN",
            "7255",
            "7255/TYPE=PLMN",
            "+15550123001/TYPE=PLMN@mms.carrier.test",
            "192.0.2.1/TYPE=IPv4",
            "2001:db8:0:0:0:0:0:1/TYPE=IPv6",
            "",
            "system-user",
        ] {
            assert_eq!(Address::parse(text, Form::Mms).unwrap().as_str(), text);
        }
        assert!(Address::parse("a:b", Form::Mms).is_err());
        assert!(mail("+15550123001/TYPE=PLMN").is_err());
    }

    #[test]
    fn a_path_ends_at_the_bracket_outside_quotes() {
        let (address, rest) = read_path(r#"<"a>b"@x.test> SIZE=1"#, Form::Mail).unwrap();
        assert_eq!((address.as_str(), rest), (r#""a>b"@x.test"#, "SIZE=1"));
        assert_eq!(read_path(" joe@x.test", Form::Mail).unwrap().0.as_str(), "joe@x.test");
        for text in ["<joe@x.test", "joe@x.test>", "<joe@x.test>SIZE=1", "", "<joe@x.test>>"] {
            assert_eq!(read_path(text, Form::Mail), Err(AddressFault::Path), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_address_reads_back_as_itself(text in "\\PC{0,24}", local in "[\"\\\\a@. >]{1,8}") {
            for form in [Form::Mail, Form::Mms] {
                if let Ok(address) = Address::parse(&text, form) {
                    prop_assert_eq!(Address::parse(address.as_str(), form).unwrap(), address);
                }
            }
            let mut quoted = String::new();
            super::push_quoted(&mut quoted, &local);
            quoted.push_str("@x.test");
            let address = Address::parse(&quoted, Form::Mail).unwrap();
            let unquoted = address.local();
            prop_assert_eq!(unquoted.as_ref(), local.as_str());
            prop_assert_eq!(address.domain(), Some("x.test"));
            let path = alloc::format!("<{address}> A=B");
            let (read, rest) = read_path(&path, Form::Mail).unwrap();
            prop_assert_eq!((read, rest), (address, "A=B"));
        }
    }
}
