#![allow(clippy::unwrap_used)]

use super::*;

fn derived<D: Digest + BlockSizeUser>(id: u8, passphrase: &str, iterations: u32, octets: usize) -> String {
    let mut out = vec![0; octets];
    derive::<D>(id, passphrase, &[1, 2, 3, 4, 5, 6, 7, 8], iterations, &mut out).unwrap();
    out.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// RFC 7292 has no vectors; these were computed by other programs.
#[test]
fn keys_are_derived_as_others_derive_them() {
    assert_eq!(derived::<Sha1>(1, "smeg", 1000, 24), "6effa9b609faefb4ce02499705872165fd92571bc7deade2");
    assert_eq!(
        derived::<Sha256>(3, "smeg", 2048, 32),
        "a5bd69461b579f46bdc0d4b915d3bfee6a20b355764aea78d2fe7d5fa2fdf94c"
    );
    assert_eq!(
        derived::<Sha512>(3, "smeg", 3, 64),
        "134d43bf7a73852378fc66c9c9498abb4d928124f86b510c48ce6cd27c99b17b\
         afd4b98500d7dc214e57b17d303d7bf4b39bceaa8cbcbd8bce7898f8c6d39101"
    );
    assert_eq!(
        derived::<Sha1>(2, "Zoë", 1, 50),
        "79b97e9c1bb7ec0b1e2c1c7ce1313545e8b14fbbc95f00431df74e2b7e34a48b51a399f422a0bc3545cf10522e1e63d6bf84"
    );
}

#[test]
fn a_file_that_asks_for_too_many_rounds_is_not_begun() {
    for iterations in [0, MAX_ITERATIONS + 1, u32::MAX] {
        assert!(derive::<Sha256>(1, "x", b"salt", iterations, &mut [0; 32]).is_err());
    }
}

#[test]
fn what_is_no_file_of_this_kind_is_refused() {
    for octets in [&b""[..], b"0", b"0\x80", b"\x30\x03\x02\x01\x03", &[0x30; 4096]] {
        assert!(read(octets, "x").is_err());
    }
}
