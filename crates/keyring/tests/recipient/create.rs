//! What is created opens with OpenSSL, and for algorithms that it does not know with our own keys.

use cedrat_keyring::algorithm::ContentParameters;
use cedrat_keyring::content::{Encryptor, Verifier};
use cedrat_keyring::create::{
    Base64Lines, EncryptedContent, Envelope, Transport, Unsuitable, fresh_key, mail_head, recipient_info,
};
use cedrat_keyring::reader::{self, Format};
use cedrat_keyring::recipient::{Curve, Kind, Limits, MlKem, cek_hkdf_sha256};
use cedrat_keyring::unwrap::{KeyLimits, PrivateKey, Refused, unwrap};
use cedrat_keyring::{Cek, Certificate, ContentAlgorithm, Recipient, Structure, certificate};
use rand_core::Rng;

use super::message::{Message, tlv};
use super::openssl::{RSA, curve, holder};
use super::programs::{Counter, Folder};

const PLAIN: &[u8] = b"Content-Type: text/plain\r\n\r\nMade anew, under a key never used before.\r\n";

const GCM: ContentAlgorithm = ContentAlgorithm::Aes256Gcm;
const CBC: ContentAlgorithm = ContentAlgorithm::Aes256Cbc;

/// The plaintext enveloped for these certificates; in one definite piece, or streamed in pieces.
fn enveloped(
    certificates: &[&Certificate],
    algorithm: ContentAlgorithm,
    transport: Transport,
    streamed: bool,
    derived: bool,
) -> (Vec<u8>, Cek) {
    let mut rng = Counter(100);
    let cek = fresh_key(algorithm, &mut rng).unwrap();
    let recipients =
        certificates.iter().map(|it| recipient_info(it, &cek, transport, &mut rng).unwrap()).collect();
    let mut nonce = vec![0; algorithm.iv_octets()];
    rng.fill_bytes(&mut nonce);
    let parameters =
        ContentParameters::gcm(algorithm, &nonce, 16).or_else(|| ContentParameters::cbc(algorithm, &nonce));
    let parameters = parameters.unwrap();
    let octets = (!streamed).then_some(PLAIN.len() as u64);
    let content = EncryptedContent { parameters: &parameters, derived, octets };
    let key = if derived { cek_hkdf_sha256(&cek, &parameters.encode()).unwrap() } else { cek };
    let (mut envelope, mut encryptor) =
        (Envelope::new(recipients, &content), Encryptor::new(&key, &parameters, None).unwrap());
    let (mut out, mut ciphertext) = (envelope.head().to_vec(), vec![]);
    for piece in PLAIN.chunks(if streamed { 7 } else { 1000 }) {
        encryptor.update(piece, &mut ciphertext).unwrap();
        envelope.ciphertext(&ciphertext, &mut out).unwrap();
        ciphertext.clear();
    }
    let mac = encryptor.finish(&mut ciphertext);
    envelope.ciphertext(&ciphertext, &mut out).unwrap();
    out.extend(envelope.tail(mac.as_deref()).unwrap());
    (out, key)
}

#[test]
fn openssl_opens_every_form_transport_and_curve() {
    let Some(folder) = Folder::new() else { return };
    let holders: Vec<_> = [("P-256", "carl"), ("P-384", "dora"), ("P-521", "emil")]
        .into_iter()
        .map(|(name, who)| {
            let key = curve(name);
            let key: Vec<&str> = key.iter().map(String::as_str).collect();
            (who, holder(&folder, who, &key))
        })
        .chain([("bob", holder(&folder, "bob", &RSA))])
        .collect();
    let everyone: Vec<&Certificate> = holders.iter().map(|(_, holder)| &holder.certificate).collect();
    for algorithm in [GCM, CBC] {
        for (transport, streamed) in
            [(Transport::Oaep, false), (Transport::Oaep, true), (Transport::Pkcs1v15, true)]
        {
            let (message, cek) = enveloped(&everyone, algorithm, transport, streamed, false);
            folder.write("made.der", &message);
            for (who, _) in &holders {
                let (key, crt) = (format!("{who}.key"), format!("{who}.crt"));
                let opened = folder.must(&[
                    "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "made.der", "-inkey", &key,
                    "-recip", &crt,
                ]);
                assert_eq!(opened, PLAIN, "{algorithm:?} {transport:?} {streamed} {who}");
            }
            let read = Message::read(&message);
            assert_eq!(read.open(&cek, &folder).as_deref(), Some(PLAIN));
            // As mail.
            let mut text = format!(
                "MIME-Version: 1.0\r\n{}\r\n",
                mail_head(if algorithm == GCM { Format::AuthEnveloped } else { Format::Enveloped })
            )
            .into_bytes();
            let mut lines = Base64Lines::new();
            lines.encode(&message, &mut text);
            lines.finish(&mut text);
            folder.write("made.eml", &text);
            let opened = folder.must(&[
                "cms", "-decrypt", "-binary", "-in", "made.eml", "-inkey", "bob.key", "-recip", "bob.crt",
            ]);
            assert_eq!(opened, PLAIN);
        }
    }
    let (message, _) = enveloped(&everyone[..1], CBC, Transport::Oaep, false, false);
    folder.write("made.der", &message);
    let printed = folder.must(&["asn1parse", "-inform", "DER", "-in", "made.der"]);
    assert!(!String::from_utf8_lossy(&printed).contains("inf"), "DER has definite lengths alone");
}

#[test]
fn another_implementation_opens_what_openssl_opens() {
    let Some(folder) = Folder::new() else { return };
    let key = curve("P-256");
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let (bob, carl) = (holder(&folder, "bob", &RSA), holder(&folder, "carl", &key));
    for algorithm in [GCM, CBC] {
        for transport in [Transport::Oaep, Transport::Pkcs1v15] {
            let everyone = [&carl.certificate, &bob.certificate];
            for streamed in [false, true] {
                folder.write("made.der", &enveloped(&everyone, algorithm, transport, streamed, false).0);
                for who in ["bob", "carl"] {
                    let Some(opened) = folder.opened_by_python("made.der", who) else { return };
                    assert_eq!(opened, PLAIN, "{algorithm:?} {transport:?} {streamed} {who}");
                }
            }
        }
    }
}

/// RFC 9709: the key that the recipient unwraps is not the content key, and says so in the message.
#[test]
fn content_under_a_derived_key_opens_with_the_derived_key_alone() {
    let Some(folder) = Folder::new() else { return };
    let bob = holder(&folder, "bob", &RSA);
    for algorithm in [GCM, CBC] {
        let (message, made) = enveloped(&[&bob.certificate], algorithm, Transport::Oaep, false, true);
        let structure = Structure::of(&message, reader::Limits::default()).unwrap();
        let recipient = Recipient::read(&structure.recipients[0], &Limits::default()).unwrap();
        let sent = unwrap(&recipient, &bob.key, &bob.certificate, algorithm, &mut Counter(1)).unwrap();
        let derived = cek_hkdf_sha256(&sent, structure.encryption.derived_for.as_deref().unwrap()).unwrap();
        assert_eq!(derived.octets(), made.octets());
        let opens = |key: &Cek| {
            let mut verifier = Verifier::new(key, &structure.content().unwrap());
            let (end, octets) = (structure.summary.content.end, structure.summary.ciphertext_octets);
            verifier.update(&message[usize::try_from(end - octets).unwrap()..usize::try_from(end).unwrap()]);
            verifier.finish().is_ok()
        };
        assert!(opens(&derived) && !opens(&sent));
    }
}

/// A certificate with a public key, which no one signed.
fn unsigned(algorithm: &[u8], public_key: &[u8]) -> Certificate {
    let name = tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[&[0x06, 3, 0x55, 4, 3], &tlv(0x0C, &[b"unsigned"])])])]);
    let signature = tlv(0x30, &[&[0x06, 3, 0x2B, 0x65, 0x70]]);
    let time = tlv(0x17, &[b"260101000000Z"]);
    let bits = tlv(0x03, &[&[0], public_key]);
    let key = tlv(0x30, &[&tlv(0x30, &[algorithm]), &bits]);
    let content = tlv(0x30, &[&[2, 1, 77], &signature, &name, &tlv(0x30, &[&time, &time]), &name, &key]);
    Certificate::read(&tlv(0x30, &[&content, &signature, &[3, 1, 0]]), &Limits::default()).unwrap()
}

fn oid(oid: const_oid::ObjectIdentifier) -> Vec<u8> {
    tlv(0x06, &[oid.as_bytes()])
}

/// PKCS #8 around what a kind of key has inside.
fn private(algorithm: const_oid::ObjectIdentifier, inside: &[u8]) -> PrivateKey {
    let mut pkcs8 = vec![2, 1, 0, 0x30, u8::try_from(algorithm.as_bytes().len() + 2).unwrap(), 0x06];
    pkcs8.push(u8::try_from(algorithm.as_bytes().len()).unwrap());
    pkcs8.extend(algorithm.as_bytes());
    pkcs8.extend([0x04, u8::try_from(inside.len()).unwrap()]);
    pkcs8.extend(inside);
    let pkcs8 = [&[0x30, u8::try_from(pkcs8.len()).unwrap()], pkcs8.as_slice()].concat();
    PrivateKey::read(&pkcs8, &KeyLimits::default()).unwrap()
}

fn round_trip(certificate: &Certificate, key: &PrivateKey, wrong: &PrivateKey, kind: Kind) {
    assert!(key.belongs_to(certificate) && !wrong.belongs_to(certificate));
    let mut rng = Counter(200);
    let cek = fresh_key(GCM, &mut rng).unwrap();
    let raw = recipient_info(certificate, &cek, Transport::Oaep, &mut rng).unwrap();
    let recipient = Recipient::read(&raw, &Limits::default()).unwrap();
    assert_eq!((recipient.kind(), certificate::matches(&recipient, certificate)), (kind, Some(0)));
    let content = GCM;
    assert_eq!(unwrap(&recipient, key, certificate, content, &mut rng).unwrap().octets(), cek.octets());
    assert_eq!(unwrap(&recipient, wrong, certificate, content, &mut rng).err(), Some(Refused::KeyNotUsable));
    for at in raw.len() - 40..raw.len() {
        let mut changed = raw.clone();
        changed[at] ^= 0x80;
        let recipient = Recipient::read(&changed, &Limits::default()).unwrap();
        assert_eq!(
            unwrap(&recipient, key, certificate, content, &mut rng).err(),
            Some(Refused::KeyNotUsable)
        );
    }
}

#[test]
fn x25519_opens_with_its_key_and_no_point_of_small_order_is_used() {
    let algorithm = Curve::X25519.oid();
    let key = |octet: u8| private(algorithm, &[&[0x04, 32], [octet; 32].as_slice()].concat());
    let public = x25519_dalek::x25519([7; 32], x25519_dalek::X25519_BASEPOINT_BYTES);
    round_trip(&unsigned(&oid(algorithm), &public), &key(7), &key(9), Kind::Kari);
    let small = unsigned(&oid(algorithm), &[0; 32]);
    let cek = fresh_key(GCM, &mut Counter(1)).unwrap();
    assert_eq!(recipient_info(&small, &cek, Transport::Oaep, &mut Counter(1)), Err(Unsuitable::PublicKey));
}

#[test]
fn ml_kem_opens_with_its_key_in_every_parameter_set() {
    use ml_kem::{DecapsulationKey512, DecapsulationKey768, DecapsulationKey1024, KeyExport, Seed};
    let seed = Seed::from([7; 64]);
    for (kem, public) in [
        (MlKem::MlKem512, DecapsulationKey512::from_seed(seed).encapsulation_key().to_bytes().to_vec()),
        (MlKem::MlKem768, DecapsulationKey768::from_seed(seed).encapsulation_key().to_bytes().to_vec()),
        (MlKem::MlKem1024, DecapsulationKey1024::from_seed(seed).encapsulation_key().to_bytes().to_vec()),
    ] {
        let key = |octet: u8| private(kem.oid(), &[&[0x80, 64], [octet; 64].as_slice()].concat());
        round_trip(&unsigned(&oid(kem.oid()), &public), &key(7), &key(9), Kind::Kemri);
        let cek = fresh_key(GCM, &mut Counter(1)).unwrap();
        let short = unsigned(&oid(kem.oid()), &public[1..]);
        assert_eq!(
            recipient_info(&short, &cek, Transport::Oaep, &mut Counter(1)),
            Err(Unsuitable::PublicKey)
        );
    }
}
