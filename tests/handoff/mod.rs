//! An encrypted mail, from the port where it is taken to the peer that gets it converted: the client
//! hands over the key, or does not.

mod browser;
mod certificate;
mod client;
mod memory;
#[cfg(feature = "openpgp")]
mod openpgp;
mod page;
mod program;
mod rates;
mod signature;
mod told;

use std::{path::Path, process::Command};

use cedrat::simulate::picture;
use cedrat_keyring::consent::Output;
use cedrat_mime::transfer::encode_base64;

use crate::harness::{Gateway, Received, Script, Sink, eventually, worker};
use client::{Client, TOKEN};

const TO: &str = "+447700900003@mms.gw.test";

/// A key and its certificate, made by OpenSSL.
pub(crate) struct Owner {
    directory: tempfile::TempDir,
}

impl Owner {
    /// `key` is what `openssl req -newkey` takes.
    fn new(key: &[&str]) -> Self {
        let owner = Self { directory: tempfile::tempdir().unwrap() };
        let mut arguments = vec!["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=alice@example.test"];
        arguments.extend([
            "-addext",
            "subjectAltName=email:alice@example.test",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ]);
        arguments.extend(key);
        owner.openssl(&arguments, &[]);
        owner.openssl(
            &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "gateway.pem"],
            &[],
        );
        owner
    }

    fn rsa() -> Self {
        Self::new(&["-newkey", "rsa:2048"])
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn openssl(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        openssl(self.directory.path(), arguments, input)
            .unwrap_or_else(|why| panic!("openssl {arguments:?}: {why}"))
    }

    /// The content as an encrypted mail to the handset.
    fn mail(&self, content: &[u8], how: &[&str]) -> String {
        std::fs::write(self.path("content.eml"), content).unwrap();
        let mut arguments = vec!["cms", "-encrypt", "-in", "content.eml", "-recip", "cert.pem"];
        arguments.extend(how);
        let encrypted = String::from_utf8(self.openssl(&arguments, &[])).unwrap().replace("\r\n", "\n");
        format!(
            "From: bob@example.test\r\nTo: {TO}\r\nSubject: See\r\nMessage-ID: <see@example.test>\r\n\
             Date: Tue, 24 Nov 2026 04:00:00 +0000\r\n{}",
            encrypted.replace('\n', "\r\n")
        )
    }

    /// What the recipient reads of what arrived.
    fn opened(&self, received: &Received) -> Result<String, String> {
        let content = received.content.as_str();
        let start = content
            .find("Content-Type: application/pkcs7-mime")
            .ok_or_else(|| format!("nothing is encrypted: {:.2000}", received.content))?;
        let mail = &content[start..];
        let end = mail.find("\r\n\r\n").ok_or("no body")?;
        let body = mail[end + 4..].split("\r\n--").next().unwrap_or_default();
        let smime = format!(
            "MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{body}\r\n"
        );
        std::fs::write(self.path("in.eml"), smime).map_err(|why| why.to_string())?;
        let arguments = ["cms", "-decrypt", "-in", "in.eml", "-inkey", "key.pem", "-recip", "cert.pem"];
        let opened = openssl(self.directory.path(), &arguments, &[])?;
        String::from_utf8(opened).map_err(|why| why.to_string())
    }
}

fn openssl(directory: &Path, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    use std::io::Write as _;
    let mut child = Command::new("openssl")
        .args(arguments)
        .current_dir(directory)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .map_err(|why| why.to_string())?;
    child.stdin.take().unwrap().write_all(input).map_err(|why| why.to_string())?;
    let output = child.wait_with_output().map_err(|why| why.to_string())?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A text and a picture that is too large for the handset.
fn content() -> Vec<u8> {
    content_with(900)
}

/// A text and a picture of so many pixels each way.
fn content_with(pixels: u32) -> Vec<u8> {
    let mut encoded = Vec::new();
    encode_base64(&picture::png(pixels), &mut encoded);
    format!(
        "Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         The secret word is xyzzy-marker\r\n--in\r\nContent-Type: image/png; name=\"lake.png\"\r\n\
         Content-Disposition: attachment; filename=\"lake.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--in--\r\n",
        std::str::from_utf8(&encoded).unwrap().trim_end()
    )
    .into_bytes()
}

/// A gateway whose handset +447700900003 belongs to `owner`; `None` where there is no worker.
async fn gateway(owner: &Owner, peer: &Sink, host: &Sink, more: &str) -> Option<Gateway> {
    gateway_for(owner, &owner.path("cert.pem"), peer, host, more).await
}

/// The same with another certificate.
async fn gateway_for(
    owner: &Owner,
    certificate: &Path,
    peer: &Sink,
    host: &Sink,
    more: &str,
) -> Option<Gateway> {
    let program = worker()?;
    let more = format!(
        "[media]\nworker = {:?}\nworkers = 2\n[http]\nlisten = [\"127.0.0.1:0\"]\n\
         [handoff]\nsigning_key = {:?}\nkey_name = \"gw-test\"\n{more}\n\
         [[handoff.account]]\nname = \"alice\"\naddresses = [\"+447700900003\"]\ncertificates = [{:?}]\ntoken = \"{TOKEN}\"\n",
        program.display().to_string(),
        owner.path("gateway.pem").display().to_string(),
        certificate.display().to_string(),
    );
    Some(Gateway::with(peer.address, host.address, "", "media_profile = \"image-rich\"\n", &more).await)
}

async fn send(gateway: &Gateway, mail: &str) {
    let mut script = Script::hello(gateway.mail()).await;
    let reply = script.message("bob@example.test", &[TO], mail).await;
    assert!(reply.starts_with("250"), "{reply}");
}

/// What the handset gets of a message whose client grants.
async fn granted(owner: &Owner, mail: &str, more: &str) -> Option<(Gateway, Received)> {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = gateway(owner, &peer, &host, more).await?;
    let client = Client::of(&gateway, owner);
    send(&gateway, mail).await;
    let session = client.waiting().await;
    assert!(peer.all().is_empty(), "nothing leaves before the key is there");
    let granted = client.grant(&session, None).await;
    assert_eq!(granted.status, 202, "{}", granted.text());
    let received = peer.wait_for(1).await.remove(0);
    let ended = client.session(session["id"].as_str().unwrap()).await;
    assert_eq!(
        ended["state"],
        "done",
        "{ended}\n{:?}",
        gateway.events().iter().filter(|it| it["type"] == "Fault").collect::<Vec<_>>()
    );
    Some((gateway, received))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_message_is_converted_and_encrypted_to_its_recipient_again() {
    let ways: [(&str, &[&str], &[&str]); 4] = [
        ("OAEP, GCM", &["-newkey", "rsa:2048"], &["-aes-256-gcm", "-keyopt", "rsa_padding_mode:oaep"]),
        ("v1.5, GCM, streamed", &["-newkey", "rsa:2048"], &["-aes-128-gcm", "-stream"]),
        ("v1.5, CBC", &["-newkey", "rsa:2048"], &["-aes-256-cbc"]),
        ("P-256, GCM", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], &["-aes-256-gcm"]),
    ];
    for (name, key, how) in ways {
        let owner = Owner::new(key);
        let mail = owner.mail(&content(), how);
        let Some((_gateway, received)) = granted(&owner, &mail, "").await else { return };
        let opened =
            owner.opened(&received).unwrap_or_else(|why| panic!("{name}: {why}\n{}", received.content));
        assert!(opened.contains("xyzzy-marker"), "{name}: {opened}");
        assert!(opened.contains("image/jpeg"), "{name}: the picture was converted: {opened}");
        assert!(!opened.contains("image/png"), "{name}");
        assert!(received.octets.len() < 110_000, "{name}: {}", received.octets.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_vouches_for_passes_nothing_as_it_came() {
    let owner = Owner::rsa();
    let picture = picture::png(60);
    let (mut png, mut zip) = (Vec::new(), Vec::new());
    encode_base64(&picture, &mut png);
    encode_base64(b"PK\x03\x04 and so on", &mut zip);
    let text = |octets: &[u8]| std::str::from_utf8(octets).unwrap().trim_end().to_owned();
    let content = format!(
        "Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
         <p>The word is xyzzy-marker<img src=\"http://attacker.example/?\"></p>\r\n\
         --in\r\nContent-Type: image/png; name=\"dot.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n\
         --in\r\nContent-Type: application/zip; name=\"plans.zip\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n\
         --in--\r\n",
        text(&png),
        text(&zip)
    );
    let mail = owner.mail(content.as_bytes(), &["-aes-128-cbc"]);
    let Some((gateway, received)) = granted(&owner, &mail, "").await else { return };
    let opened = owner.opened(&received).unwrap();
    assert!(opened.contains("xyzzy-marker"), "the text is read: {opened}");
    for gone in ["attacker.example", "text/html", text(&png).lines().nth(1).unwrap(), text(&zip).as_str()] {
        assert!(!opened.contains(gone), "{gone} in {opened}");
    }
    assert!(opened.contains("plans.zip"), "it is named: {opened}");
    drop(gateway);
    // Where the operator trusts it, it is content as any other; where he does not, it is not opened.
    let Some((_gateway, received)) = granted(&owner, &mail, "cbc = \"allow\"\n").await else { return };
    assert!(owner.opened(&received).unwrap().contains(text(&png).lines().nth(1).unwrap()));
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(gateway) = self::gateway(&owner, &peer, &host, "cbc = \"refuse\"\n").await else { return };
    send(&gateway, &mail).await;
    let received = peer.wait_for(1).await.remove(0);
    assert!(owner.opened(&received).unwrap().contains("attacker.example"), "as it came");
    assert_eq!(Client::of(&gateway, &owner).get("/sessions").await.json()["sessions"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_could_decrypt_is_kept_anywhere() {
    let owner = Owner::rsa();
    let mail = owner.mail(&content(), &["-aes-256-gcm"]);
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(gateway) = gateway(&owner, &peer, &host, "").await else { return };
    let client = Client::of(&gateway, &owner);
    send(&gateway, &mail).await;
    let session = client.waiting().await;
    let (body, key) = client.sealed(&session);
    assert_eq!(client.put(session["id"].as_str().unwrap(), &body).await.status, 202);
    peer.wait_for(1).await;
    gateway.events();
    let hex: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
    let mut encoded = Vec::new();
    encode_base64(&key, &mut encoded);
    let needles = [key, hex.into_bytes(), encoded.trim_ascii().to_vec(), b"xyzzy-marker".to_vec()];
    let mut files = 0;
    let mut folders = vec![gateway.directory.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let octets = std::fs::read(&path).unwrap();
            for needle in &needles {
                let found = octets.windows(needle.len()).any(|window| window == needle.as_slice());
                assert!(!found, "{} holds {}", path.display(), String::from_utf8_lossy(needle));
            }
        }
    }
    assert!(files > 3, "the queue, the log and the audit were looked at");
}

#[tokio::test(flavor = "multi_thread")]
async fn content_leaves_in_clear_only_where_the_route_and_the_client_say_so() {
    let owner = Owner::rsa();
    let mail = owner.mail(&content(), &["-aes-256-gcm"]);
    let clear = "output = \"mms-cleartext\"\n";
    for (more, narrow, encrypted) in
        [(clear, None, false), (clear, Some(Output::Reencrypt), true), ("", None, true)]
    {
        let (peer, host) = (Sink::start().await, Sink::start().await);
        let Some(gateway) = gateway(&owner, &peer, &host, more).await else { return };
        let client = Client::of(&gateway, &owner);
        send(&gateway, &mail).await;
        let session = client.waiting().await;
        let granted = client.grant_for_output(&session, narrow).await;
        assert_eq!(granted.status, 202, "{}", granted.text());
        let received = peer.wait_for(1).await.remove(0);
        assert_eq!(received.content.contains("pkcs7-mime"), encrypted, "{:.2000}", received.content);
        assert_eq!(received.content.contains("image/jpeg"), !encrypted, "{:.2000}", received.content);
        if encrypted {
            assert!(owner.opened(&received).unwrap().contains("image/jpeg"));
        }
    }
    // Clear text is nothing that a client can ask for.
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(gateway) = gateway(&owner, &peer, &host, "").await else { return };
    let client = Client::of(&gateway, &owner);
    send(&gateway, &mail).await;
    let session = client.waiting().await;
    let refused = client.grant_for_output(&session, Some(Output::MmsCleartext)).await;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &"consent-insufficient".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_message_goes_the_way_that_is_configured() {
    let owner = Owner::rsa();
    let mail = owner.mail(&content_with(60), &["-aes-256-gcm"]);
    for (policy, decline) in [("untouched", true), ("notice", true), ("refuse", true), ("untouched", false)] {
        let (peer, host) = (Sink::start().await, Sink::start().await);
        let wait = if decline { "1h" } else { "1s" };
        let more = format!(
            "wait = \"{wait}\"\nwithout_key = \"{policy}\"\nnotice_url = \"https://mail.example.test/\"\n"
        );
        let Some(gateway) = gateway(&owner, &peer, &host, &more).await else { return };
        let client = Client::of(&gateway, &owner);
        send(&gateway, &mail).await;
        let session = client.waiting().await;
        if decline {
            let declined = client.decline(&session).await;
            assert_eq!((declined.status, &declined.json()["state"]), (200, &"declined".into()));
        }
        if policy == "refuse" {
            let report = host.wait_for(1).await.remove(0);
            assert!(report.content.contains("multipart/report"), "{}", report.content);
            assert!(!report.content.contains("xyzzy-marker"));
            assert!(peer.all().is_empty());
            continue;
        }
        let received = peer.wait_for(1).await.remove(0);
        match policy {
            "notice" => {
                assert!(received.content.contains("https://mail.example.test/"), "{}", received.content);
                assert!(!received.content.contains("pkcs7-mime"));
            }
            _ => assert!(owner.opened(&received).unwrap().contains("image/png"), "as it came"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_ends_the_session_and_not_the_message() {
    let owner = Owner::rsa();
    let mail = owner.mail(&content_with(60), &["-aes-256-gcm"]);
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(mut gateway) = gateway(&owner, &peer, &host, "wait = \"20 s\"\n").await else { return };
    send(&gateway, &mail).await;
    let session = Client::of(&gateway, &owner).waiting().await;
    gateway.stop().await;
    gateway.go().await;
    let client = Client::of(&gateway, &owner);
    assert_eq!(client.get(&format!("/sessions/{}", session["id"].as_str().unwrap())).await.status, 404);
    let received = peer.wait_for(1).await.remove(0);
    assert!(owner.opened(&received).unwrap().contains("image/png"), "as it came");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_key_has_one_answer() {
    let owner = Owner::rsa();
    let good = owner.mail(&content(), &["-aes-256-gcm"]);
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(gateway) = gateway(&owner, &peer, &host, "without_key = \"notice\"\n").await else { return };
    let client = Client::of(&gateway, &owner);
    // Another key, a key of another length, ciphertext that was changed.
    let mut bent = good.clone();
    let at = bent.len() - 400;
    let flipped = if &bent[at..=at] == "A" { "B" } else { "A" };
    bent.replace_range(at..=at, flipped);
    let mut answers = Vec::new();
    for (n, (mail, key)) in
        [(&good, Some(vec![7; 32])), (&good, Some(vec![7; 16])), (&bent, None)].into_iter().enumerate()
    {
        send(&gateway, &mail.replace("<see@", &format!("<see{n}@"))).await;
        let session = client.waiting().await;
        let granted = client.grant(&session, key).await;
        assert_eq!(granted.status, 202, "{}", granted.text());
        let id = session["id"].as_str().unwrap().to_owned();
        let mut ended = client.session(&id).await;
        while ended["state"] != "failed" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            ended = client.session(&id).await;
        }
        answers.push((ended["outcome"].clone(), client.grant(&session, None).await.status));
    }
    assert_eq!(answers, vec![("key-not-usable".into(), 409); 3], "{answers:?}");
    let received = peer.wait_for(3).await;
    assert!(received.iter().all(|one| !one.content.contains("xyzzy-marker")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_belongs_to_its_account_and_a_key_to_its_session() {
    let owner = Owner::rsa();
    let mail = owner.mail(&content(), &["-aes-256-gcm"]);
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let more = "[[handoff.account]]\nname = \"mallory\"\naddresses = [\"+447700900009\"]\n";
    let more = format!(
        "{more}certificates = [{:?}]\ntoken = \"ffffffffffffffffffffffffffffffff\"\n",
        owner.path("cert.pem").display().to_string()
    );
    let Some(gateway) = gateway(&owner, &peer, &host, &more).await else { return };
    let client = Client::of(&gateway, &owner);
    send(&gateway, &mail).await;
    let session = client.waiting().await;
    let id = session["id"].as_str().unwrap();
    let mallory = Client::of(&gateway, &owner).with_token("ffffffffffffffffffffffffffffffff");
    assert_eq!(mallory.get(&format!("/sessions/{id}")).await.status, 404, "as if there were none");
    assert_eq!(mallory.grant(&session, None).await.status, 404);
    assert_eq!(mallory.with_token("not a token").get("/sessions").await.status, 401);
    // A key that is sealed to another session does not open here.
    let mut other = session.clone();
    other["id"] = "hs_other".into();
    let answer = client.grant_for(&other, id).await;
    assert_eq!((answer.status, &answer.json()["code"]), (422, &"seal-invalid".into()));
    // The same body twice has the same answer.
    let (first, second) = client.grant_twice(&session).await;
    assert_eq!((first.status, second.status), (202, 202));
    peer.wait_for(1).await;
    let audit = client.get("/audit").await.json();
    let outcomes: Vec<_> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["entry"]["outcome"].as_str().unwrap().to_owned())
        .collect();
    for expected in ["offered", "seal-invalid", "key-accepted", "verifying", "transcoding", "done"] {
        assert!(outcomes.iter().any(|it| it == expected), "{expected} in {outcomes:?}");
    }
    eventually("the log", || (gateway.count("Handoff") >= 6).then_some(())).await;
}
