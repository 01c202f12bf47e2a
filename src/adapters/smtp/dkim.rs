//! DKIM signatures on what leaves for the Internet (RFC 6376; Ed25519 of RFC 8463).

use std::path::Path;

use bytes::Bytes;
use cedrat_mime::{Headers, Limits};
use mail_auth::{
    common::{
        crypto::{DkimKey, Ed25519Key, RsaKey, Sha256},
        headers::HeaderWriter,
    },
    dkim::{DkimSigner, Done},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};

use crate::config::Dkim;

/// Headers that are signed: what a reader sees and what threads a conversation.
const SIGNED: [&str; 12] = [
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// The keys that were configured.
#[derive(Default)]
pub struct Signers {
    signers: Vec<(String, DkimSigner<DkimKey, Done>)>,
}

impl std::fmt::Debug for Signers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.signers.iter().map(|(domain, _)| domain)).finish()
    }
}

impl Signers {
    /// Reads every key.
    ///
    /// # Errors
    /// Says which file cannot be used and why.
    pub fn read(configured: &[Dkim]) -> Result<Self, String> {
        let mut signers = Vec::new();
        for entry in configured {
            let key = key(&entry.key)?;
            let signer = DkimSigner::from_key(key)
                .domain(entry.domain.as_str())
                .selector(entry.selector.as_str())
                .headers(SIGNED);
            signers.push((entry.domain.to_ascii_lowercase(), signer));
        }
        Ok(Self { signers })
    }

    /// The signature headers, each with its line end, of every key whose domain the originator is in.
    fn sign(&self, from_domain: &str, content: &[u8]) -> String {
        let mut headers = String::new();
        for (domain, signer) in &self.signers {
            let within = from_domain
                .strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            if within && let Ok(signature) = signer.sign(content) {
                headers.push_str(&signature.to_header());
            }
        }
        headers
    }

    /// The content with its signatures in front.
    pub fn signed(&self, from_domain: &str, content: Bytes) -> Bytes {
        let signatures = self.sign(from_domain, &content);
        if signatures.is_empty() { content } else { [signatures.as_bytes(), &content].concat().into() }
    }

    /// What [`Signers::signed`] gave, after `change`, which signatures made before it would not cover
    /// (RFC 6376 §5.3). Content that does not begin with a signature stays without.
    ///
    /// # Errors
    /// That of `change`.
    pub fn signed_again<E>(
        &self,
        from_domain: &str,
        content: &Bytes,
        change: impl FnOnce(&Bytes) -> Result<Vec<u8>, E>,
    ) -> Result<Bytes, E> {
        let unsigned = without_signatures(content);
        let changed = Bytes::from(change(&unsigned)?);
        let was_signed = unsigned.len() < content.len();
        Ok(if was_signed { self.signed(from_domain, changed) } else { changed })
    }
}

/// The content behind the signatures on top of it.
fn without_signatures(content: &Bytes) -> Bytes {
    let Ok((headers, _)) = Headers::parse(content, &Limits::default()) else { return content.clone() };
    let signatures = headers.iter().take_while(|header| header.is("DKIM-Signature"));
    let octets: usize = signatures.map(|header| header.raw().len() + "\r\n".len()).sum();
    content.slice(octets.min(content.len())..)
}

fn key(path: &Path) -> Result<DkimKey, String> {
    let der = PrivateKeyDer::from_pem_file(path)
        .map_err(|fault| format!("DKIM key {} cannot be read: {fault}", path.display()))?;
    if let PrivateKeyDer::Pkcs8(pkcs8) = &der
        && let Ok(key) = Ed25519Key::from_pkcs8_maybe_unchecked_der(pkcs8.secret_pkcs8_der())
    {
        return Ok(DkimKey::Ed25519(key));
    }
    RsaKey::<Sha256>::from_key_der(der).map(DkimKey::Rsa).map_err(|fault| {
        format!("DKIM key {} is neither RSA (2048 bits or more) nor Ed25519: {fault}", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signers() -> Signers {
        let pkcs8 = Ed25519Key::generate_pkcs8().unwrap();
        let key = Ed25519Key::from_pkcs8_maybe_unchecked_der(&pkcs8).unwrap();
        let signer =
            DkimSigner::from_key(DkimKey::Ed25519(key)).domain("mms.test").selector("s").headers(SIGNED);
        Signers { signers: vec![("mms.test".to_owned(), signer)] }
    }

    #[test]
    fn changed_content_has_one_signature_that_covers_the_change() {
        let signers = signers();
        let content = Bytes::from("From: a@mms.test\r\nSubject: x\r\n\r\nbefore\r\n");
        let signed = signers.signed("mms.test", content.clone());
        let change = |octets: &Bytes| -> Result<Vec<u8>, ()> {
            assert_eq!(*octets, content);
            Ok(octets.to_ascii_uppercase())
        };
        let again = signers.signed_again("mms.test", &signed, change).unwrap();
        assert!(again.starts_with(b"DKIM-Signature:"));
        let rest = without_signatures(&again);
        assert_eq!(rest, content.to_ascii_uppercase());
        let hash = |message: &Bytes| {
            let text = String::from_utf8(message.to_vec()).unwrap().replace(['\r', '\n', '\t', ' '], "");
            text.split(";bh=").nth(1).unwrap().split(';').next().unwrap().to_owned()
        };
        assert_eq!(hash(&again), hash(&signers.signed("mms.test", rest)));
        assert_ne!(hash(&again), hash(&signed));
    }

    #[test]
    fn content_without_a_signature_gets_none() {
        let content = Bytes::from("From: a@mms.test\r\n\r\nx");
        let same = signers().signed_again("mms.test", &content, |octets| Ok::<_, ()>(octets.to_vec()));
        assert_eq!(same, Ok(content));
    }
}
