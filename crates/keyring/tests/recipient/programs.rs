//! OpenSSL that judges, a folder for it, and randomness that is the same each time.

use std::convert::Infallible;
use std::{path::Path, process::Command};

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

use super::peer::there_is_openssl;

/// A folder that is gone afterwards, and openssl in it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    /// `None` when there is no openssl.
    pub(crate) fn new() -> Option<Self> {
        there_is_openssl().then(|| Self(tempfile::tempdir().unwrap()))
    }

    pub(crate) fn write(&self, name: &str, octets: &[u8]) {
        std::fs::write(self.0.path().join(name), octets).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    /// What openssl prints, in this folder; `None` when it fails.
    pub(crate) fn openssl(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let output = Command::new("openssl").args(arguments).current_dir(self.0.path()).output().unwrap();
        output.status.success().then_some(output.stdout)
    }

    /// The same, which must not fail.
    pub(crate) fn must(&self, arguments: &[&str]) -> Vec<u8> {
        self.openssl(arguments).unwrap_or_else(|| panic!("openssl {}", arguments.join(" ")))
    }

    /// What `open.py` reads in a message with the key and the certificate of somebody; `None` where Python lacks what
    /// it needs. It must not fail.
    pub(crate) fn opened_by_python(&self, message: &str, who: &str) -> Option<Vec<u8>> {
        let needs = ["-c", "import asn1crypto.cms, cryptography"];
        let there_is = Command::new("python3").args(needs).output().is_ok_and(|it| it.status.success());
        assert!(
            there_is || std::env::var_os("CI").is_none(),
            "asn1crypto or cryptography is missing (./dev test)"
        );
        if !there_is {
            println!("skipped: there is no Python with asn1crypto and cryptography");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recipient/open.py");
        let mut command = Command::new("python3");
        command.arg(script).args([message, &format!("{who}.key"), &format!("{who}.crt")]);
        let output = command.current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "{who}: {}", String::from_utf8_lossy(&output.stderr));
        Some(output.stdout)
    }
}

/// Randomness that is none.
pub(crate) struct Counter(pub(crate) u64);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&Sha256::digest(self.0.to_be_bytes())[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}
