//! Dialogs with the server side: STARTTLS and AUTH (RFC 3207, RFC 4954).

use super::harness::{config, serve};
use crate::smtp::{Extensions, Mechanism, server::Tls};

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
