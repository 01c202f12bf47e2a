//! Content-encryption algorithms of CMS (RFC 3565, 5084, 3370 §5.1): what each is called and asks for.

use const_oid::ObjectIdentifier as Oid;

/// What a content algorithm proves about the plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// A tag over all of it.
    Aead,
    /// Nothing: whoever can change the ciphertext changes the plaintext.
    None,
}

/// An algorithm that content is encrypted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentAlgorithm {
    /// AES in cipher block chaining, 128-bit key.
    Aes128Cbc,
    /// AES in cipher block chaining, 192-bit key.
    Aes192Cbc,
    /// AES in cipher block chaining, 256-bit key.
    Aes256Cbc,
    /// AES in Galois/counter mode, 128-bit key.
    Aes128Gcm,
    /// AES in Galois/counter mode, 192-bit key.
    Aes192Gcm,
    /// AES in Galois/counter mode, 256-bit key.
    Aes256Gcm,
    /// Triple DES in cipher block chaining, of old mail: read, never written.
    TripleDesCbc,
}

impl ContentAlgorithm {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Aes128Cbc,
        Self::Aes192Cbc,
        Self::Aes256Cbc,
        Self::Aes128Gcm,
        Self::Aes192Gcm,
        Self::Aes256Gcm,
        Self::TripleDesCbc,
    ];

    /// The algorithm with an object identifier; `None` when it is none of these.
    #[must_use]
    pub fn of(oid: Oid) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.oid() == oid)
    }

    /// Its object identifier.
    #[must_use]
    pub const fn oid(self) -> Oid {
        Oid::new_unwrap(match self {
            Self::Aes128Cbc => "2.16.840.1.101.3.4.1.2",
            Self::Aes192Cbc => "2.16.840.1.101.3.4.1.22",
            Self::Aes256Cbc => "2.16.840.1.101.3.4.1.42",
            Self::Aes128Gcm => "2.16.840.1.101.3.4.1.6",
            Self::Aes192Gcm => "2.16.840.1.101.3.4.1.26",
            Self::Aes256Gcm => "2.16.840.1.101.3.4.1.46",
            Self::TripleDesCbc => "1.2.840.113549.3.7",
        })
    }

    /// Its name in sessions, configuration and audit entries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128Cbc => "aes-128-cbc",
            Self::Aes192Cbc => "aes-192-cbc",
            Self::Aes256Cbc => "aes-256-cbc",
            Self::Aes128Gcm => "aes-128-gcm",
            Self::Aes192Gcm => "aes-192-gcm",
            Self::Aes256Gcm => "aes-256-gcm",
            Self::TripleDesCbc => "3des-cbc",
        }
    }

    /// Octets of its key.
    #[must_use]
    pub const fn key_octets(self) -> usize {
        match self {
            Self::Aes128Cbc | Self::Aes128Gcm => 16,
            Self::Aes192Cbc | Self::Aes192Gcm | Self::TripleDesCbc => 24,
            Self::Aes256Cbc | Self::Aes256Gcm => 32,
        }
    }

    /// What it proves.
    #[must_use]
    pub const fn integrity(self) -> Integrity {
        match self {
            Self::Aes128Gcm | Self::Aes192Gcm | Self::Aes256Gcm => Integrity::Aead,
            _ => Integrity::None,
        }
    }
}
