//! Programs that judge, files for them, and randomness that is the same each time.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

/// A folder of its own for each test, gone afterwards.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// `None` and a word why when OpenSSL is missing; in CI it must not be.
    pub(crate) fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
            assert!(std::env::var_os("CI").is_none(), "openssl is not installed");
            println!("skipped: openssl is not installed");
            return None;
        }
        let name = format!("keyring-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Some(Self(path))
    }

    pub(crate) fn write(&self, name: &str, octets: &[u8]) {
        std::fs::write(self.0.join(name), octets).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }

    /// What openssl prints, in this folder; `None` when it fails.
    pub(crate) fn openssl(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let output = Command::new("openssl").args(arguments).current_dir(&self.0).output().unwrap();
        output.status.success().then_some(output.stdout)
    }

    /// The same, which must not fail.
    pub(crate) fn must(&self, arguments: &[&str]) -> Vec<u8> {
        self.openssl(arguments).unwrap_or_else(|| panic!("openssl {}", arguments.join(" ")))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// The collection of messages of other programs; `None` and a word why when it is not present.
pub(crate) fn vectors() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/smime");
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is not present", path.display());
    None
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
