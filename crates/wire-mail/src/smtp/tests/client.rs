//! Dialogs with the client side; here `S:` is what the session writes and `C:` what the script,
//! the server, answers.

use super::harness::describe_client;
use crate::smtp::{
    Address, Body, ByMode, Credentials, DeliverBy, Form, Mail, Notify, Orcpt, Protocol, Rcpt, Ret,
    client::{Client, Config, Refused, Tls, Transaction},
    dialog,
};
use alloc::{format, string::String, vec::Vec};
use bytes::Bytes;
use cedrat_session::{Instant, Session, Step};
use proptest::prelude::*;

fn address(text: &str) -> Address {
    Address::parse(text, Form::Mail).unwrap()
}

pub(super) fn message(recipients: usize, content: &'static [u8]) -> Transaction {
    Transaction {
        mail: Mail::new(address("from@a.test")),
        recipients: (0..recipients).map(|at| Rcpt::new(address(&format!("to{at}@b.test")))).collect(),
        content: Bytes::from_static(content),
    }
}

/// Runs a dialog; `A: send` hands the next of the transactions over.
fn speak(config: &Config, transactions: &[Transaction], text: &str) {
    for piece in [usize::MAX, 1, 7] {
        let mut left = transactions.iter();
        let mut client = Client::new(config.clone(), [2; 32]);
        let answer = |client: &mut Client, text: &str| match text {
            "send" => client.send(left.next().unwrap().clone()).unwrap(),
            "quit" => client.quit(),
            other => panic!("{other}"),
        };
        if let Err(fault) = dialog::run(text, &mut client, piece, describe_client, answer) {
            panic!("in pieces of {piece}: {fault}");
        }
    }
}

fn plain() -> Config {
    Config { tls: Tls::None, ..Config::new("gw.test") }
}

#[test]
fn commands_go_out_in_one_group_and_dots_are_stuffed() {
    speak(
        &plain(),
        &[message(2, b".a\nb\r\n..\rc"), message(1, b"")],
        r"
        C| 220-mx.test\r\n220 ESMTP\r\n
        S: EHLO gw.test
        C| 250-mx.test\r\n250-pipelining\r\n250-SIZE 1000\r\n250 8BITMIME\r\n
        E: ready
        A: send
        S: MAIL FROM:<from@a.test> SIZE=14 BODY=7BIT
        S: RCPT TO:<to0@b.test>
        S: RCPT TO:<to1@b.test>
        S: DATA
        C| 250 2.1.0 ok\r\n250 ok\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n354 go\r\n
        S: ..a
        S: b
        S: ...
        S: c
        S: .
        C: 250 2.0.0 kept
        E: outcome delivered 250 2.0.0 kept | permanent 550 5.1.1 no such user
        E: ready
        A: send
        S: MAIL FROM:<from@a.test> SIZE=0 BODY=7BIT
        S: RCPT TO:<to0@b.test>
        S: DATA
        C| 250 ok\r\n250 ok\r\n354 go\r\n
        S: .
        C: 451 4.3.0 disk full
        E: outcome temporary 451 4.3.0 disk full
        E: ready
        A: quit
        S: QUIT
        C: 221 bye
        CLOSE
        ",
    );
}

#[test]
fn without_pipelining_each_command_waits_for_its_reply() {
    speak(
        &plain(),
        &[message(2, b"x"), message(1, b"x"), message(1, b"x")],
        r"
        C: 220 mx.test
        S: EHLO gw.test
        C: 502 what
        S: HELO gw.test
        C: 250 mx.test
        E: ready
        A: send
        S: MAIL FROM:<from@a.test>
        C: 250 ok
        S: RCPT TO:<to0@b.test>
        C: 450 4.2.1 busy
        S: RCPT TO:<to1@b.test>
        C: 550 no
        E: outcome temporary 450 4.2.1 busy | permanent 550 no
        E: ready
        A: send
        S: RSET
        C: 250 ok
        S: MAIL FROM:<from@a.test>
        C: 550 5.7.1 no
        E: outcome permanent 550 5.7.1 no
        E: ready
        A: send
        S: RSET
        C: 250 ok
        S: MAIL FROM:<from@a.test>
        C: 250 ok
        S: RCPT TO:<to0@b.test>
        C: 250 ok
        S: DATA
        C: 451 4.3.0 later
        E: outcome temporary 451 4.3.0 later
        E: ready
        ",
    );
}

#[test]
fn a_message_that_nobody_may_have_is_sent_empty_when_it_is_asked_for() {
    // RFC 2920 section 3.1: 354 although every recipient was refused.
    speak(
        &plain(),
        &[message(1, b"secret"), message(1, b"x"), message(1, b"x")],
        r"
        C: 220 mx.test
        S: EHLO gw.test
        C| 250-mx\r\n250 PIPELINING\r\n
        E: ready
        A: send
        S: MAIL FROM:<from@a.test>
        S: RCPT TO:<to0@b.test>
        S: DATA
        C| 250 ok\r\n550 5.1.1 no\r\n354 go\r\n
        S: .
        C: 554 no recipients
        E: outcome permanent 550 5.1.1 no
        E: ready
        A: send
        S: MAIL FROM:<from@a.test>
        S: RCPT TO:<to0@b.test>
        S: DATA
        C| 550 5.7.1 no\r\n503 what\r\n503 what\r\n
        E: outcome permanent 550 5.7.1 no
        E: ready
        A: send
        S: RSET
        S: MAIL FROM:<from@a.test>
        S: RCPT TO:<to0@b.test>
        S: DATA
        C| 250 ok\r\n250 ok\r\n250 ok\r\n554 5.3.2 no\r\n
        E: outcome permanent 554 5.3.2 no
        E: ready
        ",
    );
}

#[test]
fn a_refused_rset_is_no_verdict_on_the_message() {
    speak(
        &plain(),
        &[message(1, b"x"), message(1, b"x")],
        r"
        C: 220 mx.test
        S: EHLO gw.test
        C: 250 mx
        E: ready
        A: send
        S: MAIL FROM:<from@a.test>
        C: 550 5.7.1 no
        E: outcome permanent 550 5.7.1 no
        E: ready
        A: send
        S: RSET
        C: 502 what
        S: QUIT
        E: outcome temporary 451 4.4.2 *
        E: failed Envelope Reply(*
        CLOSE
        ",
    );
}

#[test]
fn chunking_sends_the_octets_as_they_are_counted() {
    let mut binary = message(1, b"a\r\n.\r\n\0\n");
    binary.mail.body = Body::BinaryMime;
    speak(
        &Config { chunking: true, ..plain() },
        &[message(1, b".\nb"), binary],
        r"
        C: 220 mx.test
        S: EHLO gw.test
        C| 250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SIZE\r\n250 BINARYMIME\r\n
        E: ready
        A: send
        S: MAIL FROM:<from@a.test> SIZE=6
        S: RCPT TO:<to0@b.test>
        C| 250 ok\r\n250 ok\r\n
        S: BDAT 6 LAST
        S: .
        S: b
        C: 250 kept
        E: outcome delivered 250 kept
        E: ready
        A: send
        S: MAIL FROM:<from@a.test> SIZE=8 BODY=BINARYMIME
        S: RCPT TO:<to0@b.test>
        C| 250 ok\r\n250 ok\r\n
        S: BDAT 8 LAST
        S: a
        S: .
        C: 250 kept
        E: outcome delivered 250 kept
        E: ready
        ",
    );
}

#[test]
fn lmtp_gives_each_recipient_its_own_outcome() {
    speak(
        &Config { protocol: Protocol::Lmtp, ..plain() },
        &[message(3, b"x"), message(1, b"x"), message(2, b"x")],
        r"
        C: 220 lmtp.test
        S: LHLO gw.test
        C| 250-mx\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n
        E: ready
        A: send
        S: MAIL FROM:<from@a.test>
        S: RCPT TO:<to0@b.test>
        S: RCPT TO:<to1@b.test>
        S: RCPT TO:<to2@b.test>
        S: DATA
        C| 250 ok\r\n250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n
        S: x
        S: .
        C| 250 2.0.0 first\r\n452 4.2.2 full\r\n
        E: outcome delivered 250 2.0.0 first | permanent 550 5.1.1 no | temporary 452 4.2.2 full
        E: ready
        A: send
        S: MAIL FROM:<from@a.test>
        S: RCPT TO:<to0@b.test>
        S: DATA
        C| 250 ok\r\n550 no\r\n503 no\r\n
        E: outcome permanent 550 no
        E: ready
        A: send
        S: RSET
        S: MAIL FROM:<from@a.test>
        S: RCPT TO:<to0@b.test>
        S: RCPT TO:<to1@b.test>
        S: DATA
        C| 250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n
        S: x
        S: .
        C: 250 2.0.0 first
        END
        E: outcome delivered 250 2.0.0 first | uncertain
        E: failed EndOfMessage Ended
        CLOSE
        ",
    );
}

#[test]
fn a_connection_lost_after_the_message_is_uncertain_and_before_it_is_not() {
    let start = r"
        C: 220 mx.test
        S: EHLO gw.test
        C| 250-mx\r\n250 PIPELINING\r\n
        E: ready
        A: send
        S: MAIL FROM:<from@a.test>
        S: RCPT TO:<to0@b.test>
        S: DATA
        C| 250 ok\r\n250 ok\r\n";
    for (rest, outcome, stage) in [
        ("END", "temporary 451 4.4.2 *", "Envelope Ended"),
        ("T: 120000", "temporary 451 4.4.2 *", "Envelope Timeout"),
        ("C: 421 4.3.2 down\nS: QUIT", "temporary 421 4.3.2 down", "Envelope Reply(*"),
        ("C: what", "temporary 451 4.4.2 *", "Envelope Malformed(Code)"),
        ("C: 354\nS: x\nS: .\nEND", "uncertain", "EndOfMessage Ended"),
        ("C: 354\nS: x\nS: .\nT: 600000", "uncertain", "EndOfMessage Timeout"),
        ("C: 354\nS: x\nS: .\nC: what", "uncertain", "EndOfMessage Malformed(Code)"),
        ("C: 354\nS: x\nS: .\nC: 354 go\nS: QUIT", "uncertain", "EndOfMessage Reply(*"),
        (
            "C: 354\nS: x\nS: .\nC: 421 4.3.2 down\nS: QUIT",
            "temporary 421 4.3.2 down",
            "EndOfMessage Reply(*",
        ),
    ] {
        speak(
            &plain(),
            &[message(1, b"x")],
            &format!("{start}\n{rest}\nE: outcome {outcome}\nE: failed {stage}\nCLOSE"),
        );
    }
}

#[test]
fn tls_is_taken_when_offered_and_demanded_when_required() {
    let required = Config { tls: Tls::Required, ..plain() };
    let opportunistic = Config { tls: Tls::Opportunistic, ..plain() };
    for config in [&required, &opportunistic] {
        speak(
            config,
            &[],
            r"
            C: 220 mx.test
            S: EHLO gw.test
            C| 250-mx\r\n250 STARTTLS\r\n
            S: STARTTLS
            C| 220 go\r\n250-evil\r\n
            TLS
            S: EHLO gw.test
            C: 250 mx
            E: ready
            ",
        );
    }
    speak(
        &required,
        &[],
        r"
        C: 220 mx.test
        S: EHLO gw.test
        C| 250 mx\r\n
        S: QUIT
        E: failed Hello TlsNotOffered
        CLOSE
        ",
    );
    speak(
        &opportunistic,
        &[],
        r"
        C: 220 mx.test
        S: EHLO gw.test
        C| 250-mx\r\n250 STARTTLS\r\n
        S: STARTTLS
        C: 454 4.7.0 not now
        E: ready
        ",
    );
}

#[test]
fn credentials_never_go_out_in_clear_text() {
    let config = Config { auth: Some(Credentials::new("test", "1234".into())), ..plain() };
    let dialog = r"
        C: 220 mx.test
        S: EHLO gw.test
        C| 250-mx\r\n250 AUTH=LOGIN PLAIN\r\n
        ";
    speak(&config, &[], &format!("{dialog}\nS: QUIT\nE: failed Auth AuthInClear\nCLOSE"));
    let config = Config { auth_in_clear: true, ..config };
    speak(&config, &[], &format!("{dialog}\nS: AUTH PLAIN AHRlc3QAMTIzNA==\nC: 235 2.7.0 ok\nE: ready"));
    speak(
        &config,
        &[],
        &format!(
            "{dialog}\nS: AUTH PLAIN AHRlc3QAMTIzNA==\nC: 535 5.7.8 no\nS: QUIT\nE: failed Auth Reply(*\nCLOSE"
        ),
    );
    speak(
        &config,
        &[],
        r"
        C: 220 mx.test
        S: EHLO gw.test
        C| 250-mx\r\n250 AUTH LOGIN\r\n
        S: AUTH LOGIN
        C: 334 VXNlcm5hbWU6
        S: dGVzdA==
        C: 334 UGFzc3dvcmQ6
        S: MTIzNA==
        C: 235 ok
        E: ready
        ",
    );
}

#[test]
fn a_server_that_cannot_prove_itself_is_not_believed() {
    let config =
        Config { auth: Some(Credentials::new("user", "pencil".into())), auth_in_clear: true, ..plain() };
    let start = r"
        C: 220 mx.test
        S: EHLO gw.test
        C| 250-mx\r\n250 AUTH PLAIN SCRAM-SHA-256\r\n
        S: AUTH SCRAM-SHA-256 *";
    speak(&config, &[], &format!("{start}\nC: 235 ok\nS: QUIT\nE: failed Auth NotGenuine\nCLOSE"));
    // r=short,s=AAAA,i=1
    speak(
        &config,
        &[],
        &format!("{start}\nC: 334 cj1zaG9ydCxzPUFBQUEsaT0x\nS: *\nS: QUIT\nE: failed Auth Reply(*\nCLOSE"),
    );
}

#[test]
fn an_idle_connection_may_be_closed_by_the_next_hop() {
    speak(
        &plain(),
        &[],
        r"
        C: 220 mx.test
        S: EHLO gw.test
        C: 250 mx
        E: ready
        C: 421 4.4.2 idle
        S: QUIT
        E: failed Ready Reply(*
        CLOSE
        ",
    );
}

#[test]
fn the_greeting_may_turn_the_client_away() {
    for (greeting, cause) in
        [("C: 554 5.7.1 no\nS: QUIT", "Reply(*"), ("T: 300000", "Timeout"), ("END", "Ended")]
    {
        speak(&plain(), &[], &format!("{greeting}\nE: failed Greeting {cause}\nCLOSE"));
    }
}

/// A client that the next hop has told what it offers.
fn ready(extensions: &[&str]) -> Client {
    let mut client = Client::new(plain(), [0; 32]);
    let mut greeting = String::from("C: 220 mx\nS: EHLO gw.test\nC| 250-mx\\r\\n");
    for line in extensions {
        greeting.push_str(&format!("250-{line}\\r\\n"));
    }
    greeting.push_str("250 HELP\\r\\n\nE: ready");
    dialog::run(&greeting, &mut client, usize::MAX, describe_client, |_, _| {}).unwrap();
    client
}

#[test]
fn what_the_next_hop_cannot_take_is_refused_before_anything_is_written() {
    let eight_bit = message(1, b"caf\xe9");
    let mut binary = message(1, b"x");
    binary.mail.body = Body::BinaryMime;
    let mut tls = message(1, b"x");
    tls.mail.require_tls = true;
    let mut utf8 = message(1, b"x");
    utf8.recipients[0].address = address("h\u{f6}lger@b.test");
    let mut utf8_header = message(1, b"Subject: \xc3\xb6");
    utf8_header.mail.smtputf8 = true;
    let mut by = message(1, b"x");
    by.mail.deliver_by = Some(DeliverBy { seconds: 60, mode: ByMode::Return, trace: false });
    let mut envid = message(1, b"x");
    envid.mail.envid = Some("a\r\nRCPT TO:<x@y.test>".into());
    let mut orcpt = message(1, b"x");
    orcpt.recipients[0].orcpt = Some(Orcpt { address_type: "rfc822".into(), address: "a\r\nDATA".into() });
    for (offered, transaction, refused) in [
        (&[][..], &eight_bit, Some(Refused::NeedsDowngrade)),
        (&["8BITMIME"][..], &eight_bit, None),
        (&["8BITMIME", "CHUNKING"][..], &message(1, b"a\0b"), Some(Refused::NeedsDowngrade)),
        (&["8BITMIME", "BINARYMIME"][..], &binary, Some(Refused::NeedsDowngrade)),
        (&["CHUNKING", "BINARYMIME"][..], &binary, None),
        (&["REQUIRETLS"][..], &tls, Some(Refused::NeedsRequireTls)),
        (&["8BITMIME"][..], &utf8, Some(Refused::NeedsSmtpUtf8)),
        (&["8BITMIME"][..], &utf8_header, Some(Refused::NeedsSmtpUtf8)),
        (&["8BITMIME", "SMTPUTF8"][..], &utf8, None),
        (&[][..], &by, Some(Refused::NeedsDeliverBy)),
        (&["DELIVERBY 61"][..], &by, Some(Refused::NeedsDeliverBy)),
        (&["DELIVERBY 60,x"][..], &by, None),
        (&["SIZE 2"][..], &message(1, b"x"), Some(Refused::TooLarge(2))),
        (&["SIZE 3"][..], &message(1, b"x"), None),
        (&[][..], &message(0, b"x"), Some(Refused::NoRecipients)),
        (&["DSN"][..], &envid, Some(Refused::Parameter)),
        (&["DSN"][..], &orcpt, Some(Refused::Parameter)),
    ] {
        let mut client = ready(offered);
        assert_eq!(client.send(transaction.clone()).err(), refused, "{offered:?}");
        assert_eq!(client.is_ready(), refused.is_some());
    }
    let mut client = Client::new(plain(), [0; 32]);
    assert_eq!(client.send(message(1, b"x")), Err(Refused::NotReady));
}

#[test]
fn parameters_go_out_only_where_they_are_offered() {
    let mut transaction = message(1, b"x");
    transaction.mail.ret = Some(Ret::Headers);
    transaction.mail.envid = Some("QQ+2B1".into());
    transaction.mail.mt_priority = Some(-3);
    transaction.mail.deliver_by = Some(DeliverBy { seconds: -5, mode: ByMode::Notify, trace: true });
    transaction.recipients[0].notify = Some(Notify { success: true, failure: true, delay: false });
    transaction.recipients[0].orcpt = Some(Orcpt::from_plain("rfc822", "a+b@c.test"));
    let first = |offered: &[&str]| -> (String, crate::smtp::client::NotPassedOn) {
        let mut client = ready(offered);
        client.send(transaction.clone()).unwrap();
        let mut written: Vec<u8> = Vec::new();
        while let Some(step) = client.poll(Instant(0)) {
            if let Step::Send(octets) = step {
                written.extend(octets);
            }
        }
        client.ended(Instant(0));
        let Some(Step::Event(crate::smtp::client::Event::Outcome(outcome))) = client.poll(Instant(0)) else {
            panic!("no outcome");
        };
        (String::from_utf8(written).unwrap(), outcome.not_passed_on)
    };
    let (written, dropped) = first(&["PIPELINING", "DSN", "MT-PRIORITY", "DELIVERBY"]);
    assert_eq!(
        written,
        "MAIL FROM:<from@a.test> RET=HDRS ENVID=QQ+2B1 BY=-5;NT MT-PRIORITY=-3\r\n\
         RCPT TO:<to0@b.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@c.test\r\nDATA\r\n"
    );
    assert!(!(dropped.dsn || dropped.mt_priority || dropped.deliver_by));
    let (written, dropped) = first(&["PIPELINING"]);
    assert_eq!(written, "MAIL FROM:<from@a.test>\r\nRCPT TO:<to0@b.test>\r\nDATA\r\n");
    assert!(dropped.dsn && dropped.mt_priority && dropped.deliver_by);
}

/// Everything that a client writes and tells when these replies come, whether they fit or not.
fn converse(config: &Config, replies: &[u8], cuts: &[usize]) -> (Vec<u8>, Vec<String>) {
    let mut client = Client::new(config.clone(), [0; 32]);
    let (mut written, mut events) = (Vec::new(), Vec::new());
    let mut from = 0;
    for cut in cuts.iter().copied().chain([replies.len(), usize::MAX]) {
        if cut == usize::MAX {
            client.ended(Instant(0));
        } else {
            let cut = cut.clamp(from, replies.len());
            client.receive(&replies[from..cut], Instant(0));
            from = cut;
        }
        while let Some(step) = client.poll(Instant(0)) {
            match step {
                Step::Send(octets) => written.extend(octets),
                Step::Event(event) => {
                    if matches!(event, crate::smtp::client::Event::Ready { .. })
                        && (events.len() > 8 || client.send(message(3, b"..a\nb")).is_err())
                    {
                        client.quit();
                    }
                    events.extend(describe_client(&event));
                }
                Step::Close => return (written, events),
                Step::StartTls => panic!("STARTTLS was not wanted"),
            }
        }
    }
    (written, events)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_split_of_any_replies_gives_the_same_commands_and_events(
        replies in proptest::collection::vec(
            "(220 x|250 x|250-x\r\n250 PIPELINING|250-x\r\n250 CHUNKING|354 go|250 ok|250 ok|550 5.1.1 no|451 x|421 x|334 eA==|235 x|junk)(\r\n|\n)",
            0..16,
        ),
        mut cuts in proptest::collection::vec(0usize..200, 0..8),
        lmtp: bool, chunking: bool, auth: bool,
    ) {
        cuts.sort_unstable();
        let config = Config {
            protocol: if lmtp { Protocol::Lmtp } else { Protocol::Smtp },
            chunking,
            auth: auth.then(|| Credentials::new("user", "pencil".into())),
            auth_in_clear: true,
            ..plain()
        };
        let replies = alloc::format!("220 mx\r\n250-mx\r\n{}250 PIPELINING\r\n{}", if auth { "250-AUTH LOGIN\r\n" } else { "" }, replies.concat());
        let whole = converse(&config, replies.as_bytes(), &[]);
        let outcomes = whole.1.iter().filter(|event| event.starts_with("outcome")).count();
        let sent = whole.1.iter().filter(|event| *event == "ready").count();
        prop_assert!(outcomes == sent || outcomes + 1 == sent, "every transaction has one outcome");
        prop_assert_eq!(converse(&config, replies.as_bytes(), &cuts), whole);
    }
}
