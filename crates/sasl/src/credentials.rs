//! The mechanisms that carry a password, and the password.
//!
//! PLAIN is RFC 4616; LOGIN never became a standard but many peers know nothing else.

use crate::base64;
use alloc::string::{String, ToString};
use core::fmt;
use zeroize::Zeroizing;

/// A mechanism that both sides of a session know, strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// User and password, each asked for.
    Login,
    /// RFC 4616.
    Plain,
    /// RFC 5802 with RFC 7677, without channel binding.
    ScramSha256,
}

impl Mechanism {
    /// All of them, strongest first, as a server lists them.
    pub const ALL: [Self; 3] = [Self::ScramSha256, Self::Plain, Self::Login];

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "LOGIN",
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
        }
    }

    /// The mechanism of that name in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }
}

/// A password that is erased when it is dropped and printed by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the password over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The password itself, for comparison or derivation.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Random octets that are erased when they are dropped and printed by nothing.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Takes the octets over.
    #[must_use]
    pub fn new(octets: [u8; 32]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets themselves, for derivation.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Who a peer says it is, with the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whose password it is.
    pub authcid: String,
    /// On whose behalf the peer acts; `None` when it is the same.
    pub authzid: Option<String>,
    /// The password.
    pub password: Password,
}

impl Credentials {
    /// Credentials without a second identity.
    #[must_use]
    pub fn new(user: &str, password: String) -> Self {
        Self { authcid: user.to_string(), authzid: None, password: Password::new(password) }
    }

    /// Reads the PLAIN message `authzid NUL authcid NUL password`; `None` when it is not one or names hold control
    /// characters.
    #[must_use]
    pub fn from_plain(message: &str) -> Option<Self> {
        let mut fields = message.split('\0');
        let (authzid, authcid, password) = (fields.next()?, fields.next()?, fields.next()?);
        if fields.next().is_some() || authcid.is_empty() || has_control(authcid) || has_control(authzid) {
            return None;
        }
        Some(Self {
            authcid: authcid.to_string(),
            authzid: (!authzid.is_empty()).then(|| authzid.to_string()),
            password: Password::new(password.to_string()),
        })
    }

    /// The PLAIN message.
    #[must_use]
    pub fn to_plain(&self) -> Zeroizing<String> {
        let mut message = Zeroizing::new(String::new());
        message.push_str(self.authzid.as_deref().unwrap_or_default());
        message.push('\0');
        message.push_str(&self.authcid);
        message.push('\0');
        message.push_str(self.password.expose());
        message
    }
}

/// Whether a name or password holds a character that no mechanism carries.
#[must_use]
pub fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// Decodes a base64 response that must be UTF-8.
#[must_use]
pub fn decode(response: &str) -> Option<Zeroizing<String>> {
    match String::from_utf8(base64::decode(response)?) {
        Ok(text) => Some(Zeroizing::new(text)),
        Err(fault) => {
            let _erased = Zeroizing::new(fault.into_bytes());
            None
        }
    }
}
