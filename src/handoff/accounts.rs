//! Whose clients may hand over keys: the configuration with its certificates and the signing key
//! read.

use std::path::Path;

use cedrat_keyring::{
    Certificate, recipient,
    session::Limits,
    wire::{self, Format, jws::Signer},
};
use cedrat_message::Address;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use sha2::{Digest as _, Sha256};

use crate::{config::handoff as configured, opener::Signatory, openpgp};

/// Longest wait of a long poll, seconds: proxies commonly give up after a minute.
pub const LONGEST_WAIT_S: u32 = 55;

/// The accounts, and the gateway's own key.
#[derive(Debug)]
pub struct Accounts {
    /// All of them.
    pub all: Vec<Account>,
    /// What the configuration says besides.
    pub config: configured::Handoff,
    /// Signs sessions.
    pub signer: Signer,
    /// Whom converted content is signed as, if it is.
    pub signatory: Option<Signatory>,
}

/// One of them.
#[derive(Debug)]
pub struct Account {
    config: configured::Account,
    certificates: Vec<Certificate>,
    openpgp: Vec<openpgp::Certificate>,
}

impl Accounts {
    /// Reads what the configuration names.
    ///
    /// # Errors
    /// Every file that cannot be used, with what would help.
    pub fn read(config: &configured::Handoff) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let signer = signer(&config.signing_key, &config.key_name).map_err(|fault| faults.push(fault)).ok();
        let signatory = config.signatory.as_ref().map(|(certificate, key)| Signatory::read(certificate, key));
        let signatory = signatory.transpose().unwrap_or_else(|fault| {
            faults.push(format!("handoff.smime_certificate and smime_key: {fault}"));
            None
        });
        let mut all = Vec::new();
        for account in &config.accounts {
            let mut read = Account { config: account.clone(), certificates: Vec::new(), openpgp: Vec::new() };
            for path in &account.certificates {
                if let Err(fault) = read.add(path) {
                    faults.push(format!("handoff account {}: {fault}", account.name));
                }
            }
            all.push(read);
        }
        match signer {
            Some(signer) if faults.is_empty() => Ok(Self { all, config: config.clone(), signer, signatory }),
            _ => Err(faults),
        }
    }

    /// The account whose client connects with this certificate, which leads to the CA of clients: one
    /// that names it, else one that goes by the addresses that it was issued to.
    pub fn of_certificate(&self, der: &[u8]) -> Option<&Account> {
        let fingerprint: [u8; 32] = Sha256::digest(der).into();
        let named = self.all.iter().find(|it| it.config.login_certificates.contains(&fingerprint));
        if named.is_some() {
            return named;
        }
        let certificate = Certificate::read(der, &recipient::Limits::default()).ok()?;
        let issued: Vec<_> =
            certificate.addresses().iter().filter_map(|it| Address::parse(it).ok()).collect();
        let mut found = self.all.iter().filter(|it| it.config.login_by_address);
        found.find(|it| it.config.addresses.iter().any(|address| issued.contains(address)))
    }

    /// The account that receives at an address.
    pub fn account_of(&self, address: &Address) -> Option<usize> {
        self.all.iter().position(|account| account.config.addresses.contains(address))
    }

    /// What a client must know before its first session.
    pub fn well_known(&self) -> serde_json::Value {
        let limits = Limits::default();
        let known = wire::WellKnown {
            keys: vec![self.signer.public()],
            suites: vec![cedrat_keyring::seal::SUITE],
            limits: wire::Bounds {
                attempts: limits.attempts,
                hard_deadline: limits.hard_deadline / 1000,
                wait: LONGEST_WAIT_S,
            },
        };
        serde_json::to_value(known).unwrap_or_default()
    }
}

impl Account {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// SHA-256 of its client's token.
    pub fn token(&self) -> Option<&[u8; 32]> {
        self.config.token.as_ref()
    }

    /// What the configuration says of it.
    pub fn config(&self) -> &configured::Account {
        &self.config
    }

    /// Certificates that its S/MIME mail is encrypted to.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Certificates that its OpenPGP mail is encrypted to.
    pub fn openpgp(&self) -> &[openpgp::Certificate] {
        &self.openpgp
    }

    /// The certificate that its mail of a format is encrypted to again: the first.
    pub fn certificate_for(&self, format: Format) -> Option<Vec<u8>> {
        match format {
            Format::Openpgp => self.openpgp.first().map(|it| it.octets().to_vec()),
            Format::CmsAuthEnveloped | Format::CmsEnveloped => {
                self.certificates.first().map(|it| it.der().to_vec())
            }
        }
    }

    /// Reads a certificate of either kind.
    fn add(&mut self, path: &Path) -> Result<(), String> {
        let octets = std::fs::read(path)
            .map_err(|fault| format!("the certificate {} cannot be read: {fault}", path.display()))?;
        if openpgp::is_openpgp(&octets) {
            let read = openpgp::Certificate::read(&octets);
            self.openpgp.push(read.map_err(|fault| format!("{}: {fault}", path.display()))?);
        } else {
            self.certificates.push(certificate(path, &octets)?);
        }
        Ok(())
    }
}

fn signer(path: &Path, name: &str) -> Result<Signer, String> {
    let remedy = "make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out FILE`";
    let key = PrivateKeyDer::from_pem_file(path).map_err(|fault| {
        format!("handoff.signing_key {} cannot be read: {fault}; {remedy}", path.display())
    })?;
    Signer::from_pkcs8(name, key.secret_der())
        .ok_or_else(|| format!("handoff.signing_key {} is no P-256 key in PKCS#8; {remedy}", path.display()))
}

fn certificate(path: &Path, pem: &[u8]) -> Result<Certificate, String> {
    let der = CertificateDer::from_pem_slice(pem)
        .map_err(|fault| format!("the certificate {} cannot be read: {fault}", path.display()))?;
    Certificate::read(&der, &recipient::Limits::default())
        .map_err(|fault| format!("the certificate {} cannot be used: {fault}", path.display()))
}
