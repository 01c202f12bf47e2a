//! Messages made by OpenSSL as the test runs: every transport, curve, derivation, wrap and content.

use cedrat_keyring::recipient::{Kind, Limits};
use cedrat_keyring::unwrap::{KeyLimits, PrivateKey, Refused, unwrap, with_kek, with_password};
use cedrat_keyring::{Cek, Certificate, ContentAlgorithm, Recipient, certificate};

use super::message::{Message, armoured};
use super::programs::{Counter, Folder};

const PLAIN: &[u8] = b"Content-Type: text/plain\r\n\r\nOnly for whom it is.\r\n";

/// Who receives: a certificate and its key, made by OpenSSL in the folder.
pub(crate) struct Holder {
    pub(crate) certificate: Certificate,
    pub(crate) key: PrivateKey,
}

pub(crate) fn holder(folder: &Folder, name: &str, key: &[&str]) -> Holder {
    let (pem, crt, subject) =
        (format!("{name}.key"), format!("{name}.crt"), format!("/CN={name}/emailAddress={name}@mail.test"));
    folder.must(&[&["genpkey", "-out", &pem], key].concat());
    folder.must(&["req", "-x509", "-key", &pem, "-out", &crt, "-subj", &subject, "-days", "30"]);
    let holder = Holder {
        certificate: Certificate::read(&armoured(&folder.read(&crt)), &Limits::default()).unwrap(),
        key: PrivateKey::read(&armoured(&folder.read(&pem)), &KeyLimits::default()).unwrap(),
    };
    assert!(holder.key.belongs_to(&holder.certificate));
    holder
}

pub(crate) const RSA: [&str; 4] = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];

pub(crate) fn curve(name: &str) -> [String; 4] {
    ["-algorithm".into(), "EC".into(), "-pkeyopt".into(), format!("ec_paramgen_curve:{name}")]
}

fn encrypt(folder: &Folder, arguments: &[&str]) -> Message {
    folder.write("plain", PLAIN);
    let made = folder
        .must(&[&["cms", "-encrypt", "-binary", "-in", "plain", "-outform", "DER"], arguments].concat());
    Message::read(&made)
}

/// Which of the recipients is the holder's, read.
fn addressed(message: &Message, holder: &Holder) -> Recipient {
    let mut recipients =
        message.recipients.iter().map(|raw| Recipient::read(raw, &Limits::default()).unwrap());
    recipients.find(|recipient| certificate::matches(recipient, &holder.certificate).is_some()).unwrap()
}

fn open(message: &Message, holder: &Holder) -> Result<Cek, Refused> {
    unwrap(&addressed(message, holder), &holder.key, &holder.certificate, message.algorithm, &mut Counter(1))
}

fn opens(folder: &Folder, message: &Message, holder: &Holder) {
    let cek = open(message, holder).unwrap();
    assert_eq!(cek.octets().len(), message.algorithm.key_octets());
    assert_eq!(message.open(&cek, folder).as_deref(), Some(PLAIN));
}

#[test]
fn key_transport_opens_in_every_padding_hash_and_content() {
    let Some(folder) = Folder::new() else { return };
    let (bob, eve) = (holder(&folder, "bob", &RSA), holder(&folder, "eve", &RSA));
    assert!(!eve.key.belongs_to(&bob.certificate));
    for content in ["-aes128", "-aes192", "-aes256", "-des3", "-aes-128-gcm", "-aes-192-gcm", "-aes-256-gcm"]
    {
        let message = encrypt(&folder, &[content, "-recip", "bob.crt", "-keyopt", "rsa_padding_mode:oaep"]);
        opens(&folder, &message, &bob);
        let message = encrypt(&folder, &[content, "-keyid", "-stream", "-indef", "-recip", "bob.crt"]);
        opens(&folder, &message, &bob);
        // The wrong key makes a key all the same, and not the right one.
        let recipient = addressed(&message, &bob);
        let other =
            unwrap(&recipient, &eve.key, &bob.certificate, message.algorithm, &mut Counter(2)).unwrap();
        assert_ne!(message.open(&other, &folder).as_deref(), Some(PLAIN));
    }
    for hash in ["sha1", "sha224", "sha256", "sha384", "sha512"] {
        for mgf in ["sha1", "sha256", "sha512"] {
            let (hash, mgf) = (format!("rsa_oaep_md:{hash}"), format!("rsa_mgf1_md:{mgf}"));
            let options =
                ["-recip", "bob.crt", "-keyopt", "rsa_padding_mode:oaep", "-keyopt", &hash, "-keyopt", &mgf];
            opens(&folder, &encrypt(&folder, &options), &bob);
        }
    }
    let label = ["-recip", "bob.crt", "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_label:00ff41"];
    let message = encrypt(&folder, &label);
    opens(&folder, &message, &bob);
    let recipient = addressed(&message, &bob);
    let refused = unwrap(&recipient, &eve.key, &bob.certificate, message.algorithm, &mut Counter(3));
    assert_eq!(refused.err(), Some(Refused::KeyNotUsable));
    let refused = unwrap(&recipient, &eve.key, &eve.certificate, message.algorithm, &mut Counter(3));
    assert_eq!(refused.err(), Some(Refused::NotAddressed));
}

#[test]
fn key_agreement_opens_on_every_curve_with_every_derivation_and_wrap() {
    let Some(folder) = Folder::new() else { return };
    for name in ["P-256", "P-384", "P-521"] {
        let key = curve(name);
        let key: Vec<&str> = key.iter().map(String::as_str).collect();
        let (carl, eve) = (holder(&folder, "carl", &key), holder(&folder, "eve", &key));
        assert!(!eve.key.belongs_to(&carl.certificate));
        for hash in ["sha1", "sha224", "sha256", "sha384", "sha512"] {
            let kdf = format!("ecdh_kdf_md:{hash}");
            for content in ["-aes128", "-aes192", "-aes-256-gcm"] {
                let message = encrypt(&folder, &[content, "-recip", "carl.crt", "-keyopt", &kdf]);
                opens(&folder, &message, &carl);
            }
        }
        for wrap in ["-aes128-wrap", "-aes192-wrap", "-aes256-wrap"] {
            let message =
                encrypt(&folder, &["-aes256", wrap, "-recip", "carl.crt", "-keyopt", "ecdh_cofactor_mode:1"]);
            assert!(addressed(&message, &carl).algorithm().name().contains("cofactorDH"));
            opens(&folder, &message, &carl);
            let recipient = addressed(&message, &carl);
            let refused = unwrap(&recipient, &eve.key, &carl.certificate, message.algorithm, &mut Counter(4));
            assert_eq!(refused.err(), Some(Refused::KeyNotUsable));
        }
    }
}

#[test]
fn each_of_several_recipients_opens_with_its_own_key() {
    let Some(folder) = Folder::new() else { return };
    let key = curve("P-256");
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let (bob, dora) = (holder(&folder, "bob", &RSA), holder(&folder, "dora", &RSA));
    let (carl, emil) = (holder(&folder, "carl", &key), holder(&folder, "emil", &key));
    let message = encrypt(&folder, &["-aes-256-gcm", "bob.crt", "carl.crt", "dora.crt", "emil.crt"]);
    assert_eq!(message.recipients.len(), 4);
    for holder in [&bob, &carl, &dora, &emil] {
        opens(&folder, &message, holder);
    }
    let fred = holder(&folder, "fred", &key);
    for raw in &message.recipients {
        let recipient = Recipient::read(raw, &Limits::default()).unwrap();
        let refused = unwrap(&recipient, &fred.key, &fred.certificate, message.algorithm, &mut Counter(5));
        assert_eq!(refused.err(), Some(Refused::NotAddressed));
    }
}

#[test]
fn shared_keys_and_passwords_open_and_wrong_ones_have_the_one_answer() {
    let Some(folder) = Folder::new() else { return };
    for kek in ["00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff0011223344556677"] {
        let message = encrypt(&folder, &["-aes256", "-secretkey", kek, "-secretkeyid", "0a0b"]);
        let recipient = Recipient::read(&message.recipients[0], &Limits::default()).unwrap();
        assert_eq!(recipient.kind(), Kind::Kekri);
        let mut kek: Vec<u8> = kek
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let cek = with_kek(&recipient, &kek, message.algorithm).unwrap();
        assert_eq!(message.open(&cek, &folder).as_deref(), Some(PLAIN));
        kek[0] ^= 1;
        assert_eq!(with_kek(&recipient, &kek, message.algorithm).err(), Some(Refused::KeyNotUsable));
        assert_eq!(with_kek(&recipient, &kek[1..], message.algorithm).err(), Some(Refused::KeyNotUsable));
    }
    for content in ["-aes128", "-aes192", "-aes256"] {
        let message = encrypt(&folder, &[content, "-pwri_password", "open sesame"]);
        let recipient = Recipient::read(&message.recipients[0], &Limits::default()).unwrap();
        let cek = with_password(&recipient, b"open sesame", 100_000, message.algorithm).unwrap();
        assert_eq!(message.open(&cek, &folder).as_deref(), Some(PLAIN));
        let wrong = with_password(&recipient, b"open barley", 100_000, message.algorithm);
        assert_eq!(wrong.err(), Some(Refused::KeyNotUsable));
    }
}

/// Whatever octet of a RecipientInfo is changed, the outcome is an error or a key of the right length
/// that is not the key; only in what identifies or describes, never in the encrypted key, may a change
/// leave the key as it was.
#[test]
fn no_changed_octet_of_an_encrypted_key_gives_the_key() {
    let Some(folder) = Folder::new() else { return };
    let key = curve("P-256");
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let (bob, carl) = (holder(&folder, "bob", &RSA), holder(&folder, "carl", &key));
    let oaep = encrypt(&folder, &["-aes256", "-recip", "bob.crt", "-keyopt", "rsa_padding_mode:oaep"]);
    let agreed = encrypt(&folder, &["-aes256", "-recip", "carl.crt"]);
    for (message, holder, step, encrypted) in [(&oaep, &bob, 16, 256), (&agreed, &carl, 1, 40)] {
        let raw = &message.recipients[0];
        let right = open(message, holder).unwrap();
        for at in (0..raw.len()).step_by(step) {
            let mut changed = raw.clone();
            changed[at] ^= 0x01;
            let Ok(recipient) = Recipient::read(&changed, &Limits::default()) else { continue };
            match unwrap(&recipient, &holder.key, &holder.certificate, message.algorithm, &mut Counter(6)) {
                Ok(cek) => assert!(cek.octets() != right.octets() || at < raw.len() - encrypted, "{at}"),
                Err(refused) => {
                    assert!(at < raw.len() - encrypted || refused == Refused::KeyNotUsable, "{at}: {refused}")
                }
            }
        }
    }
}

#[test]
fn a_key_of_another_length_than_the_content_takes_is_refused() {
    let Some(folder) = Folder::new() else { return };
    let bob = holder(&folder, "bob", &RSA);
    let message = encrypt(&folder, &["-aes256", "-recip", "bob.crt", "-keyopt", "rsa_padding_mode:oaep"]);
    let recipient = addressed(&message, &bob);
    let refused =
        unwrap(&recipient, &bob.key, &bob.certificate, ContentAlgorithm::Aes128Gcm, &mut Counter(7));
    assert_eq!(refused.err(), Some(Refused::KeyNotUsable));
    let message = encrypt(&folder, &["-aes256", "-recip", "bob.crt"]);
    let right = open(&message, &bob).unwrap();
    let recipient = addressed(&message, &bob);
    let masked =
        unwrap(&recipient, &bob.key, &bob.certificate, ContentAlgorithm::Aes128Gcm, &mut Counter(7)).unwrap();
    assert_eq!(masked.octets().len(), 16);
    assert_ne!(masked.octets(), &right.octets()[..16]);
}
