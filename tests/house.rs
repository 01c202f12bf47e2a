//! The structure of the house: what may depend on what, what every pure crate promises, and that
//! the front page tells the truth.

use std::{collections::BTreeMap, path::Path, process::Command};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn metadata() -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(ROOT)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Ours and others that each pure crate may use; a longer list is a decision.
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("cedrat-message", &["bytes"][..]),
        ("cedrat-session", &[]),
        ("cedrat-mime", &["bytes", "memchr"]),
        // Ciphers are the one thing that is never written here.
        (
            "cedrat-keyring",
            &[
                "cedrat-message",
                "cedrat-mime",
                "aes",
                "aes-kw",
                "base64ct",
                "bytes",
                "cbc",
                "const-oid",
                "ctr",
                "des",
                "ed25519-dalek",
                "ghash",
                "hkdf",
                "hmac",
                "hpke",
                "ml-kem",
                "p256",
                "p384",
                "p521",
                "pbkdf2",
                "pkcs8",
                "rand_core",
                "rsa",
                "serde",
                "serde_json",
                "sha1",
                "sha2",
                "subtle",
                "x25519-dalek",
                "zeroize",
            ],
        ),
        ("cedrat-sasl", &["sha2", "hmac", "subtle", "zeroize"]),
        ("cedrat-wire-imap", &["cedrat-sasl", "cedrat-session", "bytes", "memchr", "miniz_oxide", "zeroize"]),
        ("cedrat-wire-mms", &["cedrat-mime", "bytes", "memchr"]),
        (
            "cedrat-wire-mail",
            &[
                "cedrat-mime",
                "cedrat-sasl",
                "cedrat-session",
                "bytes",
                "memchr",
                "encoding_rs",
                "mail-parser",
                "zeroize",
            ],
        ),
        (
            "cedrat-mapping",
            &[
                "cedrat-message",
                "cedrat-mime",
                "cedrat-plan",
                "cedrat-wire-mms",
                "cedrat-wire-mail",
                "bytes",
                "memchr",
                "serde",
                "toml",
                "idna",
            ],
        ),
        ("cedrat-relay", &["cedrat-message", "serde"]),
        ("cedrat-plan", &["serde"]),
        ("cedrat-text", &["cedrat-plan", "cedrat-wire-mail", "encoding_rs"]),
    ])
}

#[test]
fn every_crate_depends_only_on_what_it_may() {
    let metadata = metadata();
    let mut seen = 0;
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(allowed) = allowed().get(name).copied() else { continue };
        seen += 1;
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            let for_tests = dependency["kind"] == "dev";
            assert!(for_tests || allowed.contains(&used), "{name} may not depend on {used}");
        }
    }
    assert_eq!(seen, allowed().len());
}

/// Untrusted media never meets the queue: what decodes them is in another process.
#[test]
fn the_gateway_links_no_codec_and_the_worker_shows_none_of_its_symbols() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--package", "cedrat", "--edges", "normal,build", "--prefix", "none", "--offline"])
        .current_dir(ROOT)
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("cedrat-plan"), "{tree}");
    for codec in ["ffmpeg", "turbojpeg", "libheif", "cedrat-still", "cedrat-moving"] {
        assert!(!tree.lines().any(|line| line.starts_with(codec)), "the gateway links {codec}");
    }
    // Debian's libav loads another libjpeg; symbols of ours would stand in for its own.
    let Some(worker) = crate::harness::worker() else { return };
    let stills = worker.with_file_name("cedrat-transcode-still");
    for program in [&worker, &stills] {
        let symbols = said(Command::new("nm").args(["--dynamic", "--defined-only"]).arg(program));
        let shown: Vec<_> = symbols.lines().filter(|line| line.contains(" jpeg_")).collect();
        assert!(shown.is_empty(), "{shown:?}");
    }
    let needs_libav =
        |program| said(Command::new("readelf").arg("--dynamic").arg(program)).contains("libavcodec");
    assert!(needs_libav(&worker));
    assert!(!needs_libav(&stills), "a worker for stills has a tenth of the libraries");
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What uses a private key is in the client: a gateway that is built alone cannot even.
#[test]
fn the_gateway_has_no_private_key_operation() {
    let tree = |package: &str| {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--package",
                package,
                "--edges",
                "normal,features",
                "--prefix",
                "none",
                "--offline",
            ])
            .current_dir(ROOT)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let unwraps = |tree: &str| tree.lines().any(|line| line.starts_with("cedrat-keyring feature \"unwrap\""));
    assert!(!unwraps(&tree("cedrat")));
    assert!(unwraps(&tree("cedrat-key")), "the client has it");
}

#[test]
fn every_pure_crate_is_without_std_and_without_unsafe() {
    for name in allowed().keys() {
        let file = Path::new(name.trim_start_matches("cedrat-")).join("src/lib.rs");
        // What decides about media without touching it lives beside what touches it.
        let path = ["crates", "transcoders"].map(|folder| Path::new(ROOT).join(folder).join(&file));
        let path = path.iter().find(|path| path.exists()).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        for promise in ["#![no_std]", "#![forbid(unsafe_code)]"] {
            assert!(text.contains(promise), "{promise} in {}", path.display());
        }
        assert!(text.starts_with("//! "), "{} says what it is", path.display());
    }
}

#[test]
fn the_front_page_is_short_and_its_links_lead_somewhere() {
    let text = std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    assert!(text.lines().count() <= 150, "{} lines", text.lines().count());
    assert!(text.contains("./dev demo") && text.contains("./dev test"));
    for page in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/standards.md", "docs/decisions/README.md"]
    {
        let text = std::fs::read_to_string(Path::new(ROOT).join(page)).unwrap();
        let folder = Path::new(ROOT).join(page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:") {
                assert!(folder.join(link).exists(), "{page} links to {link}");
            }
        }
    }
}

/// Printed, not judged: a long file with one subject is better than two for a counter.
#[test]
fn file_sizes_are_printed() {
    let mut sizes = Vec::new();
    let mut folders: Vec<_> =
        ["src", "crates", "clients", "transcoders"].map(|name| Path::new(ROOT).join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                sizes.push((std::fs::read_to_string(&path).unwrap().lines().count(), path));
            }
        }
    }
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2].0;
    println!("{} files, median {median} lines; longest:", sizes.len());
    for (lines, path) in sizes.iter().rev().take(8) {
        println!("{lines:>6} {}", path.strip_prefix(ROOT).unwrap().display());
    }
    assert!(median < 400);
}
