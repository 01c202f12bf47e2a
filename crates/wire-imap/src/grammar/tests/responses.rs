//! Responses: examples of the specifications, and what real servers make of them.

use super::{frames, read};
use crate::grammar::{
    BodyStructure, Code, Content, Excess, Flag, Framer, Input, Limits, Mailbox, Names, Piece, Response,
    Section, SectionText, Status,
};
use alloc::{format, string::ToString, vec, vec::Vec};

fn code(text: &str) -> Option<Code> {
    match read(format!("* OK {text}\r\n").as_bytes()) {
        Response::Status(Status::Ok, text) => text.code,
        other => panic!("{other:?}"),
    }
}

fn fetch(text: &str) -> crate::grammar::Fetch {
    match read(format!("* 12 FETCH ({text})\r\n").as_bytes()) {
        Response::Fetch(fetch) => *fetch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn response_codes_are_understood_or_kept() {
    assert_eq!(code("[ALERT] x"), Some(Code::Alert));
    assert_eq!(code("[read-only] x"), Some(Code::ReadOnly));
    assert_eq!(code("[UIDNEXT 4392] x"), Some(Code::UidNext(4392)));
    assert_eq!(code("[BADCHARSET] x"), Some(Code::BadCharset(vec![])));
    assert_eq!(
        code("[BADCHARSET (UTF-8 \"US-ASCII\")] x"),
        Some(Code::BadCharset(vec!["UTF-8".to_string(), "US-ASCII".to_string()]))
    );
    assert_eq!(
        code("[PERMANENTFLAGS (\\Seen [Gmail] \\*)]"),
        Some(Code::PermanentFlags(vec![Flag::Seen, Flag::Keyword("[Gmail]".to_string()), Flag::Any]))
    );
    assert_eq!(
        code("[MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] x"),
        Some(Code::MailboxId("F2212ea87-6097-4256-9d51-71338625".to_string()))
    );
    assert_eq!(code("[BADURL \"/a]b\"] x"), Some(Code::BadUrl("/a]b".to_string())));
    assert_eq!(
        code("[X-NEW a \"b]c\" (d)] x"),
        Some(Code::Other("X-NEW".to_string(), "a \"b]c\" (d)".to_string()))
    );
    assert_eq!(code("[UIDNEXT many] x"), Some(Code::Other("UIDNEXT".to_string(), "many".to_string())));
    assert_eq!(code("[not closed"), None);
    assert_eq!(code("[]"), None);
    match code("[COPYUID 38505 304,319:320 3956:3958] Done") {
        Some(Code::CopyUid(uids)) => {
            let pairs: Vec<_> = uids.source.numbers().zip(uids.target.numbers()).collect();
            assert_eq!(pairs, [(304, 3956), (319, 3957), (320, 3958)]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_that_ends_like_a_literal_is_text() {
    assert_eq!(frames(b"* OK {5}\r\nc1 NO [ALERT] try {3}\r\n+ {2}\r\n* BYE {1}\r\n").len(), 4);
    assert_eq!(frames(b"* LIST () NIL a{5}\r\n").len(), 1);
}

#[test]
fn the_envelope_of_rfc_9051_is_read() {
    let fetch = fetch(
        "ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" \
         ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
         ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) \
         ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\") (\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \
         \"<B27397-0100000@cac.washington.ed>\")",
    );
    let envelope = fetch.envelope.unwrap();
    assert_eq!(envelope.subject.as_deref(), Some("IMAP4rev2 WG mtg summary and minutes"));
    assert_eq!(envelope.cc[1].mailbox.as_deref(), Some("KLENSIN"));
    assert!(envelope.bcc.is_empty() && envelope.in_reply_to.is_none());
    assert_eq!(envelope.message_id.as_deref(), Some("<B27397-0100000@cac.washington.ed>"));
}

#[test]
fn a_structure_names_parts_as_a_client_asks_for_them() {
    let fetch = fetch(
        "BODYSTRUCTURE (((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"UTF-8\") NIL NIL \"7BIT\" 12 1 NIL NIL NIL NIL)\
         (\"TEXT\" \"HTML\" NIL NIL NIL \"QUOTED-PRINTABLE\" 40 2) \"ALTERNATIVE\" (\"BOUNDARY\" \"b2\") NIL NIL)\
         (\"IMAGE\" \"JPEG\" (\"NAME\" \"a.jpg\") \"<i>\" NIL \"BASE64\" 4000 NIL (\"ATTACHMENT\" (\"FILENAME\" \"a.jpg\")) (\"en\" \"de\") \"x\")\
         (\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 300 (NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) \
         (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 5 1) 9) \"MIXED\" (\"BOUNDARY\" \"b1\") NIL NIL NIL)",
    );
    let structure = fetch.structure.unwrap();
    let kind =
        |numbers: &[u32]| structure.part(numbers).map(|part| format!("{}/{}", part.media_type, part.subtype));
    assert_eq!(kind(&[]).as_deref(), Some("multipart/mixed"));
    assert_eq!(kind(&[1, 2]).as_deref(), Some("text/html"));
    assert_eq!(kind(&[2]).as_deref(), Some("image/jpeg"));
    assert_eq!(kind(&[3]).as_deref(), Some("message/rfc822"));
    assert_eq!(kind(&[3, 1]).as_deref(), Some("text/plain"));
    assert_eq!(kind(&[4]), None);
    assert_eq!(kind(&[0]), None);
    assert_eq!(structure.parts[1].disposition.as_ref().unwrap().kind, "attachment");
    assert_eq!(structure.parts[1].languages, ["en", "de"]);
    assert_eq!(structure.parts[2].envelope.as_ref().unwrap().subject.as_deref(), Some("inner"));
    assert_eq!(structure.parts[2].lines, Some(9));
}

#[test]
fn a_structure_that_is_not_quite_right_is_read_as_far_as_it_goes() {
    for text in [
        "BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL NIL NIL NIL)",
        "BODYSTRUCTURE (\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 300)",
        "BODYSTRUCTURE (\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 300 NIL NIL 9)",
        "BODYSTRUCTURE (\"APPLICATION\" \"PDF\" (\"NAME\") NIL NIL \"BASE64\" -1)",
        "BODYSTRUCTURE (NIL NIL NIL NIL NIL NIL NIL)",
        "BODYSTRUCTURE (\"MIXED\")",
        "BODYSTRUCTURE ((NIL) \"MIXED\")",
        "BODY ()",
    ] {
        let fetch = fetch(&format!("{text} UID 9"));
        assert!(fetch.structure.is_some(), "{text}");
        assert_eq!(fetch.uid, Some(9), "{text}");
    }
}

#[test]
fn an_item_that_cannot_be_read_leaves_the_others() {
    let fetch = fetch(
        "RFC822.SIZE -1 INTERNALDATE \"yesterday\" ENVELOPE NIL FLAGS NIL X (a (b)) UID 7 MODSEQ (12) EMAILID (M1) THREADID NIL SAVEDATE NIL",
    );
    assert_eq!((fetch.uid, fetch.mod_seq, fetch.size), (Some(7), Some(12), None));
    assert_eq!(
        (fetch.email_id.as_deref(), fetch.thread_id, fetch.save_date),
        (Some("M1"), Some(None), Some(None))
    );
    assert_eq!(fetch.other, ["RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "X"]);
}

#[test]
fn only_content_of_the_message_itself_is_streamed() {
    for (octets, begins) in [
        // A literal elsewhere in the response is collected, whatever it looks like.
        (&b"* 1 FETCH (ENVELOPE (NIL {8}\r\nBODY[] { NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)\r\n"[..], 0),
        (b"* 1 FETCH (X-LIST (BODY[] {3}\r\nabc) UID 5)\r\n", 0),
        (b"* 1 FETCH (BODY[HEADER.FIELDS ({4}\r\nDate)] {2}\r\nab UID 5)\r\n", 0),
        (b"* 1 FETCH (BODY[HEADER.FIELDS (DATE \"X]Y\")]<0> {2}\r\nab UID 5)\r\n", 1),
        (b"* 1 FETCH (UID 5 RFC822.HEADER {2}\r\nab RFC822.TEXT {2}\r\ncd)\r\n", 2),
        (b"* 1 fetch (uid 5 body[1.2] {2}\r\nab binary[1] ~{2}\r\na\0)\r\n", 2),
        (b"* 1 FETCH (FLAGS (\"x\\\"(\") UID 5 BODY[TEXT] {0}\r\n)\r\n", 1),
    ] {
        let mut framer = Framer::new(Limits::default());
        let mut input = Input::default();
        input.push(octets);
        let (mut count, mut uid) = (0, None);
        while let Some(piece) = framer.next(&mut input).unwrap() {
            match piece {
                Piece::Begins(streamed) => {
                    count += 1;
                    uid = streamed.uid;
                }
                Piece::Frame(frame) => {
                    let Response::Fetch(fetch) =
                        Response::read(&frame, Names::Utf7, &Limits::default()).unwrap()
                    else {
                        panic!()
                    };
                    assert_eq!(fetch.uid, Some(5), "{}", octets.escape_ascii());
                    let streamed = fetch
                        .sections
                        .iter()
                        .filter(|section| matches!(section.content, Content::Streamed(_)))
                        .count();
                    assert_eq!(streamed, begins, "{}", octets.escape_ascii());
                }
                _ => {}
            }
        }
        assert_eq!(count, begins, "{}", octets.escape_ascii());
        assert!(uid.is_none_or(|uid| uid == 5));
    }
}

#[test]
fn sections_are_named_in_every_way() {
    let section = |text: &str| Section::read(text.as_bytes());
    assert_eq!(section("BODY[]"), Some(Section::default()));
    assert_eq!(section("RFC822"), Some(Section::default()));
    assert_eq!(section("BODY[HEADER]<10>"), Some(Section { origin: Some(10), ..Section::header() }));
    assert_eq!(
        section("BODY[1.3.HEADER.FIELDS.NOT (A b)]"),
        Some(Section {
            text: Some(SectionText::HeaderFieldsNot(vec!["A".to_string(), "b".to_string()])),
            ..Section::part(&[1, 3])
        })
    );
    for text in ["BODY", "BODYSTRUCTURE", "BODY[", "BODY[X]", "BODY[1", "BODY[]<>", "BODY[]x", "FLAGS", ""] {
        assert_eq!(section(text), None, "{text}");
    }
}

#[test]
fn other_data_is_read() {
    assert_eq!(
        read(b"* SEARCH 2 84 882 (MODSEQ 917162500)\r\n"),
        Response::Search(vec![2, 84, 882], Some(917_162_500))
    );
    match read(b"* ESEARCH (TAG \"A282\") UID MIN 2 COUNT 3 X-NEW (a) ALL 2,10:11 MODSEQ 12\r\n") {
        Response::Esearch(found) => {
            assert!(found.uid && found.min == Some(2) && found.count == Some(3) && found.mod_seq == Some(12));
            assert_eq!(found.all.to_string(), "2,10:11");
        }
        other => panic!("{other:?}"),
    }
    match read(b"* NAMESPACE ((\"\" \"/\")(\"#mh/\" \"/\" \"X-PARAM\" (\"FLAG1\" \"FLAG2\"))) NIL ((\"Shared/\" NIL))\r\n") {
        Response::Namespace(namespaces) => {
            assert_eq!(namespaces.personal[1].prefix, Mailbox::new("#mh/"));
            assert_eq!((namespaces.other.len(), namespaces.shared[0].delimiter), (0, None));
        }
        other => panic!("{other:?}"),
    }
    match read(b"* LIST (\\Marked) \".\" \"a.b\" (\"CHILDINFO\" (\"SUBSCRIBED\") X (1) OLDNAME (\"c\"))\r\n")
    {
        Response::List(list) => {
            assert_eq!((list.child_info.len(), list.old_name), (1, Some(Mailbox::new("c"))));
        }
        other => panic!("{other:?}"),
    }
    match read(b"* STATUS \"a b\" (MESSAGES 2 UIDNEXT 5 APPENDLIMIT NIL MAILBOXID (F1) X (y)) \r\n") {
        Response::MailboxStatus(status) => {
            assert_eq!(
                (status.messages, status.append_limit, status.mailbox_id.as_deref()),
                (Some(2), Some(None), Some("F1"))
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(read(b"* 5 WHATEVER x\r\n"), Response::Other("WHATEVER".to_string()));
    assert_eq!(read(b"* METADATA \"\" (x {3}\r\nabc)\r\n"), Response::Other("METADATA".to_string()));
}

#[test]
fn a_deep_structure_is_refused_before_it_costs_anything() {
    let mut text = b"* 1 FETCH (BODYSTRUCTURE ".to_vec();
    text.resize(text.len() + 500_000, b'(');
    text.extend_from_slice(b"\r\n");
    let frame = &frames(&text)[0];
    assert!(Response::read(frame, Names::Utf7, &Limits::default()).is_err());
}

#[test]
fn what_is_over_a_bound_is_an_excess() {
    let limits = Limits { response_octets: 100, literal_octets: 10, ..Limits::default() };
    let excess = |octets: &[u8]| {
        let mut framer = Framer::new(limits.clone());
        let mut input = Input::default();
        input.push(octets);
        loop {
            match framer.next(&mut input) {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(excess) => return Some(excess),
            }
        }
    };
    assert_eq!(excess(&[b'x'; 101]), Some(Excess::Response));
    assert_eq!(excess(&[b'x'; 100]), None);
    assert_eq!(excess(b"* X {11}\r\n"), Some(Excess::Literal));
    assert_eq!(excess(&b"* X {10}\r\n0123456789\r\n".repeat(8)), None);
    let many = [&b"* X"[..], &b" {10}\r\n0123456789".repeat(8)].concat();
    assert_eq!(excess(&many), Some(Excess::Response));
    assert_eq!(excess(b"* 1 FETCH (BODY[] {9223372036854775807}\r\nabc"), None);
}

#[test]
fn an_empty_structure_can_be_written() {
    let mut writer = crate::grammar::Writer::new(Names::Utf7);
    BodyStructure::default().write(&mut writer);
    assert_eq!(writer.into_octets(), b"(\"\" \"\" NIL NIL NIL \"\" 0 NIL NIL NIL NIL)\r\n");
}
