//! Another implementation of the grammar as a judge: what both read must mean the same to both, and what is written
//! here must be read there.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use bytes::Bytes;
use cedrat_session::{Instant, Session, Step};
use cedrat_wire_imap::{
    client::{
        Append, AppendPart, Change, Client, Command, Config, Event, Fetch, FetchItem, ListCommand, Resync,
        Search, SearchKey, Select, StatusItem, Store, Tls,
    },
    grammar::{
        Address, BodyStructure, Content, DateTime, Day, Envelope, Flag, Frame, Framer, Input, Limits,
        Mailbox, Names, Piece, Response, Section, SectionContent, SequenceSet, Writer,
    },
};
use imap_codec::{CommandCodec, ResponseCodec, decode::Decoder, encode::Encoder};
use proptest::prelude::*;

/// Only the frame: content that is handed on is compared by its length.
fn ours(octets: &[u8]) -> Response {
    let mut framer = Framer::new(Limits::default());
    let mut input = Input::default();
    input.push(octets);
    let mut whole: Option<Frame> = None;
    while let Some(piece) = framer.next(&mut input).unwrap() {
        if let Piece::Frame(frame) = piece {
            assert!(whole.replace(frame).is_none(), "{}", octets.escape_ascii());
        }
    }
    Response::read(&whole.unwrap(), Names::Utf7, &Limits::default()).unwrap()
}

/// What the judge makes of it, written again.
fn through_the_judge(octets: &[u8]) -> Vec<u8> {
    let codec = ResponseCodec::default();
    match codec.decode(octets) {
        Ok((rest, response)) => {
            assert!(rest.is_empty(), "{}", octets.escape_ascii());
            codec.encode(&response).dump()
        }
        Err(fault) => panic!("{}: {fault:?}", octets.escape_ascii()),
    }
}

#[test]
fn responses_mean_the_same_to_the_judge() {
    for line in [
        "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN LOGINDISABLED",
        "* OK [UIDVALIDITY 3857529045] UIDs valid",
        "* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited",
        "* NO [ALERT] disk is full",
        "* BYE going",
        "c1 OK [READ-WRITE] done",
        "c1 OK [APPENDUID 38505 3955] done",
        "c1 OK [COPYUID 38505 304,319:320 3956:3958] done",
        "c1 BAD [HIGHESTMODSEQ 715194045007] x",
        "c1 OK [MODIFIED 7,9] x",
        "* LIST (\\Noselect \\HasChildren) \"/\" foo",
        "* LIST () NIL \"a \\\"b\"",
        "* LSUB () \".\" #news.comp.mail.misc",
        "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 HIGHESTMODSEQ 7011231777)",
        "* SEARCH 2 3 6",
        "* SEARCH 2 5 6 (MODSEQ 917162500)",
        "* FLAGS (\\Answered \\Flagged $Forwarded)",
        "* 23 EXISTS",
        "* 44 EXPUNGE",
        "* VANISHED (EARLIER) 300:310,405,411",
        "* VANISHED 505,507,510,625",
        "* ENABLED CONDSTORE",
        "* ID (\"name\" \"Cyrus\" \"version\" NIL)",
        "* NAMESPACE ((\"\" \"/\")) ((\"~\" \"/\")) ((\"#shared/\" \"/\")(\"#public/\" \"/\"))",
        "* 24 FETCH (FLAGS (\\Seen) UID 4827313 MODSEQ (320172338) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 44827)",
        "* 1 FETCH (BODY[1.2.HEADER.FIELDS (DATE FROM)]<0> \"abc\" BODY[TEXT] NIL BINARY.SIZE[1] 3)",
        "* 1 FETCH (BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1152 23)(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\" \"NAME\" \"cc.diff\") \"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 4554 73) \"MIXED\"))",
        "* 1 FETCH (BODYSTRUCTURE (\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 50 (NIL \"s\" ((\"n\" NIL \"m\" \"h\")) NIL NIL NIL NIL NIL NIL NIL) (\"IMAGE\" \"GIF\" NIL NIL NIL \"BASE64\" 9 NIL (\"inline\" (\"filename\" \"a.gif\")) (\"en\" \"de\") \"loc\") 3))",
        "* 1 FETCH (ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG\" ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) NIL NIL ((NIL NIL \"imap\" \"cac.washington.edu\")(NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")) NIL NIL NIL \"<B27397@cac.washington.edu>\"))",
    ] {
        let octets = format!("{line}\r\n").into_bytes();
        assert_eq!(ours(&octets), ours(&through_the_judge(&octets)), "{line}");
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", Just("a\r\nb\"\\{3}".to_owned()), Just("Grüße".to_owned())]
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let address = (prop::option::of(text()), "[a-z]{1,5}", "[a-z]{1,5}").prop_map(|(name, mailbox, host)| {
        Address { name, route: None, mailbox: Some(mailbox), host: Some(host) }
    });
    (prop::option::of(text()), prop::collection::vec(address, 0..3), prop::option::of(text()))
        .prop_map(|(subject, from, message_id)| Envelope { subject, from, message_id, ..Envelope::default() })
}

fn structure() -> impl Strategy<Value = BodyStructure> {
    let leaf = (
        prop::sample::select(&["text", "image"][..]),
        prop::collection::vec(("[a-z]{1,5}", text()), 0..2),
        0..9_999_999_u64,
    )
        .prop_map(|(media_type, parameters, octets)| BodyStructure {
            lines: (media_type == "text").then_some(7),
            media_type: media_type.to_owned(),
            subtype: "x".to_owned(),
            parameters,
            encoding: "base64".to_owned(),
            octets,
            ..BodyStructure::default()
        });
    leaf.prop_recursive(3, 12, 3, |part| {
        prop::collection::vec(part, 1..3).prop_map(|parts| BodyStructure {
            media_type: "multipart".to_owned(),
            subtype: "mixed".to_owned(),
            parts,
            ..BodyStructure::default()
        })
    })
}

proptest! {
    #[test]
    fn a_fetch_that_is_written_here_is_read_there(
        uid in 1..u32::MAX, keyword in "[A-Za-z$][A-Za-z0-9-]{0,8}", seconds in 0..4_000_000_000_i64, size in 0..u32::MAX,
        envelope in envelope(), structure in structure(), part in prop::collection::vec(1..9_u32, 1..3),
    ) {
        let fetch = cedrat_wire_imap::grammar::Fetch {
            number: 9,
            uid: Some(uid),
            flags: Some(vec![Flag::Seen, Flag::Keyword(keyword)]),
            internal_date: Some(DateTime { seconds, offset_minutes: 60 }),
            size: Some(u64::from(size)),
            envelope: Some(Box::new(envelope)),
            structure: Some(Box::new(structure)),
            sections: vec![SectionContent { section: Section::part(&part), content: Content::Streamed(4) }],
            ..Default::default()
        };
        let mut writer = Writer::new(Names::Utf7);
        fetch.write(&mut writer, |_| Some(Bytes::from_static(b")\r\n(")));
        let octets = writer.into_octets();
        let mut back = ours(&through_the_judge(&octets));
        if let Response::Fetch(fetch) = &mut back {
            // The judge writes short content as a quoted string or a literal as it sees fit.
            fetch.sections[0].content = Content::Streamed(4);
        }
        prop_assert_eq!(back, Response::Fetch(Box::new(fetch)));
    }
}

/// What a session writes for these commands, one after the other.
fn written(capabilities: &str, commands: Vec<Command>) -> Vec<u8> {
    let mut client = Client::new(Config { tls: Tls::Implicit, ..Config::new(None) }, [1; 32]);
    let greeting = format!("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ ENABLE {capabilities}] hi\r\n");
    client.receive(greeting.as_bytes(), Instant(0));
    let mut commands = commands.into_iter();
    let mut sent = Vec::new();
    loop {
        let mut waits = true;
        while let Some(step) = client.poll(Instant(0)) {
            match step {
                Step::Send(octets) => {
                    sent.extend_from_slice(&octets);
                    waits = false;
                }
                Step::Event(Event::Ready { .. } | Event::Done { .. }) => {
                    let Some(command) = commands.next() else { return sent };
                    client.submit(command).unwrap();
                    waits = false;
                }
                Step::Event(_) => {}
                Step::Close | Step::StartTls => panic!(),
            }
        }
        assert!(!waits);
        let lines = String::from_utf8_lossy(&sent).into_owned();
        let tag = lines.lines().filter_map(|line| line.split(' ').next()).rfind(|word| word.starts_with('c'));
        let enabled = if lines.contains("ENABLE") { "* ENABLED QRESYNC CONDSTORE\r\n" } else { "" };
        client.receive(format!("{enabled}{} OK\r\n", tag.unwrap()).as_bytes(), Instant(0));
    }
}

#[test]
fn commands_are_read_by_the_judge() {
    let set = |first, last| SequenceSet::range(first, last);
    let mailbox = || Mailbox::new("Entwürfe \"x\" & mehr");
    let select = |resync| Command::Select(Select { mailbox: mailbox(), read_only: false, resync });
    let section = |section| FetchItem::Section { section, octets: Some(100) };
    let commands = vec![
        select(None),
        select(Some(Resync { uid_validity: 7, mod_seq: 9, uids: Some(set(1, 9)) })),
        Command::Create(mailbox()),
        Command::Subscribe(Mailbox::inbox()),
        Command::Namespace,
        Command::Noop,
        Command::Status(
            mailbox(),
            vec![StatusItem::Messages, StatusItem::UidNext, StatusItem::HighestModSeq],
        ),
        Command::List(ListCommand { reference: String::new(), pattern: "INBOX/%".into(), subscribed: false }),
        Command::List(ListCommand { reference: String::new(), pattern: "*".into(), subscribed: true }),
        Command::Append(Append {
            mailbox: mailbox(),
            flags: vec![Flag::Seen, Flag::forwarded()],
            date: Some(DateTime { seconds: 0, offset_minutes: -90 }),
            content: vec![AppendPart::Text(Bytes::from_static(b"a\r\n"))],
            utf8: false,
        }),
        Command::Fetch(Fetch {
            uids: SequenceSet::from(5),
            items: vec![
                FetchItem::Flags,
                FetchItem::InternalDate,
                FetchItem::Envelope,
                FetchItem::BodyStructure,
                FetchItem::Size,
                FetchItem::ModSeq,
                section(Section::part(&[1, 2])),
                section(Section::header()),
            ],
            changed_since: Some(12),
            vanished: true,
        }),
        Command::Store(Store {
            uids: [1, 3, 4].into_iter().collect(),
            change: Change::Replace,
            flags: vec![Flag::Deleted, Flag::mdn_sent()],
            unchanged_since: Some(12),
        }),
        Command::Search(Search {
            key: SearchKey::And(vec![
                SearchKey::Or(Box::new((SearchKey::Unseen, SearchKey::Keyword(Flag::mdn_sent())))),
                SearchKey::Not(Box::new(SearchKey::Header("Subject".into(), "a \"b\"".into()))),
                SearchKey::Since(Day(20_000)),
                SearchKey::Larger(5),
                SearchKey::Uid(SequenceSet::from(9)),
            ]),
        }),
        Command::Copy(set(1, 5), mailbox()),
        Command::Move(set(1, 5), mailbox()),
        Command::Expunge(set(1, 5)),
        Command::Unselect,
    ];
    let count = commands.len();
    // Without ESEARCH, which the judge does not know.
    let sent = written("CONDSTORE QRESYNC NAMESPACE UIDPLUS MOVE UNSELECT", commands);
    let mut rest = &sent[..];
    let mut read = 0;
    while !rest.is_empty() {
        let (after, _) = CommandCodec::default()
            .decode(rest)
            .unwrap_or_else(|fault| panic!("{}: {fault:?}", rest.escape_ascii()));
        rest = after;
        read += 1;
    }
    // And ENABLE.
    assert_eq!(read, count + 1);
}
