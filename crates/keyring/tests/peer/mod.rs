//! The openssl command as the other side: it makes messages, and opens keys and messages.

#![allow(clippy::disallowed_macros, reason = "a test says why it skips")]
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cedrat_keyring::Cek;

/// Whether there is an openssl to test with. Without one a test that runs in CI fails.
pub(crate) fn there_is_openssl() -> bool {
    let there_is = Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok();
    assert!(there_is || std::env::var_os("CI").is_none(), "the package openssl is missing");
    if !there_is {
        println!("skipped: there is no openssl");
    }
    there_is
}

/// Messages of other producers, each with its file name; none where they are not.
pub(crate) fn vectors() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/smime");
    let found = folder.join("smime-expected.tsv").exists();
    if !found {
        println!("skipped: {} is not here", folder.display());
    }
    found.then_some(folder)
}

/// Runs openssl on `input`; its output, or none when it says no.
pub(crate) fn openssl(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // It says no before it has read all: not a fault of the test.
    drop(writer.join().unwrap());
    output.status.success().then_some(output.stdout)
}

/// A folder with a key and a certificate for each name.
pub(crate) struct People {
    folder: tempfile::TempDir,
}

impl People {
    /// RSA keys, one per name.
    pub(crate) fn with_rsa(names: &[&str]) -> Self {
        let people = Self { folder: tempfile::tempdir().unwrap() };
        for name in names {
            let (key, certificate, subject) =
                (people.path(name, "key"), people.path(name, "crt"), format!("/CN={name}"));
            let made = openssl(
                &[
                    "req",
                    "-x509",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-days",
                    "30",
                    "-subj",
                    &subject,
                    "-keyout",
                    &key,
                    "-out",
                    &certificate,
                ],
                b"",
            );
            made.expect("openssl makes a certificate");
        }
        people
    }

    /// Where the `key` or `crt` of a name is.
    pub(crate) fn path(&self, name: &str, kind: &str) -> String {
        self.folder.path().join(format!("{name}.{kind}")).to_str().unwrap().to_owned()
    }

    /// `openssl cms -encrypt` for these names.
    pub(crate) fn encrypt(&self, options: &[&str], names: &[&str], plaintext: &[u8]) -> Vec<u8> {
        let certificates: Vec<_> = names.iter().map(|name| self.path(name, "crt")).collect();
        let mut arguments = vec!["cms", "-encrypt", "-binary", "-outform", "DER"];
        arguments.extend(options);
        arguments.extend(certificates.iter().map(String::as_str));
        openssl(&arguments, plaintext).expect("openssl encrypts")
    }

    /// `openssl cms -decrypt` with the key of a name.
    pub(crate) fn decrypt(&self, name: &str, message: &[u8]) -> Option<Vec<u8>> {
        let (key, certificate) = (self.path(name, "key"), self.path(name, "crt"));
        openssl(
            &["cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", &key, "-recip", &certificate],
            message,
        )
    }
}

/// The keys that a KeyTransRecipientInfo may hold for the owner of the RSA key in a file. Its `encryptedKey`
/// is the last element, so it ends the recipient.
pub(crate) fn unwrap(recipient: &[u8], key: &Path) -> Vec<Cek> {
    const RSAES_OAEP: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07";
    let ends_with = |header: &[u8], octets: usize| {
        let (before, encrypted) = recipient.split_at(recipient.len().checked_sub(octets)?);
        before.ends_with(header).then_some(encrypted)
    };
    let Some(encrypted) = ends_with(&[0x04, 0x81, 0x80], 128)
        .or_else(|| ends_with(&[0x04, 0x82, 1, 0], 256))
        .or_else(|| ends_with(&[0x04, 0x82, 2, 0], 512))
    else {
        return Vec::new();
    };
    let form = if key.extension().is_some_and(|it| it == "pri") { "DER" } else { "PEM" };
    let oaep = |hash: &str| {
        vec!["rsa_padding_mode:oaep".to_owned(), format!("rsa_oaep_md:{hash}"), format!("rsa_mgf1_md:{hash}")]
    };
    let is_oaep = recipient.windows(RSAES_OAEP.len()).any(|window| window == RSAES_OAEP);
    let paddings = if is_oaep { vec![oaep("sha1"), oaep("sha256")] } else { vec![vec![]] };
    let unwrapped = paddings.into_iter().filter_map(|options| {
        let mut arguments = vec!["pkeyutl", "-decrypt", "-keyform", form, "-inkey", key.to_str().unwrap()];
        for option in &options {
            arguments.extend(["-pkeyopt", option]);
        }
        openssl(&arguments, encrypted)
    });
    unwrapped.filter_map(|octets| Cek::new(&octets)).collect()
}
