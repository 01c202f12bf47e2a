//! How the content of a message is protected, from the first octets of its SEIPD packet (RFC 9580 §5.13).

use super::Kind;
use crate::cek;

/// AES, by its key: ciphers that every implementation has. Others are older or rare, and are not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is what it says")]
pub enum Cipher {
    Aes128,
    Aes192,
    Aes256,
}

/// A mode with a tag (RFC 9580 §9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is what it says")]
pub enum Mode {
    Eax,
    Ocb,
    Gcm,
}

/// How content is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protection {
    /// Version 2: each chunk has a tag, and so has their number.
    Aead {
        /// What it is encrypted with.
        cipher: Cipher,
        /// How.
        mode: Mode,
        /// Octets of a chunk, tag not counted: 64 to 4 MiB.
        chunk_octets: u32,
    },
    /// Version 1: a digest of the plaintext, encrypted behind it. Which cipher it is stands beside the
    /// session key.
    Mdc,
}

impl Cipher {
    /// All of them, the longest key first.
    pub const ALL: [Self; 3] = [Self::Aes256, Self::Aes192, Self::Aes128];

    /// The cipher with a number in the registry (§9.3).
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.number() == number)
    }

    /// The cipher with a key of so many octets.
    #[must_use]
    pub fn of_key(octets: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.key_octets() == octets)
    }

    /// Its number in the registry.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Aes128 => 7,
            Self::Aes192 => 8,
            Self::Aes256 => 9,
        }
    }

    /// Octets of its key.
    #[must_use]
    pub const fn key_octets(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// What a session key of content with a digest states, where it is sealed.
    #[must_use]
    pub const fn kind(self) -> cek::Kind {
        let name = match self {
            Self::Aes128 => "aes-128-cfb",
            Self::Aes192 => "aes-192-cfb",
            Self::Aes256 => "aes-256-cfb",
        };
        cek::Kind { name, octets: self.key_octets() }
    }
}

impl Protection {
    /// Octets at the beginning of a SEIPD packet that say how it is protected, with the salt.
    pub const HEAD_OCTETS: usize = 36;

    /// Reads those octets: all of them of version 2, of version 1 that octet alone.
    ///
    /// # Errors
    /// The version, the cipher, the mode or the size of chunks is none of those here.
    pub fn read(head: &[u8]) -> Result<Self, Kind> {
        match head {
            [1] => Ok(Self::Mdc),
            [2, cipher, mode, chunk, salt @ ..] if salt.len() == Self::HEAD_OCTETS - 4 => {
                let cipher = Cipher::of(*cipher).ok_or(Kind::Unsupported("a cipher other than AES"))?;
                let mode = match mode {
                    1 => Mode::Eax,
                    2 => Mode::Ocb,
                    3 => Mode::Gcm,
                    _ => return Err(Kind::Unsupported("that AEAD mode")),
                };
                // §5.13.2: the size is 2 to the power of the octet and 6; larger ones must not be used.
                if *chunk > 16 {
                    return Err(Kind::Expected("a smaller chunk"));
                }
                Ok(Self::Aead { cipher, mode, chunk_octets: 1 << (u32::from(*chunk) + 6) })
            }
            _ => Err(Kind::Expected("content of version 1 or 2")),
        }
    }

    /// Its name in sessions and audit entries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mdc => "openpgp-mdc",
            Self::Aead { cipher, mode, .. } => match (cipher, mode) {
                (Cipher::Aes128, Mode::Eax) => "aes-128-eax",
                (Cipher::Aes192, Mode::Eax) => "aes-192-eax",
                (Cipher::Aes256, Mode::Eax) => "aes-256-eax",
                (Cipher::Aes128, Mode::Ocb) => "aes-128-ocb",
                (Cipher::Aes192, Mode::Ocb) => "aes-192-ocb",
                (Cipher::Aes256, Mode::Ocb) => "aes-256-ocb",
                (Cipher::Aes128, Mode::Gcm) => "aes-128-gcm",
                (Cipher::Aes192, Mode::Gcm) => "aes-192-gcm",
                (Cipher::Aes256, Mode::Gcm) => "aes-256-gcm",
            },
        }
    }

    /// Octets of the session key, where the content says so.
    #[must_use]
    pub const fn key_octets(self) -> Option<usize> {
        match self {
            Self::Mdc => None,
            Self::Aead { cipher, .. } => Some(cipher.key_octets()),
        }
    }

    /// What a session key of it may state where it is sealed, the likeliest first.
    #[must_use]
    pub fn kinds(self) -> alloc::vec::Vec<cek::Kind> {
        match self {
            Self::Mdc => Cipher::ALL.map(Cipher::kind).into(),
            Self::Aead { cipher, .. } => {
                [cek::Kind { name: self.name(), octets: cipher.key_octets() }].into()
            }
        }
    }
}
