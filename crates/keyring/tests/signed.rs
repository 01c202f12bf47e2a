//! Signatures made by OpenSSL and by other programs, and what is left of them after a change.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
#![allow(clippy::disallowed_macros, reason = "a skipped test says why")]

#[path = "peer/mod.rs"]
mod peer;

use std::path::Path;

use bytes::Bytes;
use cedrat_keyring::signed::{self, Judged, Limits, Signed, Status, Verdict, Weakness};
use cedrat_mime::transfer::decode_base64;
use peer::{openssl, there_is_openssl, vectors};

const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nMeet me at the lake.\r\n";

/// A key and its certificate, and a message signed with it.
struct Signer {
    folder: tempfile::TempDir,
}

impl Signer {
    /// `key` is what `openssl req -newkey` takes; `None` where there is no openssl.
    fn new(key: &[&str]) -> Option<Self> {
        if !there_is_openssl() {
            return None;
        }
        let signer = Self { folder: tempfile::tempdir().unwrap() };
        let (private, public) = (signer.path("key.pem"), signer.path("cert.pem"));
        let mut arguments = vec!["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=Alice Lovelace"];
        arguments.extend(["-addext", "subjectAltName=email:alice@example.test"]);
        arguments.extend(["-keyout", &private, "-out", &public]);
        arguments.extend(key);
        openssl(&arguments, b"").expect("openssl makes a certificate");
        Some(signer)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// A ContentInfo over [`CONTENT`] as it stands.
    fn sign(&self, how: &[&str]) -> Vec<u8> {
        let (key, certificate) = (self.path("key.pem"), self.path("cert.pem"));
        let mut arguments = vec!["cms", "-sign", "-binary", "-outform", "DER"];
        arguments.extend(["-signer", &certificate, "-inkey", &key]);
        arguments.extend(how);
        openssl(&arguments, CONTENT).expect("openssl signs")
    }
}

fn rsa() -> Option<Signer> {
    Signer::new(&["-newkey", "rsa:2048"])
}

fn p256() -> Option<Signer> {
    Signer::new(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
}

fn one(verdicts: Vec<Verdict>) -> Verdict {
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    verdicts.into_iter().next().unwrap()
}

fn opaque(message: &[u8]) -> Verdict {
    one(Signed::read(message, &Limits::default()).unwrap().verify())
}

fn detached(message: &[u8], content: &[u8]) -> Status {
    one(Signed::read(message, &Limits::default()).unwrap().verify_detached(content)).status
}

#[test]
fn what_openssl_signs_is_right() {
    let pss: &[&str] = &["-keyopt", "rsa_padding_mode:pss"];
    let longer: &[&str] = &["-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:max"];
    let keys: [(&[&str], &[&[&str]]); 5] = [
        (&["-newkey", "rsa:2048"], &[&[], pss, longer]),
        (&["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"], &[pss]),
        (&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], &[&[]]),
        (&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"], &[&[]]),
        (&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"], &[&[]]),
    ];
    let forms: [&[&str]; 6] = [
        &["-md", "sha256"],
        &["-md", "sha384"],
        &["-md", "sha512"],
        &["-noattr"],
        &["-keyid"],
        &["-stream", "-md", "sha512"],
    ];
    for (key, ways) in keys {
        let Some(signer) = Signer::new(key) else { return };
        for (way, form) in ways.iter().flat_map(|way| forms.map(|form| (way, form))) {
            // OpenSSL 3.0 fails at this itself.
            if !way.is_empty() && form.contains(&"-stream") {
                continue;
            }
            let how = [*way, form].concat();
            let apart = signer.sign(&how);
            assert_eq!(detached(&apart, CONTENT), Status::Right, "{key:?} {how:?}");
            assert_eq!(detached(&apart, b"Content-Type: text/plain\r\n\r\n"), changed(form), "{how:?}");
            let whole = signer.sign(&[&how[..], &["-nodetach"]].concat());
            let read = Signed::read(&whole, &Limits::default()).unwrap();
            assert_eq!(read.content(), Some(CONTENT), "{how:?}");
            let verdict = one(read.verify());
            assert_eq!(verdict.status, Status::Right, "{key:?} {how:?}");
            let certificate = verdict.signer.unwrap();
            assert_eq!(certificate.addresses(), ["alice@example.test"]);
            assert_eq!(certificate.common_name(), Some("Alice Lovelace"));
            assert_eq!(verdict.signing_time.is_some(), form != ["-noattr"]);
        }
    }
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => out.push(short),
        _ => out.extend([0x82, u8::try_from(length / 256).unwrap(), u8::try_from(length % 256).unwrap()]),
    }
    out.extend(content);
    out
}

/// OpenSSL 3.0 makes no such CMS, but signs with such keys: RFC 8419 by hand.
#[test]
fn ed25519_signs_the_attributes_or_the_content_itself() {
    let Some(signer) = Signer::new(&["-newkey", "ed25519"]) else { return };
    let certificate = openssl(&["x509", "-in", &signer.path("cert.pem"), "-outform", "DER"], b"").unwrap();
    let key = cedrat_keyring::Certificate::read(&certificate, &cedrat_keyring::recipient::Limits::default());
    let ski = key.unwrap().key_identifier();
    let sign = |octets: &[u8]| {
        std::fs::write(signer.path("octets"), octets).unwrap();
        let (key, octets) = (signer.path("key.pem"), signer.path("octets"));
        openssl(&["pkeyutl", "-sign", "-rawin", "-inkey", &key, "-in", &octets], b"").unwrap()
    };
    let data = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    let digest = der(0x30, &[b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03"]);
    let sha512 = openssl(&["dgst", "-sha512", "-binary"], CONTENT).unwrap();
    let kind = der(0x30, &[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03", &der(0x31, &[data])]);
    let of = der(0x31, &[&der(0x04, &[&sha512])]);
    let of = der(0x30, &[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04", &of]);
    for attributes in [None, Some([&kind[..], &of].concat()), Some([&of[..], &kind].concat())] {
        let (set, signature) = match &attributes {
            None => (Vec::new(), sign(CONTENT)),
            Some(attributes) => (der(0xA0, &[attributes]), sign(&der(0x31, &[attributes]))),
        };
        let message = |content: &[u8]| {
            let algorithm = der(0x30, &[b"\x06\x03\x2b\x65\x70"]);
            let ski = der(0x80, &[&ski]);
            let info = [b"\x02\x01\x03", &ski[..], &digest, &set, &algorithm, &der(0x04, &[&signature])];
            let info = der(0x31, &[&der(0x30, &info)]);
            let content = der(0x30, &[data, &der(0xA0, &[&der(0x04, &[content])])]);
            let certificates = der(0xA0, &[&certificate]);
            let fields = [b"\x02\x01\x03", &der(0x31, &[&digest])[..], &content, &certificates, &info];
            let signed = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
            der(0x30, &[signed, &der(0xA0, &[&der(0x30, &fields)])])
        };
        assert_eq!(opaque(&message(CONTENT)).status, Status::Right, "{attributes:?}");
        let other = if attributes.is_some() { Status::Changed } else { Status::Wrong };
        assert_eq!(opaque(&message(b"Content-Type: text/plain\r\n\r\n")).status, other);
    }
}

/// Without attributes nobody can tell a changed content from another key.
fn changed(form: &[&str]) -> Status {
    if form == ["-noattr"] { Status::Wrong } else { Status::Changed }
}

#[test]
fn whatever_octet_changes_what_counts_as_right_is_what_was_signed() {
    for form in [&["-nodetach"][..], &["-nodetach", "-noattr"]] {
        let Some(signer) = p256() else { return };
        let message = signer.sign(form);
        let original = opaque(&message);
        assert_eq!(original.status, Status::Right);
        let key = original.signer.as_ref().unwrap().public_key().to_vec();
        let mut right = 0;
        for at in 0..message.len() {
            let mut bent = message.clone();
            bent[at] ^= 1;
            let Ok(read) = Signed::read(&bent, &Limits::default()) else { continue };
            for verdict in read.verify() {
                if !matches!(verdict.status, Status::Right | Status::Weak(_)) {
                    continue;
                }
                right += 1;
                assert_eq!(read.content(), Some(CONTENT), "octet {at}");
                assert_eq!(verdict.signing_time, original.signing_time, "octet {at}");
                assert_eq!(verdict.signer.unwrap().public_key(), key, "octet {at}");
            }
        }
        // The certificate is read and not verified; beside it hardly anything may change.
        assert!(right < message.len(), "{right} of {}", message.len());
    }
}

#[test]
fn a_signature_cut_anywhere_is_none() {
    let Some(signer) = p256() else { return };
    let message = signer.sign(&["-nodetach"]);
    for end in 0..message.len() {
        assert!(Signed::read(&message[..end], &Limits::default()).is_err(), "{end} octets");
    }
}

#[test]
fn a_signature_over_another_digest_or_by_another_key_is_wrong() {
    let (Some(signer), Some(other)) = (rsa(), rsa()) else { return };
    let message = signer.sign(&[]);
    assert_eq!(detached(&message, b"something else"), Status::Changed);
    // The same names and serial number, another key.
    let (key, certificate) = (signer.path("key.pem"), signer.path("cert.pem"));
    let serial = openssl(&["x509", "-in", &certificate, "-noout", "-serial"], b"").unwrap();
    let serial = format!("0x{}", String::from_utf8(serial).unwrap().trim().trim_start_matches("serial="));
    let (other_key, twin) = (other.path("key.pem"), other.path("twin.pem"));
    let mut arguments = vec!["req", "-x509", "-days", "2", "-subj", "/CN=Alice Lovelace"];
    arguments.extend(["-key", &other_key, "-set_serial", &serial, "-out", &twin]);
    openssl(&arguments, b"").unwrap();
    let mut arguments = vec!["cms", "-sign", "-binary", "-outform", "DER", "-nocerts"];
    arguments.extend(["-signer", &certificate, "-inkey", &key, "-certfile", &twin]);
    let forged = openssl(&arguments, CONTENT).unwrap();
    assert_eq!(detached(&forged, CONTENT), Status::Wrong);
}

#[test]
fn without_the_certificate_of_its_signer_nothing_is_known() {
    let Some(signer) = rsa() else { return };
    let verdict = opaque(&signer.sign(&["-nodetach", "-nocerts"]));
    assert_eq!((verdict.status, verdict.signer), (Status::NoCertificate, None));
    assert_eq!((verdict.status.word(), verdict.status.result()), ("signed", "neutral"));
}

#[test]
fn every_signer_has_a_verdict() {
    let (Some(signer), Some(second)) = (rsa(), p256()) else { return };
    let (key, certificate) = (second.path("key.pem"), second.path("cert.pem"));
    let message = signer.sign(&["-nodetach", "-signer", &certificate, "-inkey", &key]);
    let verdicts = Signed::read(&message, &Limits::default()).unwrap().verify();
    assert_eq!(verdicts.len(), 2);
    assert!(verdicts.iter().all(|verdict| verdict.status == Status::Right), "{verdicts:?}");
    let limits = Limits { signers: 1, ..Limits::default() };
    assert!(Signed::read(&message, &limits).is_err());
}

#[test]
fn what_could_be_forged_is_weak() {
    let Some(signer) = rsa() else { return };
    assert_eq!(opaque(&signer.sign(&["-nodetach", "-md", "sha1"])).status, Status::Weak(Weakness::Sha1));
    let Some(short) = Signer::new(&["-newkey", "rsa:1024"]) else { return };
    assert_eq!(opaque(&short.sign(&["-nodetach"])).status, Status::Weak(Weakness::ShortKey));
    let Some(other) = Signer::new(&["-newkey", "rsa:2048", "-addext", "keyUsage=keyEncipherment"]) else {
        return;
    };
    // OpenSSL signs with any key when it is not asked about its purpose.
    assert_eq!(opaque(&other.sign(&["-nodetach"])).status, Status::Weak(Weakness::KeyUsage));
}

#[test]
fn attributes_shown_as_content_are_not_what_was_signed() {
    let Some(signer) = rsa() else { return };
    let message = signer.sign(&["-nodetach"]);
    // The signature is over a SET of the attributes: shown as content without attributes it would verify.
    let start =
        message.windows(11).rposition(|it| it == b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03").unwrap();
    let set = (0..start)
        .rev()
        .find(|at| message[*at] == 0xA0 && start - at < 8 && message[*at + 1] >= 0x80)
        .expect("the attributes begin before the first of them");
    let octets = usize::from(message[set + 2]) + 3;
    let mut attributes = message[set..set + octets].to_vec();
    attributes[0] = 0x31;
    let read = Signed::read(&message, &Limits::default()).unwrap();
    assert_eq!(one(read.verify()).status, Status::Right);
    let mut bare = message[..set].to_vec();
    bare.extend(&message[set + octets..]);
    let shrink = |message: &mut Vec<u8>, at: usize, by: usize| {
        let length = usize::from(message[at]) * 256 + usize::from(message[at + 1]) - by;
        message[at] = u8::try_from(length / 256).unwrap();
        message[at + 1] = u8::try_from(length % 256).unwrap();
    };
    // Every length around the attributes: the SignerInfo, the set of them, SignedData and what is around.
    let mut fixed = 0;
    for at in (0..set).rev() {
        let is_length = at + 3 < set && matches!(bare[at], 0x30 | 0x31 | 0xA0) && bare[at + 1] == 0x82;
        if is_length {
            let length = usize::from(bare[at + 2]) * 256 + usize::from(bare[at + 3]);
            if at + 4 + length == message.len() {
                shrink(&mut bare, at + 2, octets);
                fixed += 1;
            }
        }
    }
    assert_eq!(fixed, 5, "ContentInfo, its content, SignedData, the set of signers, the signer");
    let status = one(Signed::read(&bare, &Limits::default()).unwrap().verify_detached(&attributes)).status;
    assert_eq!(status, Status::Wrong);
}

/// Each file of a folder of vectors, with what is known of it.
fn verdicts(folder: &Path, file: &str, content: Option<&[u8]>) -> Vec<Status> {
    let octets = std::fs::read(folder.join(file)).unwrap();
    let octets = if file.ends_with(".eml") {
        let text = String::from_utf8(octets).unwrap().replace('\r', "");
        let body = text.split_once("\n\n").map_or(text.as_str(), |(_, body)| body);
        decode_base64(body.as_bytes()).octets.to_vec()
    } else {
        octets
    };
    let read = Signed::read(&octets, &Limits::default()).unwrap_or_else(|fault| panic!("{file}: {fault}"));
    let verdicts = match content {
        Some(content) => read.verify_detached(content),
        None => read.verify(),
    };
    verdicts.into_iter().map(|verdict| verdict.status).collect()
}

/// File, content that is elsewhere, verdicts.
type Known<'a> = (&'a str, Option<&'a [u8]>, &'a [Status]);

#[test]
fn signatures_of_other_programs_are_judged() {
    let Some(folder) = vectors() else { return };
    let sha1 = Status::Weak(Weakness::Sha1);
    let dss = Status::UnknownAlgorithm;
    let content = std::fs::read(folder.join("rfc4134/ExContent.bin")).unwrap();
    let known: [Known<'_>; 9] = [
        ("rfc4134/4.1.bin", None, &[dss]),
        ("rfc4134/4.2.bin", None, &[sha1]),
        ("rfc4134/4.3.bin", Some(&content), &[dss]),
        ("rfc4134/4.6.bin", None, &[dss, dss]),
        ("generated-openssl/signed-opaque-alice.eml", None, &[Status::Right]),
        ("rustcrypto-cms/sd.cms", None, &[Status::Right]),
        ("asn1crypto/cms-signed.der", None, &[Status::Right]),
        // RSA keys of 1024 bits.
        ("tika/testPKCS7_signed_data_def.p7m", None, &[Status::Weak(Weakness::ShortKey)]),
        ("tika/testPKCS7_signed_data_ind.p7m", None, &[Status::Weak(Weakness::ShortKey)]),
    ];
    let mut seen = Vec::new();
    for (file, content, _) in known {
        seen.push((file, verdicts(&folder, file, content)));
    }
    let expected: Vec<_> = known.iter().map(|(file, _, expected)| (*file, expected.to_vec())).collect();
    assert_eq!(seen, expected);
}

#[test]
fn every_signed_message_of_other_programs_is_read() {
    let Some(folder) = vectors() else { return };
    let table = std::fs::read_to_string(folder.join("smime-expected.tsv")).unwrap();
    let mut count = 0;
    for row in table.lines().filter(|row| row.contains("\tok\tpkcs7-signedData")) {
        let file = row.split('\t').next().unwrap();
        // Text around base64, and multipart/signed.
        if [".pem", "4.8.eml", "4.9.eml"].iter().any(|end| file.ends_with(end)) {
            continue;
        }
        verdicts(&folder, file, None);
        count += 1;
    }
    assert!(count > 10, "{count}");
}

fn judged(mail: &[u8]) -> signed::Signature {
    let mail = Bytes::copy_from_slice(mail);
    let message = cedrat_mime::walk(&mail, &cedrat_mime::Limits::default()).unwrap();
    signed::of_message(&message, &Limits::default()).expect("it is signed")
}

fn statuses(signature: &signed::Signature) -> Vec<Status> {
    match &signature.judged {
        Judged::Verdicts(verdicts) => verdicts.iter().map(|verdict| verdict.status).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signed_mail_is_judged_over_its_first_part_as_it_stands() {
    let Some(signer) = rsa() else { return };
    let (key, certificate) = (signer.path("key.pem"), signer.path("cert.pem"));
    for how in [&[][..], &["-nodetach"], &["-crlfeol"], &["-binary"]] {
        let mut arguments = vec!["cms", "-sign", "-signer", &certificate, "-inkey", &key];
        arguments.extend(how);
        let mail = openssl(&arguments, CONTENT).unwrap();
        let signature = judged(&mail);
        assert_eq!(statuses(&signature), [Status::Right], "{how:?}\n{}", String::from_utf8_lossy(&mail));
        let content = signature.content.clone().unwrap();
        assert!(content.windows(4).any(|it| it == b"lake"), "{how:?}");
        let bent = String::from_utf8(mail).unwrap().replace("lake", "cafe").into_bytes();
        if !how.contains(&"-nodetach") {
            assert_eq!(statuses(&judged(&bent)), [Status::Changed], "{how:?}");
        }
    }
    // A transport that turned every line end into LF.
    let arguments = ["cms", "-sign", "-crlfeol", "-signer", &certificate, "-inkey", &key];
    let mail = String::from_utf8(openssl(&arguments, CONTENT).unwrap()).unwrap().replace('\r', "");
    assert_eq!(statuses(&judged(mail.as_bytes())), [Status::Right]);
}

#[test]
fn a_mail_signed_in_another_way_is_signed_and_not_judged() {
    let pgp = b"Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=x\r\n\r\n\
        --x\r\n\r\nhello\r\n--x\r\nContent-Type: application/pgp-signature\r\n\r\nnone\r\n--x--\r\n";
    let signature = judged(pgp);
    assert_eq!(signature.judged, Judged::NotSmime);
    assert_eq!(signature.content.as_deref(), Some(&b"\r\nhello"[..]));
    let alone =
        b"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=x\r\n\r\n\
        --x\r\n\r\nhello\r\n--x--\r\n";
    assert!(matches!(judged(alone).judged, Judged::Unreadable(_)));
    let junk = b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\njunk";
    let signature = judged(junk);
    assert!(matches!(signature.judged, Judged::Unreadable(_)) && signature.content.is_none());
}
