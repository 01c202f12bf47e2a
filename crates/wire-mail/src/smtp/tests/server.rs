//! Dialogs with the server side: transactions, addresses, parameters, the end of a session.

use super::harness::{config, serve};
use crate::smtp::{Extensions, FutureRelease, LineEnds, Mechanism, Reply, server::Tls};
use alloc::{format, string::String};

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
