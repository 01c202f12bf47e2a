#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use alloc::{format, string::String, vec, vec::Vec};
use core::convert::Infallible;

use cedrat_message::Timestamp;
use hpke::aead::AesGcm128;
use proptest::prelude::*;
use rand_core::{TryCryptoRng, TryRng};
use sha2::Digest as _;

use super::*;
use crate::ContentAlgorithm;
use crate::algorithm::ContentParameters;
use crate::consent::{Output, Pattern, Purpose, Signature};

/// Randomness that is the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl TryRng for Dice {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 += 1;
        let digest = sha2::Sha256::digest(self.0.to_be_bytes());
        Ok(u64::from_be_bytes(digest[..8].try_into().unwrap()))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        for chunk in octets.chunks_mut(8) {
            let number = self.try_next_u64()?.to_be_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Dice {}

pub(crate) fn of_length(length: u8) -> Vec<u8> {
    (1..=length).collect()
}

pub(crate) fn consent() -> Consent {
    Consent {
        purpose: Purpose::TranscodeForHandset,
        parts: vec![Pattern::new("image/*").unwrap()],
        output: Output::Reencrypt,
        device: None,
        signature: Signature::VerifyAndStrip,
        keep_original: false,
    }
}

fn recipient(index: u32, der: &[u8]) -> wire::Recipient {
    wire::Recipient {
        index,
        kind: wire::RecipientType::Ktri,
        rid: wire::RecipientId { ski: Some(Octets(of_length(20))), ..wire::RecipientId::default() },
        key_enc_alg: wire::Algorithm {
            oid: "1.2.840.113549.1.1.7".into(),
            name: "rsaes-oaep".into(),
            der: Octets(vec![0x30, 0]),
        },
        der: Octets(der.to_vec()),
        sha256: Digest::of(der),
    }
}

/// A session of two recipients, with the key of [`key`].
pub(crate) fn document() -> wire::Session {
    let (_, public) = key();
    let parameters = ContentParameters::gcm(ContentAlgorithm::Aes256Gcm, &of_length(12), 16).unwrap();
    wire::Session {
        id: "hs_1".into(),
        state: crate::session::State::AwaitingKey,
        outcome: None,
        created: Time(Timestamp(1_790_000_000_000)),
        expires: Time(Timestamp(1_790_000_900_000)),
        attempts_left: 3,
        account: "user@example.net".into(),
        server_key_id: "gw-2026-1".into(),
        parent: None,
        message: wire::Message {
            message_id: Some("<1@sender.example>".into()),
            from: Some("Ann <ann@sender.example>".into()),
            subject: Some("three photos".into()),
            date: None,
            direction: wire::Direction::Inbound,
            size: 33_805_392,
            sha256: Digest::of(b"message"),
            part_path: "1".into(),
            format: wire::Format::CmsAuthEnveloped,
            integrity: wire::Integrity::Aead,
            content_alg: wire::ContentAlgorithm {
                oid: "2.16.840.1.101.3.4.1.46".into(),
                name: "aes-256-gcm".into(),
                der: Octets(parameters.encode()),
                key_bytes: 32,
            },
        },
        recipients: vec![recipient(0, b"first"), recipient(2, b"third")],
        seal: wire::Seal {
            suite: SUITE,
            public_key: Octets(public),
            info: INFO.into(),
            jti: Octets(of_length(16)),
        },
        consent: consent(),
        attestation: None,
    }
}

fn key() -> (SealKey, Vec<u8>) {
    SealKey::generate(&mut Dice(0))
}

fn binding() -> Binding {
    Binding::of(&document(), 0, &consent()).unwrap()
}

fn cek() -> Cek {
    Cek::new(&of_length(32)).unwrap()
}

/// Seals any plaintext as a client would.
pub(crate) fn seal_octets(to: &wire::Seal, binding: &Binding, plaintext: &[u8]) -> Sealed {
    let public = PublicKey::from_bytes(&to.public_key.0).unwrap();
    let (enc, ct) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, Kem>(
        &OpModeS::Base,
        &public,
        INFO.as_bytes(),
        plaintext,
        &binding.octets(),
        &mut Dice(99),
    )
    .unwrap();
    Sealed { enc: enc.to_bytes().to_vec(), ct }
}

fn open(sealed: &Sealed, binding: &Binding) -> Result<Opened, NotOpened> {
    key().0.open(&sealed.enc, &sealed.ct, binding, &[ContentAlgorithm::Aes256Gcm.into()], &mut Dice(7))
}

fn octets_of(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

#[test]
fn the_key_encapsulation_and_schedule_are_those_of_rfc_9180_appendix_a_3_1() {
    // The appendix has this KEM and KDF with AES-128-GCM only.
    let private = octets_of("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2");
    let enc = octets_of(
        "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900
         be863c403ce65c9bfcb9382657222d18c4",
    );
    let mut receiver = hpke::setup_receiver::<AesGcm128, HkdfSha256, Kem>(
        &OpModeR::Base,
        &PrivateKey::from_bytes(&private).unwrap(),
        &Encapsulated::from_bytes(&enc).unwrap(),
        &octets_of("4f6465206f6e2061204772656369616e2055726e"),
    )
    .unwrap();
    let encryptions = [
        (
            "436f756e742d30",
            "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434",
        ),
        (
            "436f756e742d31",
            "fa6f037b47fc21826b610172ca9637e82d6e5801eb31cbd3748271affd4ecb06646e0329cbdf3c3cd655b28e82",
        ),
        (
            "436f756e742d32",
            "895cabfac50ce6c6eb02ffe6c048bf53b7f7be9a91fc559402cbc5b8dcaeb52b2ccc93e466c28fb55fed7a7fec",
        ),
    ];
    for (aad, ct) in encryptions {
        let plaintext = receiver.open(&octets_of(ct), &octets_of(aad)).unwrap();
        assert_eq!(plaintext, b"Beauty is truth, truth beauty");
    }
}

#[test]
fn the_key_pair_is_derived_as_in_rfc_9180_appendix_a_3_1() {
    let ikm = octets_of("668b37171f1072f3cf12ea8a236a45df23fc13b82af3609ad1e354f6ef817550");
    let (private, public) = Kem::derive_keypair(&ikm);
    assert_eq!(
        private.to_bytes().to_vec(),
        octets_of("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2")
    );
    assert_eq!(
        public.to_bytes().to_vec(),
        octets_of(
            "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d3
             0ad6aa8f80e30f1d128aafd68a2ce72ea0"
        )
    );
}

#[test]
fn the_associated_data_is_what_every_client_can_write() {
    let document = document();
    let expected = format!(
        r#"{{"consent_sha256":"{}","content_alg_sha256":"{}","expires":"2026-09-21T14:28:20Z","jti":"AQIDBAUGBwgJCgsMDQ4PEA","message_sha256":"{}","ri_sha256":"{}","server_key_id":"gw-2026-1","session":"hs_1","v":1}}"#,
        document.consent.sha256(),
        Digest::of(&document.message.content_alg.der.0),
        document.message.sha256,
        document.recipients[0].sha256,
    );
    assert_eq!(String::from_utf8(binding().octets()).unwrap(), expected);
    assert_eq!(Binding::of(&document, 1, &consent()), None);
}

#[test]
fn a_sealed_key_is_opened_by_the_key_of_its_session_alone() {
    let sealed =
        seal(&document().seal, &binding(), &cek(), ContentAlgorithm::Aes256Gcm, &mut Dice(5)).unwrap();
    let opened = open(&sealed, &binding()).unwrap();
    assert!(opened.fits);
    assert_eq!(opened.cek.octets(), of_length(32));
    let (other, _) = SealKey::generate(&mut Dice(1000));
    assert!(
        other
            .open(&sealed.enc, &sealed.ct, &binding(), &[ContentAlgorithm::Aes256Gcm.into()], &mut Dice(7))
            .is_err()
    );
}

#[test]
fn a_seal_for_anything_else_does_not_open() {
    let sealed =
        seal(&document().seal, &binding(), &cek(), ContentAlgorithm::Aes256Gcm, &mut Dice(5)).unwrap();
    let changes: [fn(&mut Binding); 9] = [
        |b| b.v = 2,
        |b| b.session.push('1'),
        |b| b.server_key_id = "gw-2026-2".into(),
        |b| b.message_sha256 = Digest::of(b"another message"),
        |b| b.ri_sha256 = Digest::of(b"third"),
        |b| b.content_alg_sha256 = Digest::of(b"aes-cbc"),
        |b| b.consent_sha256 = Digest::of(b"everything"),
        |b| b.expires = Time(Timestamp(b.expires.0.0 + 1)),
        |b| b.jti = Octets(vec![0; 16]),
    ];
    for change in changes {
        let mut other = binding();
        change(&mut other);
        assert!(open(&sealed, &other).is_err(), "{other:?}");
    }
}

#[test]
fn a_client_seals_no_key_that_does_not_fit_and_to_nobody_unknown() {
    let attempt = |to: &wire::Seal, cek: &Cek| {
        seal(to, &binding(), cek, ContentAlgorithm::Aes256Gcm, &mut Dice(5)).err()
    };
    let to = document().seal;
    assert_eq!(attempt(&to, &Cek::new(&[0; 16]).unwrap()), Some(NotSealed::KeyLength));
    let other_suite = wire::Seal { suite: Suite { kem: 32, ..SUITE }, ..to.clone() };
    assert_eq!(attempt(&other_suite, &cek()), Some(NotSealed::Suite));
    let no_point = wire::Seal { public_key: Octets(vec![4; 65]), ..to.clone() };
    assert_eq!(attempt(&no_point, &cek()), Some(NotSealed::PublicKey));
    assert_eq!(attempt(&wire::Seal { info: "other".into(), ..to }, &cek()), Some(NotSealed::Suite));
}

#[test]
fn a_seal_that_holds_no_fitting_key_opens_to_a_random_one() {
    let whole = Octets(of_length(32)).encoded();
    let short = Octets(of_length(16)).encoded();
    let unfit = [
        String::new(),
        "{}".into(),
        format!(r#"{{"cek":"{whole}"}}"#),
        format!(r#"{{"cek":"{short}","alg":"aes-256-gcm"}}"#),
        format!(r#"{{"cek":"{whole}","alg":"aes-256-cbc"}}"#),
        format!(r#"{{"cek":"{whole}","alg":"aes-256-gcm","cek":"{whole}"}}"#),
        format!(r#"{{"cek":"{whole}","alg":"aes-256-gcm","more":"x"}}"#),
        format!(r#"{{"cek":"{whole}","alg":"aes-256-gcm"}}x"#),
        format!(r#"{{"cek":"{whole}","alg":"aes-256-gcm",}}"#),
        format!(r#"{{"cek":"{whole}=","alg":"aes-256-gcm"}}"#),
        format!(r#"{{"cek":"{whole}AAAA","alg":"aes-256-gcm"}}"#),
        format!(r#"{{"cek":"\u0041{whole}","alg":"aes-256-gcm"}}"#),
        format!(r#"{{"cek":"{whole}","alg":7}}"#),
    ];
    for plaintext in unfit {
        let sealed = seal_octets(&document().seal, &binding(), plaintext.as_bytes());
        let opened = open(&sealed, &binding()).unwrap();
        assert!(!opened.fits, "{plaintext}");
        assert_eq!(opened.cek.octets().len(), 32);
        assert_ne!(opened.cek.octets(), of_length(32));
    }
    let spaced = format!(" {{ \"alg\" : \"aes-256-gcm\" ,\r\n\t\"cek\" : \"{whole}\" }} ");
    let opened = open(&seal_octets(&document().seal, &binding(), spaced.as_bytes()), &binding()).unwrap();
    assert!(opened.fits);
    assert_eq!(opened.cek.octets(), of_length(32));
}

#[test]
fn a_sealed_key_longer_than_any_is_not_looked_at() {
    let sealed = seal_octets(&document().seal, &binding(), &[b' '; 600]);
    assert!(open(&sealed, &binding()).is_err());
}

#[test]
fn nothing_of_the_key_is_printed() {
    assert_eq!(format!("{:?}", key().0), "SealKey");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changed_octet_keeps_a_seal_closed(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut sealed =
            seal(&document().seal, &binding(), &cek(), ContentAlgorithm::Aes256Gcm, &mut Dice(5)).unwrap();
        let length = sealed.enc.len() + sealed.ct.len();
        let at = at.index(length);
        match at.checked_sub(sealed.enc.len()) {
            None => sealed.enc[at] ^= flip,
            Some(at) => sealed.ct[at] ^= flip,
        }
        prop_assert!(open(&sealed, &binding()).is_err());
    }

    #[test]
    fn no_octets_break_the_opener(enc in prop::collection::vec(any::<u8>(), 0..80), ct in prop::collection::vec(any::<u8>(), 0..40)) {
        let opened = open(&Sealed { enc, ct }, &binding());
        prop_assert!(opened.is_err());
    }

    #[test]
    fn no_plaintext_breaks_its_reader(plaintext in prop::collection::vec(prop::sample::select(b"{}\":,\\ cekalgA1".to_vec()), 0..40)) {
        prop_assert!(!plaintext::read(&plaintext, &[ContentAlgorithm::Aes128Cbc.into()], &mut Dice(0)).unwrap().fits);
    }
}
