//! Keys, certificates and messages made by the `openssl` command.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use cedrat_keyring::{
    Cek,
    content::Verifier,
    reader::{self, Event, Reader, Structure},
};
use zeroize::Zeroizing;

pub(crate) const PHRASE: &str = "correct horse";
pub(crate) const PLAIN: &[u8] = b"Content-Type: text/plain\r\n\r\nthree photos, without the photos\r\n";

/// Whether a program can be run. Its absence is a failure where tests must not be skipped.
pub(crate) fn has(program: &str, package: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(program).is_file()));
    assert!(found || std::env::var_os("CI").is_none(), "no {program}: install {package}");
    if !found {
        println!("skipped: no {program} (Debian: {package})");
    }
    found
}

pub(crate) fn run(home: &Path, program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(home)
        .env("SOFTHSM2_CONF", home.join("softhsm2.conf"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

pub(crate) fn openssl(home: &Path, line: &str) {
    run(home, "openssl", &line.split(' ').collect::<Vec<_>>());
}

/// A key pair `NAME.key`, `NAME.pem`, of `rsa` or a curve. Certificates of one name have one issuer and
/// serial number, whatever their keys.
pub(crate) fn identity(home: &Path, name: &str, kind: &str) {
    let kind = match kind {
        "rsa" => "rsa_keygen_bits:2048 -algorithm rsa".to_owned(),
        curve => format!("ec_paramgen_curve:{curve} -algorithm EC"),
    };
    let (option, algorithm) = kind.split_once(' ').unwrap();
    openssl(home, &format!("genpkey {algorithm} -pkeyopt {option} -out {name}.key"));
    openssl(
        home,
        &format!("req -x509 -new -key {name}.key -out {name}.pem -subj /CN={name} -set_serial 7 -days 30"),
    );
}

/// A message encrypted for `NAME.pem`; `options` are of `openssl cms -encrypt`.
pub(crate) fn message(home: &Path, name: &str, options: &str) -> Vec<u8> {
    std::fs::write(home.join("plain"), PLAIN).unwrap();
    let (cipher, recipient) = options.split_once(' ').unwrap_or((options, ""));
    let recipient = format!("-recip {name}.pem {recipient}");
    openssl(
        home,
        &format!("cms -encrypt -binary -in plain {cipher} -outform DER -out cms.der {}", recipient.trim()),
    );
    std::fs::read(home.join("cms.der")).unwrap()
}

/// Decrypts a message under a content key; `None` when the key does not fit.
pub(crate) fn decrypt(cms: &[u8], key: &Cek) -> Option<Vec<u8>> {
    let structure = Structure::of(cms, reader::Limits::default()).unwrap();
    let content = structure.content().unwrap();
    let ciphertext = || {
        let (mut reader, mut input, mut all) = (Reader::new(reader::Limits::default()), cms, Vec::new());
        while let Some(event) = reader.next(&mut input).unwrap() {
            match event {
                Event::Ciphertext(piece) => all.extend_from_slice(piece),
                Event::End => break,
                _ => {}
            }
        }
        all
    };
    let mut verifier = Verifier::new(key, &content);
    verifier.update(&ciphertext());
    let mut decryptor = verifier.finish().ok()?.decryptor();
    let mut plain = Zeroizing::new(Vec::new());
    decryptor.update(&ciphertext(), &mut plain).ok()?;
    decryptor.finish(&mut plain).ok()?;
    Some(plain.to_vec())
}
