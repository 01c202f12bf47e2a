//! Randomness of the operating system for keys, nonces and seals.
//!
//! Without it nothing secret can be made, so a system that has none ends the process rather than
//! let it go on with something that can be guessed. Identifiers that need only differ are
//! [`crate::clock::token`].

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// The generator of the system.
#[derive(Debug, Clone, Copy)]
pub struct Chance;

impl TryRng for Chance {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_ne_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_ne_bytes(octets))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        if getrandom::fill(octets).is_err() {
            std::process::abort();
        }
        Ok(())
    }
}

impl TryCryptoRng for Chance {}
