//! Signed content that is encrypted: judged, said to the reader, attached or refused.

use crate::harness::{Sink, eventually};

use super::{Owner, client::Client, content, content_with, gateway, granted, send};

impl Owner {
    /// The content signed by the owner of this certificate, as an entity.
    fn signed(&self, content: &[u8], how: &[&str]) -> Vec<u8> {
        std::fs::write(self.path("unsigned.eml"), content).unwrap();
        let mut arguments = vec!["cms", "-sign", "-in", "unsigned.eml", "-signer", "cert.pem"];
        arguments.extend(["-inkey", "key.pem", "-crlfeol"]);
        arguments.extend(how);
        self.openssl(&arguments, &[])
    }
}

/// The text with its folded header lines joined.
fn unfolded(text: &str) -> String {
    text.replace("\r\n ", " ").replace("\r\n\t", " ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_judged_before_conversion_and_its_verdict_said_inside() {
    let owner = Owner::rsa();
    let right = owner.signed(&content(), &[]);
    let whole = owner.signed(&content(), &["-nodetach"]);
    let bent = String::from_utf8(right.clone()).unwrap().replace("xyzzy-marker", "xyzzy-markus").into_bytes();
    let cases = [
        (right, "xyzzy-marker", "smime=policy", "not one of the sender's address"),
        (whole, "xyzzy-marker", "smime=policy", "The signature was right"),
        (bent, "xyzzy-markus", "smime=fail", "THE SIGNATURE IS WRONG"),
    ];
    for (entity, word, result, says) in cases {
        let mail = owner.mail(&entity, &["-aes-256-gcm"]);
        let forged = format!("Authentication-Results: gw.test; smime=pass\r\n{mail}");
        let Some((_gateway, received)) = granted(&owner, &forged, "").await else { return };
        let opened = owner.opened(&received).unwrap_or_else(|why| panic!("{why}\n{}", received.content));
        for expected in [word, "image/jpeg", "Authentication-Results: ", result, says] {
            let found = unfolded(&opened).contains(expected) || opened.contains(expected);
            assert!(found, "{expected}: {opened:.3000}");
        }
        assert!(!opened.contains("pkcs7"), "nothing is left of the signature: {opened:.3000}");
        assert!(!received.content.contains("smime=pass"), "{:.3000}", received.content);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_of_the_sender_passes_and_its_verdict_stands_in_audit_and_log_without_who_signed() {
    let owner = Owner::rsa();
    let bob = ["-subj", "/CN=Bob Marker", "-addext", "subjectAltName=email:bob@example.test"];
    let mut arguments = vec!["req", "-x509", "-nodes", "-days", "2", "-newkey", "rsa:2048"];
    arguments.extend(["-keyout", "bob.key", "-out", "bob.pem"]);
    arguments.extend(bob);
    owner.openssl(&arguments, &[]);
    std::fs::write(owner.path("unsigned.eml"), content()).unwrap();
    let sign = ["cms", "-sign", "-in", "unsigned.eml", "-signer", "bob.pem", "-inkey", "bob.key", "-crlfeol"];
    let mail = owner.mail(&owner.openssl(&sign, &[]), &["-aes-256-gcm"]);
    let Some((gateway, received)) = granted(&owner, &mail, "").await else { return };
    let opened = owner.opened(&received).unwrap_or_else(|why| panic!("{why}\n{}", received.content));
    let result = "smime=pass (certificate not validated) body.smime-identifier=bob@example.test";
    assert!(unfolded(&opened).contains(result), "{opened:.3000}");
    assert!(!received.content.contains("smime=pass"), "{:.3000}", received.content);
    let audit = Client::of(&gateway, &owner).get("/audit").await;
    let last = audit.json()["entries"].as_array().unwrap().last().unwrap()["entry"].clone();
    assert_eq!((&last["outcome"], &last["signature"]), (&"done".into(), &"signed/verified".into()));
    let told =
        |event: &serde_json::Value| event["type"] == "Handoff" && event["signature"] == "signed/verified";
    eventually("the log", || gateway.events().iter().any(told).then_some(())).await;
    let kept = std::fs::read_to_string(gateway.path("handoff-audit.jsonl")).unwrap();
    for line in kept.lines().chain(
        gateway.events().iter().map(ToString::to_string).collect::<Vec<_>>().iter().map(String::as_str),
    ) {
        assert!(!line.contains("Bob Marker") && !line.contains("certificate not validated"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_original_is_attached_where_it_fits_and_said_to_be_missing_where_not() {
    let owner = Owner::rsa();
    for (pixels, fits) in [(60, true), (900, false)] {
        let mail = owner.mail(&owner.signed(&content_with(pixels), &[]), &["-aes-256-gcm"]);
        let more = "signature = \"keep-original\"\n";
        let Some((_gateway, received)) = granted(&owner, &mail, more).await else { return };
        let opened = owner.opened(&received).unwrap_or_else(|why| panic!("{why}\n{}", received.content));
        assert_eq!(opened.contains("message/rfc822"), fits, "{opened:.3000}");
        assert_eq!(opened.contains("application/pkcs7-signature"), fits, "{opened:.3000}");
        let says = if fits { "It is attached as it was signed" } else { "too large to be attached" };
        assert!(opened.contains(says), "{opened:.3000}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_content_is_not_converted_where_that_is_refused() {
    let owner = Owner::rsa();
    let mail = owner.mail(&owner.signed(&content_with(60), &[]), &["-aes-256-gcm"]);
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(gateway) = gateway(&owner, &peer, &host, "signature = \"refuse\"\n").await else { return };
    let client = Client::of(&gateway, &owner);
    send(&gateway, &mail).await;
    let session = client.waiting().await;
    assert_eq!(client.grant(&session, None).await.status, 202);
    let received = peer.wait_for(1).await.remove(0);
    let ended = client.session(session["id"].as_str().unwrap()).await;
    assert_eq!((&ended["state"], &ended["outcome"]), (&"failed".into(), &"conversion-failed".into()));
    let opened = owner.opened(&received).unwrap();
    assert!(opened.contains("pkcs7-signature") && opened.contains("image/png"), "as it came: {opened:.2000}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_signs_what_it_made_of_content_that_was_rightly_signed() {
    let owner = Owner::rsa();
    let pair = |name: &str, kind: &[&str], address: &str| {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let name = format!("subjectAltName=email:{address}");
        let mut arguments = vec!["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=x", "-addext", &name];
        arguments.extend(["-addext", "keyUsage=digitalSignature", "-keyout", &key, "-out", &certificate]);
        arguments.extend(kind);
        owner.openssl(&arguments, &[]);
        format!(
            "signature = \"gateway-sign\"\nsmime_certificate = {:?}\nsmime_key = {:?}\n",
            owner.path(&certificate).display().to_string(),
            owner.path(&key).display().to_string(),
        )
    };
    let p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let own = [pair("gate", &["-newkey", "rsa:2048"], "gate@gw.test"), pair("curve", &p256, "gate@gw.test")];
    let sender = pair("sender", &p256, "bob@example.test");
    let right = owner.signed(&content(), &[]);
    for (own, certificate) in own.iter().zip(["gate.pem", "curve.pem"]) {
        let mail = owner.mail(&right, &["-aes-256-gcm"]);
        let Some((_gateway, received)) = granted(&owner, &mail, own).await else { return };
        let opened = owner.opened(&received).unwrap_or_else(|why| panic!("{why}\n{}", received.content));
        assert!(
            unfolded(&opened).contains("Authentication-Results: gw.test; smime=policy"),
            "{opened:.2000}"
        );
        std::fs::write(owner.path("opened.eml"), &opened).unwrap();
        let verify = ["cms", "-verify", "-in", "opened.eml", "-CAfile", certificate];
        let content = String::from_utf8(owner.openssl(&verify, &[])).unwrap();
        for expected in ["xyzzy-marker", "image/jpeg", "the signature on it is the gateway's"] {
            assert!(content.contains(expected), "{expected}: {content:.3000}");
        }
        let changed = opened.replace("xyzzy-marker", "xyzzy-markus");
        std::fs::write(owner.path("opened.eml"), changed).unwrap();
        assert!(super::openssl(owner.directory.path(), &verify, &[]).is_err());
    }
    // What was wrong is not made right, and nobody is spoken for.
    let bent = String::from_utf8(right.clone()).unwrap().replace("xyzzy-marker", "xyzzy-markus");
    let not = [
        (bent.as_bytes(), &own[0], "The gateway does not sign it in its place"),
        (&right, &sender, "does not sign in the sender's name"),
    ];
    for (entity, own, says) in not {
        let mail = owner.mail(entity, &["-aes-256-gcm"]);
        let Some((_gateway, received)) = granted(&owner, &mail, own).await else { return };
        let opened = owner.opened(&received).unwrap_or_else(|why| panic!("{why}\n{}", received.content));
        assert!(opened.contains(says) && opened.contains("image/jpeg"), "{says}: {opened:.3000}");
        assert!(!opened.contains("pkcs7"), "{opened:.3000}");
    }
}
