//! Documents made here for every shape that was seen, and the published ones where they are present.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
#![allow(clippy::disallowed_macros, reason = "a test says why it skips")]

use alloc::{format, string::ToString};
use proptest::prelude::*;
use std::{path::Path, println};

use super::*;

const SMALL: &str = r##"<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:prf="http://example/ccppschema#">
 <rdf:Description rdf:ID="Example">
  <prf:component>
   <rdf:Description rdf:ID="x1">
    <rdf:type rdf:resource="http://example/ccppschema#HardwarePlatform"/>
    <prf:Vendor>Example &amp; Sons</prf:Vendor>
    <prf:ScreenSize> 240x320 </prf:ScreenSize>
    <prf:defaults><rdf:Description><prf:Vendor>Nobody</prf:Vendor><prf:BitsPerPixel>16</prf:BitsPerPixel></rdf:Description></prf:defaults>
   </rdf:Description>
  </prf:component>
  <prf:component>
   <prf:MmsCharacteristics rdf:about="y">
    <prf:defaults rdf:resource="http://example/defaults.xml"/>
    <!-- <prf:MmsMaxMessageSize>1</prf:MmsMaxMessageSize> -->
    <prf:MmsMaxMessageSize>307200</prf:MmsMaxMessageSize>
    <prf:MmsCcppAccept-Charset><rdf:Bag><rdf:li>utf-8</rdf:li><rdf:li>us-ascii</rdf:li></rdf:Bag></prf:MmsCcppAccept-Charset>
   </prf:MmsCharacteristics>
  </prf:component>
 </rdf:Description>
</rdf:RDF>
"##;

fn whole(text: &str) -> Document {
    read(text.as_bytes(), &Limits::default()).unwrap()
}

#[test]
fn components_properties_bags_and_defaults_are_kept() {
    let document = whole(SMALL);
    assert_eq!(document.flaws, []);
    let names: Vec<_> = document.components.iter().map(|component| component.name.as_str()).collect();
    assert_eq!(names, ["HardwarePlatform", "MmsCharacteristics"]);
    assert_eq!(document.value("Vendor"), Some("Example & Sons"));
    assert_eq!(document.value("ScreenSize"), Some("240x320"));
    assert_eq!(document.value("BitsPerPixel"), Some("16"), "a default counts where nothing else is said");
    assert_eq!(document.value("MmsMaxMessageSize"), Some("307200"), "a comment is not read");
    assert_eq!(document.values("MmsCcppAcceptCharSet"), ["utf-8", "us-ascii"]);
    assert_eq!(document.components[1].defaults, ["http://example/defaults.xml"]);
}

#[test]
fn a_document_in_any_encoding_says_the_same() {
    let expected = whole(SMALL);
    let units = |order: fn(u16) -> [u8; 2]| SMALL.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let little = [&[0xFF, 0xFE][..], &units(u16::to_le_bytes)].concat();
    let big = [&[0xFE, 0xFF][..], &units(u16::to_be_bytes)].concat();
    let marked = [&[0xEF, 0xBB, 0xBF][..], SMALL.as_bytes()].concat();
    for octets in [little, big, marked] {
        assert_eq!(read(&octets, &Limits::default()).unwrap(), expected);
    }
    let latin = b"<rdf:RDF><rdf:Description><p:Vendor>Caf\xe9</p:Vendor></rdf:Description></rdf:RDF>";
    assert_eq!(read(latin, &Limits::default()).unwrap().value("Vendor"), Some("Caf\u{e9}"));
}

#[test]
fn damage_costs_what_it_hits_and_is_named() {
    let kinds = |text: &str| whole(text).flaws.iter().map(|flaw| flaw.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&format!("  {SMALL}")), [FlawKind::Stray]);
    assert_eq!(kinds(&format!("{SMALL} </rdf:RDF>")), [FlawKind::EndWithoutStart]);
    let unclosed = SMALL.replace("</prf:MmsMaxMessageSize>\n", "\n");
    assert_eq!(kinds(&unclosed), [FlawKind::Unclosed]);
    assert_eq!(whole(&unclosed).value("MmsMaxMessageSize"), Some("307200"));
    assert_eq!(whole(&unclosed).values("MmsCcppAcceptCharSet").len(), 2);
    let item = SMALL.replace("utf-8</rdf:li>", "utf-8");
    assert_eq!(whole(&item).values("MmsCcppAcceptCharSet"), ["utf-8", "us-ascii"]);
    let cut = &SMALL[..SMALL.find("7200</prf").unwrap()];
    assert_eq!(kinds(cut), [FlawKind::Truncated]);
    assert_eq!(whole(cut).value("MmsMaxMessageSize"), None, "half a number is no number");
    assert_eq!(whole(cut).value("ScreenSize"), Some("240x320"));
    let copied = SMALL.replace("<prf:", "- <prf:");
    assert_eq!(whole(&copied).value("MmsMaxMessageSize"), Some("307200"), "copied out of a browser");
}

#[test]
fn an_empty_reference_is_no_value() {
    let blank = whole(
        r#"<RDF><component><Description ID="HardwarePlatform"><Vendor resource=" "/><Model resource="">M1</Model></Description></component></RDF>"#,
    );
    assert!(blank.values("Vendor").is_empty());
    assert_eq!(blank.values("Model"), ["M1"]);
}

#[test]
fn what_is_no_profile_is_refused_with_a_reason() {
    let refused = |text: &str| read(text.as_bytes(), &Limits::default()).unwrap_err();
    for text in ["", "404", "<html><body><h1>Not found</h1></body></html>", "<rdf:RDF></rdf:RDF>", "<<<<"] {
        assert_eq!(refused(text), Unreadable::NoProfile, "{text}");
    }
    assert_eq!(refused(&" ".repeat(65537)), Unreadable::TooLarge);
    assert_eq!(refused("").to_string(), "is no profile of a handset");
}

#[test]
fn depth_and_number_are_bounded() {
    let deep = format!("<rdf:RDF><rdf:Description><a>1</a>{}", "<rdf:Description>".repeat(3000));
    let document = whole(&deep);
    assert_eq!(document.value("a"), Some("1"));
    assert!(document.flaws.len() <= Limits::default().flaws);
    let many = format!("<rdf:RDF><rdf:Description>{}", "<a>1</a>".repeat(5000));
    assert_eq!(whole(&many).components[0].properties.len(), Limits::default().properties);
}

/// `name → value` of a row of the index; `None` for a document that is not in it.
fn index(text: &str, octets: usize, vendor_model: &str) -> Option<Vec<String>> {
    let clean = |text: &str| {
        let kept: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        kept.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
    };
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_string).collect::<Vec<_>>()).find(|row| {
        row[1] == octets.to_string()
            && !row[4].is_empty()
            && clean(&format!("{} {}", row[4], row[5])).starts_with(vendor_model)
    })
}

#[test]
fn every_published_document_reads_as_the_index_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/uaprof");
    let Ok(table) = std::fs::read_to_string(root.join("uaprof-index.tsv")) else {
        println!("skipped: {} is not there", root.display());
        return;
    };
    let (mut seen, mut compared, mut flawed) = (0, 0, 0);
    for entry in std::fs::read_dir(root.join("profiles")).unwrap() {
        let path = entry.unwrap().path();
        let octets = std::fs::read(&path).unwrap();
        let document =
            read(&octets, &Limits::default()).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        if document.flaws.iter().any(|flaw| flaw.kind != FlawKind::Stray) {
            flawed += 1;
            continue;
        }
        seen += 1;
        let text = String::from_utf8_lossy(&octets);
        let spoken: String = text
            .split("<!--")
            .enumerate()
            .map(
                |(nth, part)| {
                    if nth == 0 { part } else { part.split_once("-->").map_or("", |(_, rest)| rest) }
                },
            )
            .collect();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let vendor_model = stem.rsplit_once('_').unwrap().0;
        let Some(row) = index(&table, octets.len(), vendor_model) else { continue };
        for (column, name) in [
            (4, "Vendor"),
            (5, "Model"),
            (6, "ScreenSize"),
            (7, "BitsPerPixel"),
            (9, "MmsMaxMessageSize"),
            (10, "MmsMaxImageResolution"),
        ] {
            let said = document.value(name).unwrap_or_default();
            // The index looked into comments, and took a whole document for one value.
            if row[column].contains(" | ") || !spoken.contains(&format!("{name}>")) {
                continue;
            }
            assert_eq!(said, row[column].trim(), "{name} of {}", path.display());
        }
        for (column, name) in [(11, "MmsContentClass"), (13, "MmsCcppAccept"), (14, "MmsCcppAcceptCharSet")] {
            // The index knows one spelling of each name, and looked into comments.
            if row[column].is_empty() || !spoken.contains(&format!("{name}>")) {
                continue;
            }
            let indexed: Vec<_> = row[column].split(" | ").map(str::trim).collect();
            let said = document.values(name);
            assert!(!said.is_empty(), "{name} of {}", path.display());
            let unknown: Vec<_> = said.iter().filter(|value| !indexed.contains(&value.as_str())).collect();
            assert!(unknown.is_empty(), "{name} of {}: {unknown:?}", path.display());
            let missing = indexed.len().saturating_sub(said.len());
            assert!(missing * 4 <= indexed.len(), "{name} of {}: {missing} are missing", path.display());
        }
        compared += 1;
    }
    println!("{seen} documents read, {compared} compared with the index, {flawed} with a flaw");
    // Two have a property inside another, which is XML but no RDF.
    assert!(flawed <= 2, "{flawed}");
    assert!(seen > 200 && compared > 150, "{seen} {compared}");
}

#[test]
fn every_malformed_document_gives_what_is_in_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/uaprof/malformed");
    let Ok(entries) = std::fs::read_dir(&root) else {
        println!("skipped: {} is not there", root.display());
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let octets = std::fs::read(&path).unwrap();
        let document =
            read(&octets, &Limits::default()).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        assert!(!document.flaws.is_empty(), "{}", path.display());
        // Three end before the component of MMS.
        let has = octets.windows(17).any(|octets| octets == b"MmsMaxMessageSize");
        assert_eq!(document.value("MmsMaxMessageSize").is_some(), has, "{}", path.display());
        assert!(document.value("ScreenSize").is_some(), "{}", path.display());
    }
}

proptest! {
    #[test]
    fn no_octets_stop_it(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(read(&octets, &Limits::default()));
    }

    #[test]
    fn no_damage_stops_it(at in 0..SMALL.len(), octets in proptest::collection::vec(any::<u8>(), 0..6), cut in 0..8usize) {
        let mut text = SMALL.as_bytes().to_vec();
        let end = (at + cut).min(text.len());
        text.splice(at..end, octets);
        if let Ok(document) = read(&text, &Limits::default()) {
            prop_assert!(document.flaws.len() <= Limits::default().flaws);
            prop_assert!(document.components.iter().flat_map(|c| &c.properties).all(|p| p.values.iter().all(|v| !v.is_empty())));
        }
    }
}
