//! What a program without OpenPGP says.

use cedrat_keyring::{Cek, openpgp::Protection};

use super::Decrypted;

const WITHOUT: &str = "this program is built without OpenPGP (cargo feature `openpgp`)";

/// A certificate that cannot be read here.
#[derive(Debug, Clone)]
pub struct Certificate(std::convert::Infallible);

impl Certificate {
    /// Reads none.
    ///
    /// # Errors
    /// Always.
    pub fn read(_: &[u8]) -> Result<Self, String> {
        Err(WITHOUT.to_owned())
    }

    /// There is none.
    pub fn fingerprints(&self) -> &[Vec<u8>] {
        match self.0 {}
    }

    /// There is none.
    pub fn octets(&self) -> &[u8] {
        match self.0 {}
    }
}

pub(crate) fn decrypt(_: &[u8], _: &Cek, _: Protection) -> Option<Decrypted> {
    None
}

pub(crate) fn encrypt(_: &[u8], _: &[u8], _: i64, _: &mut Vec<u8>) -> Result<(), String> {
    Err(WITHOUT.to_owned())
}
