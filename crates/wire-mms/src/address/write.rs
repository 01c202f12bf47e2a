//! The writers. What they write is read back as the same address, display name aside, and cannot
//! leave the header or the path it stands in: odd characters are quoted, controls dropped.

use alloc::string::String;

use super::{AddressKind, MmsAddress};
use crate::quirks::AddressForm;

impl MmsAddress {
    /// As it stands in `From`, `To` and `Cc` for a peer that wants numbers in `form`.
    ///
    /// `domain` is put behind a number when the form has a domain and the address has none of its
    /// own. Mail addresses and system names are not changed by the form. Display names are not
    /// written: MM4 peers take the whole value for the address.
    #[must_use]
    pub fn written(&self, form: AddressForm, domain: &str) -> String {
        let own = self.domain.as_deref();
        let (typed, domain) = match (self.is_number(), form) {
            (true, AddressForm::E164) => (false, None),
            (true, AddressForm::E164Plmn) => (true, None),
            (true, AddressForm::E164PlmnDomain) => (true, own.or(Some(domain))),
            (false, _) => (true, own),
        };
        self.mailbox(typed, domain)
    }

    /// As the path of `MAIL FROM` or `RCPT TO`, brackets included. `domain` replaces that of a
    /// number and completes a system name; `None` writes numbers without one.
    #[must_use]
    pub fn envelope(&self, domain: Option<&str>) -> String {
        let domain = match (self.is_number(), &self.domain) {
            (false, Some(own)) => Some(own.as_str()),
            _ => domain,
        };
        let mut path = String::from("<");
        path.push_str(&self.mailbox(true, domain));
        path.push('>');
        path
    }

    fn mailbox(&self, typed: bool, domain: Option<&str>) -> String {
        let mut mailbox = String::with_capacity(self.local.len() + 32);
        mailbox.extend(self.local.chars().filter(|c| !c.is_control()));
        let token = match &self.kind {
            AddressKind::Plmn => "PLMN",
            AddressKind::Ipv4 => "IPv4",
            AddressKind::Ipv6 => "IPv6",
            AddressKind::Other(token) => token,
            AddressKind::Unspecified if self.is_number() => "PLMN",
            AddressKind::Mail | AddressKind::Unspecified => "",
        };
        if typed && !token.is_empty() {
            mailbox.push_str("/TYPE=");
            mailbox.extend(token.chars().filter(char::is_ascii_alphanumeric));
        }
        let mut written =
            if is_plain(&mailbox, self.kind == AddressKind::Ipv6) { mailbox } else { quoted(&mailbox) };
        if let Some(domain) = domain.filter(|domain| !domain.is_empty()) {
            written.push('@');
            written.extend(domain.chars().filter(|c| c.is_alphanumeric() || "-._[]:".contains(*c)));
        }
        written
    }
}

/// Whether the text can stand without quotes: a dot-atom (RFC 5322 §3.2.3), with `colons` also an
/// IPv6 address, which peers write bare.
fn is_plain(text: &str, colons: bool) -> bool {
    let plain = |c: char| {
        !c.is_ascii()
            || c.is_ascii_alphanumeric()
            || "!#$%&'*+-/=?^_`{|}~.".contains(c)
            || (colons && c == ':')
    };
    !text.is_empty() && text.chars().all(plain)
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}
