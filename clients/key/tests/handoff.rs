//! The program itself, from pinning to the key in the gateway's hands.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use cedrat_keyring::{session::State, wire::Integrity};
use tempfile::TempDir;

use crate::gateway::Gateway;
use crate::made::{PHRASE, PLAIN, decrypt, has, identity, message, openssl, run};

/// `cedrat-key`; passphrases come from its standard input.
fn program(home: &Path, gateway: &Gateway, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_cedrat-key"))
        .args(["--home", "state", "--passphrase-fd", "0", "--gateway", &gateway.url])
        .arg("--ca")
        .arg(&gateway.ca)
        .arg("--token-file")
        .arg(&gateway.token)
        .args(arguments)
        .current_dir(home)
        .env("SOFTHSM2_CONF", home.join("softhsm2.conf"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs it to its end.
pub(crate) fn key(home: &Path, gateway: &Gateway, arguments: &[&str]) -> Output {
    let mut child = program(home, gateway, arguments);
    let mut stdin = child.stdin.take().unwrap();
    // The program may end without reading it.
    stdin.write_all(format!("{PHRASE}\n").as_bytes()).unwrap_or(());
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

pub(crate) fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

pub(crate) fn refuses(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    text(&output.stderr)
}

/// A gateway that is pinned, and a directory.
pub(crate) fn pinned() -> Option<(TempDir, Gateway)> {
    has("openssl", "openssl").then(|| {
        let home = tempfile::tempdir().unwrap();
        let gateway = Gateway::start(home.path());
        let fingerprint = gateway.state().signer.public().thumbprint().encoded();
        succeeds(&key(home.path(), &gateway, &["pin", &gateway.url, "--fingerprint", &fingerprint]));
        (home, gateway)
    })
}

#[test]
fn a_request_is_shown_and_granted_and_the_gateway_has_the_key_of_that_message() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    identity(home, "bob", "rsa");
    let cms = message(home, "bob", "-aes-256-gcm");
    gateway.offer("hs_1", &cms);
    let listed = succeeds(&key(home, &gateway, &["watch", "--once", "--ids"]));
    assert_eq!(listed, "hs_1\n");
    let shown = succeeds(&key(home, &gateway, &["show", "hs_1"]));
    for expected in
        ["Alice <alice@sender.example>", "aes-256-gcm", "image/*, video/*", "supplied by the gateway"]
    {
        assert!(shown.contains(expected), "{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "a sender's escape sequence reaches no terminal");
    let own = succeeds(&key(home, &gateway, &["show", "hs_1", "--message", "cms.der"]));
    assert!(own.contains("computed from your copy"), "{own}");
    let granted = succeeds(&key(
        home,
        &gateway,
        &["grant", "hs_1", "--yes", "--key", "bob.key", "--certificate", "bob.pem"],
    ));
    assert!(granted.contains("granted") && !granted.contains("random"), "{granted}");
    assert_eq!(decrypt(&cms, &gateway.key("hs_1")).as_deref(), Some(PLAIN));
    let log = std::fs::read_to_string(home.join("state/log.jsonl")).unwrap();
    assert!(log.contains("\"session\":\"hs_1\"") && !log.contains("photos"), "{log}");
}

#[test]
fn every_way_of_carrying_a_key_and_every_form_of_a_file_ends_with_the_same_plaintext() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    identity(home, "rsa", "rsa");
    identity(home, "p256", "P-256");
    identity(home, "p384", "P-384");
    std::fs::write(home.join("phrase"), PHRASE).unwrap();
    for name in ["rsa", "p256"] {
        openssl(
            home,
            &format!("pkcs8 -topk8 -in {name}.key -out {name}.p8 -v2 aes-256-cbc -passout file:phrase"),
        );
        let export = format!("pkcs12 -export -inkey {name}.key -in {name}.pem -passout file:phrase");
        openssl(home, &format!("{export} -out {name}.p12"));
        let old = "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1";
        openssl(home, &format!("{export} {old} -out {name}.old.p12"));
    }
    let cases = [
        ("rsa", "-aes-256-gcm", "rsa.key"),
        ("rsa", "-aes-128-cbc", "rsa.p8"),
        ("rsa", "-aes-256-cbc -keyopt rsa_padding_mode:oaep", "rsa.p12"),
        ("rsa", "-aes-192-gcm -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256", "rsa.old.p12"),
        ("rsa", "-des3", "rsa.key"),
        ("p256", "-aes-128-gcm", "p256.p8"),
        ("p256", "-aes-256-cbc", "p256.p12"),
        ("p384", "-aes-256-gcm", "p384.key"),
    ];
    for (number, (name, options, file)) in cases.into_iter().enumerate() {
        let cms = message(home, name, options);
        let id = format!("hs_{number}");
        gateway.offer(&id, &cms);
        let certificate = format!("{name}.pem");
        let output =
            key(home, &gateway, &["grant", &id, "--yes", "--key", file, "--certificate", &certificate]);
        let granted = succeeds(&output);
        assert!(!granted.contains("random"), "{options} {file}: {granted}");
        assert_eq!(decrypt(&cms, &gateway.key(&id)).as_deref(), Some(PLAIN), "{options} {file}");
    }
}

#[test]
fn a_gateway_whose_key_is_not_pinned_or_has_changed_gets_nothing() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    identity(home, "bob", "P-256");
    gateway.offer("hs_1", &message(home, "bob", "-aes-256-gcm"));
    let grant = ["grant", "hs_1", "--yes", "--key", "bob.key", "--certificate", "bob.pem"];
    let elsewhere = tempfile::tempdir().unwrap();
    let told = refuses(&key(home, &Gateway::start(elsewhere.path()), &grant));
    assert!(told.contains("is not pinned"), "{told}");
    gateway.state().signer = cedrat_keyring::wire::jws::Signer::from_scalar("gw-2026-1", &[8; 32]).unwrap();
    let told = refuses(&key(home, &gateway, &grant));
    assert!(told.contains("not trusted: the signature"), "{told}");
    assert_eq!(gateway.state().sessions["hs_1"].state(), State::AwaitingKey);
    assert!(!home.join("state/log.jsonl").exists());
}

#[test]
fn a_session_that_was_changed_on_its_way_is_not_trusted() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    identity(home, "bob", "P-256");
    gateway.offer("hs_1", &message(home, "bob", "-aes-256-gcm"));
    let grant = ["grant", "hs_1", "--yes", "--key", "bob.key", "--certificate", "bob.pem"];
    let changes: [fn(&mut cedrat_keyring::wire::Session); 5] = [
        |session| session.id = "hs_2".into(),
        |session| session.message.integrity = Integrity::None,
        |session| session.message.content_alg.key_bytes = 16,
        |session| session.recipients[0].der.0[10] ^= 1,
        |session| session.seal.info = "another purpose".into(),
    ];
    for change in changes {
        gateway.state().tamper = change;
        let told = refuses(&key(home, &gateway, &grant));
        assert!(told.contains("not trusted"), "{told}");
    }
    gateway.state().tamper = |session| session.seal.jti.0[0] ^= 1;
    let told = refuses(&key(home, &gateway, &grant));
    assert!(told.contains("422"), "the gateway sees that it is not its own: {told}");
}

#[test]
fn a_key_that_does_not_open_the_message_is_answered_with_a_random_one() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    for (name, options) in [
        ("rsa", "-aes-256-gcm"),
        ("rsa", "-aes-256-gcm -keyopt rsa_padding_mode:oaep"),
        ("P-256", "-aes-256-gcm"),
    ] {
        identity(home, "bob", name);
        let cms = message(home, "bob", options);
        // Another key under the issuer and serial number that the message names.
        identity(home, "bob", name);
        let id = format!("hs_{}", options.len() + name.len());
        gateway.offer(&id, &cms);
        succeeds(&key(
            home,
            &gateway,
            &["grant", &id, "--yes", "--key", "bob.key", "--certificate", "bob.pem"],
        ));
        assert_eq!(decrypt(&cms, &gateway.key(&id)), None, "{name} {options}");
    }
}

#[test]
fn what_is_asked_can_be_narrowed_and_not_widened() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    identity(home, "bob", "P-256");
    gateway.offer("hs_1", &message(home, "bob", "-aes-256-gcm"));
    let base = ["grant", "hs_1", "--yes", "--key", "bob.key", "--certificate", "bob.pem", "--parts"];
    let told = refuses(&key(home, &gateway, &[&base[..], &["text/plain"]].concat()));
    assert!(told.contains("not among what is asked for"), "{told}");
    succeeds(&key(home, &gateway, &[&base[..], &["image/jpeg"]].concat()));
    let consent = gateway.state().sessions["hs_1"].consent().clone();
    assert!(consent.allows("image/jpeg") && !consent.allows("image/png"));
}

#[test]
fn a_request_that_comes_while_it_watches_is_printed_once() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    identity(home, "bob", "P-256");
    let cms = message(home, "bob", "-aes-256-gcm");
    gateway.offer("hs_1", &cms);
    let mut watching = program(home, &gateway, &["watch", "--ids"]);
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "hs_1");
    gateway.offer("hs_2", &cms);
    assert_eq!(lines.next().unwrap().unwrap(), "hs_2");
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[test]
fn refusing_needs_no_key_and_reaches_the_gateway() {
    let Some((home, gateway)) = pinned() else { return };
    identity(home.path(), "bob", "P-256");
    gateway.offer("hs_1", &message(home.path(), "bob", "-aes-256-gcm"));
    succeeds(&key(home.path(), &gateway, &["refuse", "hs_1", "--reason", "untrusted"]));
    assert_eq!(gateway.state().sessions["hs_1"].state(), State::Declined);
}

#[test]
fn nobody_is_asked_without_a_terminal_and_nothing_is_handed_out() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    if !has("setsid", "util-linux") {
        return;
    }
    identity(home, "bob", "P-256");
    gateway.offer("hs_1", &message(home, "bob", "-aes-256-gcm"));
    let output = Command::new("setsid")
        .arg("--wait")
        .arg(env!("CARGO_BIN_EXE_cedrat-key"))
        .args(["--home", "state", "--gateway", &gateway.url, "--key", "bob.key", "--certificate", "bob.pem"])
        .arg("--ca")
        .arg(&gateway.ca)
        .arg("--token-file")
        .arg(&gateway.token)
        .args(["grant", "hs_1"])
        .current_dir(home)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(refuses(&output).contains("no terminal"));
    assert_eq!(gateway.state().sessions["hs_1"].state(), State::AwaitingKey);
}

#[test]
fn rules_decide_what_they_fit_and_the_hour_has_a_limit() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    identity(home, "bob", "P-256");
    let gcm = message(home, "bob", "-aes-256-gcm");
    for id in ["hs_1", "hs_2"] {
        gateway.offer(id, &gcm);
    }
    gateway.offer("hs_3", &message(home, "bob", "-aes-256-cbc"));
    let rules = "[[rule]]\nname = \"friends\"\ndecide = \"grant\"\nfrom = [\"*@sender.example\"]\nparts = [\"image/*\"]\n";
    std::fs::write(home.join("rules.toml"), rules).unwrap();
    let auto = ["auto", "--once", "--rules", "rules.toml", "--key", "bob.key", "--certificate", "bob.pem"];
    let output = key(home, &gateway, &[&auto[..], &["--grants-an-hour", "1"]].concat());
    assert!(refuses(&output).contains("in the last hour"));
    assert_eq!(decrypt(&gcm, &gateway.key("hs_1")).as_deref(), Some(PLAIN));
    let out = succeeds(&key(home, &gateway, &auto));
    assert!(out.contains("hs_3: left for you"), "no rule grants what is not protected: {out}");
    assert_eq!(decrypt(&gcm, &gateway.key("hs_2")).as_deref(), Some(PLAIN));
    assert!(!gateway.state().sessions["hs_2"].consent().allows("video/mp4"));
}

#[test]
fn the_key_that_logs_in_opens_no_mail() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    identity(home, "bob", "P-256");
    gateway.offer("hs_1", &message(home, "bob", "-aes-256-gcm"));
    let identities = cedrat_key::keys::pem::load(
        &[&home.join("bob.key"), &home.join("bob.pem")],
        &mut cedrat_key::secret::Source::Terminal,
    )
    .unwrap();
    openssl(home, "x509 -in bob.pem -outform DER -out bob.der");
    let login = std::fs::read(home.join("bob.der")).unwrap();
    assert!(cedrat_key::keys::not_for_login(&identities, &login).is_err());
    identity(home, "login", "P-256");
    run(home, "openssl", &["x509", "-in", "login.pem", "-outform", "DER", "-out", "login.der"]);
    cedrat_key::keys::not_for_login(&identities, &std::fs::read(home.join("login.der")).unwrap()).unwrap();
}
