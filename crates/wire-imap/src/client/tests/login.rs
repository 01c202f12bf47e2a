//! From the greeting to the first command: capabilities, TLS, who the client is.

use super::harness::{bearer, config, dialog, password};
use crate::client::{Auth, Config, Tls};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

#[test]
fn capabilities_of_the_greeting_save_asking_and_are_asked_again_after_login() {
    dialog(
        &config(),
        "C: * OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ AUTH=PLAIN] Dovecot ready.
         S: c1 AUTHENTICATE PLAIN AHVzZXIAcGVuY2ls
         C: c1 OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS] Logged in
         E: ready
         A: quit
         S: c2 LOGOUT
         C: * BYE Logging out
         C: c2 OK Logout completed
         CLOSE",
    );
    dialog(
        &config(),
        "C: * OK mail.test Cyrus IMAP ready
         S: c1 CAPABILITY
         C: * CAPABILITY IMAP4rev1 AUTH=PLAIN
         C: c1 OK Completed
         S: c2 AUTHENTICATE PLAIN
         C: + 
         S: AHVzZXIAcGVuY2ls
         C: c2 OK Success
         S: c3 CAPABILITY
         C: * CAPABILITY IMAP4rev1 IDLE
         C: c3 OK Completed
         E: ready",
    );
}

#[test]
fn starttls_comes_before_the_password_and_what_was_said_before_does_not_count() {
    let config = Config { tls: Tls::Required, ..config() };
    dialog(
        &config,
        "C: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] ready
         S: c1 STARTTLS
         C| c1 OK begin\\r\\n* CAPABILITY IMAP4rev1 AUTH=LOGIN\\r\\nc2 OK injected\\r\\n
         TLS
         S: c2 CAPABILITY
         C: * CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR
         C: c2 OK done
         S: c3 AUTHENTICATE PLAIN AHVzZXIAcGVuY2ls
         C: * CAPABILITY IMAP4rev1 IDLE
         C: c3 OK in
         E: ready",
    );
}

#[test]
fn no_secret_is_sent_in_clear_text() {
    let required = Config { tls: Tls::Required, ..config() };
    dialog(
        &required,
        "C: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready
         E: lost StartTls TlsNotOffered
         CLOSE",
    );
    dialog(
        &required,
        "C: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready
         S: c1 STARTTLS
         C: c1 NO not today
         E: lost StartTls Refused(No, Text { code: None, text: \"not today\" })
         CLOSE",
    );
    // Somebody in between says that login is done already.
    dialog(
        &required,
        "C: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome
         E: lost Greeting PreAuthInClear
         CLOSE",
    );
    for tls in [Tls::None, Tls::Opportunistic] {
        for offered in ["AUTH=PLAIN", "AUTH=SCRAM-SHA-256", "AUTH=LOGIN", ""] {
            let cause = if tls == Tls::None { "AuthInClear" } else { "TlsNotOffered" };
            let text =
                alloc::format!("C: * OK [CAPABILITY IMAP4rev1 {offered}] ready\nE: lost Auth {cause}\nCLOSE");
            dialog(&Config { tls, ..config() }, &text);
        }
    }
    let trusted = Config { tls: Tls::None, auth_in_clear: true, ..config() };
    dialog(
        &trusted,
        "C: * OK [CAPABILITY IMAP4rev1] ready
         S: c1 LOGIN user \"pencil\"
         C: c1 OK [CAPABILITY IMAP4rev1 IDLE] in
         E: ready"
            .replace("\"pencil\"", "pencil")
            .as_str(),
    );
}

#[test]
fn login_quotes_or_sends_literals_and_waits_before_them() {
    let Auth::Password(mut credentials) = password() else { return };
    credentials.authcid = "us er\"\\".to_string();
    credentials.password = cedrat_sasl::Password::new("pässword".to_string());
    let config = Config { auth: Some(Auth::Password(credentials)), ..config() };
    dialog(
        &config,
        "C: * OK [CAPABILITY IMAP4rev1] ready
         S: c1 LOGIN \"us er\\\"\\\\\" {9}
         C: + go on
         S: pässword
         C: c1 OK [CAPABILITY IMAP4rev1] in
         E: ready",
    );
    dialog(
        &config,
        "C: * OK [CAPABILITY IMAP4rev1 LITERAL-] ready
         S: c1 LOGIN \"us er\\\"\\\\\" {9+}
         S: pässword
         C: c1 NO [AUTHENTICATIONFAILED] wrong
         E: lost Auth AuthRefused(Text { code: Some(AuthenticationFailed), text: \"wrong\" }, None)
         CLOSE",
    );
    dialog(
        &config,
        "C: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] ready
         E: lost Auth AuthNotOffered
         CLOSE",
    );
}

#[test]
fn the_login_mechanism_is_asked_step_by_step() {
    dialog(
        &config(),
        "C: * OK [CAPABILITY IMAP4rev1 AUTH=LOGIN] The Microsoft Exchange IMAP4 service is ready.
         S: c1 AUTHENTICATE LOGIN
         C: + VXNlcm5hbWU6
         S: dXNlcg==
         C: + UGFzc3dvcmQ6
         S: cGVuY2ls
         C: c1 OK AUTHENTICATE completed.
         S: c2 CAPABILITY
         C: * CAPABILITY IMAP4 IMAP4rev1 AUTH=LOGIN IDLE UIDPLUS LITERAL+
         C: c2 OK CAPABILITY completed.
         E: ready",
    );
}

#[test]
fn a_server_that_cannot_prove_itself_in_scram_is_left() {
    let begin = "C: * OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256 AUTH=PLAIN SASL-IR] ready
         S: c1 AUTHENTICATE SCRAM-SHA-256 *\n";
    for (end, cause) in [
        ("C: c1 OK in\n", "NotGenuine"),
        ("C: + cj14LHM9WTJFPSxpPTQwOTY=\nS: *\n", "Refused(Ok, *"),
        ("C: c1 NO no\n", "AuthRefused(*"),
    ] {
        dialog(&config(), &alloc::format!("{begin}{end}E: lost Auth {cause}\nCLOSE"));
    }
}

#[test]
fn tokens_go_in_the_form_that_is_offered_and_a_refusal_says_why() {
    let config = Config { auth: Some(bearer()), ..config() };
    dialog(
        &config,
        "C: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 AUTH=OAUTHBEARER SASL-IR] Gimap ready
         S: c1 AUTHENTICATE OAUTHBEARER bixhPXVzZXJAbWFpbC50ZXN0LAFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDQBAQ==
         C: c1 OK [CAPABILITY IMAP4rev1] Thats all she wrote!
         E: ready",
    );
    dialog(
        &config,
        "C: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready
         S: c1 AUTHENTICATE XOAUTH2
         C: +
         S: dXNlcj11c2VyQG1haWwudGVzdAFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDQBAQ==
         C: + eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIn0=
         S: 
         C: c1 NO SASL authentication failed
         E: lost Auth AuthRefused(Text { code: None, text: \"SASL authentication failed\" }, Some(\"{\\\"status\\\":\\\"400\\\",\\\"schemes\\\":\\\"Bearer\\\"}\"))
         CLOSE",
    );
    dialog(
        &config,
        "C: * OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER SASL-IR] ready
         S: c1 AUTHENTICATE OAUTHBEARER *
         C: + eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=
         S: AQ==
         C: c1 NO [AUTHENTICATIONFAILED] expired
         E: lost Auth AuthRefused(* Some(\"{\\\"status\\\":\\\"invalid_token\\\"}\"))
         CLOSE",
    );
    dialog(&config, "C: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\nE: lost Auth AuthNotOffered\nCLOSE");
}

#[test]
fn what_is_offered_is_enabled_and_the_server_learns_who_this_is() {
    let config = Config {
        enable: Config::new(None).enable,
        id: Vec::from([("name".to_string(), "cedrat".to_string()), ("version".to_string(), "1".to_string())]),
        ..config()
    };
    dialog(
        &config,
        "C: * PREAUTH [CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC ID] hello
         S: c1 ENABLE CONDSTORE QRESYNC
         C: * ENABLED QRESYNC CONDSTORE
         C: c1 OK Enabled
         S: c2 ID (\"name\" \"cedrat\" \"version\" \"1\")
         C: * ID (\"name\" \"Dovecot\" \"revision\" NIL)
         C: c2 OK ID completed
         E: Id([(\"name\", Some(\"Dovecot\")), (\"revision\", None)])
         E: ready",
    );
}

#[test]
fn a_server_that_does_not_greet_as_one_is_left() {
    for (greeting, cause) in [
        ("* BYE too busy", "Bye(Text { code: None, text: \"too busy\" })"),
        ("* NO", "Refused(No, *"),
        ("220 mx.test ESMTP", "Malformed(*"),
        ("HTTP/1.1 400 Bad Request", "Malformed(*"),
        ("* CAPABILITY IMAP4rev1", "Malformed(*"),
        ("+ go", "Malformed(*"),
        ("c1 OK early", "Malformed(*"),
    ] {
        dialog(&config(), &alloc::format!("C: {greeting}\nE: lost Greeting {cause}\nCLOSE"));
    }
    dialog(&config(), "END\nE: lost Greeting Ended\nCLOSE");
    dialog(&config(), "T: 300000\nE: lost Greeting Timeout\nCLOSE");
    dialog(
        &config(),
        "C: * OK hi\nS: c1 CAPABILITY\nC: c1 OK nothing to offer\nE: lost Prelude Malformed(*\nCLOSE",
    );
}

#[test]
fn secrets_are_not_in_what_is_printed() {
    let client = crate::client::Client::new(config(), [0xab; 32]);
    let printed: String = alloc::format!("{client:?}");
    assert!(!printed.contains("pencil") && !printed.contains("171"), "{printed}");
}
