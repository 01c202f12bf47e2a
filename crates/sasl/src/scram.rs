//! SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides, without channel binding.
//!
//! The server needs only derived keys, never the password. User names and passwords are compared
//! as the octets of their UTF-8: no SASLprep, which changes nothing for ASCII.

use crate::{base64, has_control};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What a server stores of a password (RFC 5802 section 3).
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ScramKeys {
    /// The salt; public.
    pub salt: Vec<u8>,
    /// The iteration count; public, 4096 at least (RFC 7677 section 4).
    pub iterations: u32,
    /// `H(ClientKey)`.
    pub stored_key: [u8; 32],
    /// The key of the server's own proof.
    pub server_key: [u8; 32],
}

impl ScramKeys {
    /// Derives the keys of a password; takes as long as `iterations` asks for.
    #[must_use]
    pub fn derive(password: &str, salt: &[u8], iterations: u32) -> Self {
        let mut salted = salted_password(password, salt, iterations);
        let mut client_key = hmac(&salted, &[b"Client Key"]);
        let keys = Self {
            salt: salt.to_vec(),
            iterations,
            stored_key: Sha256::digest(client_key).into(),
            server_key: hmac(&salted, &[b"Server Key"]),
        };
        salted.zeroize();
        client_key.zeroize();
        keys
    }

    /// Keys that no password has, the same for the same user and secret, so that a peer cannot
    /// tell an unknown user from a known one.
    #[must_use]
    pub fn unknown(user: &str, iterations: u32, secret: &[u8; 32]) -> Self {
        let salt = hmac(secret, &[b"salt\0", user.as_bytes()]);
        Self {
            salt: salt.iter().take(16).copied().collect(),
            iterations,
            stored_key: hmac(secret, &[b"stored\0", user.as_bytes()]),
            server_key: hmac(secret, &[b"server\0", user.as_bytes()]),
        }
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramKeys").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// HMAC-SHA-256 (RFC 2104) over the parts, one after the other.
#[must_use]
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // A key of exactly one block cannot be refused; longer ones are hashed first (RFC 2104).
    let mut block = [0u8; 64];
    if key.len() > block.len() {
        let digest = Sha256::digest(key);
        block.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    } else {
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    block.zeroize();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// `Hi()` of RFC 5802 section 2.2: PBKDF2 with one block.
fn salted_password(password: &str, salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut step = hmac(password.as_bytes(), &[salt, &1u32.to_be_bytes()]);
    let mut sum = step;
    for _ in 1..iterations {
        step = hmac(password.as_bytes(), &[&step]);
        xor(&mut sum, &step);
    }
    sum
}

fn xor(into: &mut [u8; 32], other: &[u8; 32]) {
    into.iter_mut().zip(other).for_each(|(to, from)| *to ^= from);
}

/// The first message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFirst {
    /// Whose password it is.
    pub user: String,
    /// On whose behalf, when that is another.
    pub authzid: Option<String>,
    header: String,
    bare: String,
    nonce: String,
}

impl ClientFirst {
    /// `n,a=authzid,n=user,r=nonce`; channel binding and mandatory extensions are refused.
    #[must_use]
    pub fn parse(message: &str) -> Option<Self> {
        let (flag, rest) = message.split_once(',')?;
        let (authzid, bare) = rest.split_once(',')?;
        if !matches!(flag, "n" | "y") {
            return None;
        }
        let mut fields = bare.split(',');
        let user = unescape(fields.next()?.strip_prefix("n=")?)?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        if user.is_empty() || nonce.is_empty() || !is_nonce(nonce) || nonce.len() > 512 {
            return None;
        }
        let authzid = match authzid {
            "" => None,
            name => Some(unescape(name.strip_prefix("a=")?)?).filter(|name| !name.is_empty()),
        };
        Some(Self {
            user,
            authzid,
            header: message.strip_suffix(bare)?.to_string(),
            bare: bare.to_string(),
            nonce: nonce.to_string(),
        })
    }
}

/// A server that waits for the client's proof.
#[derive(Debug)]
pub struct Challenge {
    first: ClientFirst,
    keys: ScramKeys,
    known: bool,
    nonce: String,
    server_first: String,
}

impl Challenge {
    /// Answers a first message. With `known` false no proof is accepted, whatever the keys are.
    #[must_use]
    pub fn new(first: ClientFirst, keys: ScramKeys, known: bool, server_nonce: &[u8]) -> Self {
        let nonce = format!("{}{}", first.nonce, base64::encode(server_nonce));
        let server_first = format!("r={nonce},s={},i={}", base64::encode(&keys.salt), keys.iterations);
        Self { first, keys, known, nonce, server_first }
    }

    /// The message to send.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.server_first
    }

    /// Who is to be proved.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.first.user
    }

    /// Checks `c=...,r=...,p=...`; the server's last message when the proof is right.
    #[must_use]
    pub fn verify(&self, message: &str) -> Option<String> {
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let mut fields = without_proof.split(',');
        let binding = fields.next()?.strip_prefix("c=")?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        let mut proof: [u8; 32] = base64::decode(proof)?.try_into().ok()?;
        if nonce != self.nonce || base64::decode(binding)? != self.first.header.as_bytes() {
            return None;
        }
        let auth = self.auth_message(without_proof);
        let signature = hmac(&self.keys.stored_key, &[auth.as_bytes()]);
        xor(&mut proof, &signature);
        let stored: [u8; 32] = Sha256::digest(proof).into();
        let right = bool::from(stored.ct_eq(&self.keys.stored_key));
        proof.zeroize();
        (right && self.known)
            .then(|| format!("v={}", base64::encode(&hmac(&self.keys.server_key, &[auth.as_bytes()]))))
    }

    fn auth_message(&self, without_proof: &str) -> String {
        format!("{},{},{without_proof}", self.first.bare, self.server_first)
    }
}

/// A client in the middle of an exchange.
#[derive(Debug)]
pub struct ScramClient {
    header: String,
    bare: String,
    nonce: String,
}

/// Why a client gives an exchange up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScramFault {
    /// The message is not what the grammar or the exchange asks for.
    Malformed,
    /// The server asks for more iterations than the client is willing to compute.
    Iterations,
}

impl ScramClient {
    /// Starts an exchange; returns it and the first message. `nonce` must be fresh random octets.
    #[must_use]
    pub fn new(user: &str, authzid: Option<&str>, nonce: &[u8]) -> (Self, String) {
        let header = match authzid {
            Some(name) => format!("n,a={},", escape(name)),
            None => "n,,".to_string(),
        };
        let nonce = base64::encode(nonce);
        let bare = format!("n={},r={nonce}", escape(user));
        let message = format!("{header}{bare}");
        (Self { header, bare, nonce }, message)
    }

    /// Answers the server's first message: the last message, and what the server must prove.
    ///
    /// # Errors
    /// When the message makes no sense here, or asks for more than `max_iterations`.
    pub fn prove(
        &self,
        server_first: &str,
        password: &str,
        max_iterations: u32,
    ) -> Result<(String, [u8; 32]), ScramFault> {
        let (nonce, salt, iterations) = server_first_fields(server_first).ok_or(ScramFault::Malformed)?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() || iterations == 0 {
            return Err(ScramFault::Malformed);
        }
        if iterations > max_iterations {
            return Err(ScramFault::Iterations);
        }
        let mut salted = salted_password(password, &salt, iterations);
        let mut proof = hmac(&salted, &[b"Client Key"]);
        let server_key = hmac(&salted, &[b"Server Key"]);
        salted.zeroize();
        let stored: [u8; 32] = Sha256::digest(proof).into();
        let without_proof = format!("c={},r={nonce}", base64::encode(self.header.as_bytes()));
        let auth = format!("{},{server_first},{without_proof}", self.bare);
        xor(&mut proof, &hmac(&stored, &[auth.as_bytes()]));
        let message = format!("{without_proof},p={}", base64::encode(&proof));
        proof.zeroize();
        Ok((message, hmac(&server_key, &[auth.as_bytes()])))
    }
}

/// Whether the server's last message proves that it knows the password, too.
#[must_use]
pub fn server_is_genuine(server_final: &str, expected: &[u8; 32]) -> bool {
    let proof = server_final.split(',').next().and_then(|field| field.strip_prefix("v="));
    proof.and_then(base64::decode).is_some_and(|proof| bool::from(proof.as_slice().ct_eq(expected)))
}

fn server_first_fields(message: &str) -> Option<(&str, Vec<u8>, u32)> {
    let mut fields = message.split(',');
    let nonce = fields.next()?.strip_prefix("r=")?;
    let salt = base64::decode(fields.next()?.strip_prefix("s=")?)?;
    let iterations = fields.next()?.strip_prefix("i=")?.parse().ok()?;
    is_nonce(nonce).then_some((nonce, salt, iterations))
}

fn is_nonce(text: &str) -> bool {
    text.bytes().all(|octet| matches!(octet, b'!'..=b'~') && octet != b',')
}

fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn unescape(name: &str) -> Option<String> {
    let mut out = String::with_capacity(name.len());
    let mut pieces = name.split('=');
    out.push_str(pieces.next()?);
    for piece in pieces {
        let rest = if let Some(rest) = piece.strip_prefix("2C") {
            out.push(',');
            rest
        } else {
            out.push('=');
            piece.strip_prefix("3D")?
        };
        out.push_str(rest);
    }
    (!has_control(&out)).then_some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // RFC 7677 section 3.
    const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    #[test]
    fn the_client_of_rfc_7677_proves_and_checks_as_in_the_example() {
        let client = ScramClient {
            header: "n,,".to_string(),
            bare: "n=user,r=rOprNGfwEbeRWgbNEkqO".to_string(),
            nonce: "rOprNGfwEbeRWgbNEkqO".to_string(),
        };
        let (message, expected) = client.prove(SERVER_FIRST, "pencil", 4096).unwrap();
        assert_eq!(message, CLIENT_FINAL);
        assert!(server_is_genuine(SERVER_FINAL, &expected));
        assert!(!server_is_genuine("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", &expected));
        assert!(!server_is_genuine("e=other-error", &expected));
        assert_eq!(client.prove(SERVER_FIRST, "pencil", 4095), Err(ScramFault::Iterations));
    }

    #[test]
    fn the_server_of_rfc_7677_accepts_exactly_that_proof() {
        let salt = base64::decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let challenge = |keys, known| Challenge {
            first: ClientFirst::parse(CLIENT_FIRST).unwrap(),
            keys,
            known,
            nonce: "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_string(),
            server_first: SERVER_FIRST.to_string(),
        };
        let keys = ScramKeys::derive("pencil", &salt, 4096);
        let right = challenge(keys.clone(), true);
        assert_eq!(right.verify(CLIENT_FINAL).as_deref(), Some(SERVER_FINAL));
        for changed in [
            CLIENT_FINAL.replace("biws", "eSws"),
            CLIENT_FINAL.replace("$k0", "$k1"),
            CLIENT_FINAL.replace("dHzb", "dHza"),
            "c=biws".to_string(),
            String::new(),
        ] {
            assert_eq!(right.verify(&changed), None, "{changed}");
        }
        assert_eq!(challenge(keys, false).verify(CLIENT_FINAL), None);
        assert_eq!(challenge(ScramKeys::derive("Pencil", &salt, 4096), true).verify(CLIENT_FINAL), None);
    }

    #[test]
    fn names_with_commas_and_equal_signs_survive() {
        let (_, message) = ScramClient::new("a=b,c", Some("x,y"), b"nonce");
        let first = ClientFirst::parse(&message).unwrap();
        assert_eq!((first.user.as_str(), first.authzid.as_deref()), ("a=b,c", Some("x,y")));
    }

    #[test]
    fn first_messages_out_of_grammar_are_refused() {
        for message in [
            "",
            "n",
            "n,,",
            "p=tls-unique,,n=user,r=abc",
            "n,,m=ext,n=user,r=abc",
            "n,,n=,r=abc",
            "n,,n=us=er,r=abc",
            "n,,n=user,r=",
            "n,,n=user",
            "n,x,n=user,r=abc",
            "n,,n=us\rer,r=abc",
        ] {
            assert_eq!(ClientFirst::parse(message), None, "{message}");
        }
    }

    #[test]
    fn an_unknown_user_gets_the_same_salt_every_time() {
        let secret = [7; 32];
        let one = ScramKeys::unknown("nobody", 4096, &secret);
        assert_eq!(one, ScramKeys::unknown("nobody", 4096, &secret));
        assert_ne!(one.salt, ScramKeys::unknown("someone", 4096, &secret).salt);
        assert_eq!(one.salt.len(), 16);
    }
}
