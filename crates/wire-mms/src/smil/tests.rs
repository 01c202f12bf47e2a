use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn sources(octets: &[u8]) -> Vec<String> {
    references(octets).into_iter().map(|one| one.src).collect()
}

#[test]
fn the_order_is_that_of_the_presentation() {
    let smil = br##"<?xml version="1.0"?><!DOCTYPE smil PUBLIC "-//W3C//DTD SMIL 2.0//EN" "x.dtd">
        <smil xmlns="http://www.w3.org/2001/SMIL20/Language"><head><layout><root-layout/></layout></head><body>
        <!-- <img src="not-shown.gif"/> --><seq repeatcount="4">
        <par dur="5s"><IMG Region='Image' SRC='a.jpg'></IMG><text src="cid:t.1" region="Text"><param name="x"/></text></par>
        <par><s:audio src=b.amr/><video src = c.3gp ></video><ref src="Card &amp; me.vcf"/></par></seq></body></smil>"##;
    let found = references(smil);
    let pairs: Vec<_> = found.iter().map(|one| (one.element, one.src.as_str())).collect();
    assert_eq!(
        pairs,
        [
            (Element::Img, "a.jpg"),
            (Element::Text, "cid:t.1"),
            (Element::Audio, "b.amr"),
            (Element::Video, "c.3gp"),
            (Element::Ref, "Card & me.vcf"),
        ]
    );
    assert_eq!(found[1].content_id(), Some("t.1"));
    assert_eq!(found[0].content_id(), None);
}

#[test]
fn entities_are_decoded_and_lone_ampersands_kept() {
    let smil = b"<img src=\"&#65;&#x42;&lt;&quot;&apos;&gt;&nope;&\"/><img src='&amp;&amp'/><img src=' '/>";
    assert_eq!(sources(smil), ["AB<\"'>&nope;&", "&&amp"]);
}

#[test]
fn damage_costs_one_tag() {
    assert_eq!(sources(b"<img src=\"a.gif><text src=\"b.txt\"/>"), ["a.gif>", "b.txt"]);
    assert_eq!(sources(b"<img <text src=b.txt>"), ["b.txt"]);
    assert_eq!(sources(b"<img src"), Vec::<String>::new());
    assert_eq!(sources(b"<!-- open <img src=a>"), Vec::<String>::new());
    assert_eq!(sources(b"<img src=a/b.gif><img src=a/>"), ["a/b.gif", "a"]);
}

#[test]
fn r0042_utf16_smil() {
    let smil = "\u{feff}<smil><body><img src=\"b\u{ed}ld.jpg\"/></body></smil>";
    let little: Vec<u8> = smil.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = smil.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(sources(&little), ["b\u{ed}ld.jpg"]);
    assert_eq!(sources(&big), ["b\u{ed}ld.jpg"]);
    assert_eq!(sources(b"<img src=\"b\xedld.jpg\"/>"), ["b\u{ed}ld.jpg"]);
}

#[test]
fn limits_cut_the_tail() {
    let smil = "<img src=\"a\"/>".repeat(50);
    assert_eq!(references_within(smil.as_bytes(), &Limits { references: 7, ..Limits::default() }).len(), 7);
    assert_eq!(references_within(smil.as_bytes(), &Limits { octets: 28, ..Limits::default() }).len(), 2);
}

#[test]
fn a_generated_presentation_shows_each_medium_with_its_text() {
    let smil = generate(&[
        Slide { text: Some("a&b.txt"), media: Some(("\"1\".jpg", Element::Img)) },
        Slide { text: None, media: None },
        Slide { text: None, media: Some(("cid:v\u{0}", Element::Video)) },
        Slide { text: Some("t.txt"), media: None },
    ]);
    assert_eq!(sources(smil.as_bytes()), ["\"1\".jpg", "a&b.txt", "cid:v", "t.txt"]);
    assert_eq!(smil.matches("<par").count(), 3);
    assert_eq!(smil.matches("dur=").count(), 2, "a video plays to its end");
    assert!(smil.contains("<region id=\"Image\"") && smil.contains("<region id=\"Text\""));
    assert!(smil.contains("<img src=\"&quot;1&quot;.jpg\" region=\"Image\"/>"));
}

#[test]
fn presentations_of_real_phones_are_read() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/smil");
    let Ok(files) = std::fs::read_dir(&folder) else {
        std::eprintln!("skipped: no {}", folder.display());
        return;
    };
    let mut seen = 0;
    for file in files.flatten().filter(|file| file.path().extension().is_some_and(|end| end == "smil")) {
        let octets = std::fs::read(file.path()).unwrap();
        let text = String::from_utf8_lossy(&octets);
        let wanted: Vec<_> =
            text.split(" src=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(!wanted.is_empty());
        assert_eq!(sources(&octets), wanted, "{}", file.path().display());
        seen += 1;
    }
    assert!(seen >= 19);
}

#[test]
fn a_quarter_megabyte_of_junk_takes_linear_time() {
    let limits = Limits { octets: 1 << 20, references: 1 << 20 };
    for unit in ["<", "<!--", "<a ", "<a b=\"", "&", "<a src=\"&", "<a src='", "<!", "=", "<img src=x "] {
        let junk = unit.repeat((1 << 18) / unit.len());
        let quoted = format!("<a src=\"{junk};\"/>");
        for octets in [junk.as_bytes(), quoted.as_bytes()] {
            assert!(references_within(octets, &limits).len() <= octets.len());
        }
    }
}

proptest! {
    #[test]
    fn any_octets_are_read_without_a_panic(
        octets in prop::collection::vec(any::<u8>(), 0..200),
        near in "[<>/!?a-z=\"'&;# -]{0,120}",
    ) {
        let _ = (references(&octets), references(near.as_bytes()));
    }

    #[test]
    fn what_is_generated_is_read_back(names in prop::collection::vec("\\PC{1,20}", 1..8)) {
        let slides: Vec<_> = names.iter().map(|src| Slide { text: Some(src), media: Some((src, Element::Audio)) }).collect();
        let wanted: Vec<_> = names.iter().map(|name| String::from(name.trim())).filter(|name| !name.is_empty())
            .flat_map(|name| [name.clone(), name]).collect();
        prop_assert_eq!(sources(generate(&slides).as_bytes()), wanted);
    }
}
