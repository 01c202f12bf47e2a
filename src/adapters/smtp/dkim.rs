//! DKIM signatures on what leaves for the Internet (RFC 6376; Ed25519 of RFC 8463).

use std::path::Path;

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
    pub fn sign(&self, from_domain: &str, content: &[u8]) -> String {
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

    /// Whether anything is signed at all.
    pub fn is_empty(&self) -> bool {
        self.signers.is_empty()
    }
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
