//! Who asks: `Authorization: Bearer TOKEN` (RFC 6750), told apart by the token's SHA-256.
//!
//! All clients are compared, always, so the time says nothing about which digest was near. Without
//! any client in the configuration everybody on loopback is `local`.

use hyper::{HeaderMap, header::AUTHORIZATION};
use sha2::{Digest as _, Sha256};

use super::problem::{Code, Problem};
use crate::config::http::{Client, Http};

/// Longest token that is looked at.
const LONGEST: usize = 1024;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'c> {
    client: Option<&'c Client>,
    max_octets: u64,
}

impl Caller<'_> {
    /// Its name in events.
    pub fn name(&self) -> &str {
        self.client.map_or("local", |client| client.name.as_str())
    }

    /// Somebody who was told apart elsewhere and may send so many octets.
    pub const fn bounded(max_octets: u64) -> Self {
        Self { client: None, max_octets }
    }

    /// Most octets of its requests.
    pub const fn max_octets(&self) -> u64 {
        self.max_octets
    }

    /// Whether it may name this profile.
    pub fn may_use(&self, profile: &str) -> bool {
        self.client.is_none_or(|client| client.may_use(profile))
    }
}

/// Tells who asks.
///
/// # Errors
/// 401 when nobody has that token.
pub fn caller<'c>(http: &'c Http, headers: &HeaderMap) -> Result<Caller<'c>, Problem> {
    if http.clients.is_empty() {
        return Ok(Caller { client: None, max_octets: http.max_octets });
    }
    match holder(&digest(headers)?, &http.clients, |client| Some(&client.token)) {
        Some(client) => {
            Ok(Caller { client: Some(client), max_octets: client.max_octets.unwrap_or(http.max_octets) })
        }
        None => Err(Problem::new(Code::Unauthorized, "no client has this token")),
    }
}

/// SHA-256 of the token that was sent.
///
/// # Errors
/// 401 when there is none.
pub fn digest(headers: &HeaderMap) -> Result<[u8; 32], Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Err(Problem::new(Code::Unauthorized, "there is no header Authorization"));
    };
    let Some(token) = bearer(value.as_bytes()) else {
        return Err(Problem::new(Code::Unauthorized, "the header Authorization is not Bearer TOKEN"));
    };
    Ok(Sha256::digest(token).into())
}

/// Whose token has this digest. All are compared, always.
pub fn holder<'h, T>(
    digest: &[u8; 32],
    holders: &'h [T],
    token: impl Fn(&T) -> Option<&[u8; 32]>,
) -> Option<&'h T> {
    let mut found = None;
    for holder in holders {
        if token(holder).is_some_and(|token| same(token, digest)) {
            found = Some(holder);
        }
    }
    found
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty() && token.len() <= LONGEST).then_some(token)
}

/// Compares in a time that does not depend on where the difference is.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    let difference = a.iter().zip(b).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_in_any_case_of_its_scheme() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bearer  abc "), Some(&b"abc"[..]));
        assert_eq!(bearer(b"Basic abc"), None);
        assert_eq!(bearer(b"Bearer "), None);
        assert_eq!(bearer(b"Bear"), None);
    }

    #[test]
    fn digests_are_the_same_only_when_they_are() {
        let a = [7; 32];
        let mut b = a;
        assert!(same(&a, &b));
        b[31] = 8;
        assert!(!same(&a, &b));
    }
}
