//! One property of a card in the words of the version that is written.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Card, components, is_preferred};
use crate::Loss;
use crate::line::{Line, Style, base64, plain, split};

/// Properties of vCard 2.1 §2 whose value is a text.
const OLD_TEXTS: &[&str] = &["BDAY", "LABEL", "MAILER", "NOTE", "REV", "ROLE", "TITLE", "TZ", "UID"];
/// Those of RFC 2426 beside them.
const RFC_TEXTS: &[&str] = &["CLASS", "NAME", "PROFILE", "SORT-STRING"];
/// Says something about the file, not about a person.
const ABOUT_THE_FILE: &[&str] = &["BEGIN", "CLIENTPIDMAP", "END", "PRODID", "VERSION"];
/// Types of numbers and addresses in vCard 2.1 §2.2 and RFC 2426 §3.
const TYPES: &[&str] = &[
    "BBS", "CAR", "CELL", "DOM", "FAX", "HOME", "INTERNET", "INTL", "ISDN", "MODEM", "MSG", "PAGER",
    "PARCEL", "POSTAL", "PREF", "VIDEO", "VOICE", "WORK", "X400",
];

impl Card {
    pub(super) fn property(&mut self, line: &Line) {
        let name = line.name.as_str();
        let is_old = self.writer.style == Style::Old;
        match name {
            _ if ABOUT_THE_FILE.contains(&name) => {}
            "KIND" if line.value.trim().eq_ignore_ascii_case("individual") => {}
            "TEL" => self.text(line, &number(line)),
            "EMAIL" => self.text(line, without_scheme(&line.text(), "mailto:")),
            "ADR" => {
                let head = self.head(line, name);
                self.components(&head, &components(Some(line)));
                if let Some(label) = line.parameter("LABEL") {
                    let head = self.head(line, "LABEL");
                    self.writer.text(&head, label);
                }
            }
            "ORG" => {
                let head = self.head(line, name);
                self.components(&head, &components(Some(line)));
            }
            // A URL has no escapes of its own; some writers put them there.
            "URL" => self.put(line, &plain(&line.value, true)),
            "IMPP" | "SOURCE" if !is_old => self.put(line, &plain(&line.value, true)),
            "GEO" => self.place(line),
            "PHOTO" | "LOGO" | "SOUND" | "KEY" => self.octets(line),
            "BDAY" if line.text().trim().starts_with("--") => self.dropped("BDAY without a year"),
            "ANNIVERSARY" => {
                let value = line.text();
                self.writer.text("X-ANNIVERSARY", &value);
            }
            "CATEGORIES" | "NICKNAME" if !is_old => {
                let head = self.head(line, name);
                let list = split(&line.value, ',').into_iter().map(|it| plain(it, line.old)).collect();
                self.components(&head, &[list]);
            }
            // Labels belong to groups, and groups are not written in the old style.
            "X-ABLABEL" if is_old => {}
            _ if OLD_TEXTS.contains(&name)
                || name.starts_with("X-")
                || !is_old && RFC_TEXTS.contains(&name) =>
            {
                self.text(line, &line.text());
            }
            _ => self.dropped(name),
        }
    }

    fn text(&mut self, line: &Line, text: &str) {
        let head = self.head(line, &line.name);
        self.writer.text(&head, text);
    }

    fn put(&mut self, line: &Line, value: &str) {
        let head = self.head(line, &line.name);
        self.writer.put(&head, value);
    }

    /// Group, name and types.
    fn head(&self, line: &Line, name: &str) -> String {
        let mut types: Vec<&str> = Vec::new();
        for given in line.values("TYPE") {
            let given = if given.eq_ignore_ascii_case("mobile") { "CELL" } else { given };
            let known = TYPES.iter().copied().find(|known| known.eq_ignore_ascii_case(given));
            types.extend(known.filter(|known| *known != "PREF" && !types.contains(known)));
        }
        if is_preferred(line) {
            types.push("PREF");
        }
        let mut head = String::new();
        match self.writer.style {
            Style::Old => {
                head.push_str(name);
                for one in types {
                    head.push(';');
                    head.push_str(one);
                }
            }
            Style::Rfc => {
                if let Some(group) = &line.group {
                    head.push_str(group);
                    head.push('.');
                }
                head.push_str(name);
                if !types.is_empty() {
                    head.push_str(";TYPE=");
                    head.push_str(&types.join(","));
                }
            }
        }
        head
    }

    /// `geo:37.4,-122.1` of 4.0, `37.4;-122.1` of 3.0, `37.4,-122.1` of 2.1.
    fn place(&mut self, line: &Line) {
        let value = line.text();
        let numbers = without_scheme(&value, "geo:");
        let numbers = numbers.split([';', ',']).map(str::trim).take(2).collect::<Vec<_>>();
        let is_number = |text: &&str| text.parse::<f64>().is_ok_and(f64::is_finite);
        match numbers.as_slice() {
            [north, east] if is_number(north) && is_number(east) => {
                let between = if self.writer.style == Style::Old { "," } else { ";" };
                self.writer.put("GEO", &format!("{north}{between}{east}"));
            }
            _ => self.losses.push(Loss::Damaged("GEO".to_owned())),
        }
    }

    /// A picture, sound or key: octets inside, or where they are.
    fn octets(&mut self, line: &Line) {
        let value = line.value.trim();
        let inside = if line.is_base64() {
            let stated = line.values("TYPE").find(|it| !it.eq_ignore_ascii_case("pref"));
            Some((stated.unwrap_or_default(), value))
        } else {
            data_of(value)
        };
        let Some((kind, data)) = inside else {
            if value.contains("://") {
                let word = if self.writer.style == Style::Old { "URL" } else { "uri" };
                let head = format!("{};VALUE={word}", line.name);
                self.writer.put(&head, &plain(value, line.old));
            } else {
                self.losses.push(Loss::Damaged(line.name.clone()));
            }
            return;
        };
        match base64(data) {
            Some((_, octets)) if self.max_octets.is_some_and(|most| octets > most) => {
                self.losses.push(Loss::Picture(octets));
            }
            Some((data, _)) => {
                let kind: String =
                    kind.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(20).collect();
                let mut head = line.name.clone();
                if !kind.is_empty() {
                    head.push_str(";TYPE=");
                    head.push_str(&kind.to_ascii_uppercase());
                }
                self.writer.base64(&head, &data);
            }
            None => self.losses.push(Loss::Damaged(line.name.clone())),
        }
    }
}

/// Subtype and base64 of a `data:` URL (RFC 2397). Some writers escape its comma.
fn data_of(value: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = value.split_at_checked(5)?;
    let (kind, data) = rest.split_once(',').filter(|_| scheme.eq_ignore_ascii_case("data:"))?;
    let kind = kind.strip_suffix('\\').unwrap_or(kind);
    let media_type = kind.strip_suffix(";base64")?;
    let media_type = media_type.split(';').next()?;
    Some((media_type.rsplit('/').next()?, data))
}

/// A number that can be dialled: `tel:` goes, and an extension is dialled after a pause.
fn number(line: &Line) -> String {
    let value = line.text();
    let value = value.trim();
    let number = without_scheme(value, "tel:");
    if number.len() == value.len() {
        return number.to_owned();
    }
    let mut pieces = number.split(';');
    let mut number = pieces.next().unwrap_or_default().to_owned();
    let extension = pieces.find_map(|piece| piece.strip_prefix("ext="));
    if let Some(extension) = extension.filter(|it| !it.is_empty()) {
        number.push('p');
        number.push_str(extension);
    }
    number
}

fn without_scheme<'a>(value: &'a str, scheme: &str) -> &'a str {
    let value = value.trim();
    match value.split_at_checked(scheme.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(scheme) => rest,
        _ => value,
    }
}
