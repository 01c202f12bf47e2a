//! Dialogs with the server side.

use super::harness::serve;
use crate::smtp::{
    Extensions, FutureRelease, LineEnds, Mechanism, Protocol, Reply,
    server::{Config, Tls},
};
use alloc::{format, string::String};

fn config() -> Config {
    Config::new("mx.test")
}

#[test]
fn the_typical_transaction_of_rfc_5321_goes_through() {
    serve(
        &config(),
        r"
        S: 220 mx.test ESMTP
        C: EHLO bar.test
        S: 250-mx.test
        S: 250-PIPELINING
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-DSN
        S: 250-ENHANCEDSTATUSCODES
        S: 250 SIZE 52428800
        E: hello bar.test true
        C: MAIL FROM:<Smith@bar.test>
        E: mail <Smith@bar.test>
        A: ok
        S: 250 2.1.0 *
        C: RCPT TO:<Jones@foo.test>
        E: rcpt <Jones@foo.test>
        A: ok
        S: 250 2.1.5 *
        C: RCPT TO:<Green@foo.test>
        E: rcpt <Green@foo.test>
        A: 550 5.1.1 No such user here
        S: 550 5.1.1 No such user here
        C: DATA
        S: 354 *
        C| Blah blah blah...\r\n..etc.\r\n.\r\n
        E: chunk Blah blah blah...\r\n.etc.\r\n
        E: end 26
        A: 250 2.0.0 Kept
        S: 250 2.0.0 Kept
        C: QUIT
        S: 221 2.0.0 *
        E: closed Quit
        CLOSE
        ",
    );
}

#[test]
fn the_null_path_and_the_bare_postmaster_are_addresses() {
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 mx.test
        E: hello a.test false
        C: mail from:<>
        E: mail <>
        A: ok
        S: 250 *
        C: rcpt to:<Postmaster>
        E: rcpt <Postmaster>
        A: ok
        S: 250 *
        C: RCPT TO:<>
        S: 501 5.1.3 *
        C: RSET
        E: reset
        S: 250 2.0.0 *
        C: RCPT TO:<a@b.test>
        S: 503 5.5.1 *
        C: NOOP
        S: 250 2.0.0 *
        C: VRFY a
        S: 252 2.1.0 *
        C: EXPN a
        S: 502 5.5.1 *
        C: HELP
        S: 214 *
        C: DATA now
        S: 501 5.5.4 *
        C: DATA
        S: 503 5.5.1 *
        C: TURN
        S: 500 5.5.1 *
        END
        E: closed Lost
        CLOSE
        ",
    );
}

#[test]
fn pipelined_commands_wait_for_each_decision() {
    // RFC 2920 section 4, the example with a refused recipient.
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO dbc.mtview.test
        S: 250 *
        E: hello dbc.mtview.test false
        C| MAIL FROM:<mrose@dbc.test>\r\nRCPT TO:<ned@innosoft.test>\r\nRCPT TO:<no@innosoft.test>\r\nDATA\r\n
        E: mail <mrose@dbc.test>
        A: ok
        S: 250 2.1.0 *
        E: rcpt <ned@innosoft.test>
        A: 550 5.1.1 no
        S: 550 5.1.1 no
        E: rcpt <no@innosoft.test>
        A: 550 5.1.1 no
        S: 550 5.1.1 no
        S: 554 5.5.1 No valid recipients
        ",
    );
}

#[test]
fn every_parameter_is_read() {
    let mut config = config();
    config.extensions = Extensions {
        deliver_by: Some(60),
        future_release: Some(FutureRelease { max_seconds: 3600, max_time: "2030-01-01T00:00:00Z".into() }),
        mt_priority: true,
        require_tls: true,
        ..Extensions::common()
    };
    config.mechanisms = [Mechanism::Plain].into();
    config.tls = Tls::On;
    config.limits.max_octets = 1000;
    config.limits.max_errors = 1000;
    let mut text = String::from("S: 220 *\nC: HELO a.test\nS: 250 *\nE: hello *\n");
    for good in [
        "SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ314159 BY=120;R HOLDFOR=60 MT-PRIORITY=-9 REQUIRETLS AUTH=<>",
        "body=binarymime ret=full BY=-15;nT HOLDUNTIL=2029-12-31T23:59:59.5Z MT-PRIORITY=9 AUTH=a+2Bb@c.test",
        "BY=60;RT MT-PRIORITY=0 SIZE=0",
    ] {
        text.push_str(&format!(
            "C: MAIL FROM:<a@b.test> {good}\nE: mail *\nA: ok\nS: 250 *\nC: RSET\nE: reset\nS: 250 *\n"
        ));
    }
    for (bad, reply) in [
        ("SIZE=1001", "552 5.3.4"),
        ("SIZE=", "501 5.5.4"),
        ("SIZE=1 SIZE=1", "501 5.5.4"),
        ("SIZE=123456789012345678901", "501 5.5.4"),
        ("BODY=9BIT", "501 5.5.4"),
        ("SMTPUTF8=1", "501 5.5.4"),
        ("RET=ALL", "501 5.5.4"),
        ("ENVID=a+0D+0Ab", "501 5.5.4"),
        ("ENVID=a+", "501 5.5.4"),
        ("BY=0;R", "501 5.5.4"),
        ("BY=-1;R", "501 5.5.4"),
        ("BY=59;R", "555 5.5.4"),
        ("BY=1234567890;N", "501 5.5.4"),
        ("BY=5;X", "501 5.5.4"),
        ("HOLDFOR=3601", "501 5.5.4"),
        ("HOLDFOR=0", "501 5.5.4"),
        ("HOLDFOR=1 HOLDUNTIL=2029-01-01T00:00:00Z", "501 5.5.4"),
        ("HOLDUNTIL=2030-01-01T00:00:01Z", "501 5.5.4"),
        ("HOLDUNTIL=2029-13-01T00:00:00Z", "501 5.5.4"),
        ("HOLDUNTIL=2029-01-01T00:00:00+01:00", "501 5.5.4"),
        ("MT-PRIORITY=10", "501 5.5.4"),
        ("MT-PRIORITY=3 MT-PRIORITY=4", "501 5.5.4"),
        ("REQUIRETLS=yes", "501 5.5.4"),
        ("XSHADOW=1", "555 5.5.4"),
        ("=1", "501 5.5.4"),
    ] {
        text.push_str(&format!("C: MAIL FROM:<a@b.test> {bad}\nS: {reply} *\n"));
    }
    text.push_str("C: MAIL FROM:<a@b.test>\nE: mail *\nA: ok\nS: 250 *\n");
    for good in [
        "NOTIFY=NEVER",
        "NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob+2B@x.test",
        "ORCPT=utf-8;a\\x{E9}@x.test",
        "ORCPT=plmn;+2B15550123001",
        "ORCPT=rfc822;bounce=bob@x.test",
    ] {
        text.push_str(&format!("C: RCPT TO:<c@d.test> {good}\nE: rcpt *\nA: ok\nS: 250 *\n"));
    }
    for (bad, reply) in [
        ("NOTIFY=", "501 5.5.4"),
        ("NOTIFY=NEVER,DELAY", "501 5.5.4"),
        ("ORCPT=bob@x.test", "501 5.5.4"),
        ("ORCPT=;bob", "501 5.5.4"),
        ("ORCPT=rfc822;a+0Ab", "501 5.5.4"),
        ("SIZE=1", "555 5.5.4"),
    ] {
        text.push_str(&format!("C: RCPT TO:<c@d.test> {bad}\nS: {reply} *\n"));
    }
    serve(&config, &text);
}

#[test]
fn a_parameter_of_an_extension_that_is_not_offered_is_unknown() {
    let mut config = config();
    config.extensions = Extensions::default();
    serve(
        &config,
        r"
        S: 220 *
        C: EHLO a.test
        S: 250 mx.test
        E: hello *
        C: MAIL FROM:<a@b.test> SIZE=1
        S: 555 5.5.4 *
        C: MAIL FROM:<a@b.test> BODY=7BIT
        S: 555 5.5.4 *
        C: MAIL FROM:<a@b.test> REQUIRETLS
        S: 555 5.5.4 *
        C: MAIL FROM:<a@b.test> HOLDFOR=1
        S: 555 5.5.4 *
        C: MAIL FROM:<a@b.test>
        E: mail *
        A: ok
        S: 250 *
        C| BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n
        S: 502 5.5.1 *
        E: reset
        S: 250 2.0.0 OK
        ",
    );
}

#[test]
fn mm4_envelopes_need_no_domain() {
    let mut config = config();
    config.mms_addresses = true;
    serve(
        &config,
        r"
        S: 220 *
        C: HELO localdomain
        S: 250 *
        E: hello localdomain false
        C: MAIL FROM:<+15550123001/TYPE=PLMN>
        E: mail <+15550123001/TYPE=PLMN>
        A: ok
        S: 250 *
        C: RCPT TO:<7255>
        E: rcpt <7255>
        A: ok
        S: 250 *
        C: RCPT TO:<+447700900001/TYPE=PLMN@mms.carrier.test>
        E: rcpt <+447700900001/TYPE=PLMN@mms.carrier.test>
        A: ok
        S: 250 *
        C: RCPT TO:<>
        E: rcpt <>
        A: 550 5.1.1 no
        S: 550 *
        ",
    );
}

#[test]
fn utf8_addresses_need_smtputf8() {
    serve(
        &config(),
        "
        S: 220 *
        C: EHLO a.test
        S: 250-*\nS: 250-*\nS: 250-*\nS: 250-*\nS: 250-*\nS: 250-*\nS: 250-*\nS: 250-*\nS: 250 *
        E: hello *
        C: MAIL FROM:<h\u{f6}lger@b.test>
        S: 553 5.6.7 *
        C: MAIL FROM:<a@b.test>
        E: mail *
        A: ok
        S: 250 *
        C: RCPT TO:<h\u{f6}lger@b.test>
        S: 553 5.6.7 *
        C: RSET
        E: reset
        S: 250 *
        C: MAIL FROM:<h\u{f6}lger@b.test> SMTPUTF8
        E: mail <h\u{f6}lger@b.test>
        A: ok
        S: 250 *
        C| RCPT TO:<\\xff@b.test>\\r\\n
        S: 500 5.5.2 *
        ",
    );
}

#[test]
fn starttls_forgets_everything_that_came_in_clear_text() {
    let mut config = config();
    config.tls = Tls::Available;
    config.require_tls = true;
    config.mechanisms = [Mechanism::Plain].into();
    config.extensions = Extensions { require_tls: true, ..Extensions::default() };
    serve(
        &config,
        r"
        S: 220 *
        C: EHLO a.test
        S: 250-mx.test
        S: 250 STARTTLS
        E: hello *
        C: MAIL FROM:<a@b.test>
        S: 530 5.7.0 Must issue a STARTTLS command first
        C: AUTH PLAIN AGEAYg==
        S: 530 5.7.0 *
        C: STARTTLS x
        S: 501 *
        C| STARTTLS\r\nMAIL FROM:<evil@b.test>\r\n
        S: 220 2.0.0 *
        TLS
        C: MAIL FROM:<a@b.test>
        S: 503 5.5.1 EHLO first
        C: STARTTLS
        S: 503 5.5.1 *
        C: EHLO a.test
        S: 250-mx.test
        S: 250-REQUIRETLS
        S: 250 AUTH PLAIN
        E: hello *
        C: MAIL FROM:<a@b.test> REQUIRETLS
        E: mail *
        A: ok
        S: 250 *
        ",
    );
}

#[test]
fn auth_plain_and_login_ask_the_gateway() {
    let mut config = config();
    config.auth_in_clear = true;
    config.mechanisms = Mechanism::ALL.into();
    config.require_auth = true;
    config.extensions = Extensions::default();
    config.limits.max_auth_failures = 100;
    serve(
        &config,
        r"
        S: 220 *
        C: AUTH PLAIN
        S: 503 5.5.1 *
        C: EHLO a.test
        S: 250-mx.test
        S: 250 AUTH SCRAM-SHA-256 PLAIN LOGIN
        E: hello *
        C: MAIL FROM:<a@b.test>
        S: 530 5.7.0 Authentication required
        C: AUTH CRAM-MD5
        S: 504 5.5.4 *
        C: AUTH PLAIN
        S: 334 *
        C: *
        S: 501 5.7.0 *
        C: AUTH PLAIN ???
        S: 501 5.5.2 *
        C: AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=
        E: plain test Some(*test*) 1234
        A: 535 5.7.8 Authentication credentials invalid
        S: 535 5.7.8 *
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: dGVzdA==
        S: 334 UGFzc3dvcmQ6
        C: *
        S: 501 5.7.0 *
        C: AUTH PLAIN b3RoZXIAdGVzdAAxMjM0
        E: plain test Some(*other*) 1234
        A: ok
        S: 235 2.7.0 *
        E: authenticated test
        C: AUTH PLAIN
        S: 503 5.5.1 *
        C: MAIL FROM:<a@b.test> AUTH=<>
        E: mail *
        A: ok
        S: 250 *
        ",
    );
}

#[test]
fn auth_in_clear_text_is_refused_unless_configured() {
    let mut config = config();
    config.mechanisms = [Mechanism::Plain].into();
    config.extensions = Extensions::default();
    config.limits.max_auth_failures = 1;
    serve(
        &config,
        r"
        S: 220 *
        C: EHLO a.test
        S: 250 mx.test
        E: hello *
        C: AUTH PLAIN AGEAYg==
        S: 538 5.7.11 *
        ",
    );
    config.auth_in_clear = true;
    serve(
        &config,
        r"
        S: 220 *
        C: EHLO a.test
        S: 250-mx.test
        S: 250 AUTH PLAIN
        E: hello *
        C: AUTH PLAIN AGEAYg==
        E: plain a None b
        A: 535 5.7.8 no
        S: 535 *
        S: 421 4.7.0 *
        E: closed Faults
        CLOSE
        ",
    );
}

#[test]
fn an_unknown_scram_user_fails_only_at_the_proof() {
    let mut config = config();
    config.auth_in_clear = true;
    config.mechanisms = [Mechanism::ScramSha256].into();
    config.extensions = Extensions::default();
    // n,,n=user,r=abc  then  c=biws,r=wrong,p=AAAA
    serve(
        &config,
        r"
        S: 220 *
        C: EHLO a.test
        S: 250-*
        S: 250 *
        E: hello *
        C: AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9YWJj
        E: keys user
        A: no keys
        S: 334 *
        C: Yz1iaXdzLHI9d3JvbmcscD1BQUFB
        S: 535 5.7.8 *
        C: AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9YWJj
        E: keys user
        A: keys
        S: 334 *
        C: Yz1iaXdzLHI9d3JvbmcscD1BQUFB
        S: 535 5.7.8 *
        ",
    );
}

#[test]
fn bdat_counts_octets_and_looks_at_none() {
    // RFC 3030 section 4.2, and content that would end DATA or be commands.
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C: MAIL FROM:<Sam@random.test> BODY=BINARYMIME
        E: mail *
        A: ok
        S: 250 *
        C: RCPT TO:<Susan@random.test>
        E: rcpt *
        A: ok
        S: 250 *
        C| BDAT 12\r\na\n.\r\n.\r\nQUIT\r\n
        E: chunk a\n.\r\n.\r\nQUIT
        S: 250 2.0.0 *
        S: 500 5.5.2 Empty command
        C: NOOP
        S: 250 2.0.0 OK
        ",
    );
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C| MAIL FROM:<a@b.test>\r\n
        E: mail *
        A: ok
        S: 250 *
        C: DATA
        S: 554 5.5.1 *
        C: RCPT TO:<c@d.test>
        E: rcpt *
        A: ok
        S: 250 *
        C| BDAT 3\r\n\r\n.
        E: chunk \r\n.
        S: 250 2.0.0 *
        C: DATA
        S: 503 5.5.1 *
        C: RCPT TO:<e@f.test>
        S: 503 5.5.1 *
        C: BDAT 0 LAST
        E: end 3
        A: ok
        S: 250 2.0.0 *
        C| BDAT 6 LAST\r\nQUIT\r\n
        S: 503 5.5.1 *
        C| BDAT 5 L\xffST\r\nRSET\r\n
        S: 501 5.5.4 *
        E: closed Desynchronized
        CLOSE
        ",
    );
}

#[test]
fn bdat_after_a_refused_sender_swallows_its_octets() {
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C| MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nRSET\r\nNOOP\r\n
        E: mail *
        A: 550 5.7.1 no
        S: 550 5.7.1 no
        S: 503 5.5.1 *
        S: 503 5.5.1 *
        S: 503 5.5.1 *
        S: 250 2.0.0 OK
        ",
    );
}

#[test]
fn binary_content_cannot_come_with_data() {
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C: MAIL FROM:<a@b.test> BODY=BINARYMIME
        E: mail *
        A: ok
        S: 250 *
        C: RCPT TO:<c@d.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: DATA
        S: 503 5.5.1 *
        ",
    );
}

#[test]
fn lmtp_answers_for_each_accepted_recipient() {
    // RFC 2033 section 4.2, the example.
    let mut config = config();
    config.protocol = Protocol::Lmtp;
    config.extensions = Extensions::default();
    config.limits.max_octets = 10;
    serve(
        &config,
        r"
        S: 220 mx.test LMTP
        C: EHLO foo.test
        S: 500 5.5.1 *
        C: LHLO foo.test
        S: 250 mx.test
        E: hello foo.test true
        C: MAIL FROM:<chris@bar.test>
        E: mail *
        A: ok
        S: 250 *
        C: DATA
        S: 503 5.5.1 *
        C: RCPT TO:<pat@foo.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: RCPT TO:<jones@foo.test>
        E: rcpt *
        A: 550 5.1.1 No such user here
        S: 550 *
        C: RCPT TO:<green@foo.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: DATA
        S: 354 *
        C: .
        E: end 0
        A: 250 2.0.0 pat | 452 4.2.2 green is full
        S: 250 2.0.0 pat
        S: 452 4.2.2 green is full
        C: MAIL FROM:<chris@bar.test>
        E: mail *
        A: ok
        S: 250 *
        C: RCPT TO:<pat@foo.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: RCPT TO:<green@foo.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: DATA
        S: 354 *
        C| 0123456789\r\n.\r\n
        E: chunk 0123456789
        S: 552 5.3.4 *
        S: 552 5.3.4 *
        E: reset
        ",
    );
}

#[test]
fn a_message_that_grows_too_large_is_refused_after_its_end() {
    let mut config = config();
    config.limits.max_octets = 10;
    config.extensions = Extensions { chunking: true, ..Extensions::default() };
    let open = r"
        C: MAIL FROM:<a@b.test>
        E: mail *
        A: ok
        S: 250 *
        C: RCPT TO:<c@d.test>
        E: rcpt *
        A: ok
        S: 250 *";
    let text = format!(
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *{open}
        C: DATA
        S: 354 *
        C| 01234567890\r\n.\r\nNOOP\r\n
        E: chunk 0123456789
        S: 552 5.3.4 *
        E: reset
        S: 250 2.0.0 OK{open}
        C| BDAT 11 LAST\r\n0123456789\nNOOP\r\n
        S: 552 5.3.4 *
        E: reset
        S: 250 2.0.0 OK{open}
        C: BDAT 9000000 LAST
        S: 552 5.3.4 *
        E: closed Overrun
        CLOSE
        "
    );
    // In one piece only: in smaller ones the first octets are within the limit and come out.
    let mut server = crate::smtp::server::Server::new(config, [0; 32]);
    crate::smtp::dialog::run(
        &text,
        &mut server,
        usize::MAX,
        super::harness::describe,
        super::harness::answer,
    )
    .unwrap();
}

#[test]
fn a_rejected_peer_can_only_leave() {
    let mut config = config();
    config.reject = Some(Reply::new(554, (5, 7, 1), "Not you"));
    serve(
        &config,
        r"
        S: 554 5.7.1 Not you
        C: EHLO a.test
        S: 503 5.5.1 *
        C: QUIT
        S: 221 *
        E: closed Quit
        CLOSE
        ",
    );
}

#[test]
fn line_ends_of_commands_follow_the_configuration() {
    let mut config = config();
    serve(
        &config,
        r"
        S: 220 *
        C| HELO a.test\nNOOP\r\n
        S: 500 5.5.2 *
        E: closed Desynchronized
        CLOSE
        ",
    );
    config.line_ends = LineEnds::Normalize;
    serve(
        &config,
        r"
        S: 220 *
        C| HELO a.test\nNOOP\r\n
        S: 250 mx.test
        E: hello *
        S: 250 2.0.0 OK
        C| NO\rOP\r\n
        S: 500 5.5.2 *
        ",
    );
}

#[test]
fn a_shutdown_waits_for_the_open_transaction() {
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C: MAIL FROM:<a@b.test>
        E: mail *
        A: ok
        S: 250 *
        A: shut down
        C: RCPT TO:<c@d.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: DATA
        S: 354 *
        C: .
        E: end 0
        A: ok
        S: 250 2.0.0 *
        S: 421 4.3.2 *
        E: closed Refused
        CLOSE
        ",
    );
}

#[test]
fn what_is_no_decision_refuses_for_now() {
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C: MAIL FROM:<a@b.test>
        E: mail *
        A: 354 3.0.0 hm
        S: 451 4.3.0 *
        C: RCPT TO:<a@b.test>
        S: 503 *
        ",
    );
}

#[test]
fn a_421_of_the_gateway_closes() {
    serve(
        &config(),
        r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C: MAIL FROM:<a@b.test>
        E: mail *
        A: 421 4.3.2 Later
        S: 421 4.3.2 Later
        E: closed Refused
        CLOSE
        ",
    );
}
