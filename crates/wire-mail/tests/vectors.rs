//! Header values and texts of real mail, where the collections are present.
#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(clippy::disallowed_macros, reason = "a skipped test says why")]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cedrat_mime::{Limits, Message, walk};
use cedrat_wire_mail::{charset, html, quote, report, value};

fn vectors(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is not present", path.display());
    None
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn read(path: &Path) -> Message {
    walk(&Bytes::from(fs::read(path).unwrap()), &Limits::default()).unwrap()
}

#[test]
fn senders_and_subjects_of_carrier_mails_are_those_of_the_index() {
    let Some(folder) = vectors("mms2r") else { return };
    let index = fs::read_to_string(folder.join("fixtures-index.tsv")).unwrap();
    for row in index.lines().skip(1) {
        let columns: Vec<_> = row.split('\t').collect();
        let [file, _, from, subject, ..] = columns.as_slice() else { panic!("{row}") };
        let message = read(&folder.join("mails").join(file));
        let headers = &message.root().headers;
        let senders = value::addresses(headers.first("From").unwrap());
        let sender = senders.first().unwrap();
        match from.split_once("\" <") {
            // The index holds the whole value where the name shown is an address too.
            Some((display, start)) => {
                assert_eq!(sender.display.as_deref(), Some(display), "{file}");
                assert!(sender.address().unwrap().starts_with(start), "{file}");
            }
            None => assert_eq!(sender.address().unwrap_or_else(|| sender.local.clone()), *from, "{file}"),
        }
        // The index has lost the 8-bit characters of one subject.
        let ascii = |text: &str| text.chars().filter(char::is_ascii).collect::<String>();
        let stated = ascii(subject);
        assert!(ascii(headers.first("Subject").unwrap_or_default()).starts_with(stated.trim_end()), "{file}");
    }
}

#[test]
fn every_text_of_every_mail_becomes_text_without_markup() {
    for folder in ["email", "mm4", "mms2r/mails"].into_iter().filter_map(vectors) {
        let mut found = Vec::new();
        files(&folder, &mut found);
        for path in found {
            let message = read(&path);
            for (_, node) in message.leaves() {
                let octets = node.decoded().octets;
                let (text, _) = charset::text(&octets, node.content_type.parameter("charset"));
                match node.content_type.essence.as_str() {
                    "text/html" => {
                        let plain = html::text(&text, 1 << 20);
                        assert!(!plain.contains("</"), "{}: {plain}", path.display());
                    }
                    "text/plain" => {
                        let own = quote::without_history(quote::without_signature(&text));
                        assert!(own.len() <= text.len() + 1);
                    }
                    _ => {}
                }
            }
            let kind = report::detect(&message);
            assert_eq!(report::dsn::parse(&message).is_some(), kind == Some(report::Kind::Delivery));
        }
    }
}
