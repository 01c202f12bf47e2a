//! The reader of enveloped messages: any octets, any split gives the same events, in linear time; where another
//! implementation reads the message too, both read the same.
#![no_main]

use cedrat_fuzz::{cuts_and_input, linear, split};
use cedrat_keyring::content::Verifier;
use cedrat_keyring::reader::{Error, Event, Format, Limits, Reader, Structure, Summary, content_type};
use cedrat_keyring::{Cek, ContentAlgorithm, algorithm::ContentEncryption};
use cms::authenveloped_data::AuthEnvelopedData;
use cms::content_info::ContentInfo;
use cms::enveloped_data::{EncryptedContentInfo, EnvelopedData, RecipientInfo, RecipientInfos};
use der::{Decode, Encode, EncodingRules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (cuts, input) = cuts_and_input(data);
    let whole = read(input.chunks(4096));
    assert_eq!(whole, read(split(input, cuts)));
    assert!(content_type(input).is_none_or(|_| input[0] == 0x30));
    if let Ok(structure) = Structure::of(input, Limits::default()) {
        check(input, &structure, &whole.1);
        compare(input, &structure, &whole.1);
    }
    linear(input, |large| {
        let _ = read(large.chunks(4096));
    });
});

/// Elements that are kept, the ciphertext, and how it ended.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, Vec<u8>, Result<Summary, Error>) {
    let mut reader = Reader::new(Limits::default());
    let (mut events, mut ciphertext) = (Vec::new(), Vec::new());
    for mut piece in pieces {
        while let Ok(Some(event)) = reader.next(&mut piece) {
            match event {
                Event::Ciphertext(octets) => ciphertext.extend_from_slice(octets),
                other => events.push(format!("{other:?}")),
            }
        }
    }
    (events, ciphertext, reader.finish())
}

fn check(input: &[u8], structure: &Structure, ciphertext: &[u8]) {
    let limits = Limits::default();
    assert!((1..=limits.recipients).contains(&structure.recipients.len()));
    assert!(structure.recipients.iter().all(|recipient| recipient.len() <= limits.element_octets));
    assert_eq!(structure.mac.is_some(), structure.format == Format::AuthEnveloped);
    let summary = &structure.summary;
    assert!(summary.octets <= input.len() as u64 && summary.content.end <= summary.octets);
    assert_eq!(summary.ciphertext_octets, ciphertext.len() as u64);
    // Every element is as it was sent, so it is found in the input.
    let there = |octets: &[u8]| assert!(input.windows(octets.len()).any(|window| window == octets));
    there(&structure.encryption.der);
    there(&structure.recipients[0]);
    assert_eq!(
        ContentEncryption::decode(structure.encryption.der.clone()).as_ref(),
        Some(&structure.encryption)
    );
    // No key opens octets that came from nowhere; the work must be bounded and quiet all the same.
    if let Ok(content) = structure.content() {
        let algorithm: ContentAlgorithm = content.parameters.algorithm();
        let key = Cek::new(&[7; 32][..algorithm.key_octets()]).unwrap();
        let mut verifier = Verifier::new(&key, &content);
        verifier.update(ciphertext);
        let _ = verifier.finish();
    }
}

/// Against the types of the crate `cms`, which has the whole message in memory.
fn compare(input: &[u8], structure: &Structure, ciphertext: &[u8]) {
    let input = &input[..structure.summary.octets as usize];
    let Ok(info) = ContentInfo::from_ber(input) else { return };
    assert_eq!(Some(structure.format), Format::of(info.content_type));
    match structure.format {
        Format::Enveloped => {
            let Ok(theirs) = info.content.decode_as_encoding::<EnvelopedData>(EncodingRules::Ber) else {
                return;
            };
            same(structure, ciphertext, &theirs.recip_infos, &theirs.encrypted_content);
        }
        Format::AuthEnveloped => {
            let Ok(theirs) = info.content.decode_as_encoding::<AuthEnvelopedData>(EncodingRules::Ber) else {
                return;
            };
            same(structure, ciphertext, &theirs.recip_infos, &theirs.auth_encrypted_content_info);
            assert_eq!(structure.mac.as_deref(), Some(theirs.mac.as_bytes()));
        }
    }
}

fn same(
    structure: &Structure,
    ciphertext: &[u8],
    recipients: &RecipientInfos,
    content: &EncryptedContentInfo,
) {
    // A set is sorted when it is decoded there, and equal ones are not told apart by their order.
    assert_eq!(structure.recipients.len(), recipients.0.len());
    assert_eq!(structure.content_type, content.content_type);
    assert_eq!(structure.encryption.oid, content.content_enc_alg.oid);
    if let Some(theirs) = &content.encrypted_content {
        assert_eq!(ciphertext, theirs.as_bytes());
    }
    let mut encoded: Vec<_> = recipients.0.iter().filter_map(|it| it.to_der().ok()).collect();
    // What was sent in DER is written there as it was sent; a string in segments, or a length in more octets
    // than it needs, is not.
    let is_der = |raw: &Vec<u8>| RecipientInfo::from_der(raw).is_ok_and(|it| it.to_der().as_ref() == Ok(raw));
    let mut ours = structure.recipients.clone();
    if ours.iter().all(is_der) {
        encoded.sort();
        ours.sort();
        assert_eq!(ours, encoded);
    }
}
