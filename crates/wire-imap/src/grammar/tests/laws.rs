//! What is written is read as the same.

use super::read;
use crate::grammar::{
    Address, BodyStructure, Content, DateTime, Disposition, Envelope, Esearch, Fetch, Flag, Frame, Limits,
    List, Mailbox, Names, Reader, Response, Section, SectionContent, SectionText, SequenceSet, Writer, utf7,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use proptest::{collection::vec, option, prelude::*};

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", any::<String>(), Just("NIL".into()), Just("a\r\nb\"\\{3}".into())]
}

fn keyword() -> impl Strategy<Value = Flag> {
    prop_oneof![
        Just(Flag::Seen),
        Just(Flag::Deleted),
        "[A-Za-z$][A-Za-z0-9-]{0,8}".prop_map(Flag::Keyword),
        "x[a-z]{1,5}".prop_map(Flag::Extension)
    ]
}

fn mailbox() -> impl Strategy<Value = Mailbox> {
    any::<String>().prop_map(|name| Mailbox::new(&name))
}

fn set() -> impl Strategy<Value = SequenceSet> {
    vec((1..u32::MAX, 0..5_u32), 1..8).prop_map(|ranges| {
        ranges.into_iter().flat_map(|(from, more)| from..=from.saturating_add(more)).collect()
    })
}

fn addresses() -> impl Strategy<Value = Vec<Address>> {
    let address = (option::of(text()), option::of(text()), option::of(text()))
        .prop_map(|(name, mailbox, host)| Address { name, route: None, mailbox, host });
    vec(address, 0..3)
}

fn envelope() -> impl Strategy<Value = Envelope> {
    (option::of(text()), option::of(text()), addresses(), addresses(), option::of(text())).prop_map(
        |(date, subject, from, to, message_id)| Envelope {
            date,
            subject,
            from,
            to,
            message_id,
            ..Envelope::default()
        },
    )
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    vec(("[a-z*]{1,8}", text()), 0..3)
}

fn structure() -> impl Strategy<Value = BodyStructure> {
    let leaf = (
        ("[a-z]{1,8}", "[a-z]{1,8}", pairs(), option::of(text()), 0..u64::MAX),
        (option::of(("[a-z]{1,8}", pairs())), vec("[a-z]{2}", 0..3), option::of(text())),
    )
        .prop_map(
            |((media_type, subtype, parameters, id, octets), (disposition, languages, location))| {
                BodyStructure {
                    lines: (media_type == "text").then_some(3),
                    media_type,
                    subtype,
                    parameters,
                    id,
                    octets,
                    encoding: "7bit".into(),
                    disposition: disposition.map(|(kind, parameters)| Disposition { kind, parameters }),
                    languages,
                    location,
                    ..BodyStructure::default()
                }
            },
        );
    leaf.prop_filter("another shape", |part| !part.is_message() && !part.is_multipart()).prop_recursive(
        4,
        20,
        4,
        |part| {
            prop_oneof![
                (vec(part.clone(), 1..4), pairs()).prop_map(|(parts, parameters)| BodyStructure {
                    media_type: "multipart".into(),
                    subtype: "mixed".into(),
                    parameters,
                    parts,
                    ..BodyStructure::default()
                }),
                (part, envelope()).prop_map(|(part, envelope)| BodyStructure {
                    media_type: "message".into(),
                    subtype: "rfc822".into(),
                    encoding: "7bit".into(),
                    octets: 9,
                    lines: Some(2),
                    envelope: Some(Box::new(envelope)),
                    parts: Vec::from([part]),
                    ..BodyStructure::default()
                }),
            ]
        },
    )
}

fn section() -> impl Strategy<Value = Section> {
    let field = || vec("[A-Za-z-]{1,8}", 1..3);
    let kind = prop_oneof![
        Just(None),
        Just(Some(SectionText::Header)),
        Just(Some(SectionText::Text)),
        Just(Some(SectionText::Mime)),
        field().prop_map(|names| Some(SectionText::HeaderFields(names))),
        field().prop_map(|names| Some(SectionText::HeaderFieldsNot(names))),
    ];
    (vec(1..100_u32, 0..3), kind, any::<bool>(), option::of(0..u64::MAX))
        .prop_map(|(part, text, binary, origin)| Section { part, text, binary, origin })
}

fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new(Names::Utf7);
    write(&mut writer);
    writer.into_octets()
}

proptest! {
    #[test]
    fn strings(octets in vec(any::<u8>(), 0..40), utf8 in any::<bool>()) {
        let mut writer = Writer::new(if utf8 { Names::Utf8 } else { Names::Utf7 });
        writer.string(&octets).raw(" ").astring(&octets);
        let frame = Frame::whole(writer.into_octets());
        let mut reader = Reader::new(&frame, &Limits::default());
        prop_assert_eq!(&*reader.string().unwrap(), &octets[..]);
        reader.spaces();
        prop_assert_eq!(&*reader.astring().unwrap(), &octets[..]);
        prop_assert_eq!(reader.rest(), b"\r\n");
    }

    #[test]
    fn names(name in any::<String>()) {
        prop_assert_eq!(utf7::decode(utf7::encode(&name).as_bytes()), Some(name));
    }

    #[test]
    fn names_of_any_octets(octets in vec(any::<u8>(), 0..30)) {
        for names in [Names::Utf7, Names::Utf8] {
            let mailbox = Mailbox::from_wire(&octets, names);
            if mailbox != Mailbox::inbox() {
                prop_assert_eq!(mailbox.to_wire(names), octets.clone());
            }
        }
    }

    #[test]
    fn dates(seconds in -62_000_000_000_i64..250_000_000_000, offset_minutes in -1439_i16..1440) {
        let date = DateTime { seconds, offset_minutes };
        prop_assert_eq!(DateTime::parse(&alloc::format!("{date}")), Some(date));
    }

    #[test]
    fn sets(set in set()) {
        let frame = Frame::whole(alloc::format!("{set}").into_bytes());
        prop_assert_eq!(SequenceSet::read(&mut Reader::new(&frame, &Limits::default())).unwrap(), set);
    }

    #[test]
    fn sections(section in section()) {
        let octets = written(|writer| section.write(writer, false, None));
        prop_assert_eq!(Section::read(octets.strip_suffix(b"\r\n").unwrap()), Some(section));
    }

    #[test]
    fn lists(name in mailbox(), delimiter in option::of(any::<char>()), attributes in vec("\\\\[A-Za-z]{1,9}", 0..4)) {
        let list = List { attributes, delimiter, mailbox: name, old_name: None, child_info: Vec::new() };
        let octets = written(|writer| list.write(writer));
        prop_assert_eq!(read(&octets), Response::List(Box::new(list)));
    }

    #[test]
    fn searches(all in set(), count in option::of(any::<u64>()), min in option::of(1..u32::MAX), tag in option::of("[a-z0-9]{1,5}")) {
        let found = Esearch { tag, uid: true, all, count, min, max: None, mod_seq: count };
        let octets = written(|writer| found.write(writer));
        prop_assert_eq!(read(&octets), Response::Esearch(Box::new(found)));
    }

    #[test]
    fn fetches(
        uid in option::of(1..u32::MAX), flags in option::of(vec(keyword(), 0..4)), seconds in option::of(0..4_000_000_000_i64),
        size in option::of(any::<u64>()), mod_seq in option::of(any::<u64>()), envelope in option::of(envelope()),
        structure in option::of(structure()), sections in vec(section(), 0..3),
    ) {
        let content = |section| SectionContent { section, content: Content::Streamed(5) };
        let fetch = Fetch {
            number: 7, uid, flags, internal_date: seconds.map(DateTime::utc), size, mod_seq,
            save_date: Some(None), thread_id: Some(Some("T1".into())), email_id: Some("M1".into()),
            envelope: envelope.map(Box::new), structure: structure.map(Box::new),
            sections: sections.into_iter().map(content).collect(),
            ..Fetch::default()
        };
        let octets = written(|writer| fetch.write(writer, |_| Some(bytes::Bytes::from_static(b"a)\r\n\0"))));
        prop_assert_eq!(read(&octets), Response::Fetch(Box::new(fetch)));
    }

    #[test]
    fn no_octets_make_it_panic(octets in vec(prop_oneof![any::<u8>(), Just(b'('), Just(b'"'), Just(b' '), Just(b'{'), Just(b'\r'), Just(b'\n')], 0..200)) {
        for start in [&b"* 1 FETCH ("[..], b"* LIST ", b"* OK [", b"* STATUS ", b""] {
            let frame = Frame::whole([start, &octets].concat());
            drop(Response::read(&frame, Names::Utf7, &Limits::default()));
        }
    }
}
