//! What a person wrote in a reply: quoted history and signature cut off, flowed lines joined (RFC 3676).
//!
//! History is recognised by its marks (`>`, `On … wrote:` in the languages of the larger mail clients,
//! `-----Original Message-----`, the header block that Outlook puts in front). Answers written between or
//! below quotations stay.
//!
//! Not here: whether to cut; that is decided per route, and nothing left over means that nothing new was
//! written.

use alloc::string::String;
use alloc::vec::Vec;

/// Lines after a bare `--` (the space often gets lost) that still count as a signature.
const SIGNATURE_LINES: usize = 10;

/// `text` up to the signature delimiter `-- ` (RFC 3676 §4.3).
pub fn without_signature(text: &str) -> &str {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        let rest = text.get(at + line.len()..).unwrap_or_default();
        if content == "-- "
            || content == "--" && rest.lines().take(SIGNATURE_LINES + 1).count() <= SIGNATURE_LINES
        {
            return text.get(..at).unwrap_or_default().trim_end();
        }
        at += line.len();
    }
    text
}

/// `text` without quoted history, blank lines at its ends removed.
pub fn without_history(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut rest = lines.as_slice();
    while let [line, after @ ..] = rest {
        if starts_history(rest) {
            break;
        }
        if line.starts_with('>') {
            // One blank line is enough where a quotation stood.
            while kept.last().is_some_and(|last| last.trim().is_empty()) {
                kept.pop();
            }
            kept.extend((!kept.is_empty()).then_some(""));
            rest = after;
            while matches!(rest, [next, _, ..] if next.trim().is_empty()) {
                rest = rest.get(1..).unwrap_or_default();
            }
            continue;
        }
        let apart = kept.last().is_none_or(|last| last.trim().is_empty());
        match attribution(rest) {
            Some(Attribution { lines, quotes: true, .. }) => rest = rest.get(lines..).unwrap_or_default(),
            Some(Attribution { certain: true, .. }) if apart => break,
            _ => {
                kept.push(line);
                rest = after;
            }
        }
    }
    let mut out = String::with_capacity(text.len());
    for line in kept {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    String::from(out.trim_matches(['\n', '\r']).trim_end())
}

/// Titles that clients put between dashes or underscores above the message answered.
const TITLES: [&str; 12] = [
    "original message",
    "original appointment",
    "forwarded message",
    "ursprüngliche nachricht",
    "weitergeleitete nachricht",
    "message d'origine",
    "message transféré",
    "mensaje original",
    "messaggio originale",
    "oorspronkelijk bericht",
    "mensagem original",
    "originalmeddelande",
];

/// Names of the first header line in Outlook's block, and of the others.
const FROM: [&str; 5] = ["from:", "von:", "de:", "da:", "van:"];
const OTHERS: [&str; 17] = [
    "sent:",
    "date:",
    "to:",
    "cc:",
    "subject:",
    "gesendet:",
    "datum:",
    "an:",
    "betreff:",
    "envoyé:",
    "à:",
    "objet:",
    "enviado:",
    "para:",
    "asunto:",
    "inviato:",
    "oggetto:",
];

fn starts_history(lines: &[&str]) -> bool {
    let Some((first, after)) = lines.split_first() else { return false };
    let line = first.trim();
    if line.starts_with("--") || line.starts_with("__") {
        let title = line.trim_matches(['-', '_', ' ']).to_lowercase();
        return TITLES.contains(&title.as_str()) || title.is_empty() && starts_header_block(after);
    }
    starts_header_block(lines)
}

/// `From:` and at least two of the other lines that Outlook writes, close together.
fn starts_header_block(lines: &[&str]) -> bool {
    let starts = |line: &str, names: &[&str]| {
        let line = line.trim_start_matches('*').to_lowercase();
        names.iter().any(|name| line.starts_with(name))
    };
    let near = lines.iter().take(8).filter(|line| line.len() <= 2000);
    let mut lines = near.skip_while(|line| line.trim().is_empty());
    lines.next().is_some_and(|first| starts(first, &FROM))
        && lines.take(4).filter(|line| starts(line, &OTHERS)).count() >= 2
}

struct Attribution {
    lines: usize,
    /// Quoted lines follow.
    quotes: bool,
    /// It names an address or a time of day, as a person would not: what follows is history without marks.
    certain: bool,
}

/// First words and verbs of the line above a quotation.
const ATTRIBUTIONS: [(&[&str], &[&str]); 8] = [
    (&["on "], &["wrote:", "writes:"]),
    (&["am ", "on "], &["schrieb:", "schrieb "]),
    (&["le "], &["a écrit :", "a écrit:", "a écrit\u{a0}:"]),
    (&["el "], &["escribió:"]),
    (&["il ", "in data "], &["ha scritto:"]),
    (&["op "], &["schreef:", "schreef "]),
    (&["em ", "a "], &["escreveu:"]),
    (&["den "], &["skrev:", "skrev "]),
];

/// An attribution starts with a preposition, names a date or an address, and ends with a verb and a colon,
/// on one line or wrapped over up to three.
fn attribution(lines: &[&str]) -> Option<Attribution> {
    let first = lines.first()?.trim_start().to_lowercase();
    if first.len() > 300
        || !ATTRIBUTIONS.iter().any(|(starts, _)| starts.iter().any(|it| first.starts_with(it)))
    {
        return None;
    }
    let mut joined = String::new();
    for (count, line) in lines.iter().take(3).enumerate() {
        if line.trim().is_empty() || line.len() > 300 {
            return None;
        }
        joined.push_str(line.trim());
        let text = joined.to_lowercase();
        let ends = text.ends_with(':')
            && ATTRIBUTIONS.iter().any(|(starts, verbs)| {
                starts.iter().any(|it| text.starts_with(it)) && verbs.iter().any(|it| text.contains(it))
            });
        if ends && text.contains(|c: char| c.is_ascii_digit() || c == '@') {
            let next = lines.iter().skip(count + 1).find(|line| !line.trim().is_empty());
            let quotes = next.is_some_and(|line| line.starts_with('>'));
            return Some(Attribution {
                lines: count + 1,
                quotes,
                certain: text.contains('@') || names_time(&text),
            });
        }
        joined.push(' ');
    }
    None
}

/// Whether `text` holds something like `10:00`.
fn names_time(text: &str) -> bool {
    text.as_bytes()
        .windows(3)
        .any(|it| matches!(it, [a, b':', c] if a.is_ascii_digit() && c.is_ascii_digit()))
}

/// Joins the lines of `format=flowed` text (RFC 3676 §4); `delete_space` is its parameter DelSp.
pub fn unflow(text: &str, delete_space: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let content = line.trim_start_matches('>');
        let depth = line.len() - content.len();
        let content = content.strip_prefix(' ').unwrap_or(content);
        let signature = content == "-- ";
        if open != Some(depth) || signature {
            if open.is_some() {
                out.push('\n');
            }
            out.extend(core::iter::repeat_n('>', depth));
            if depth > 0 && !content.is_empty() {
                out.push(' ');
            }
        }
        let flowed = content.ends_with(' ') && !signature;
        let content =
            if flowed && delete_space { content.strip_suffix(' ').unwrap_or(content) } else { content };
        out.push_str(content);
        open = flowed.then_some(depth);
        if !flowed {
            out.push('\n');
        }
    }
    out
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
    use alloc::borrow::ToOwned;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_signature_ends_the_text() {
        assert_eq!(without_signature("hello\r\n\r\n-- \r\nAnn"), "hello");
        assert_eq!(without_signature("a\n--\nAnn\nTel"), "a");
        assert_eq!(without_signature("a\n---\nb -- c\n"), "a\n---\nb -- c\n");
        let long = "a\n--\n".to_owned() + &"line\n".repeat(20);
        assert_eq!(without_signature(&long), long, "a rule in a long text is no signature");
    }

    #[test]
    fn what_stands_above_the_history_stays() {
        for history in [
            "On Tue, 3 Nov 2026 at 10:00, Bob <bob@x.test> wrote:\n\n> old\n> older",
            "On Tue, 3 Nov 2026 at 10:00, Bob Longname\n<bob.longname@x.test> wrote:\n> old",
            "On 3 Nov 2026, at 10:00, Bob wrote:\n\nold without marks",
            "Am 03.11.2026 um 10:00 schrieb Bob <bob@x.test>:\n> alt",
            "Le mar. 3 nov. 2026 à 10:00, Bob <bob@x.test> a écrit :\n> vieux",
            "-----Original Message-----\nFrom: Bob\n\nold",
            "________________________________\nFrom: Bob <bob@x.test>\nSent: Tuesday\nTo: Ann\nSubject: x\n\nold",
            "---------- Forwarded message ---------\nFrom: Bob",
            "> old",
        ] {
            let text = ["Yes, at eight.\n\nSee you\n\n", history].concat();
            assert_eq!(without_history(&text), "Yes, at eight.\n\nSee you", "{history}");
        }
    }

    #[test]
    fn answers_between_quotations_stay() {
        let text = "On 3 Nov 2026, Bob wrote:\n> one?\nyes\n\n> two?\n\nno\n";
        assert_eq!(without_history(text), "yes\n\nno");
    }

    #[test]
    fn ordinary_text_is_no_history() {
        for text in [
            "On Monday she wrote:\nnothing",
            "On 3 May he wrote:\nyes",
            "See:\nOn 3 May 10:00 he wrote:\nyes",
            "From: here\nto there",
            "a\n\nb -> c",
            "Le chat:\n1",
        ] {
            assert_eq!(without_history(text), text);
        }
        assert_eq!(without_history("> only old"), "");
    }

    #[test]
    fn the_example_of_rfc_3676_is_joined() {
        let flowed = "`Take some more tea,' the March Hare said to Alice, \nvery earnestly.\n\n`I've had nothing yet,' \
            Alice replied in an offended \ntone, `so I can't take more.'\n";
        let joined = "`Take some more tea,' the March Hare said to Alice, very earnestly.\n\n`I've had nothing yet,' \
            Alice replied in an offended tone, `so I can't take more.'\n";
        assert_eq!(unflow(flowed, false), joined);
    }

    #[test]
    fn quotations_of_other_depth_and_signatures_are_not_joined() {
        assert_eq!(unflow("> a \n> b\n>> c \nd\n-- \nAnn\n", false), "> a b\n>> c \nd\n-- \nAnn\n");
        assert_eq!(unflow(" From x\n  y\n日 \n本\n", true), "From x\n y\n日本\n");
    }

    proptest! {
        #[test]
        fn cutting_never_adds_and_is_stable(text in "([a-zA-Z:> -]{0,12}\n){0,12}") {
            let once = without_history(&text);
            prop_assert!(once.len() <= text.len() + 1);
            prop_assert!(!once.lines().any(|line| line.starts_with('>')));
            let _ = (without_signature(&text), unflow(&text, true));
        }
    }
}
