//! Commands and extensions: the examples of the documents, and reading what was written.

use crate::smtp::{
    Address, Body, ByMode, DeliverBy, Extensions, Form, FutureRelease, Hold, Mail, Mechanism, Notify, Orcpt,
    Rcpt, Ret,
    command::{Command, parse_mail, parse_rcpt, write_mail, write_rcpt},
};
use alloc::{
    format,
    string::{String, ToString},
};
use proptest::prelude::*;

fn everything() -> Extensions {
    Extensions {
        auth: Mechanism::ALL.to_vec(),
        deliver_by: Some(0),
        future_release: Some(FutureRelease {
            max_seconds: 999_999_999,
            max_time: "2099-12-31T23:59:59Z".into(),
        }),
        mt_priority: true,
        require_tls: true,
        ..Extensions::common()
    }
}

fn mail(line: &str) -> Mail {
    match Command::parse(line) {
        Ok(Command::Mail(arguments)) => parse_mail(arguments, &everything(), Form::Mail).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn rcpt(line: &str) -> Rcpt {
    match Command::parse(line) {
        Ok(Command::Rcpt(arguments)) => parse_rcpt(arguments, &everything(), Form::Mail, true).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn from(text: &str) -> Mail {
    Mail::new(Address::parse(text, Form::Mail).unwrap())
}

#[test]
fn the_senders_of_the_documents_read_as_they_mean() {
    let by = |seconds, mode| Some(DeliverBy { seconds, mode, trace: false });
    // RFC 1870 section 7.
    assert_eq!(
        mail("MAIL FROM:<ned@thor.innosoft.com> SIZE=500000"),
        Mail { size: Some(500_000), ..from("ned@thor.innosoft.com") }
    );
    // RFC 2852 section 6.
    assert_eq!(
        mail("MAIL FROM:<eljefe@bigbiz.com> BY=120;R"),
        Mail { deliver_by: by(120, ByMode::Return), ..from("eljefe@bigbiz.com") }
    );
    // RFC 3030 section 4.2.
    assert_eq!(
        mail("MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME"),
        Mail { body: Body::BinaryMime, ..from("ned@ymir.claremont.edu") }
    );
    // RFC 3461 section 10.2.
    assert_eq!(
        mail("MAIL FROM:<Alice@Example.ORG> RET=HDRS ENVID=QQ314159"),
        Mail { ret: Some(Ret::Headers), envid: Some("QQ314159".into()), ..from("Alice@Example.ORG") }
    );
    // RFC 4865 section 4.
    assert_eq!(mail("MAIL FROM:<a@b.test> HOLDFOR=3600").hold, Some(Hold::For(3600)));
    // RFC 6531 section 3.4 and RFC 6152 section 4.
    assert_eq!(
        mail("MAIL FROM:<> BODY=8bitMIME SMTPUTF8"),
        Mail { body: Body::EightBitMime, smtputf8: true, ..from("") }
    );
    // RFC 6710 section 9, on one line.
    assert_eq!(
        mail("MAIL FROM:<eljefe@example.com> BY=125;R ENVID=QQ314159 MT-PRIORITY=3"),
        Mail {
            deliver_by: by(125, ByMode::Return),
            envid: Some("QQ314159".into()),
            mt_priority: Some(3),
            ..from("eljefe@example.com")
        }
    );
    // RFC 8689 appendix A.1.
    assert_eq!(
        mail("MAIL FROM:<roger@example.org> REQUIRETLS"),
        Mail { require_tls: true, ..from("roger@example.org") }
    );
    // RFC 4954 section 5.
    assert_eq!(
        mail("MAIL FROM:<e=mc2@example.com> AUTH=e+3Dmc2@example.com").auth.as_deref(),
        Some("e+3Dmc2@example.com")
    );
}

#[test]
fn the_recipients_of_rfc_3461_read_as_they_mean() {
    let carol = rcpt("RCPT TO:<Carol@Ivory.EDU> NOTIFY=FAILURE ORCPT=rfc822;Carol@Ivory.EDU");
    assert_eq!(carol.notify, Some(Notify { failure: true, ..Notify::NEVER }));
    let orcpt = carol.orcpt.unwrap();
    assert_eq!((orcpt.address_type.as_str(), orcpt.plain().as_deref()), ("rfc822", Some("Carol@Ivory.EDU")));
    let dana = rcpt("RCPT TO:<Dana@Ivory.EDU> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.EDU");
    assert_eq!(dana.notify, Some(Notify { success: true, failure: true, delay: false }));
    let fred = rcpt("RCPT TO:<Fred@Bombs.AF.MIL> NOTIFY=NEVER");
    assert_eq!((fred.notify, fred.orcpt), (Some(Notify::NEVER), None));
    assert_eq!(rcpt("RCPT TO:<x@y.test>").notify, None);
    // Section 4.2: an address of another kind, escaped.
    let x400 = rcpt("RCPT TO:<x@y.test> ORCPT=x400;/S+3Dbob/C+3Dus/").orcpt.unwrap();
    assert_eq!(x400.plain().as_deref(), Some("/S=bob/C=us/"));
    assert_eq!(x400.to_string(), "x400;/S+3Dbob/C+3Dus/");
}

#[test]
fn commands_are_read_in_any_case_and_nothing_else_is() {
    assert_eq!(Command::parse("bdat 86 last"), Ok(Command::Bdat(Some((86, true)))));
    assert_eq!(Command::parse("BDAT 0"), Ok(Command::Bdat(Some((0, false)))));
    for unreadable in [
        "BDAT",
        "BDAT -1",
        "BDAT +1",
        "BDAT 1 LASTS",
        "BDAT 1 LAST x",
        "BDAT 1\0",
        "BDAT 99999999999999999999",
    ] {
        assert_eq!(Command::parse(unreadable), Ok(Command::Bdat(None)), "{unreadable}");
    }
    assert_eq!(
        Command::parse("auth plain  abc= "),
        Ok(Command::Auth { mechanism: "plain", initial: Some("abc=") })
    );
    assert_eq!(Command::parse("DATA  "), Ok(Command::Data));
    for (line, code) in [
        ("DATAX", 500),
        ("STARTTLSX", 500),
        ("STARTTLS x", 501),
        ("MAIL <a@b.test>", 501),
        ("RCPT FROM:<a@b.test>", 501),
        ("NOOP\0", 500),
        ("", 500),
    ] {
        assert_eq!(Command::parse(line).unwrap_err().code, code, "{line}");
    }
}

#[test]
fn an_offer_reads_as_it_was_written() {
    let mut offer = everything();
    offer.starttls = true;
    for size in [None, Some(0), Some(12_345)] {
        for deliver_by in [None, Some(0), Some(60)] {
            offer.size = size;
            offer.deliver_by = deliver_by;
            let mut text = String::from("mx.test");
            for line in offer.lines() {
                text.push('\n');
                text.push_str(&line);
            }
            assert_eq!(Extensions::parse(&text), offer);
        }
    }
    assert_eq!(
        Extensions::parse("mx.test\n\nXCLIENT NAME\nSIZE many\nAUTH GSSAPI"),
        Extensions { size: Some(0), ..Extensions::default() }
    );
    assert_eq!(Extensions::parse("SIZE 100"), Extensions::default(), "the first line is the greeting");
}

fn mails() -> impl Strategy<Value = Mail> {
    (
        "[a-z\"\\\\ @.<>]{1,8}",
        proptest::option::of(any::<u64>()),
        prop_oneof![Just(Body::SevenBit), Just(Body::EightBitMime), Just(Body::BinaryMime)],
        any::<(bool, bool)>(),
        proptest::option::of(prop_oneof![Just(Ret::Full), Just(Ret::Headers)]),
        proptest::option::of("[!-~ \u{e9}]{1,20}"),
        proptest::option::of((-999i32..999, any::<bool>(), any::<bool>())),
        proptest::option::of(-9i8..=9),
    )
        .prop_map(|(local, size, body, (smtputf8, require_tls), ret, envid, by, mt_priority)| Mail {
            from: Address::parse(
                &format!("\"{}\"@x.test", local.replace('\\', "\\\\").replace('"', "\\\"")),
                Form::Mail,
            )
            .unwrap(),
            size,
            body,
            smtputf8,
            ret,
            envid: envid.map(|text| crate::smtp::xtext::encode(&text)),
            deliver_by: by.map(|(seconds, notify, trace)| DeliverBy {
                seconds: if notify { seconds } else { seconds.abs() + 1 },
                mode: if notify { ByMode::Notify } else { ByMode::Return },
                trace,
            }),
            mt_priority,
            require_tls,
            ..Mail::default()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn a_written_sender_reads_as_itself(sender in mails()) {
        let line = write_mail(&sender, &everything());
        prop_assert_eq!(mail(line.strip_suffix("\r\n").unwrap()), sender);
    }

    #[test]
    fn a_written_recipient_reads_as_itself(
        success: bool, failure: bool, delay: bool, asked: bool,
        original in proptest::option::of("[ -~\u{e9}]{1,20}"),
    ) {
        let recipient = Rcpt {
            notify: asked.then_some(Notify { delay, failure, success }),
            orcpt: original.map(|text| Orcpt::from_plain("rfc822", &text)),
            ..Rcpt::new(Address::parse("a@b.test", Form::Mail).unwrap())
        };
        let line = write_rcpt(&recipient, true);
        prop_assert_eq!(rcpt(line.strip_suffix("\r\n").unwrap()), recipient);
    }

    #[test]
    fn no_text_makes_the_grammar_panic(text in "\\PC{0,60}", verb in "(MAIL FROM:|RCPT TO:|BDAT |AUTH |EHLO |)<?[a@.\"]{0,4}>?") {
        let line = format!("{verb} {text}");
        if let Ok(Command::Mail(arguments) | Command::Rcpt(arguments)) = Command::parse(&line) {
            let _mail = parse_mail(arguments, &everything(), Form::Mms);
            let _rcpt = parse_rcpt(arguments, &everything(), Form::Mail, false);
        }
    }
}
