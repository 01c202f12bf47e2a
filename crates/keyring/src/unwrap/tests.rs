#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use super::transport::masked;
use crate::cek::MAX_OCTETS;

#[test]
fn a_message_of_the_right_length_is_the_key_and_any_other_gives_the_substitute() {
    let substitute = [0x5A; MAX_OCTETS];
    for length in [16, 24, 32] {
        for octets in 0..=300 {
            let key = masked(&[0xC3; 300][..octets], &substitute, length).unwrap();
            let expected = if octets == length { 0xC3 } else { 0x5A };
            assert_eq!(key.octets(), &[expected; MAX_OCTETS][..length]);
        }
    }
}
