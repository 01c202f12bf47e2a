//! Mail of real carriers and of other people's test collections, where it is present.
#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(clippy::disallowed_macros, reason = "a skipped test says why")]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cedrat_mime::{Encoding, Limits, Message, downgrade, walk, walk_into_messages};

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
    let octets = Bytes::from(fs::read(path).unwrap());
    walk_into_messages(&octets, &Limits::default()).unwrap();
    walk(&octets, &Limits::default()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `type(octets)` of every leaf, as the index of the collection writes them.
fn leaves(message: &Message) -> Vec<String> {
    message
        .leaves()
        .map(|(_, node)| format!("{}({})", node.content_type.essence, node.decoded().octets.len()))
        .collect()
}

#[test]
fn every_carrier_mail_has_the_parts_that_its_index_states() {
    let Some(folder) = vectors("mms2r") else { return };
    let index = fs::read_to_string(folder.join("fixtures-index.tsv")).unwrap();
    let mut seen = 0;
    for row in index.lines().skip(1) {
        let columns: Vec<_> = row.split('\t').collect();
        let [file, _, _, _, top_type, stated] = columns.as_slice() else { panic!("{row}") };
        let message = read(&folder.join("mails").join(file));
        assert_eq!(&message.root().content_type.essence, top_type, "{file}");
        assert_eq!(leaves(&message).join(" "), *stated, "{file}");
        seen += 1;
    }
    assert_eq!(seen, 46);
}

#[test]
fn every_other_mail_is_walked_and_none_of_its_octets_are_lost() {
    for folder in ["email", "mm4", "mms2r/mails", "smime"].into_iter().filter_map(vectors) {
        let mut found = Vec::new();
        files(&folder, &mut found);
        for path in found {
            let message = read(&path);
            assert_eq!(
                message.root().octets.len() as u64,
                fs::metadata(&path).unwrap().len(),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn every_mail_crosses_a_seven_bit_hop_with_the_same_content() {
    // Line ends of text become CRLF, so they are compared as one.
    let lines = |octets: &[u8]| octets.iter().copied().filter(|octet| *octet != b'\r').collect::<Vec<_>>();
    for folder in ["email", "mm4", "mms2r/mails", "smime"].into_iter().filter_map(vectors) {
        let mut found = Vec::new();
        files(&folder, &mut found);
        for path in found {
            let octets = Bytes::from(fs::read(&path).unwrap());
            let before = walk_into_messages(&octets, &Limits::default()).unwrap();
            let out = match downgrade::seven_bit(&octets, &Limits::default()) {
                Ok(out) => Bytes::from(out),
                Err(refused) => {
                    println!("refused: {}: {refused}", path.display());
                    continue;
                }
            };
            assert!(out.is_ascii() && out.split(|octet| *octet == b'\n').all(|line| line.len() <= 999));
            let after = walk_into_messages(&out, &Limits::default()).unwrap();
            assert_eq!(before.leaves().count(), after.leaves().count(), "{}", path.display());
            for ((_, was), (_, is)) in before.leaves().zip(after.leaves()) {
                assert_eq!(was.content_type.essence, is.content_type.essence, "{}", path.display());
                assert!(!matches!(is.encoding, Encoding::Binary | Encoding::EightBit), "{}", path.display());
                assert_eq!(lines(&was.decoded().octets), lines(&is.decoded().octets), "{}", path.display());
            }
        }
    }
}
