#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use cedrat_message::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::seal::tests::{document, of_length};

fn text(octets: &[u8]) -> &str {
    core::str::from_utf8(octets).unwrap()
}

#[test]
fn members_are_in_the_order_of_rfc_8785_section_3_2_3() {
    let value = json!({
        "\u{20ac}": "Euro Sign",
        "\r": "Carriage Return",
        "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\u{1f600}": "Emoji: Grinning Face",
        "\u{80}": "Control",
        "\u{f6}": "Latin Small Letter O With Diaeresis"
    });
    let canonical = canonical(&value).unwrap();
    let mut at = 0;
    for word in ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"] {
        let found = text(&canonical).find(word).unwrap();
        assert!(found > at, "{word}");
        at = found;
    }
}

#[test]
fn strings_are_escaped_as_in_rfc_8785_section_3_2_2_2() {
    let value = json!({ "string": "\u{20ac}$\u{f}\nA'B\"\\\\\"/", "literals": [null, true, false] });
    assert_eq!(
        text(&canonical(&value).unwrap()),
        "{\"literals\":[null,true,false],\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
    );
}

#[test]
fn numbers_that_some_reader_would_round_have_no_canonical_form() {
    for number in [json!(0), json!(-1), json!(9_007_199_254_740_991_u64), json!(-9_007_199_254_740_991_i64)] {
        assert_eq!(text(&canonical(&number).unwrap()), number.to_string());
    }
    for number in [json!(0.5), json!(1.0), json!(1_u64 << 53), json!(u64::MAX), json!(i64::MIN)] {
        assert_eq!(canonical(&number), Err(NotCanonical), "{number}");
    }
}

#[test]
fn times_are_those_of_rfc_3339_section_5_8() {
    let times = [
        ("1985-04-12T23:20:50.52Z", 482_196_050_520),
        ("1996-12-19T16:39:57-08:00", 851_042_397_000),
        ("1990-12-31T23:59:60Z", 662_688_000_000),
        ("1990-12-31T15:59:60-08:00", 662_688_000_000),
        ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130),
        ("2024-02-29t00:00:00.0009z", 1_709_164_800_000),
    ];
    for (text, millis) in times {
        assert_eq!(Time::parse(text), Some(Time(Timestamp(millis))), "{text}");
    }
    assert_eq!(Time(Timestamp(482_196_050_520)).to_string(), "1985-04-12T23:20:50.520Z");
    assert_eq!(Time(Timestamp(0)).to_string(), "1970-01-01T00:00:00Z");
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "T",
        "2023-02-29T00:00:00Z",
        "2023-13-01T00:00:00Z",
        "2023-01-01T24:00:00Z",
        "2023-01-01",
        "2023-01-01T00:00:00",
        "2023-01-01T00:00:00.Z",
        "23-01-01T00:00:00Z",
        "2023-01-01T00:00Z",
        "2023-01-01T00:00:00+1:00",
        "2023-01-01T00:00:00+01:60",
        "2023-01-01T00:00:00Z ",
        "+023-01-01T00:00:00Z",
        "2023-1-01T00:00:00Z",
        "\u{662}023-01-01T00:00:00Z",
    ] {
        assert_eq!(Time::parse(text), None, "{text}");
    }
}

#[test]
fn octets_have_one_spelling() {
    assert_eq!(Octets(vec![0xfb, 0xff]).encoded(), "-_8");
    for text in ["+/8", "-_8=", "-_9", "-", "-_8 "] {
        assert_eq!(Octets::decode(text), None, "{text}");
    }
    assert_eq!(Digest::decode(&Octets(vec![0; 31]).encoded()), None);
}

#[test]
fn a_session_is_read_as_it_was_written_and_members_of_a_later_version_are_passed_over() {
    let document = document();
    let mut value = serde_json::to_value(&document).unwrap();
    assert_eq!(serde_json::from_value::<Session>(value.clone()).unwrap(), document);
    assert_eq!(value["state"], "awaiting_key");
    assert_eq!(value["recipients"][0]["type"], "ktri");
    assert_eq!(value["seal"]["kem"], 16);
    assert_eq!(value["message"]["format"], "cms-auth-enveloped");
    assert_eq!(value["message"]["content_alg"]["key_bytes"], 32);
    value["message"]["colour"] = "blue".into();
    assert_eq!(serde_json::from_value::<Session>(value).unwrap(), document);
}

#[test]
fn a_grant_with_a_member_that_is_not_understood_is_refused() {
    let mut value = json!({ "recipient_index": 0, "enc": "", "ct": "" });
    assert!(serde_json::from_value::<Grant>(value.clone()).is_ok());
    value["cek"] = "AAAA".into();
    assert!(serde_json::from_value::<Grant>(value).is_err());
}

#[test]
fn a_session_that_contradicts_itself_is_found_out() {
    type Change = fn(&mut Session);
    let changes: [(Change, Inconsistent); 11] = [
        (|s| s.message.content_alg.key_bytes = 16, Inconsistent::ContentAlgorithm),
        (|s| s.message.content_alg.name = "aes-256-cbc".into(), Inconsistent::ContentAlgorithm),
        (|s| s.message.content_alg.name = "rot13".into(), Inconsistent::ContentAlgorithm),
        (|s| s.message.content_alg.oid = "2.16.840.1.101.3.4.1.42".into(), Inconsistent::ContentAlgorithm),
        (|s| s.message.content_alg.der.0.clear(), Inconsistent::ContentAlgorithm),
        (|s| s.message.format = Format::CmsEnveloped, Inconsistent::ContentAlgorithm),
        (|s| s.message.integrity = Integrity::None, Inconsistent::ContentAlgorithm),
        (|s| s.recipients[0].der.0.push(0), Inconsistent::RecipientDigest(0)),
        (|s| s.recipients.push(s.recipients[0].clone()), Inconsistent::RecipientIndex(0)),
        (|s| s.seal.suite.aead = 1, Inconsistent::Seal),
        (|s| s.seal.info.push('!'), Inconsistent::Seal),
    ];
    assert_eq!(document().check(), Ok(()));
    for (change, expected) in changes {
        let mut document = document();
        change(&mut document);
        assert_eq!(document.check(), Err(expected));
    }
}

fn signer() -> jws::Signer {
    jws::Signer::from_scalar("gw-2026-1", &of_length(32)).unwrap()
}

#[test]
fn a_signed_session_is_verified_with_the_pinned_key_alone() {
    let payload = serde_json::to_vec(&document()).unwrap();
    let token = signer().sign(&payload);
    assert_eq!(token, signer().sign(&payload), "signatures are deterministic");
    assert_eq!(jws::verify(&token, &[signer().public()]), Ok(payload.clone()));
    let other = jws::Signer::from_scalar("gw-2026-1", &[7; 32]).unwrap().public();
    assert_eq!(jws::verify(&token, &[other]), Err(jws::Rejected::Signature));
    let renamed = jws::Jwk { kid: "gw-2027-1".into(), ..signer().public() };
    assert_eq!(jws::verify(&token, &[renamed]), Err(jws::Rejected::UnknownKey));
    assert_eq!(jws::verify(&token, &[]), Err(jws::Rejected::UnknownKey));
    let no_point = jws::Jwk { y: Octets(vec![0; 32]), ..signer().public() };
    assert_eq!(jws::verify(&token, &[no_point]), Err(jws::Rejected::Key));
}

#[test]
fn the_algorithm_is_never_the_choice_of_the_token() {
    let pinned = [signer().public()];
    let part = |text: &str| Octets(text.as_bytes().to_vec()).encoded();
    for header in [
        r#"{"alg":"none","kid":"gw-2026-1","typ":"cedrat-handoff+jws"}"#,
        r#"{"alg":"HS256","kid":"gw-2026-1","typ":"cedrat-handoff+jws"}"#,
        r#"{"alg":"ES256","kid":"gw-2026-1","typ":"JWT"}"#,
        r#"{"alg":"ES256","kid":"gw-2026-1"}"#,
        r#"{"alg":"ES256","kid":"gw-2026-1","typ":"cedrat-handoff+jws","crit":["b64"]}"#,
        r#"{"alg":"ES256","alg":"ES256","kid":"gw-2026-1","typ":"cedrat-handoff+jws"}"#,
        "ES256",
    ] {
        let token = format!("{}.{}.", part(header), part("{}"));
        assert_eq!(jws::verify(&token, &pinned), Err(jws::Rejected::Header), "{header}");
    }
    for token in ["", ".", "..", "a.b", "a.b.c.d", "!.e30.e30"] {
        assert!(jws::verify(token, &pinned).is_err(), "{token}");
    }
}

/// The key of RFC 7515 A.3.1.
fn example() -> jws::Jwk {
    jws::Jwk {
        kty: "EC".into(),
        crv: "P-256".into(),
        x: Octets::decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU").unwrap(),
        y: Octets::decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0").unwrap(),
        kid: "any".into(),
        alg: "ES256".into(),
        usage: "sig".into(),
    }
}

#[test]
fn the_signature_of_rfc_7515_a_3_1_verifies_and_its_private_key_has_that_public_one() {
    let signed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                  cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = Octets::decode(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    )
    .unwrap();
    assert_eq!(example().verify(signed.as_bytes(), &signature.0), Ok(()));
    assert_eq!(example().verify(&signed.as_bytes()[1..], &signature.0), Err(jws::Rejected::Signature));
    let scalar = Octets::decode("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI").unwrap();
    assert_eq!(jws::Signer::from_scalar("any", &scalar.0).unwrap().public(), example());
}

#[test]
fn a_thumbprint_does_not_depend_on_the_name_of_the_key() {
    // Computed by another program.
    let thumbprint = "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U";
    assert_eq!(example().thumbprint().encoded(), thumbprint);
    assert_eq!(jws::Jwk { kid: "other".into(), ..example() }.thumbprint().encoded(), thumbprint);
}

proptest! {
    #[test]
    fn a_time_is_read_as_it_was_written(ms in -62_167_219_200_000_i64..253_402_300_800_000) {
        let time = Time(Timestamp(ms));
        prop_assert_eq!(Time::parse(&time.to_string()), Some(time));
    }

    #[test]
    fn no_text_breaks_the_reader_of_times(text in ".{0,40}", mixed in "[0-9T:.Z+-]{0,32}") {
        let _ = (Time::parse(&text), Time::parse(&mixed));
    }

    #[test]
    fn a_changed_token_is_refused(at in 0_usize..200, to in "[A-Za-z0-9_.-]") {
        let token = signer().sign(b"{\"id\":\"hs_1\"}");
        let mut changed: Vec<u8> = token.clone().into_bytes();
        let at = at % changed.len();
        changed[at] = to.as_bytes()[0];
        let changed = String::from_utf8(changed).unwrap();
        prop_assert!(changed == token || jws::verify(&changed, &[signer().public()]).is_err());
    }
}
