use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

mod rewriting;

/// A part that is called and shown under one name.
fn named(name: &str, element: Element) -> Shown<'_> {
    let called = Names { name: Some(name.strip_prefix("cid:").unwrap_or(name)), ..Names::default() };
    Shown { called, src: name, element: Some(element), duration: None, size: None }
}

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
fn slides_regions_and_times_are_read() {
    let smil = br##"<smil><head><layout><root-layout width="160px" height="120"/>
        <region id="Text" top="0" height="33.3%" fit="Scroll"/><region id="Image" top="50%"/><region top="1"/></layout></head>
        <body><img src="alone.gif" dur="3s" alt="A &amp; B"/><par/>
        <par dur="00:00:05"><seq><img src="a" region="Image" begin="350ms" end="2"/><par dur="9s"><text src="b" region="Text"/></par></seq>
        <audio src="c" begin="350ms" dur="6s"/></par>
        <par dur="indefinite"><text src="d"/></body><par><img src="e"/></par>"##;
    let read = Presentation::read(smil);
    assert_eq!(read.root, Some((160, 120)));
    let ids: Vec<_> = read.regions.iter().map(|it| (it.id.as_str(), it.top, it.height, it.fit)).collect();
    assert_eq!(
        ids,
        [
            ("Text", Some(Length::Pixels(0)), Some(Length::Percent(33)), Some(Fit::Scroll)),
            ("Image", Some(Length::Percent(50)), None, None),
        ]
    );
    let slides: Vec<(Option<u64>, Vec<&str>)> = read
        .slides
        .iter()
        .map(|slide| (slide.duration, slide.media.iter().map(|it| it.src.as_str()).collect()))
        .collect();
    assert_eq!(
        slides,
        [
            (Some(3_000), [].into_iter().chain(["alone.gif"]).collect()),
            (Some(5_000), Vec::from(["a", "b", "c"])),
            (None, Vec::from(["d"])),
            (None, Vec::from(["e"])),
        ]
    );
    assert_eq!(read.slides[0].media[0].alt.as_deref(), Some("A & B"));
    let times: Vec<_> = read.slides[1].media.iter().map(|it| (it.begin, it.end)).collect();
    assert_eq!(times, [(Some(350), Some(2_000)), (None, None), (Some(350), Some(6_350))]);
    assert!(read.has_text_above());
}

#[test]
fn limits_cut_the_tail() {
    let smil = "<img src=\"a\"/>".repeat(50);
    assert_eq!(references_within(smil.as_bytes(), &Limits { references: 7, ..Limits::default() }).len(), 7);
    assert_eq!(references_within(smil.as_bytes(), &Limits { octets: 28, ..Limits::default() }).len(), 2);
    let few = Limits { slides: 3, ..Limits::default() };
    assert_eq!(Presentation::read_within(smil.as_bytes(), &few).slides.len(), 3);
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
        let presentation = Presentation::read(&octets);
        assert!(
            presentation.slides.iter().all(|slide| slide.duration.is_some()),
            "{}",
            file.path().display()
        );
        // Each reference is a part, as it was in the message that the file comes from.
        let parts: Vec<_> = wanted.iter().map(|src| named(src, Element::Ref)).collect();
        let (written, notes) = rewrite(Some(&presentation), &parts, &Stage::default());
        assert!(!notes.iter().any(|note| matches!(note, Note::Dangling(_))), "{}", file.path().display());
        assert_eq!(sources(written.write().as_bytes()), wanted, "{}", file.path().display());
        seen += 1;
    }
    assert!(seen >= 19);
}

#[test]
fn a_quarter_megabyte_of_junk_takes_linear_time() {
    let limits = Limits { octets: 1 << 20, references: 1 << 20, slides: 1 << 20, regions: 16 };
    for unit in [
        "<",
        "<!--",
        "<a ",
        "<a b=\"",
        "&",
        "<a src=\"&",
        "<a src='",
        "<!",
        "=",
        "<img src=x ",
        "<par>",
        "</par>",
        "<region id=a>",
    ] {
        let junk = unit.repeat((1 << 18) / unit.len());
        let quoted = format!("<a src=\"{junk};\"/>");
        for octets in [junk.as_bytes(), quoted.as_bytes()] {
            assert!(references_within(octets, &limits).len() <= octets.len());
            let read = Presentation::read_within(octets, &limits);
            assert!(read.write().len() <= octets.len() * 16 + 400);
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
        let _ = (Presentation::read(&octets), Presentation::read(near.as_bytes()).write());
    }

    #[test]
    fn the_media_of_a_presentation_are_its_references(near in "(<(/?(par|seq|body|img|x:text|region)|!--|)|[ a-z=\"'/>]| src=\"[a-c]\"){0,40}") {
        let read = Presentation::read(near.as_bytes());
        let media: Vec<_> = read.media().map(|one| Reference { src: one.src.clone(), element: one.element }).collect();
        prop_assert_eq!(media, references(near.as_bytes()));
    }

    #[test]
    fn what_is_written_is_read_back(presentation in presentations()) {
        let smil = presentation.write();
        prop_assert_eq!(Presentation::read(smil.as_bytes()), presentation);
    }
}

fn lengths() -> impl Strategy<Value = Option<Length>> {
    prop::option::of(prop_oneof![
        any::<u32>().prop_map(Length::Pixels),
        any::<u32>().prop_map(Length::Percent)
    ])
}

fn words() -> impl Strategy<Value = String> {
    "\\PC{1,20}"
        .prop_map(|text| text.trim().replace(['\u{fffe}', '\u{ffff}'], ""))
        .prop_filter("empty", |text| !text.is_empty())
}

fn elements() -> impl Strategy<Value = Element> {
    prop::sample::select(
        &[
            Element::Animation,
            Element::Audio,
            Element::Img,
            Element::Ref,
            Element::Text,
            Element::Textstream,
            Element::Video,
        ][..],
    )
}

prop_compose! {
    fn media()(element in elements(), src in words(), region in prop::option::of(words()), begin in prop::option::of(1..u64::MAX),
        end in prop::option::of(any::<u64>()), alt in prop::option::of(words())) -> Medium {
        Medium { element, src, region, begin, end, alt }
    }
}

prop_compose! {
    fn regions()(id in words(), left in lengths(), top in lengths(), width in lengths(), height in lengths(),
        fit in prop::option::of(prop::sample::select(&[Fit::Fill, Fit::Hidden, Fit::Meet, Fit::Scroll, Fit::Slice][..]))) -> Region {
        Region { id, left, top, width, height, fit }
    }
}

prop_compose! {
    fn presentations()(root in prop::option::of(any::<(u32, u32)>()), regions in prop::collection::vec(regions(), 0..4),
        slides in prop::collection::vec((prop::option::of(any::<u64>()), prop::collection::vec(media(), 1..4)), 0..5)) -> Presentation {
        let slides = slides.into_iter().map(|(duration, media)| Slide { duration, media }).collect();
        Presentation { root, regions, slides }
    }
}
