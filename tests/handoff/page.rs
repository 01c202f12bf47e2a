//! The page for browsers in one: a key from a file, a session looked at, its key handed over, and what
//! the handset gets opened by OpenSSL. What a browser cannot open it says, what is not the pinned key's
//! it does not take.

use super::{Owner, TO, browser::Browser, client::TOKEN, content, content_with, gateway, send};
use crate::harness::{Gateway, Sink};

/// The page of a gateway with the account's token entered and the gateway's key accepted.
pub(super) fn connected(gateway: &Gateway) -> Option<Browser> {
    let mut browser = Browser::start()?;
    browser.open(&format!("http://{}/handoff", gateway.running.as_ref().unwrap().http[0]));
    browser.wait("document.querySelector('main') && !document.querySelector('main').inert");
    browser.enter("token", TOKEN);
    browser.wait_for("first");
    browser.press("#trust");
    browser.wait_for("waiting");
    Some(browser)
}

/// Opens the message whose size is said in this unit: what was answered may still be listed for a moment.
pub(super) fn look(browser: &mut Browser, unit: &str) {
    browser.wait(&format!("document.querySelector('#list button')?.textContent.includes(' {unit}')"));
    browser.press("#list button");
    browser.wait_for("decide");
}

pub(super) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_handed_over_in_a_browser_brings_the_picture_encrypted_again() {
    let oaep = ["-aes-256-gcm", "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"];
    let p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let agreed = ["-aes-128-gcm", "-keyopt", "ecdh_kdf_md:sha256"];
    let pkcs8 = [
        "pkcs8",
        "-topk8",
        "-v2",
        "aes-256-cbc",
        "-in",
        "key.pem",
        "-passout",
        "pass:sesam",
        "-out",
        "locked",
    ];
    let pkcs12 = [
        "pkcs12",
        "-export",
        "-inkey",
        "key.pem",
        "-in",
        "cert.pem",
        "-passout",
        "pass:sesam",
        "-out",
        "locked",
    ];
    let ways: [(&[&str], &[&str], &[&str]); 2] =
        [(&["-newkey", "rsa:2048"], &oaep, &pkcs8), (&p256, &agreed, &pkcs12)];
    for (key, how, locked) in ways {
        let owner = Owner::new(key);
        owner.openssl(locked, &[]);
        let (peer, host) = (Sink::start().await, Sink::start().await);
        let Some(gateway) = gateway(&owner, &peer, &host, "").await else { return };
        let Some(mut browser) = blocking(|| connected(&gateway)) else { return };
        send(&gateway, &owner.mail(&content(), how)).await;
        let before = blocking(|| {
            browser.choose("key-file", &owner.path("locked"));
            browser.wait_for("passphrase");
            browser.enter("passphrase", "wrong");
            browser.wait("document.getElementById('key-said').textContent.includes('does not open')");
            browser.enter("passphrase", "sesam");
            browser.wait_for("loaded");
            look(&mut browser, "MB");
            assert_eq!(browser.eval("document.getElementById('grant').disabled"), false);
            assert!(browser.text("facts").contains("bob@example.test"), "{}", browser.text("facts"));
            // Less than what is asked for: sound and videos stay as they are.
            for kind in ["audio/*", "video/*"] {
                browser.press(&format!("#parts input[value='{kind}']"));
            }
            browser.picture("waiting")
        });
        assert!(peer.all().is_empty(), "nothing leaves before the key is there");
        blocking(|| {
            browser.press("#grant");
            browser.wait_for("back");
            assert!(browser.text("said").starts_with("Done."), "{}", browser.text("said"));
            assert!(browser.faults().is_empty(), "{:?}", browser.faults());
            if let Some(folder) = std::env::var_os("PICTURES") {
                std::fs::write(std::path::Path::new(&folder).join("before.png"), before).unwrap();
                std::fs::write(std::path::Path::new(&folder).join("after.png"), browser.picture("message"))
                    .unwrap();
            }
        });
        let received = peer.wait_for(1).await.remove(0);
        let opened = owner.opened(&received).unwrap_or_else(|why| panic!("{why}\n{}", received.content));
        assert!(opened.contains("image/jpeg") && opened.contains("xyzzy-marker"), "{opened}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_cannot_open_or_must_not_it_says_and_leaves() {
    let owner = Owner::rsa();
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(gateway) = gateway(&owner, &peer, &host, "").await else { return };
    let Some(mut browser) = blocking(|| connected(&gateway)) else { return };

    // RSA PKCS#1 v1.5 is not in WebCrypto.
    send(&gateway, &owner.mail(&content_with(60), &["-aes-256-gcm"])).await;
    blocking(|| {
        browser.choose("key-file", &owner.path("key.pem"));
        browser.wait_for("loaded");
        look(&mut browser, "kB");
        browser.wait_for("unable");
        assert!(browser.text("unable").contains("cedrat-key"), "{}", browser.text("unable"));
        assert_eq!(browser.eval("document.getElementById('grant').disabled"), true);
        browser.press("#decline");
        browser.wait_for("back");
        assert!(browser.text("said").starts_with("Declined"), "{}", browser.text("said"));
    });
    let received = peer.wait_for(1).await.remove(0);
    assert!(owner.opened(&received).unwrap().contains("image/png"), "as it came");

    // Another key opens nothing, and nothing is sent. Content without integrity is named.
    owner.openssl(&["genpkey", "-algorithm", "RSA", "-out", "other.pem"], &[]);
    let cbc = owner
        .mail(&content(), &["-aes-128-cbc", "-keyopt", "rsa_padding_mode:oaep"])
        .replace("<see@", "<cbc@");
    send(&gateway, &cbc).await;
    blocking(|| {
        browser.press("#forget");
        browser.choose("key-file", &owner.path("other.pem"));
        browser.wait_for("loaded");
        look(&mut browser, "MB");
        browser.wait_for("integrity");
        browser.press("#grant");
        browser.wait("document.getElementById('said').textContent.includes('does not open')");
        assert_eq!(browser.eval("JSON.parse(localStorage.getItem('cedrat-handoff-log') ?? '[]').length"), 0);

        // The gateway's key is not the pinned one: a session first, then the gateway.
        browser.eval(
            "(pins => { pins[0].x = pins[0].y; pins[0].thumbprint = 'another'; \
             localStorage.setItem('cedrat-handoff-pins', JSON.stringify(pins)); })\
             (JSON.parse(localStorage.getItem('cedrat-handoff-pins')))",
        );
        browser.press("#list button");
        browser.wait("document.getElementById('said').textContent.includes('not to be trusted')");
        assert_eq!(browser.eval("document.getElementById('decide').hidden"), true);
        browser.press("#disconnect");
        browser.enter("token", TOKEN);
        browser.wait_for("stop");
        assert_eq!(browser.eval("document.getElementById('waiting').hidden"), true);
        assert!(browser.faults().is_empty(), "{:?}", browser.faults());
    });
    assert!(TO.contains('@') && peer.all().len() == 1, "the second message still waits");
}
