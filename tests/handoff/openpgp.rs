//! OpenPGP, with GnuPG at both ends: it encrypts what arrives, and reads what went out.

use std::{
    io::{Seek as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use cedrat_key::{
    Client, Gateway as At,
    address::Address,
    client::{GRANTS_AN_HOUR, well_known},
    http::{Credential, Http, Limits},
    keys,
    log::Log,
    secret::Source,
};
use cedrat_keyring::wire::{Format, Integrity, Time};
use pgp::ser::Serialize as _;
use zeroize::Zeroizing;

use super::{Owner, TO, client::TOKEN, content, content_with, gateway_for, page, program::blocking, send};
use crate::harness::{Gateway, Received, Sink};

/// What GnuPG makes when it is not told otherwise.
const CURVES: &str = "EDDSA\nKey-Curve: ed25519\nSubkey-Type: ECDH\nSubkey-Curve: cv25519";

const PASSPHRASE: &str = "sesam";

/// A home of GnuPG with one key.
struct Gnupg(tempfile::TempDir);

impl Gnupg {
    /// `None` where there is no GnuPG.
    fn new(kind: &str) -> Option<Self> {
        if Command::new("gpg").arg("--version").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "gpg is missing");
            println!("skipped: there is no gpg");
            return None;
        }
        let home = Self(tempfile::tempdir().unwrap());
        let parameters =
            format!("Key-Type: {kind}\nName-Email: alice@example.test\n%no-protection\n%commit\n");
        home.run(&["--gen-key"], parameters.as_bytes());
        let certificate = home.run(&["--armor", "--export", "alice@example.test"], b"");
        std::fs::write(home.path("alice.asc"), certificate).unwrap();
        let key = home.run(&["--armor", "--export-secret-keys", "alice@example.test"], b"");
        std::fs::write(home.path("key.asc"), key).unwrap();
        Some(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        gpg(self.0.path(), arguments, input).unwrap_or_else(|why| panic!("gpg {arguments:?}: {why}"))
    }

    /// The content as an encrypted mail to the handset.
    fn mail(&self, content: &[u8], how: &[&str]) -> String {
        let mut arguments = vec!["--armor", "--encrypt", "--recipient", "alice@example.test"];
        arguments.extend(how);
        mail(&self.run(&arguments, content))
    }

    /// What the recipient reads of what arrived.
    fn opened(&self, received: &Received) -> Result<String, String> {
        let content = received.content.as_str();
        let start = content
            .find("-----BEGIN PGP MESSAGE-----")
            .ok_or_else(|| format!("nothing is encrypted: {content:.2000}"))?;
        let opened = gpg(self.0.path(), &["--decrypt"], &content.as_bytes()[start..])?;
        String::from_utf8(opened).map_err(|why| why.to_string())
    }
}

/// A message in armor as a mail to the handset (RFC 3156).
fn mail(armored: &[u8]) -> String {
    let message = std::str::from_utf8(armored).unwrap().replace('\n', "\r\n");
    format!(
        "From: bob@example.test\r\nTo: {TO}\r\nSubject: See\r\nMessage-ID: <see@example.test>\r\n\
         Date: Tue, 24 Nov 2026 04:00:00 +0000\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=out\r\n\r\n\
         --out\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\
         --out\r\nContent-Type: application/octet-stream\r\n\r\n{message}\r\n--out--\r\n"
    )
}

impl Drop for Gnupg {
    fn drop(&mut self) {
        // The agent that came with it.
        let kill =
            Command::new("gpgconf").arg("--homedir").arg(self.0.path()).args(["--kill", "all"]).output();
        drop(kill);
    }
}

fn gpg(home: &Path, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let mut child = Command::new("gpg")
        .arg("--homedir")
        .arg(home)
        .args(["--batch", "--yes", "--no-tty", "--quiet", "--trust-model", "always"])
        .args(["--pinentry-mode", "loopback", "--passphrase", PASSPHRASE])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|why| why.to_string())?;
    let (mut to, octets) = (child.stdin.take().unwrap(), input.to_vec());
    let writer = std::thread::spawn(move || to.write_all(&octets));
    let output = child.wait_with_output().map_err(|why| why.to_string())?;
    writer.join().unwrap().map_err(|why| why.to_string())?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// `cedrat-key` with the keys of a file. Whether the key was masked, and what was shown of the message.
async fn grant(gateway: &Gateway, key: PathBuf) -> (bool, cedrat_keyring::wire::Message) {
    let address = gateway.running.as_ref().unwrap().http[0];
    let log = key.with_extension("jsonl");
    blocking(move || {
        let address = Address::parse(&format!("http://{address}")).unwrap();
        let http =
            |credential| Http::new(address.clone(), Vec::new(), credential, Limits::default()).unwrap();
        let shown = well_known(&http(None)).unwrap();
        let bearer = Credential::Bearer(Zeroizing::new(TOKEN.to_owned()));
        let at = At::new(http(Some(bearer)), shown.keys).unwrap();
        let mut answers = tempfile::tempfile().unwrap();
        writeln!(answers, "{PASSPHRASE}").unwrap();
        answers.rewind().unwrap();
        let mut passphrase = Source::Descriptor(answers);
        let mut client = Client {
            identities: Vec::new(),
            openpgp: keys::openpgp::load(&key, &mut passphrase).unwrap(),
            log: Log::open(&log).unwrap(),
            grants_an_hour: GRANTS_AN_HOUR,
        };
        let waiting = at.waiting(true, None).unwrap().unwrap();
        let session = at.session(&waiting.sessions[0]).unwrap();
        let (consent, now) = (session.consent.clone(), Time(cedrat::clock::now()));
        let granted =
            client.grant(&at, &session, &consent, "user", now, &mut cedrat::chance::Chance).unwrap();
        (granted.masked, session.message)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_gnupg_is_converted_and_gnupg_reads_the_result() {
    let ways: [(&str, &[&str]); 3] = [
        ("RSA\nKey-Length: 2048\nSubkey-Type: RSA\nSubkey-Length: 2048", &[]),
        (CURVES, &["--sign", "--compress-algo", "zlib"]),
        (
            "ECDSA\nKey-Curve: nistp256\nSubkey-Type: ECDH\nSubkey-Curve: nistp256",
            &["--cipher-algo", "AES128", "--compress-algo", "none"],
        ),
    ];
    for (kind, how) in ways {
        let Some(gnupg) = Gnupg::new(kind) else { return };
        let owner = Owner::rsa();
        let (peer, host) = (Sink::start().await, Sink::start().await);
        let Some(gateway) = gateway_for(&owner, &gnupg.path("alice.asc"), &peer, &host, "").await else {
            return;
        };
        send(&gateway, &gnupg.mail(&content(), how)).await;
        let (masked, shown) = grant(&gateway, gnupg.path("key.asc")).await;
        assert!(!masked, "{kind}");
        assert_eq!((shown.format, shown.integrity), (Format::Openpgp, Integrity::Mdc));
        let received = peer.wait_for(1).await.remove(0);
        let opened =
            gnupg.opened(&received).unwrap_or_else(|why| panic!("{kind}: {why}\n{}", received.content));
        assert!(opened.contains("xyzzy-marker"), "{kind}: {opened}");
        assert!(
            opened.contains("image/jpeg"),
            "{kind}: the picture was converted: {opened:.1000} {:?}",
            gateway.events()
        );
        assert!(!opened.contains("image/png"), "{kind}");
        assert_eq!(opened.contains("This message was signed"), how.contains(&"--sign"), "{kind}: {opened}");
        assert!(received.content.contains("multipart/encrypted"), "{:.1000}", received.content);
        assert!(received.octets.len() < 110_000, "{kind}: {}", received.octets.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_fit_an_openpgp_message_has_the_one_answer() {
    let Some(gnupg) = Gnupg::new("EDDSA\nKey-Curve: ed25519\nSubkey-Type: ECDH\nSubkey-Curve: cv25519")
    else {
        return;
    };
    let owner = Owner::rsa();
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(gateway) = gateway_for(&owner, &gnupg.path("alice.asc"), &peer, &host, "").await else { return };
    // A character of the encrypted content is another: its digest is not that of what was encrypted.
    let mut bent = gnupg.mail(&content(), &["--compress-algo", "none"]);
    let at = bent.len() - 4_000;
    let at = at + bent[at..].find("\r\n").unwrap() + 10;
    let other = if &bent[at..=at] == "A" { "B" } else { "A" };
    bent.replace_range(at..=at, other);
    send(&gateway, &bent).await;
    assert!(!grant(&gateway, gnupg.path("key.asc")).await.0);
    let received = peer.wait_for(1).await.remove(0);
    assert!(gnupg.opened(&received).is_err(), "as it came, and GnuPG sees that too");
    let failed = |it: &serde_json::Value| it["type"] == "Handoff" && it["outcome"] == "key-not-usable";
    assert!(gateway.events().iter().any(failed), "{:?}", gateway.events());
    assert!(!received.content.contains("xyzzy-marker"));
}

/// GnuPG 2.2 neither writes nor reads content of version 2: here the crate that the gateway uses plays both ends.
#[tokio::test(flavor = "multi_thread")]
async fn content_of_version_2_comes_and_goes_to_a_certificate_that_says_so() {
    let home = tempfile::tempdir().unwrap();
    let (certificate, file) = (home.path().join("cert.pgp"), home.path().join("key.pgp"));
    let key = version_2::key();
    std::fs::write(&certificate, key.to_public_key().to_bytes().unwrap()).unwrap();
    std::fs::write(&file, key.to_bytes().unwrap()).unwrap();
    let owner = Owner::rsa();
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(gateway) = gateway_for(&owner, &certificate, &peer, &host, "").await else { return };
    send(&gateway, &mail(&version_2::encrypted(&content(), &key))).await;
    let (masked, shown) = grant(&gateway, file).await;
    assert!(!masked);
    assert_eq!((shown.integrity, shown.content_alg.name.as_str()), (Integrity::Aead, "aes-128-gcm"));
    let received = peer.wait_for(1).await.remove(0);
    let opened = version_2::opened(&received.content, &key);
    assert!(opened.contains("xyzzy-marker") && opened.contains("image/jpeg"), "{opened:.2000}");
}

mod version_2 {
    use pgp::{
        composed::{
            ArmorOptions, EncryptionCaps, KeyType, Message, MessageBuilder, SecretKeyParamsBuilder,
            SignedSecretKey, SubkeyParamsBuilder,
        },
        crypto::{
            aead::{AeadAlgorithm, ChunkSize},
            sym::SymmetricKeyAlgorithm,
        },
        types::{KeyVersion, Password},
    };
    use rand_core_06::OsRng;

    pub(super) fn key() -> SignedSecretKey {
        let subkey = SubkeyParamsBuilder::default()
            .version(KeyVersion::V6)
            .key_type(KeyType::X25519)
            .can_encrypt(EncryptionCaps::All)
            .build()
            .unwrap();
        SecretKeyParamsBuilder::default()
            .version(KeyVersion::V6)
            .key_type(KeyType::Ed25519)
            .can_certify(true)
            .can_sign(true)
            .primary_user_id("alice@example.test".into())
            .feature_seipd_v2(true)
            .subkey(subkey)
            .build()
            .unwrap()
            .generate(OsRng)
            .unwrap()
    }

    pub(super) fn encrypted(content: &[u8], key: &SignedSecretKey) -> Vec<u8> {
        let message = MessageBuilder::from_bytes("", content.to_vec());
        let (aes, gcm) = (SymmetricKeyAlgorithm::AES128, AeadAlgorithm::Gcm);
        let mut message = message.seipd_v2(OsRng, aes, gcm, ChunkSize::default());
        message.encrypt_to_key(OsRng, &key.to_public_key().public_subkeys[0].key).unwrap();
        message.to_armored_string(OsRng, ArmorOptions::default()).unwrap().into_bytes()
    }

    pub(super) fn opened(content: &str, key: &SignedSecretKey) -> String {
        let start = content.find("-----BEGIN PGP MESSAGE-----").expect("encrypted");
        let (message, _) = Message::from_armor(&content.as_bytes()[start..]).unwrap();
        message.decrypt(&Password::empty(), key).unwrap().as_data_string().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_an_openpgp_message_and_leaves_it_to_the_program() {
    let Some(gnupg) = Gnupg::new(CURVES) else { return };
    let owner = Owner::rsa();
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(gateway) = gateway_for(&owner, &gnupg.path("alice.asc"), &peer, &host, "").await else { return };
    let Some(mut browser) = page::blocking(|| page::connected(&gateway)) else { return };
    send(&gateway, &gnupg.mail(&content_with(60), &[])).await;
    page::blocking(|| {
        page::look(&mut browser, "kB");
        browser.wait_for("unable");
        let said = browser.text("unable");
        assert!(said.contains("OpenPGP") && said.contains("cedrat-key"), "{said}");
        assert_eq!(browser.eval("document.getElementById('grant').disabled"), true);
        browser.press("#decline");
        browser.wait_for("back");
        assert!(browser.text("said").starts_with("Declined"), "{}", browser.text("said"));
        assert!(browser.faults().is_empty(), "{:?}", browser.faults());
    });
    let received = peer.wait_for(1).await.remove(0);
    assert!(gnupg.opened(&received).unwrap().contains("image/png"), "as it came");
}
