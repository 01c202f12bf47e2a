#![allow(clippy::unwrap_used, clippy::panic)]

use cedrat_keyring::{
    consent::{Purpose, Signature},
    session::State,
    wire::{Digest, Octets, Time},
};
use cedrat_message::Timestamp;

use super::*;

fn session(from: &str) -> wire::Session {
    let time = Time(Timestamp(0));
    wire::Session {
        id: "hs_1".into(),
        state: State::AwaitingKey,
        outcome: None,
        created: time,
        expires: time,
        attempts_left: 3,
        account: "bob".into(),
        server_key_id: "gw".into(),
        parent: None,
        message: wire::Message {
            message_id: None,
            from: Some(from.into()),
            subject: None,
            date: None,
            direction: wire::Direction::Inbound,
            size: 1_000_000,
            sha256: Digest([0; 32]),
            part_path: "1".into(),
            format: wire::Format::CmsAuthEnveloped,
            integrity: Integrity::Aead,
            content_alg: wire::ContentAlgorithm {
                oid: "2.16.840.1.101.3.4.1.46".into(),
                name: "aes-256-gcm".into(),
                der: Octets(Vec::new()),
                key_bytes: 32,
            },
        },
        recipients: Vec::new(),
        seal: wire::Seal {
            suite: cedrat_keyring::seal::SUITE,
            public_key: Octets(Vec::new()),
            info: String::new(),
            jti: Octets(Vec::new()),
        },
        consent: Consent {
            purpose: Purpose::TranscodeForHandset,
            parts: ["image/*", "video/mp4"].into_iter().filter_map(Pattern::new).collect(),
            output: Output::Reencrypt,
            device: None,
            signature: Signature::VerifyAndStrip,
            keep_original: true,
        },
        attestation: None,
    }
}

fn rules(more: &str) -> Rules {
    Rules::parse(&format!("[[rule]]\nname = \"r\"\ndecide = \"grant\"\n{more}")).unwrap()
}

fn granted(rules: &Rules, session: &wire::Session) -> Option<Vec<String>> {
    match rules.decide(session) {
        Verdict::Grant(_, consent) => {
            assert!(consent.within(&session.consent));
            Some(consent.parts.iter().map(|part| part.text().to_owned()).collect())
        }
        _ => None,
    }
}

#[test]
fn a_rule_grants_what_is_both_asked_and_allowed() {
    let session = session("alice@sender.example");
    for (allowed, expected) in [
        ("[\"*/*\"]", Some(vec!["image/*", "video/mp4"])),
        ("[\"image/png\", \"video/*\"]", Some(vec!["image/png", "video/mp4"])),
        ("[\"image/*\", \"image/png\"]", Some(vec!["image/*", "image/png"])),
        ("[\"text/plain\"]", None),
        ("[]", None),
    ] {
        let granted = granted(&rules(&format!("parts = {allowed}")), &session);
        assert_eq!(granted, expected.map(|parts| parts.into_iter().map(Into::into).collect()), "{allowed}");
    }
}

#[test]
fn only_what_is_protected_and_encrypted_again_is_granted_unless_a_rule_says_more() {
    let mut clear = session("alice@sender.example");
    clear.consent.output = Output::MmsCleartext;
    let mut loose = session("alice@sender.example");
    loose.message.integrity = Integrity::None;
    for session in [&clear, &loose] {
        assert_eq!(rules("").decide(session), Verdict::Leave);
    }
    assert!(granted(&rules("output = [\"mms-cleartext\"]"), &clear).is_some());
    assert!(granted(&rules("integrity = [\"aead\", \"none\"]"), &loose).is_some());
    let refusing = Rules::parse("[[rule]]\nname = \"r\"\ndecide = \"refuse\"").unwrap();
    assert!(matches!(refusing.decide(&loose), Verdict::Refuse(_)));
}

#[test]
fn a_sender_who_hides_behind_another_address_fits_no_rule() {
    let rules = rules("from = [\"*@sender.example\"]");
    for from in [
        "alice@sender.example",
        "Alice <ALICE@Sender.Example>",
        "\"A, B\" <a@sender.example>",
        "<a@sender.example> ",
    ] {
        assert!(granted(&rules, &session(from)).is_some(), "{from}");
    }
    for from in [
        "",
        "alice@sender.example.evil.example",
        "alice@sender.example, mallory@evil.example",
        "\"alice@sender.example\" <mallory@evil.example>",
        "<mallory@evil.example> alice@sender.example",
        "mallory@evil.example (alice@sender.example)",
        "alice@sender.example>",
        "sender.example",
    ] {
        assert!(granted(&rules, &session(from)).is_none(), "{from}");
    }
}

#[test]
fn a_star_stands_for_any_characters() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*", "abc", true),
        ("*c", "abc", true),
        ("a*c", "abc", true),
        ("a*b*c", "aXbYc", true),
        ("a*b*c", "acb", false),
        ("ab*ba", "aba", false),
        ("abc", "abcd", false),
        ("", "", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn the_first_rule_that_fits_decides_and_a_word_that_is_not_known_is_a_fault() {
    let rules = Rules::parse(
        "[[rule]]\nname = \"large\"\ndecide = \"refuse\"\nmax_octets = 10\n[[rule]]\nname = \"rest\"\ndecide = \"grant\"\n",
    )
    .unwrap();
    let Verdict::Grant(rule, _) = rules.decide(&session("a@b.example")) else { panic!("not granted") };
    assert_eq!(rule.name, "rest");
    for text in [
        "[[rule]]\nname = \"x\"\ndecide = \"perhaps\"",
        "[[rule]]\nname = \"x\"\ndecide = \"grant\"\nform = []",
    ] {
        assert!(Rules::parse(text).is_err_and(|fault| fault.to_string().contains("line")), "{text}");
    }
}
