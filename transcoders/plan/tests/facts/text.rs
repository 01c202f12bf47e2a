//! Texts: which kind, in which charset, of which version; and documents that are only known.

use cedrat_plan::{
    facts::{self, Claim, Detail, Facts},
    format::Format,
    job::FaultKind,
    limits::Limits,
};

use crate::{build::*, read, read_as};

fn given(octets: &[u8], charset: &str) -> Facts {
    let claim = Claim { media_type: "text/plain", name: None, charset: Some(charset) };
    facts::read(octets, &claim, &Limits::default())
}

fn charset(facts: &Facts) -> &str {
    match &facts.detail {
        Detail::Text(text) => &text.charset,
        other => panic!("{other:?}"),
    }
}

fn version(octets: &[u8]) -> (Format, String) {
    let facts = read(octets);
    match facts.detail {
        Detail::Text(text) => (facts.format, text.version),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_octets_state_wins() {
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    for (octets, expected) in [
        (b"\xEF\xBB\xBFhi".to_vec(), "utf-8"),
        (utf16("\u{FEFF}hi", true), "utf-16be"),
        (utf16("\u{FEFF}\u{4F60}\u{597D}", false), "utf-16le"),
        (utf16("Gr\u{FC}\u{DF}e aus K\u{F6}ln", true), "utf-16be"),
        (utf16("hello\r\n", false), "utf-16le"),
        (b"<?xml version=\"1.0\" encoding='ISO-8859-1'?><a>\xE9</a>".to_vec(), "iso-8859-1"),
        (b"<?xml version=\"1.0\" encoding=\"utf-8\"?><a>\xE9</a>".to_vec(), "iso-8859-2"),
    ] {
        let facts = given(&octets, "iso-8859-2");
        assert_eq!((facts.format, charset(&facts)), (Format::Text, expected));
    }
    let page =
        b"<html><head><meta http-equiv=Content-Type content=\"text/html; charset=windows-1251\">\xCF</head>";
    let facts = read(page);
    assert_eq!((facts.format, charset(&facts)), (Format::Html, "windows-1251"));
}

#[test]
fn a_given_charset_is_taken_when_the_octets_can_be_that() {
    for (octets, stated, expected) in [
        (&b"plain"[..], "US-ASCII", "us-ascii"),
        (b"plain", "utf8", "utf-8"),
        (b"plain", "\"UTF-8\"", "utf-8"),
        (b"caf\xE9", "us-ascii", "windows-1252"),
        (b"caf\xE9", "utf-8", "windows-1252"),
        (b"caf\xC3\xA9", "us-ascii", "utf-8"),
        (b"caf\xC3\xA9", "not a name", "utf-8"),
        (b"\xCF\xF0\xE8", "Windows-1251", "windows-1251"),
        (b"\x1B$B8l\x1B(B", "unknown-8bit", "iso-2022-jp"),
        (b"plain", "utf-16", "us-ascii"),
        (b"\x4F\x60\x59\x7D\xFF\x01", "ucs-2", "utf-16be"),
        (b"\x60\x4F\x7D\x59\x01\xFF", "utf-16le", "utf-16le"),
    ] {
        assert_eq!(charset(&given(octets, stated)), expected, "{octets:?} as {stated}");
    }
    assert_eq!(charset(&read(b"plain")), "us-ascii");
    assert_eq!(charset(&read("\u{1F600}".as_bytes())), "utf-8");
}

#[test]
fn binary_octets_are_unknown_whatever_they_are_called() {
    for octets in [&b"a\0b"[..], &[1, 2, 3, 4, 5], &[0x80, 0x00, 0xFF]] {
        assert_eq!(read(octets).format, Format::Unknown);
        assert_eq!(read_as(octets, "text/plain", Some("a.txt")).format, Format::Unknown);
        assert_eq!(read_as(octets, "image/jpeg", Some("a.jpg")).format, Format::Unknown);
    }
    assert_eq!(read(b"{\\rtf1 hello}").format, Format::Unknown);
}

#[test]
fn presentations_are_known_by_their_root() {
    for text in [
        "<smil/>",
        "  \r\n<SMIL xmlns='x'>",
        "<?xml version=\"1.0\"?>\n<!DOCTYPE smil PUBLIC \"-//W3C//DTD SMIL 1.0//EN\" \"x\">\n<smil>",
        "<!-- one --><!-- two --><smil:smil>",
    ] {
        assert_eq!(read_as(text.as_bytes(), "text/plain", None).format, Format::Smil, "{text}");
    }
    assert_eq!(read_as(b"rubbish <smil><body/></smil>", "application/smil", None).format, Format::Smil);
    assert_eq!(read(b"rubbish <smil><body/></smil>").format, Format::Text);
}

#[test]
fn the_claim_decides_between_html_and_its_source() {
    let page = b"<!DOCTYPE html><html><body>hi</body></html>";
    assert_eq!(read(page).format, Format::Html);
    assert_eq!(read_as(page, "text/plain; charset=utf-8", None).format, Format::Text);
    assert_eq!(read_as(b"no markup", "TEXT/HTML", None).format, Format::Html);
    assert_eq!(read(b"<message>hi</message>").format, Format::Text);
}

#[test]
fn cards_say_their_version() {
    for (text, format, expected) in [
        ("BEGIN:VCARD\r\nVERSION:2.1\r\nEND:VCARD", Format::VCard, "2.1"),
        ("begin:vcard\nN:x\nversion:3.0\nend:vcard", Format::VCard, "3.0"),
        ("\r\nBEGIN:VCARD\r\nVERSION;VALUE=text: 4.0 \r\n", Format::VCard, "4.0"),
        ("BEGIN:VCARD\r\nVERSIONS:9\r\n", Format::VCard, ""),
        ("BEGIN:VCALENDAR\r\nVERSION:1.0\r\n", Format::VCalendar, "1.0"),
        ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", Format::ICalendar, "2.0"),
        ("BEGIN:VCALENDAR\r\n", Format::ICalendar, ""),
    ] {
        assert_eq!(version(text.as_bytes()), (format, expected.to_owned()));
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(version(&join(&[b"\xFF\xFE", &wide])), (format, expected.to_owned()));
    }
}

#[test]
fn protected_content_is_known_in_all_its_forms() {
    let lock = b"--boundary-1\r\nContent-Type: image/jpeg\r\n\r\n\xE9\r\n--boundary-1--";
    let content = join(&[&[1, 10, 16], b"image/jpeg", b"cid:cedrat@x.tst", &[0; 9]]);
    for octets in [&lock[..], &content] {
        let facts = read(octets);
        assert_eq!((facts.format, facts.fault.unwrap().kind), (Format::Drm, FaultKind::Encrypted));
    }
    assert_eq!(read_as(&[3, 14, 0x6A, 0], "application/vnd.oma.drm.rights+wbxml", None).format, Format::Drm);
    assert_eq!(read(b"-- \r\nsignature\r\n").format, Format::Text);
    assert_eq!(read(b"--\r\nContent-Type: x").format, Format::Text);
}

#[test]
fn documents_are_known_and_whether_they_need_a_password() {
    for (octets, format, encrypted) in [
        (&b"%PDF-1.4\ntrailer <</Root 1 0 R>>"[..], Format::Pdf, false),
        (b"%PDF-1.4\ntrailer <</Encrypt 9 0 R>>", Format::Pdf, true),
        (b"PK\x03\x04\x14\0\0\0", Format::Zip, false),
        (b"PK\x03\x04\x14\0\x01\0", Format::Zip, true),
    ] {
        let facts = read(octets);
        assert_eq!(facts.format, format);
        assert_eq!(facts.fault.map(|fault| fault.kind), encrypted.then_some(FaultKind::Encrypted));
    }
}

#[test]
fn nothing_and_too_much_are_faults() {
    let empty = read(b"");
    assert_eq!(
        (empty.octets, empty.format, empty.fault.unwrap().kind),
        (0, Format::Unknown, FaultKind::Damaged)
    );
    assert_eq!(read_as(b"", "text/plain", None).format, Format::Text);
    let few = Limits { octets: 4, ..Limits::default() };
    let fault = facts::read(b"hello", &Claim::default(), &few).fault.unwrap();
    assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::TooLarge, "octets: 5, the bound is 4"));
}

#[test]
fn a_polyglot_is_what_its_first_octets_say() {
    let archive = join(&[&gif(1, 1, &[gif_frame(1, 1, 0, false, false)]), b"PK\x03\x04<html><svg/>"]);
    assert_eq!(read_as(&archive, "application/zip", Some("a.zip")).format, Format::Gif);
    assert_eq!(read_as(b"%PDF-1.4 <html>", "text/html", Some("a.html")).format, Format::Pdf);
}
