#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::element::{
    BIT_STRING, Elements, INTEGER, OCTET_STRING, SEQUENCE, SET, constructed, definite, element, primitive,
};
use super::*;

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn every_form_of_a_length_becomes_the_shortest_and_strings_in_pieces_become_one() {
    let limits = Limits::default();
    for (ber, der) in [
        ("3003020105", "3003020105"),
        ("308103020105", "3003020105"),
        ("308400000004 02810105", "3003020105"),
        ("3080 020105 0000", "3003020105"),
        ("2480 0402AABB 0401CC 0000", "0403AABBCC"),
        ("2407 0402AABB 0401CC", "0403AABBCC"),
        ("2480 2480 0401AA 0000 0401BB 0000", "0402AABB"),
        ("A080 2480 0000 0000", "A0020400"),
    ] {
        assert_eq!(definite(&hex(ber), &limits), Ok(hex(der)), "{ber}");
    }
    for bad in [
        "",
        "30",
        "3003",
        "30030201",
        "0480AA0000",
        "3080",
        "3080020105",
        "1F8101",
        "308500000000010500",
        "2403020105",
        "300000",
    ] {
        assert!(definite(&hex(bad), &limits).is_err(), "{bad}");
    }
    let long = element(OCTET_STRING, &[&[7; 200]]);
    assert_eq!(long[..3], [0x04, 0x81, 200]);
    assert_eq!(definite(&long, &limits), Ok(long));
}

#[test]
fn depth_and_size_are_bounded() {
    let limits = Limits { nesting: 4, octets: 40, ..Limits::default() };
    let nested = |depth: usize| (0..depth).fold(Vec::new(), |inside, _| element(SEQUENCE, &[&inside]));
    assert!(definite(&nested(4), &limits).is_ok());
    assert_eq!(definite(&nested(5), &limits), Err(Malformed::TooDeep));
    assert_eq!(definite(&element(OCTET_STRING, &[&[0; 40]]), &limits), Err(Malformed::TooLarge));
    let bomb = [[0x30, 0x80].repeat(30_000), [0, 0].repeat(30_000)].concat();
    assert_eq!(definite(&bomb, &Limits { octets: 200_000, ..Limits::default() }), Err(Malformed::TooDeep));
}

/// An issuer and serial number, and what they are read as.
fn named(serial: u8) -> (Vec<u8>, Identifier) {
    let name =
        element(SEQUENCE, &[&element(SET, &[&element(SEQUENCE, &[&hex("0603550403"), &hex("0C0143")])])]);
    let identifier = Identifier::IssuerSerial { issuer: name.clone(), serial: vec![serial] };
    (element(SEQUENCE, &[&name, &element(INTEGER, &[&[serial]])]), identifier)
}

fn algorithm(oid: Oid) -> Vec<u8> {
    element(SEQUENCE, &[&element::identifier(oid)])
}

fn octets(content: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, &[content])
}

#[test]
fn every_kind_is_read_with_its_identifiers_and_algorithm() {
    let version = element(INTEGER, &[&[3]]);
    let (first, first_read) = named(5);
    let (wrap, encrypted) = (algorithm(Wrap::Aes128.oid()), octets(&[9; 24]));
    let point = element(BIT_STRING, &[&[0], &[7; 32]]);
    let originator = element(constructed(1), &[&algorithm(Curve::X25519.oid()), &point]);
    let by_key = element(constructed(0), &[&octets(&[1, 2]), &hex("180F32303236303130313030303030305A")]);
    let agreement = element(
        constructed(1),
        &[
            &version,
            &element(constructed(0), &[&originator]),
            &element(constructed(1), &[&octets(b"ukm")]),
            &element(SEQUENCE, &[&element::identifier(STD_DH_HKDF_SHA256), &wrap]),
            &element(
                SEQUENCE,
                &[&element(SEQUENCE, &[&first, &encrypted]), &element(SEQUENCE, &[&by_key, &encrypted])],
            ),
        ],
    );
    let kem = element(
        SEQUENCE,
        &[
            &version,
            &element(primitive(0), &[&[1, 2]]),
            &algorithm(MlKem::MlKem768.oid()),
            &octets(&[8; 40]),
            &algorithm(HKDF_SHA256),
            &element(INTEGER, &[&[16]]),
            &wrap,
            &encrypted,
        ],
    );
    let kem = element(constructed(4), &[&element::identifier(ORI_KEM), &kem]);
    let transport = element(SEQUENCE, &[&version, &first, &algorithm(RSA), &encrypted]);
    let kek = element(constructed(2), &[&version, &element(SEQUENCE, &[&octets(&[4])]), &wrap, &encrypted]);
    let password = element(constructed(3), &[&version, &algorithm(PWRI_KEK), &encrypted]);
    let other = element(constructed(4), &[&hex("06032A0304"), &hex("0500")]);
    let by_key = Identifier::SubjectKey(vec![1, 2]);
    for (raw, kind, name, identifiers) in [
        (&transport, Kind::Ktri, "rsaes-pkcs1-v1_5", vec![first_read.clone()]),
        (&agreement, Kind::Kari, "dhSinglePass-stdDH-hkdf-sha256-scheme", vec![first_read, by_key.clone()]),
        (&kem, Kind::Kemri, "ml-kem-768", vec![by_key]),
        (&kek, Kind::Kekri, "aes-128-wrap", vec![Identifier::Kek(vec![4])]),
        (&password, Kind::Pwri, "pwri-kek", vec![]),
        (&other, Kind::Other, "unknown", vec![]),
    ] {
        let read = Recipient::read(raw, &Limits::default()).unwrap();
        assert_eq!((read.kind(), read.algorithm().name()), (kind, name));
        assert_eq!(read.identifiers(), identifiers);
        assert_eq!(read.raw(), raw);
        assert_eq!(read.sha256()[..], Sha256::digest(raw)[..]);
        // The same with indefinite lengths is the same but for its octets.
        let indefinite = [&[raw[0], 0x80], Elements::of(raw).any("").unwrap().content, &[0, 0]].concat();
        let again = Recipient::read(&indefinite, &Limits::default()).unwrap();
        assert_eq!((again.identifiers(), &again.body), (read.identifiers(), &read.body));
        assert_ne!(again.sha256(), read.sha256());
        for end in 0..raw.len() {
            assert!(Recipient::read(&raw[..end], &Limits::default()).is_err(), "{kind:?} {end}");
        }
        for at in 0..raw.len() {
            let mut changed = raw.clone();
            changed[at] ^= 0x20;
            Recipient::read(&changed, &Limits::default()).ok();
        }
    }
    let one = Limits { entries: 1, ..Limits::default() };
    assert_eq!(Recipient::read(&agreement, &one), Err(Malformed::TooMany));
}

#[test]
fn shared_information_has_the_wrap_as_sent_the_keying_material_and_the_bits() {
    let wrap = hex("300B 0609 60864801650304012D");
    assert_eq!(
        shared_info(&wrap, None, Wrap::Aes256),
        hex("3015 300B 0609 60864801650304012D A206 0404 00000100")
    );
    let with_null = hex("300D 0609 608648016503040105 0500");
    assert_eq!(
        shared_info(&with_null, Some(&[1, 2, 3]), Wrap::Aes128),
        hex("301E 300D 0609 608648016503040105 0500 A005 0403 010203 A206 0404 00000080")
    );
}

/// RFC 9936, appendix C: the intermediate values of its example.
#[test]
fn the_example_of_ml_kem_derives_and_unwraps_as_published() {
    let wrap = hex("300B 0609 608648016503040105");
    let info = kem_info(&wrap, Wrap::Aes128, None);
    assert_eq!(info, hex("3010300B0609608648016503040105020110"));
    let secret = hex("7DF12D412AE299A24FDE6D7C3BB8E3194C80AD3C733DCF2775E09FE8BEDB86D8");
    let kek = Kek::hkdf(Hash::Sha256, None, &secret, &info, Wrap::Aes128).unwrap();
    assert_eq!(kek.octets(), hex("CF453A3E2BAE0A78701B8206C185A008"));
    let wrapped = hex("C050E4392F9C14DD0AC2220203F317D701F94F9DD92778F5");
    let cek = crate::Cek::new(&hex("C5153005588269A0A59F3C01943FDD56")).unwrap();
    assert_eq!(kek.wrap(&cek).unwrap(), wrapped);
    assert_eq!(kek.unwrap(&wrapped, 16).unwrap().octets(), cek.octets());
}

/// RFC 9709, appendix B.
#[test]
fn the_examples_of_a_derived_content_key_come_out_as_published() {
    let transported = crate::Cek::new(&hex("c702e7d0a9e064b09ba55245fb733cf3")).unwrap();
    for (algorithm, derived) in [
        ("301b0609608648016503040106300e040c5c79058ba2f43447639d29e2", "2124ffb29fac4e0fbbc7d5d87492bff3"),
        (
            "301d06096086480165030401020410651f722ffd512c52fe072e507d72b377",
            "9cd102c52f1e19ece8729b35bfeceb50",
        ),
    ] {
        assert_eq!(cek_hkdf_sha256(&transported, &hex(algorithm)).unwrap().octets(), hex(derived));
    }
}

/// RFC 3394 §4.
#[test]
fn key_wrap_is_that_of_its_examples_and_no_length_is_taken_on_trust() {
    let kek = hex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
    let key = hex("00112233445566778899AABBCCDDEEFF0001020304050607");
    for (wrap, octets, wrapped) in [
        (Wrap::Aes128, 16, "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"),
        (Wrap::Aes192, 16, "96778B25AE6CA435F92B5B97C050AED2468AB8A17AD84E5D"),
        (Wrap::Aes256, 16, "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7"),
        (Wrap::Aes256, 24, "A8F9BC1612C68B3FF6E6F4FBE30E71E4769C8B80A32CB8958CD5D17D6B254DA1"),
    ] {
        let kek = Kek::new(&kek[..wrap.octets()], wrap).unwrap();
        assert_eq!(kek.wrap(&crate::Cek::new(&key[..octets]).unwrap()).unwrap(), hex(wrapped));
        assert_eq!(kek.unwrap(&hex(wrapped), octets).unwrap().octets(), &key[..octets]);
        for length in 0..48 {
            assert!(kek.unwrap(&vec![0; length], octets).is_none());
        }
        assert!(kek.unwrap(&hex(wrapped), 32).is_none());
    }
    assert!(Kek::new(&kek, Wrap::Aes128).is_none());
}

#[test]
fn parameters_of_oaep_have_their_defaults_one_by_one() {
    let read = |parameters: &str| {
        let parameters = hex(parameters);
        let oid = element::identifier(RSAES_OAEP);
        Oaep::read(&Algorithm::from_der(&element(SEQUENCE, &[&oid, &parameters])).unwrap())
    };
    let default = Oaep { hash: Hash::Sha1, mgf: Hash::Sha1, label: vec![] };
    assert_eq!(read(""), Ok(Some(default.clone())));
    assert_eq!(read("0500"), Ok(Some(default.clone())));
    assert_eq!(read("3000"), Ok(Some(default.clone())));
    let sha256 = "300D 0609 608648016503040201 0500";
    let mgf = alloc::format!("A11C 301A 0609 2A864886F70D010108 {sha256}");
    let hash = alloc::format!("A00F {sha256}");
    let label = "A211 300F 0609 2A864886F70D010109 0402 AABB";
    assert_eq!(read(&alloc::format!("3011 {hash}")).unwrap().unwrap().hash, Hash::Sha256);
    assert_eq!(read(&alloc::format!("301E {mgf}")), Ok(Some(Oaep { mgf: Hash::Sha256, ..default.clone() })));
    assert_eq!(read(&alloc::format!("3013 {label}")), Ok(Some(Oaep { label: vec![0xAA, 0xBB], ..default })));
    let all = Oaep { hash: Hash::Sha256, mgf: Hash::Sha256, label: vec![0xAA, 0xBB] };
    assert_eq!(read(&alloc::format!("3042 {hash} {mgf} {label}")), Ok(Some(all)));
    assert_eq!(read("3009 A007 3005 0603 2A0304"), Ok(None));
    assert!(read("3003 020105").is_ok_and(|read| read.is_some()));
    assert!(read("3004 A002 0500").is_err());
}

proptest! {
    #[test]
    fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let limits = Limits::default();
        Recipient::read(&octets, &limits).ok();
        crate::Certificate::read(&octets, &limits).ok();
    }

    #[test]
    fn what_is_definite_stays_as_it_is(content in proptest::collection::vec(any::<u8>(), 0..300)) {
        let whole = element(constructed(3), &[&element(OCTET_STRING, &[&content]), &element(SEQUENCE, &[])]);
        prop_assert_eq!(definite(&whole, &Limits::default()), Ok(whole));
    }
}
