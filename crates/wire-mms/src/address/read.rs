//! The lenient readers. One pass over the text each, no recursion, no failure.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;

use super::{AddressKind, Envelope, MmsAddress, is_number};

/// Reads the path of `MAIL FROM` or `RCPT TO`, with or without its angle brackets:
/// `<>`, `<7255>`, `<7255/TYPE=PLMN>`, `<+15550120001/TYPE=PLMN@mms.peer.test>`, `<user@host>`.
/// A source route (`@relay:`) is dropped, as RFC 5321 §4.1.1.3 allows.
#[must_use]
pub fn envelope(path: &str) -> Envelope {
    let path = path.trim();
    let inner = path.strip_prefix('<').map_or(path, |rest| rest.strip_suffix('>').unwrap_or(rest)).trim();
    let inner = match inner.strip_prefix('@').and_then(|route| route.split_once(':')) {
        Some((_, target)) => target,
        None => inner,
    };
    if inner.is_empty() { Envelope::Null } else { Envelope::Address(bare(inner)) }
}

/// Reads one address of a header; of a list, the first. `None` when there is nothing at all.
#[must_use]
pub fn one(value: &str) -> Option<MmsAddress> {
    Items::of(value).find_map(item)
}

/// Reads the address list of `To`, `Cc`, `From` or `X-Mms-Request-Recipients`, unfolded.
///
/// Commas separate, semicolons too where they belong to no `system=host;party=x`. Display names and
/// brackets are optional, duplicates are kept, groups (RFC 5322 §3.4) give their members, comments
/// are dropped. Yields at most one address per separator.
#[must_use]
pub fn list(value: &str) -> Vec<MmsAddress> {
    Items::of(value).filter_map(item).collect()
}

/// Cuts a list at its separators, outside quotes, comments and brackets.
struct Items<'a> {
    rest: &'a str,
    /// A quote or bracket was never closed. From there on every separator cuts, so that one slip
    /// does not swallow the list (and the rest is not scanned again for each item).
    unclosed: bool,
}

impl<'a> Items<'a> {
    const fn of(value: &'a str) -> Self {
        Self { rest: value, unclosed: false }
    }

    fn cut(&mut self) -> Option<usize> {
        let system = starts_with(self.rest.trim_start(), "system=");
        let separator = |c: char| c == ',' || (c == ';' && !system);
        if !self.unclosed {
            let mut scan = Scan::default();
            let cut = self.rest.char_indices().find(|(_, c)| scan.outside(*c) && separator(*c));
            if let Some((at, _)) = cut {
                return Some(at);
            }
            self.unclosed = scan.open();
        }
        if self.unclosed { self.rest.find(separator) } else { None }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let cut = self.cut().unwrap_or(self.rest.len());
        let (item, rest) = self.rest.split_at_checked(cut)?;
        self.rest = rest.get(1..).unwrap_or_default();
        Some(item)
    }
}

/// Where a scan of a structured header stands (RFC 5322 §3.2).
#[derive(Default)]
struct Scan {
    quoted: bool,
    escaped: bool,
    comments: u32,
    angle: bool,
}

impl Scan {
    /// Takes the next character; true when it stands outside quotes, comments and brackets.
    fn outside(&mut self, c: char) -> bool {
        if core::mem::take(&mut self.escaped) {
            return false;
        }
        match c {
            '\\' if self.quoted || self.comments > 0 => self.escaped = true,
            '"' if self.comments == 0 => self.quoted = !self.quoted,
            _ if self.quoted => {}
            '(' => self.comments = self.comments.saturating_add(1),
            ')' => self.comments = self.comments.saturating_sub(1),
            _ if self.comments > 0 => {}
            '<' => self.angle = true,
            '>' => self.angle = false,
            _ => return !self.angle,
        }
        false
    }

    const fn open(&self) -> bool {
        self.quoted || self.angle || self.comments > 0
    }
}

/// One item of a list: `addr`, `<addr>`, `name <addr>`, with comments anywhere.
fn item(text: &str) -> Option<MmsAddress> {
    let text = without_comments(text);
    let text = without_group(text.trim());
    if text.is_empty() {
        return None;
    }
    let mut scan = Scan::default();
    let angle = text.char_indices().find(|(_, c)| !scan.outside(*c) && *c == '<' && !scan.quoted);
    let Some((before, rest)) = angle.and_then(|(at, _)| text.split_at_checked(at)) else {
        return Some(named_without_brackets(text).unwrap_or_else(|| bare(text)));
    };
    let rest = rest.strip_prefix('<').unwrap_or(rest);
    let inner = rest.split_once('>').map_or(rest, |(inner, _)| inner).trim();
    let name = unquote(before.trim());
    let mut address = bare(if inner.is_empty() { before.trim() } else { inner });
    address.display = (!name.is_empty() && !inner.is_empty()).then_some(name);
    (!address.local.is_empty()).then_some(address)
}

/// `Jane Doe +15550120001/TYPE=PLMN`: blanks before what can only be an address make a display name.
fn named_without_brackets(text: &str) -> Option<MmsAddress> {
    let mut scan = Scan::default();
    let blank = text.char_indices().filter(|(_, c)| scan.outside(*c) && c.is_whitespace()).last();
    let (name, tail) = text.split_at_checked(blank?.0)?;
    if !name.contains(char::is_alphabetic) || name.contains(['@', '/']) {
        return None;
    }
    let tail = tail.trim_start();
    let mut address = bare(tail);
    let certain =
        is_number(tail) || !matches!(address.kind, AddressKind::Other(_) | AddressKind::Unspecified);
    address.display = Some(unquote(name.trim()));
    certain.then_some(address)
}

/// An address without brackets or display name.
fn bare(text: &str) -> MmsAddress {
    let text = text.trim();
    if let Some(address) = system_party(text) {
        return address;
    }
    let (mailbox, domain) = match last_at(text) {
        Some((mailbox, domain)) if !domain.is_empty() => (mailbox, Some(domain)),
        Some((mailbox, _)) => (mailbox, None),
        None => (text, None),
    };
    let mailbox = unquote(mailbox);
    let (local, kind) = typed(&mailbox, domain.is_some());
    // A fold in the middle of a number leaves a blank there, which no number has.
    let local: Cow<'_, str> = match kind {
        AddressKind::Mail => Cow::Borrowed(local),
        AddressKind::Plmn => local.split_whitespace().collect(),
        _ => Cow::Borrowed(local.trim()),
    };
    if local.is_empty()
        || domain.is_some_and(|domain| domain.contains([' ', '<', '>', '"']))
        || is_junk(&local, &kind)
    {
        return MmsAddress {
            local: text.to_owned(),
            kind: AddressKind::Other(String::new()),
            domain: None,
            display: None,
        };
    }
    // `"+1555"/TYPE=PLMN`: quotes around the number alone; otherwise they are gone already.
    let local = if kind == AddressKind::Mail { local.into_owned() } else { unquote(&local) };
    MmsAddress { local, kind, domain: domain.map(ToOwned::to_owned), display: None }
}

/// Splits `local/TYPE=token`; the case of both words is free.
fn typed(mailbox: &str, has_domain: bool) -> (&str, AddressKind) {
    const MARK: &str = "/TYPE=";
    let starts_mark = |at: &usize| mailbox.get(*at..).is_some_and(|rest| starts_with(rest, MARK));
    let at = mailbox.match_indices('/').map(|(at, _)| at).rfind(starts_mark);
    if let Some((local, rest)) = at.and_then(|at| mailbox.split_at_checked(at)) {
        let token = rest.get(MARK.len()..).unwrap_or_default().trim();
        let kind = if token.eq_ignore_ascii_case("PLMN") {
            AddressKind::Plmn
        } else if token.eq_ignore_ascii_case("IPv4") {
            AddressKind::Ipv4
        } else if token.eq_ignore_ascii_case("IPv6") {
            AddressKind::Ipv6
        } else {
            AddressKind::Other(token.to_owned())
        };
        return (local, kind);
    }
    if has_domain && !is_number(mailbox) {
        (mailbox, AddressKind::Mail)
    } else {
        (mailbox, AddressKind::Unspecified)
    }
}

/// `system=host;party=x`, the form of one MMSC's `X-Mms-Originator-System`: the party at the host.
fn system_party(text: &str) -> Option<MmsAddress> {
    if !starts_with(text, "system=") {
        return None;
    }
    let (host, rest) =
        text.get("system=".len()..)?.split_once(';').unwrap_or((text.get("system=".len()..)?, ""));
    let rest = rest.trim();
    let party = if starts_with(rest, "party=") { rest.get("party=".len()..)?.trim() } else { "" };
    let host = host.trim();
    if host.is_empty() || party.is_empty() || starts_with(party, "system=") {
        return None;
    }
    let mut address = bare(party);
    address.domain = Some(host.to_owned());
    Some(address)
}

/// No peer puts blanks or controls into an address that is not a quoted mailbox name.
fn is_junk(local: &str, kind: &AddressKind) -> bool {
    let blank = *kind != AddressKind::Mail && local.contains(char::is_whitespace);
    let unknown_type_without_token = matches!(kind, AddressKind::Other(token) if token.is_empty());
    blank || unknown_type_without_token || local.contains(char::is_control)
}

/// Splits at the last `@` outside quotes.
fn last_at(text: &str) -> Option<(&str, &str)> {
    let mut scan = Scan::default();
    let at = text.char_indices().filter(|(_, c)| scan.outside(*c) && *c == '@').last();
    let (at, _) = at.or_else(|| text.char_indices().rfind(|(_, c)| *c == '@' && scan.open()))?;
    let (mailbox, domain) = text.split_at_checked(at)?;
    Some((mailbox.trim(), domain.get(1..)?.trim()))
}

/// Removes the quotes of a quoted string and resolves its escapes; leaves other text alone.
fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    plain
}

fn without_comments(text: &str) -> String {
    let mut scan = Scan::default();
    text.chars()
        .filter(|c| {
            let was_inside = scan.comments > 0;
            let _ = scan.outside(*c);
            !was_inside && scan.comments == 0
        })
        .collect()
}

/// Drops the `name:` that opens a group and the `;` that closes it. A colon of an IPv6 address opens none.
fn without_group(text: &str) -> &str {
    let text = text.strip_suffix(';').unwrap_or(text).trim_end();
    match text.split_once(':') {
        Some((name, rest))
            if name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '_'))
                && !rest.contains(':') =>
        {
            rest.trim()
        }
        _ => text,
    }
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
