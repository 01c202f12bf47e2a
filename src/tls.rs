//! TLS for both sides of a connection, from the files that the configuration names.
//!
//! Three strengths towards a next hop: opportunistic (encrypt, check nothing: better than clear
//! text, RFC 7435), verified (certificate and name), and mutual (our certificate as well).
//! DANE and MTA-STS are not done here.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject,
    },
    server::WebPkiClientVerifier,
};

use crate::config::ClientAuthority;

/// Certificate chain and key, read from PEM files.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads both files.
    ///
    /// # Errors
    /// Says which file cannot be used and why.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, String> {
        let chain = certificates(certificate)?;
        let key = PrivateKeyDer::from_pem_file(key)
            .map_err(|fault| format!("private key {} cannot be read: {fault}", key.display()))?;
        Ok(Self { chain, key })
    }
}

/// The certificates of a PEM file, in its order.
///
/// # Errors
/// Says why there are none.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    pem("certificates", path, "it holds no PEM certificate")
}

fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let lists: Vec<CertificateRevocationListDer<'static>> =
        pem("revocation list", path, "it holds no PEM X509 CRL")?;
    for list in &lists {
        webpki::OwnedCertRevocationList::from_der(list).map_err(|e| {
            format!("revocation list {} is not one of version 2 (RFC 5280 §5): {e}", path.display())
        })?;
    }
    Ok(lists)
}

/// Everything of a kind in a PEM file; `nothing` says that there is none.
fn pem<T: PemObject>(what: &str, path: &Path, nothing: &str) -> Result<Vec<T>, String> {
    let fault = |why: &dyn std::fmt::Display| format!("{what} {} cannot be read: {why}", path.display());
    let all: Vec<T> = T::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| fault(&error))?;
    if all.is_empty() { Err(fault(&nothing)) } else { Ok(all) }
}

/// Makes the process use one cryptographic provider. Must run before anything else of TLS.
pub fn install_provider() {
    // An error means that it is installed already.
    drop(aws_lc_rs::default_provider().install_default());
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    match ca {
        Some(path) => {
            for certificate in certificates(path)? {
                store
                    .add(certificate)
                    .map_err(|e| format!("CA certificate in {} is not usable: {e}", path.display()))?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(store)
}

/// The server side. With `clients`, a client may present a certificate of that authority and is then
/// known by it; one without a certificate is still served, one with a revoked certificate is not.
///
/// # Errors
/// When key and certificate do not fit or a file of the authority cannot be used.
pub fn server(identity: Identity, clients: Option<&ClientAuthority>) -> Result<Arc<ServerConfig>, String> {
    let builder = ServerConfig::builder();
    let builder = match clients {
        Some(ClientAuthority { ca, crl }) => {
            let mut lists = Vec::new();
            for path in crl {
                lists.extend(revocations(path)?);
            }
            let mut verifier =
                WebPkiClientVerifier::builder(Arc::new(roots(Some(ca))?)).allow_unauthenticated();
            if !lists.is_empty() {
                verifier = verifier.with_crls(lists).only_check_end_entity_revocation();
            }
            let verifier =
                verifier.build().map_err(|e| format!("client CA {} cannot be used: {e}", ca.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let config = builder
        .with_single_cert(identity.chain, identity.key)
        .map_err(|e| format!("certificate and key cannot be used: {e}"))?;
    Ok(Arc::new(config))
}

/// The client side. `verify` checks certificate and name against `ca` or the system's roots.
///
/// # Errors
/// When a file cannot be used or no root certificate is there to verify with.
pub fn client(
    verify: bool,
    ca: Option<&Path>,
    identity: Option<Identity>,
) -> Result<Arc<ClientConfig>, String> {
    let builder = if verify {
        let roots = roots(ca)?;
        if roots.is_empty() {
            return Err(
                "no root certificates to verify with; install ca-certificates or name a file with `ca`"
                    .into(),
            );
        }
        ClientConfig::builder().with_root_certificates(roots)
    } else {
        let provider = Arc::new(aws_lc_rs::default_provider());
        ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::new(Unverified(provider)))
    };
    let config = match identity {
        Some(identity) => builder
            .with_client_auth_cert(identity.chain, identity.key)
            .map_err(|e| format!("client certificate cannot be used: {e}"))?,
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// The DNS names that a verified certificate speaks for.
pub fn dns_names(certificate: &CertificateDer<'_>) -> Vec<String> {
    webpki::EndEntityCert::try_from(certificate)
        .map(|certificate| certificate.valid_dns_names().map(str::to_ascii_lowercase).collect())
        .unwrap_or_default()
}

/// Takes any certificate: for opportunistic encryption, where the alternative is clear text.
/// Signatures of the handshake are still checked.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
