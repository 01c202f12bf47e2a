//! Sets, dates, names.

use crate::grammar::{DateTime, Day, Flag, Frame, Limits, Mailbox, Names, Reader, SequenceSet, utf7};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

fn set(text: &str) -> SequenceSet {
    let frame = Frame::whole(text.as_bytes().to_vec());
    SequenceSet::read(&mut Reader::new(&frame, &Limits::default())).unwrap()
}

#[test]
fn sets_are_ranges_in_their_order() {
    let numbers = |text: &str| set(text).numbers().take(10).collect::<Vec<u32>>();
    assert_eq!(numbers("2,4:7"), [2, 4, 5, 6, 7]);
    assert_eq!(numbers("7:4,2"), [4, 5, 6, 7, 2]);
    assert!(set("9:*").contains(u32::MAX) && !set("9:*").contains(8));
    assert_eq!(set("1:4294967295").count(), u64::from(u32::MAX));
    let from = |text: &str, first| set(text).numbers_from(first).take(10).collect::<Vec<u32>>();
    assert_eq!(from("2,4:7", 5), [5, 6, 7]);
    assert_eq!(from("9:8,1:3", 3), [8, 9, 3]);
    assert_eq!(from("1:4", 5), [0_u32; 0]);
    assert_eq!((set("4:7,2").greatest(), SequenceSet::default().greatest()), (Some(7), None));
    // A server that lies says so many, and more than once.
    let all = ["1:4294967295"; 1_000].join(",");
    assert_eq!((from(&all, u32::MAX), set(&all).greatest()), (Vec::from([u32::MAX; 10]), Some(u32::MAX)));
    for text in ["2,4:7,9:*", "*", "1", "4294967295"] {
        assert_eq!(format!("{}", set(text)), text);
    }
    assert_eq!(format!("{}", [5, 1, 2, 3, 9, 2, 0].into_iter().collect::<SequenceSet>()), "1:3,5,9");
    for text in ["", "0", "1:", ",", "1,", "4294967296", "a"] {
        let frame = Frame::whole(text.as_bytes().to_vec());
        assert!(SequenceSet::read(&mut Reader::new(&frame, &Limits::default())).is_err(), "{text}");
    }
}

#[test]
fn dates_read_and_write_the_same() {
    for (text, seconds) in [
        ("17-Jul-1996 02:44:25 -0700", 837_596_665),
        (" 1-Jan-1970 00:00:00 +0000", 0),
        ("29-Feb-2024 23:59:59 +0545", 1_709_230_499),
        ("31-Dec-1969 23:00:00 -0100", 0),
    ] {
        let date = DateTime::parse(text).unwrap();
        assert_eq!(date.seconds, seconds, "{text}");
        assert_eq!(format!("{date}"), text);
    }
    assert_eq!(format!("{}", Day(20_000)), "4-Oct-2024");
    for text in [
        "",
        "1-Foo-2024 00:00:00 +0000",
        "1-Jan-2024",
        "1-Jan-2024 25:00:00 +0000",
        "1-Jan-2024 00:00:00 +2460",
    ] {
        assert_eq!(DateTime::parse(text), None, "{text}");
    }
}

#[test]
fn modified_utf7_is_read_and_written_as_in_rfc_3501() {
    for (wire, name) in [
        ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
        ("Entw&APw-rfe", "Entwürfe"),
        ("A&-B", "A&B"),
        ("&2D3eAA-", "\u{1f600}"),
        ("", ""),
    ] {
        assert_eq!(utf7::decode(wire.as_bytes()).as_deref(), Some(name));
        assert_eq!(utf7::encode(name), wire);
    }
    for wire in ["&", "&AP", "&A-", "&APw", "&2D0-", "&AAA", "caf\u{e9}", "&Jjo!-", "&AP8B-"] {
        assert_eq!(utf7::decode(wire.as_bytes()), None, "{wire}");
    }
}

#[test]
fn a_name_that_follows_no_rule_goes_back_as_it_came() {
    // Not shifted, shifted without need, Latin-1.
    for wire in [&b"bad & name"[..], b"&AGE-b", b"caf\xe9", b"&U,BT-&Fw-"] {
        let mailbox = Mailbox::from_wire(wire, Names::Utf7);
        assert_eq!(mailbox.to_wire(Names::Utf7), wire);
        assert_eq!(mailbox.to_wire(Names::Utf8), wire);
    }
    assert_eq!(Mailbox::from_wire(b"inBox", Names::Utf7), Mailbox::inbox());
    assert_eq!(Mailbox::from_wire("Entwürfe".as_bytes(), Names::Utf8), Mailbox::new("Entwürfe"));
}

#[test]
fn flags_are_known_in_any_case_and_only_atoms_are_written() {
    assert_eq!(Flag::from_word(b"\\SEEN"), Flag::Seen);
    assert_eq!(Flag::from_word(b"\\*"), Flag::Any);
    assert_eq!(Flag::from_word(b"\\Foo").to_string(), "\\Foo");
    assert_eq!(Flag::forwarded().to_string(), "$Forwarded");
    for name in ["", "a b", "a\r\nb", "a(b", "ä"] {
        assert!(!Flag::Keyword(String::from(name)).is_writable(), "{name}");
    }
}
