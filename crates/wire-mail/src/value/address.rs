//! Mailbox lists (RFC 5322 §3.4 and §4.4) and message identifiers (§3.6.4).
//!
//! Accepted beyond the grammar: semicolons between addresses, missing brackets, encoded words inside quotes,
//! groups that do not end, names in comments. A local part keeps its quotes when it needs them, so that
//! writing an address back cannot produce another one.
//!
//! Not here: the validity of a domain, and MM4 addresses.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::word;

/// Addresses or identifiers read of one header. Shown lists are a hundred times shorter; one of a million
/// would take a hundred times its octets in memory.
const MAX_ENTRIES: usize = 10_000;

/// One address of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// The name shown, decoded.
    pub display: Option<String>,
    /// Left of the `@`, quoted where RFC 5322 requires it; empty when nothing could be read.
    pub local: String,
    /// Right of the `@`; empty when there is none.
    pub domain: String,
    /// The group it stands in.
    pub group: Option<String>,
    /// As it stands in the list, trimmed.
    pub raw: String,
}

impl Mailbox {
    /// `local@domain`, or none without both.
    pub fn address(&self) -> Option<String> {
        (!self.local.is_empty() && !self.domain.is_empty())
            .then(|| [self.local.as_str(), "@", &self.domain].concat())
    }
}

/// Reads a mailbox or address list, up to 10 000 of them; empty groups such as `undisclosed-recipients:;`
/// give nothing.
pub fn addresses(value: &str) -> Vec<Mailbox> {
    let mut list = List::default();
    for c in value.chars() {
        list.take(c);
        if list.found.len() == MAX_ENTRIES {
            return list.found;
        }
    }
    list.end_mailbox();
    list.found
}

#[derive(Default)]
struct List {
    found: Vec<Mailbox>,
    group: Option<String>,
    /// Everything of the current mailbox.
    raw: String,
    /// Outside of brackets and comments.
    phrase: String,
    /// Inside of brackets.
    angle: Option<String>,
    comment: String,
    depth: usize,
    in_angle: bool,
    in_quotes: bool,
    escaped: bool,
    has_at: bool,
}

impl List {
    fn take(&mut self, c: char) {
        if self.escaped {
            self.escaped = false;
            self.keep(c);
            return;
        }
        match c {
            '\\' if self.in_quotes || self.depth > 0 => {
                self.escaped = true;
                self.keep(c);
            }
            '"' if self.depth == 0 => {
                self.in_quotes = !self.in_quotes;
                self.keep(c);
            }
            _ if self.in_quotes => self.keep(c),
            '(' => {
                self.depth += 1;
                self.raw.push(c);
                if self.depth > 1 || !self.comment.is_empty() {
                    self.comment.push(if self.depth > 1 { c } else { ' ' });
                }
            }
            ')' if self.depth > 0 => {
                self.depth -= 1;
                self.raw.push(c);
                if self.depth > 0 {
                    self.comment.push(c);
                }
            }
            _ if self.depth > 0 => self.keep(c),
            '<' if self.angle.is_none() => {
                self.angle = Some(String::new());
                self.in_angle = true;
                self.raw.push(c);
            }
            '>' if self.in_angle => {
                self.in_angle = false;
                self.raw.push(c);
            }
            // Inside brackets a comma belongs to a source route, or the closing bracket is missing.
            ',' if self.in_angle && self.angle.as_ref().is_some_and(|angle| angle.starts_with('@')) => {
                self.keep(c)
            }
            ',' => self.end_mailbox(),
            ';' => {
                self.end_mailbox();
                self.group = None;
            }
            ':' if !self.in_angle && !self.has_at => self.start_group(),
            _ => self.keep(c),
        }
    }

    fn keep(&mut self, c: char) {
        self.raw.push(c);
        if self.depth > 0 {
            self.comment.push(c);
        } else if self.in_angle {
            self.angle.get_or_insert_default().push(c);
        } else {
            self.has_at |= c == '@' && !self.in_quotes;
            self.phrase.push(c);
        }
    }

    fn start_group(&mut self) {
        let name = display(&self.phrase);
        self.clear();
        if !name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("mailto")) {
            self.group = name;
        }
    }

    fn clear(&mut self) {
        let (found, group) = (mem::take(&mut self.found), self.group.take());
        *self = Self { found, group, ..Self::default() };
    }

    fn end_mailbox(&mut self) {
        let raw = self.raw.trim().to_owned();
        if !raw.is_empty() {
            let comment = display(&self.comment);
            let (name, spec) = match &self.angle {
                Some(angle) => (display(&self.phrase).or(comment), angle.trim()),
                None => {
                    let (name, spec) = split_bare(self.phrase.trim());
                    (display(name).or(comment), spec)
                }
            };
            let (local, domain) = specification(spec).unwrap_or_default();
            let unread = local.is_empty() && name.is_none();
            let name = if unread { display(&self.phrase) } else { name };
            self.found.push(Mailbox { display: name, local, domain, group: self.group.clone(), raw });
        }
        self.clear();
    }
}

/// Name and address of a mailbox without brackets: the last word is the address if it holds an `@`, and a
/// single word always is.
fn split_bare(phrase: &str) -> (&str, &str) {
    if phrase.starts_with('"') && phrase.contains("\"@") {
        return ("", phrase);
    }
    match phrase.rsplit_once(char::is_whitespace) {
        None => ("", phrase),
        Some((name, last)) if last.contains('@') => (name, last),
        Some(_) => (phrase, ""),
    }
}

/// Local part and domain of an address without brackets.
fn specification(text: &str) -> Option<(String, String)> {
    let text = text.strip_prefix('@').and_then(|route| route.split_once(':')).map_or(text, |(_, rest)| rest);
    let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
    let (local, domain) = (local.trim(), domain.trim().trim_end_matches('.'));
    let literal = domain.starts_with('[') && domain.ends_with(']');
    let is_domain_char = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()\",;\\@".contains(c);
    if !domain.chars().all(|c| is_domain_char(c) && (literal || !"[]:".contains(c))) {
        return None;
    }
    let local = match local.strip_prefix('"').and_then(|local| local.strip_suffix('"')) {
        Some(quoted) => {
            let plain = unescape(quoted);
            if is_dot_atom(&plain) { plain } else { quote(&plain) }
        }
        None if is_dot_atom(local) => local.to_owned(),
        None => return None,
    };
    Some((local, domain.to_owned()))
}

fn is_dot_atom(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"<>()[]:;@\\,\"".contains(c))
}

fn unescape(quoted: &str) -> String {
    let mut out = String::with_capacity(quoted.len());
    let mut escaped = false;
    for c in quoted.chars() {
        escaped = c == '\\' && !escaped;
        if !escaped {
            out.push(c);
        }
    }
    out
}

fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// A phrase as text: quotes dropped, words decoded, white space made single.
fn display(phrase: &str) -> Option<String> {
    let mut plain = String::with_capacity(phrase.len());
    let mut escaped = false;
    for c in phrase.chars() {
        let kept = escaped || !matches!(c, '"' | '\\');
        escaped = c == '\\' && !escaped;
        if kept {
            plain.push(c);
        }
    }
    let decoded = word::unstructured(&plain);
    let text = decoded.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// Writes a mailbox: `Name <address>`, the name as atoms, quoted, or in encoded words; without a name the
/// address alone. Characters that would end the address are dropped from it.
pub fn encode_mailbox(display: Option<&str>, address: &str) -> String {
    let quoted_local = address.starts_with('"');
    let is_kept =
        |c: &char| !c.is_control() && (quoted_local || !c.is_whitespace() && !"<>,;\"\\()".contains(*c));
    let address: String = address.chars().filter(is_kept).collect();
    let name: String = display.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        return address;
    }
    let mut out = String::new();
    if name.split(' ').any(word::needs_encoding) {
        word::encode_words(&name, &mut out);
    } else if name
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || b" !#$%&'*+-/=?^_`{|}~".contains(&octet))
    {
        out.push_str(&name);
    } else {
        out.push_str(&quote(&name));
    }
    out.push_str(" <");
    out.push_str(&address);
    out.push('>');
    out
}

/// The identifiers of Message-ID, In-Reply-To or References, without brackets, up to 10 000. Where a sender left the
/// brackets out, each word with an `@` is one, and a single word always is.
pub fn message_ids(value: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('<').filter(|_| ids.len() < MAX_ENTRIES) {
        let end = after.find(['>', '<']).unwrap_or(after.len());
        let (id, after) = after.split_at(end);
        let id: String = id.chars().filter(|c| !c.is_whitespace()).collect();
        if !id.is_empty() {
            ids.push(id);
        }
        rest = after;
    }
    if ids.is_empty() {
        let words = value.split(|c: char| c.is_whitespace() || c == ',');
        let words = words.map(|word| word.trim_matches(['"', '<', '>'])).filter(|word| !word.is_empty());
        let words: Vec<&str> = words.take(MAX_ENTRIES).collect();
        let single = words.len() == 1;
        ids.extend(words.into_iter().filter(|word| single || word.contains('@')).map(ToOwned::to_owned));
    }
    ids
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Vec<(String, String)> {
        let pair = |it: &Mailbox| (it.display.clone().unwrap_or_default(), it.address().unwrap_or_default());
        addresses(value).iter().map(pair).collect()
    }

    fn one(value: &str) -> (String, String) {
        let mut list = read(value);
        assert_eq!(list.len(), 1, "{value}");
        list.remove(0)
    }

    #[test]
    fn the_examples_of_rfc_5322_are_read() {
        assert_eq!(
            one("\"Joe Q. Public\" <john.q.public@example.com>"),
            ("Joe Q. Public".into(), "john.q.public@example.com".into())
        );
        assert_eq!(
            read("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
            [("Mary Smith", "mary@x.test"), ("", "jdoe@example.org"), ("Who?", "one@y.test")]
                .map(|(a, b)| (a.into(), b.into())),
        );
        assert_eq!(
            read("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
            [("", "boss@nil.test"), ("Giant; \"Big\" Box", "sysservices@example.net")]
                .map(|(a, b)| (a.into(), b.into())),
        );
        let group = addresses("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;");
        assert_eq!(group.len(), 3);
        assert!(group.iter().all(|it| it.group.as_deref() == Some("A Group")));
        assert!(addresses("Undisclosed recipients:;").is_empty());
        assert_eq!(
            one("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
            ("Pete".into(), "pete@silly.test".into())
        );
        assert_eq!(one("<@machine.tld,@other.tld:mary@example.net>"), ("".into(), "mary@example.net".into()));
    }

    #[test]
    fn what_real_mailers_write_is_read() {
        assert_eq!(one("=?utf-8?Q?J=C3=B8rn?= Doe <j@x.test>"), ("Jørn Doe".into(), "j@x.test".into()));
        assert_eq!(one("\"=?utf-8?Q?J=C3=B8rn?=\" <j@x.test>"), ("Jørn".into(), "j@x.test".into()));
        assert_eq!(read("a@x.test; b@y.test").len(), 2);
        assert_eq!(one("a@x.test (Ann)"), ("Ann".into(), "a@x.test".into()));
        assert_eq!(one("Ann Smith a@x.test"), ("Ann Smith".into(), "a@x.test".into()));
        assert_eq!(read("Ann <a@x.test, Bob <b@x.test>").len(), 2);
        assert_eq!(one("\"a b\"@x.test"), ("".into(), "\"a b\"@x.test".into()));
        assert_eq!(one("\"ab\"@x.test"), ("".into(), "ab@x.test".into()));
        assert_eq!(one("u@[IPv6:2001:db8::1]"), ("".into(), "u@[IPv6:2001:db8::1]".into()));
        assert_eq!(one("mailto:a@x.test"), ("".into(), "a@x.test".into()));
        assert_eq!(one("+15550123/TYPE=PLMN@x.test"), ("".into(), "+15550123/TYPE=PLMN@x.test".into()));
    }

    #[test]
    fn what_cannot_be_read_is_kept_raw() {
        let list = addresses("not an address, <a b@x.test>, postmaster");
        assert_eq!(list[0].display.as_deref(), Some("not an address"));
        assert_eq!((list[1].local.as_str(), list[1].raw.as_str()), ("", "<a b@x.test>"));
        assert_eq!((list[2].local.as_str(), list[2].address()), ("postmaster", None));
    }

    #[test]
    fn a_million_entries_are_cut() {
        assert_eq!(addresses(&"a@b,".repeat(250_000)).len(), 10_000);
        assert_eq!(message_ids(&"<a>".repeat(300_000)).len(), 10_000);
        assert_eq!(message_ids(&"a@b ".repeat(250_000)).len(), 10_000);
    }

    #[test]
    fn identifiers_are_found_with_and_without_brackets() {
        assert_eq!(
            message_ids("<a@x.test> (c) <b@x.test>\t<c@\r\n x.test>"),
            ["a@x.test", "b@x.test", "c@x.test"]
        );
        assert_eq!(message_ids("\"a@x.test\""), ["a@x.test"]);
        assert_eq!(message_ids("1234"), ["1234"]);
        assert_eq!(message_ids("Your message of Monday a@x.test"), ["a@x.test"]);
        assert!(message_ids("").is_empty());
    }

    #[test]
    fn an_address_cannot_smuggle_in_another() {
        assert_eq!(encode_mailbox(Some("x"), "a@x.test>, <b@y.test"), "x <a@x.testb@y.test>");
        assert_eq!(encode_mailbox(Some("Eve <e@x.test>, b"), "a@x.test"), "\"Eve <e@x.test>, b\" <a@x.test>");
        assert_eq!(encode_mailbox(None, "a@x.test"), "a@x.test");
    }

    proptest! {
        #[test]
        fn a_written_mailbox_is_read_back(words in prop::collection::vec("[^\\pC\\s]{1,20}", 0..6), local in "[a-z0-9.+/=-]{1,12}") {
            let name = words.join(" ");
            let address = [local.as_str(), "@example.test"].concat();
            let coded = encode_mailbox(Some(&name), &address);
            prop_assert!(coded.is_ascii());
            prop_assert_eq!(one(&coded), (name, address));
        }

        #[test]
        fn no_value_breaks_the_reader(value in "[a-z@<>(),;:\"\\\\. \\[\\]]{0,60}|\\PC{0,60}") {
            for mailbox in addresses(&value) {
                prop_assert!(value.contains(mailbox.raw.as_str()));
                if let Some(address) = mailbox.address() {
                    let again = addresses(&encode_mailbox(None, &address));
                    prop_assert_eq!(again.len(), 1);
                    prop_assert_eq!(again[0].address(), Some(address.to_string()));
                }
            }
            let _ = message_ids(&value);
        }
    }
}
