//! Keys in a token: SoftHSM through PKCS #11.

use std::path::{Path, PathBuf};

use crate::handoff::{key, pinned, refuses, succeeds};
use crate::made::{PHRASE, PLAIN, decrypt, has, identity, message, openssl, run};

fn module(home: &Path) -> Option<PathBuf> {
    if !has("softhsm2-util", "softhsm2") || !has("pkcs11-tool", "opensc") {
        return None;
    }
    std::fs::create_dir(home.join("tokens")).unwrap();
    let configuration = format!("directories.tokendir = {}\n", home.join("tokens").display());
    std::fs::write(home.join("softhsm2.conf"), configuration).unwrap();
    let label = ["--init-token", "--free", "--label", "bob", "--so-pin", "12345678", "--pin", PHRASE];
    run(home, "softhsm2-util", &label);
    let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"];
    places.into_iter().map(PathBuf::from).find(|path| path.exists())
}

/// Puts a key pair into the token, for one use.
fn store(home: &Path, module: &Path, name: &str, id: &str, usage: &str) {
    openssl(home, &format!("pkcs8 -topk8 -nocrypt -in {name}.key -outform DER -out {name}.der"));
    openssl(home, &format!("x509 -in {name}.pem -outform DER -out {name}.crt"));
    let [private, certificate] = [format!("{name}.der"), format!("{name}.crt")];
    let base = [
        "--module",
        module.to_str().unwrap(),
        "--login",
        "--pin",
        PHRASE,
        "--token-label",
        "bob",
        "--id",
        id,
    ];
    for object in [[&private, "--type", "privkey", usage].as_slice(), &[&certificate, "--type", "cert"]] {
        run(home, "pkcs11-tool", &[&base[..], &["--write-object"], object].concat());
    }
}

#[test]
fn a_token_does_one_operation_and_keeps_its_key() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    let Some(module) = module(home) else { return };
    for (name, kind, id, usage) in [
        ("rsa", "rsa", "01", "--usage-decrypt"),
        ("p256", "P-256", "02", "--usage-derive"),
        ("p384", "P-384", "03", "--usage-derive"),
    ] {
        identity(home, name, kind);
        store(home, &module, name, id, usage);
    }
    let cases = [
        ("rsa", "-aes-256-gcm"),
        ("rsa", "-aes-128-cbc -keyopt rsa_padding_mode:oaep"),
        ("p256", "-aes-256-gcm"),
        ("p384", "-aes-256-cbc"),
    ];
    for (number, (name, options)) in cases.into_iter().enumerate() {
        let cms = message(home, name, options);
        let id = format!("hs_{number}");
        gateway.offer(&id, &cms);
        let arguments = ["grant", &id, "--yes", "--token", "bob", "--module", module.to_str().unwrap()];
        let granted = succeeds(&key(home, &gateway, &arguments));
        assert!(!granted.contains("random"), "{name} {options}: {granted}");
        assert_eq!(decrypt(&cms, &gateway.key(&id)).as_deref(), Some(PLAIN), "{name} {options}");
    }
}

#[test]
fn what_a_token_cannot_do_looks_to_the_gateway_like_any_wrong_key() {
    let Some((home, gateway)) = pinned() else { return };
    let home = home.path();
    let Some(module) = module(home) else { return };
    identity(home, "p256", "P-256");
    // A key that may sign and not derive.
    store(home, &module, "p256", "02", "--usage-sign");
    let cms = message(home, "p256", "-aes-256-gcm");
    gateway.offer("hs_1", &cms);
    let arguments = ["grant", "hs_1", "--yes", "--module", module.to_str().unwrap()];
    assert!(succeeds(&key(home, &gateway, &arguments)).contains("random"));
    assert_eq!(decrypt(&cms, &gateway.key("hs_1")), None);
    let missing = ["grant", "hs_1", "--yes", "--token", "alice", "--module", module.to_str().unwrap()];
    gateway.offer("hs_1", &cms);
    assert!(refuses(&key(home, &gateway, &missing)).contains("no such token"));
}
