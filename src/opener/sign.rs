//! The gateway's own signature over what it made of signed content (docs/key-handoff.md, "Signatures"): it
//! says who changed the content, in the manner of a domain signature (RFC 3183), and never speaks for the
//! author.

use std::{fmt, path::Path, sync::Arc};

use cedrat_keyring::{
    Certificate,
    create::{self, SignatureAlgorithm},
    recipient::Limits,
};
use cedrat_message::Timestamp;
use rustls::{
    SignatureScheme,
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
    sign::{CertifiedKey, Signer},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::tls;

/// Whom the gateway signs as.
#[derive(Clone, Serialize, Deserialize)]
pub struct Signatory {
    /// DER: its own certificate, then those that lead to an authority.
    chain: Vec<Vec<u8>>,
    /// DER, of any form that a PEM file may have.
    key: Zeroizing<Vec<u8>>,
}

/// The key is a secret.
impl fmt::Debug for Signatory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signatory").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

impl Signatory {
    /// Reads PEM files and checks that the key is the certificate's and of a kind that signs here.
    ///
    /// # Errors
    /// Says which file cannot be used and why.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, String> {
        let chain = tls::certificates(certificate)?;
        let refuse = |what: &str| format!("certificate {}: {what}", certificate.display());
        let secret = PrivateKeyDer::from_pem_file(key)
            .map_err(|fault| format!("private key {} cannot be read: {fault}", key.display()))?;
        let read = Self {
            chain: chain.iter().map(|it| it.to_vec()).collect(),
            key: Zeroizing::new(secret.secret_der().to_vec()),
        };
        let own = read.certificates()?.into_iter().next();
        if !own.is_some_and(|own| own.may_sign()) {
            return Err(refuse("it is not for signatures (keyUsage)"));
        }
        read.signer().map(drop).map_err(|fault| format!("private key {}: {fault}", key.display()))?;
        let signing = any_supported_type(&secret).map_err(|fault| refuse(&fault.to_string()))?;
        CertifiedKey::new(chain, signing)
            .keys_match()
            .map_err(|_| refuse(&format!("the private key {} is not its own", key.display())))?;
        Ok(read)
    }

    /// Whether its certificate has an address that stands in this From field: then its signature would be taken
    /// for the author's.
    pub(super) fn is_in(&self, from: &str) -> bool {
        let from = from.to_ascii_lowercase();
        let own = self.certificates().unwrap_or_default().into_iter().next();
        own.is_some_and(|own| own.addresses().iter().any(|it| from.contains(&it.to_ascii_lowercase())))
    }

    /// The entity in a `multipart/signed`.
    pub(super) fn sign(&self, entity: &[u8], at: Timestamp, boundary: &str) -> Result<Vec<u8>, String> {
        let (signer, algorithm) = self.signer()?;
        let attributes = create::attributes(entity, at);
        let signature = signer.sign(&attributes).map_err(|fault| fault.to_string())?;
        let signed = create::signed_data(&self.certificates()?, &attributes, algorithm, &signature);
        Ok(create::signed_mail(entity, &signed, boundary))
    }

    fn certificates(&self) -> Result<Vec<Certificate>, String> {
        let read = |der: &Vec<u8>| {
            Certificate::read(der, &Limits::default())
                .map_err(|fault| format!("a certificate of the gateway cannot be used: {fault}"))
        };
        self.chain.iter().map(read).collect()
    }

    fn signer(&self) -> Result<(Box<dyn Signer>, SignatureAlgorithm), String> {
        let key = PrivateKeyDer::try_from(self.key.as_slice()).map_err(str::to_owned)?;
        let key: Arc<_> = any_supported_type(&key).map_err(|fault| fault.to_string())?;
        let kinds = [
            (SignatureScheme::RSA_PKCS1_SHA256, SignatureAlgorithm::Rsa),
            (SignatureScheme::ECDSA_NISTP256_SHA256, SignatureAlgorithm::Ecdsa),
        ];
        kinds
            .into_iter()
            .find_map(|(scheme, algorithm)| Some((key.choose_scheme(&[scheme])?, algorithm)))
            .ok_or_else(|| "it is neither RSA nor of P-256".to_owned())
    }
}
