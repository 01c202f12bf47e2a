//! The laws of the tables, over the embedded ones and over faulty ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloc::{format, string::String, vec::Vec};
use cedrat_message::{Class, DeliveryStatus, Permanence, Priority, ReadStatus, Reason};

use super::*;
use crate::words::{self, Word};

fn embedded() -> Tables {
    Tables::embedded().unwrap_or_else(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("{fault}")).collect();
        panic!("{}", lines.join("\n"))
    })
}

#[test]
fn the_embedded_tables_obey_every_law() {
    let tables = embedded();
    for &interface in Interface::WIRES {
        assert_eq!(tables.rows(interface).count(), Field::ALL.len());
    }
}

#[test]
fn a_token_reads_back_to_the_value_that_wrote_it() {
    let tables = embedded();
    let row = tables.mm4(Field::Priority);
    for value in [Priority::High, Priority::Low, Priority::Normal] {
        assert_eq!(row.read::<Priority>(row.write(&value).unwrap()), Some(value));
    }
    assert_eq!(row.read::<Priority>(" HIGH "), Some(Priority::High));
    assert_eq!(row.read::<Priority>("urgent"), None);
    assert_eq!(tables.mm4(Field::Class).write(&Class::Other("x".into())), None);
    assert_eq!(tables.mail(Field::Priority).read::<Priority>("2"), Some(Priority::High));
    assert_eq!(tables.mail(Field::Priority).write(&Priority::Normal), None);
}

#[test]
fn a_temporary_failure_stays_temporary_on_every_wire() {
    let tables = embedded();
    for &reason in Reason::ALL {
        let (code, (class, subject, detail)) = tables.smtp(reason);
        let expected = if reason.permanence() == Permanence::Permanent { 5 } else { 4 };
        assert_eq!((code / 100, class), (expected, expected as u8), "{}", reason.token());
        assert_eq!(
            tables.reason_of_smtp(code, Some((class, subject, detail))).permanence(),
            reason.permanence()
        );
        assert_eq!(tables.reason_of_smtp(code, None).permanence(), reason.permanence());
        let back = tables.reason_of_request_status(tables.request_status(reason));
        assert_eq!(back.permanence(), reason.permanence(), "{}", reason.token());
    }
}

#[test]
fn every_code_of_smtp_reads_to_a_reason_of_its_class() {
    let tables = embedded();
    for code in 400..600 {
        let expected = if code >= 500 { Permanence::Permanent } else { Permanence::Transient };
        for class in [2, 4, 5] {
            for subject in 0..=8 {
                for detail in 0..=30 {
                    let reason = tables.reason_of_smtp(code, Some((class, subject, detail)));
                    assert_eq!(reason.permanence(), expected, "{code} {class}.{subject}.{detail}");
                }
            }
        }
        assert_eq!(tables.reason_of_smtp(code, None).permanence(), expected);
    }
    assert_eq!(tables.reason_of_smtp(0, Some((5, 1, 1))), Reason::RecipientUnknown);
    assert_eq!(tables.reason_of_smtp(552, Some((5, 3, 4))), Reason::MessageTooLarge);
}

#[test]
fn every_outcome_reads_back_from_its_own_word() {
    let tables = embedded();
    let quirks = Quirks::default();
    for word in words::DELIVERY {
        let status = DeliveryStatus::of_word(word).unwrap();
        let (token, extension) = tables.mm_status(status);
        assert_eq!(tables.delivery_of_mm_status(token, extension, &quirks), Some(status));
    }
    for word in words::READ {
        let status = ReadStatus::of_word(word).unwrap();
        assert_eq!(tables.read_of_mm4(tables.read_status(status)), Some(status));
        assert_eq!(tables.read_of_mdn(tables.disposition(status), false), Some(status));
    }
    assert_eq!(
        tables.delivery_of_mm_status("unrecognized", None, &quirks),
        Some(DeliveryStatus::Unrecognised)
    );
    assert_eq!(tables.read_of_mdn("denied", false), None);
    assert_eq!(tables.result_of_request_status("ok", &quirks), Ok(()));
    assert_eq!(tables.result_of_request_status("Error-transient-whatever", &quirks), Err(Reason::TryLater));
}

/// A field table of one row that is well but for what a test replaces.
const ROW: &str = "interface = \"mm4\"\nspec = \"s\"\n[[field]]\ncanonical = \"priority\"\nheader = \"X-Mms-Priority\"\n\
    read = \"token\"\nvalues = { Low = \"low\", Normal = \"normal\", High = \"high\" }\nfidelity = \"exact\"\n";

fn faults(path: &str, text: &str) -> Vec<Diagnostic> {
    Tables::with_operator(&[Source { path, text }]).err().unwrap_or_else(|| panic!("no fault in\n{text}"))
}

#[track_caller]
fn one_fault(path: &str, text: &str, place: (usize, usize), message: &str, hint: Option<&str>) {
    let found = faults(path, text);
    let lines: Vec<String> = found.iter().map(|fault| format!("{fault}")).collect();
    assert_eq!(found.len(), 1, "{}", lines.join("\n"));
    let fault = found.first().unwrap();
    assert_eq!((fault.path.as_str(), fault.line, fault.column), (path, place.0, place.1), "{fault}");
    assert!(fault.message.contains(message), "{fault}");
    assert_eq!(fault.hint.as_deref(), hint, "{fault}");
}

#[test]
fn every_fault_of_a_field_table_is_found_at_its_place() {
    let check = |from: &str, to: &str, place, message, hint| {
        assert!(ROW.contains(from), "{from}");
        one_fault("own/fields/mm4.toml", &ROW.replace(from, to), place, message, hint);
    };
    check(
        "interface = \"mm4\"",
        "interface = \"mm5\"",
        (1, 13),
        "`mm5` is not an interface",
        Some("did you mean `mm4`?"),
    );
    check("interface = \"mm4\"\n", "", (1, 1), "`interface` is missing", None);
    check(
        "\"priority\"",
        "\"prioritiy\"",
        (4, 13),
        "`prioritiy` is not a field",
        Some("did you mean `priority`?"),
    );
    check("canonical = \"priority\"\n", "", (3, 1), "`canonical` is missing", None);
    check(
        "read = \"token\"",
        "read = \"tokens\"",
        (6, 8),
        "`tokens` is not a reader",
        Some("did you mean `token`?"),
    );
    check("read = \"token\"", "read = 7", (6, 8), "`read` must be a string", None);
    check(
        "fidelity = \"exact\"",
        "fidelity = \"exakt\"",
        (8, 12),
        "`exakt` is not a fidelity",
        Some("did you mean `exact`?"),
    );
    check(
        "fidelity = \"exact\"",
        "fidelity = \"lossy\"",
        (3, 1),
        "`priority` is lossy and needs a `note`",
        None,
    );
    check("header = \"X-Mms-Priority\"", "header = \"X Mms\"", (5, 10), "`X Mms` is not a header name", None);
    check("header = \"X-Mms-Priority\"\n", "", (3, 1), "needs a `header`", None);
    check(
        "X-Mms-Priority",
        "X-Mms-Priorty",
        (5, 10),
        "not a header that MM4",
        Some("did you mean `X-Mms-Priority`?"),
    );
    check(
        "\"X-Mms-Priority\"",
        "\"X-Mms-Priority\"\nalias = [\"a\"]",
        (6, 1),
        "`alias` is not a key",
        Some("did you mean `aliases`?"),
    );
    check(
        "\"X-Mms-Priority\"",
        "\"X-Mms-Priority\"\naliases = [\"subject\"]",
        (6, 12),
        "header `subject` already carries the field `subject`",
        None,
    );
    check(
        "High = \"high\"",
        "High = \"hihg\"",
        (7, 51),
        "`hihg` is not a value of `priority`",
        Some("did you mean `high`?"),
    );
    check(
        "High = \"high\"",
        "High = \"low\"",
        (7, 51),
        "two tokens are written for `low`",
        Some("tokens that are only read belong to `accept`"),
    );
    check("fidelity", "accept = { LOW = \"low\" }\nfidelity", (8, 12), "`LOW` is mapped twice", None);
    check(
        "fidelity = \"exact\"\n",
        "fidelity = \"exact\"\n[[field]]\ncanonical = \"priority\"\nheader = \"X\"\nread = \"none\"\nfidelity = \"exact\"\n",
        (9, 1),
        "has a row in this file already",
        None,
    );
    check(
        "fidelity = \"exact\"\n",
        "[field.inbound]\nfidelity = \"exact\"\n",
        (3, 1),
        "outbound has no `fidelity`",
        None,
    );
}

#[test]
fn all_faults_are_reported_at_once_in_the_order_of_the_file() {
    let text =
        ROW.replace("spec = \"s\"\n", "").replace("\"token\"", "\"tokn\"").replace("\"exact\"", "\"eksact\"");
    let places: Vec<_> = faults("own/fields/mm4.toml", &text).iter().map(|fault| fault.line).collect();
    assert!(places.len() >= 3 && places.is_sorted(), "{places:?}");
    let broken = faults("own/fields/mm4.toml", "interface = \n[[field\nx = = 1\n");
    assert!(broken.len() >= 2, "{broken:?}");
    assert!(broken.iter().all(|fault| fault.line >= 1));
}

#[test]
fn a_table_without_a_row_for_every_field_is_not_whole() {
    let found = Tables::compile(&[Source { path: "fields/mm4.toml", text: ROW }]).unwrap_err();
    let missing = found.first().unwrap();
    assert_eq!((missing.line, missing.column), (1, 1));
    assert!(missing.message.contains("no row for: automatic, bcc") && !missing.message.contains("priority"));
}

#[test]
fn every_fault_of_a_status_table_is_found_at_its_place() {
    let smtp = |row: &str, place, message, hint| {
        one_fault("own/status/smtp.toml", &format!("spec = \"s\"\n{row}"), place, message, hint);
    };
    let reason = |code: &str, enhanced: &str| {
        format!("[[reason]]\ncanonical = \"try-later\"\ncode = {code}\nenhanced = \"{enhanced}\"\n")
    };
    smtp(&reason("550", "4.0.0"), (4, 8), "`try-later` is Transient and cannot be `550`", Some("a 4xx code"));
    smtp(&reason("450", "5.0.0"), (5, 12), "cannot be `5.0.0`", Some("a 4.y.z code"));
    smtp(&reason("250", "4.0.0"), (4, 8), "`250` is not a 4xx or 5xx reply code", None);
    smtp(&reason("-1", "4.0.0"), (4, 8), "`code` must be a whole number", None);
    smtp(&reason("450", "4.0"), (5, 12), "`4.0` is not an enhanced status code", None);
    smtp(
        &reason("450", "4.0.0").replace("try-later", "try-latter"),
        (3, 13),
        "is not a reason",
        Some("did you mean `try-later`?"),
    );
    smtp(&format!("{0}{0}", reason("450", "4.0.0")), (6, 1), "has a row in this file already", None);
    smtp(
        "[[status]]\nenhanced = \"5.1.1\"\n",
        (3, 12),
        "not a subject and detail",
        Some("subject and detail without the class, such as `1.1` or `1.*`"),
    );
    smtp(
        "[[status]]\nenhanced = \"1.1\"\ntransient = \"recipient-unknown\"\n",
        (4, 13),
        "only a reason that is Transient",
        None,
    );
    smtp(
        "[[code]]\ncode = 450\ncanonical = \"rejected\"\n",
        (4, 13),
        "only a reason that is Transient",
        None,
    );
    smtp("[fallback]\ntransient = \"try-later\"\n", (2, 1), "`permanent` is missing", None);
    one_fault(
        "own/status/smtq.toml",
        "spec = \"s\"\n",
        (1, 1),
        "`smtq` is not a status table",
        Some("did you mean `smtp`?"),
    );

    let request = "spec = \"s\"\n[[reason]]\ncanonical = \"try-later\"\ntoken = \"Error-unspecified\"\n\
        [[token]]\ntoken = \"Error-unspecified\"\ncanonical = \"rejected\"\n";
    one_fault("own/status/mm4-request.toml", request, (4, 9), "reads to `rejected`", None);
    let foreign =
        request.replace("Error-unspecified", "Error-transient-failure").replace("rejected", "try-later");
    one_fault("own/status/mm4-request.toml", &foreign, (4, 9), "not a token that MM4 has", None);

    let delivery = "spec = \"s\"\n[[status]]\ncanonical = \"expired\"\nmm4 = \"Expired\"\naction = \"failed\"\nenhanced = \"5.4.7\"\n";
    let check = |from: &str, to: &str, place, message, hint| {
        one_fault("own/status/delivery.toml", &delivery.replace(from, to), place, message, hint);
    };
    check("5.4.7", "4.4.7", (6, 12), "does not go with this class", Some("a 5.y.z code (RFC 3464 §2.3.4)"));
    check("\"failed\"", "\"faild\"", (5, 10), "not an action of RFC 3464", Some("did you mean `failed`?"));
    check("\"expired\"", "\"expire\"", (3, 13), "not one of the outcomes", Some("did you mean `expired`?"));
    check("\"Expired\"", "\"Unreachable\"", (4, 7), "not a token that MM4 has", None);
}

#[test]
fn every_fault_of_a_quirk_profile_is_found_at_its_place() {
    let check =
        |text: &str, place, message, hint| one_fault("own/quirks/shape.toml", text, place, message, hint);
    check("ack = \"never\"\n", (1, 1), "`evidence` is missing", None);
    check("evidence = \" \"\n", (1, 12), "without evidence", None);
    let with = |line: &str| format!("evidence = \"seen\"\n{line}\n");
    check(&with("ack = \"nevr\""), (2, 7), "`nevr` is not a value of `ack`", Some("did you mean `never`?"));
    check(&with("akc = \"never\""), (2, 1), "`akc` is not a key", Some("did you mean `ack`?"));
    check(&with("max_parts = 0"), (2, 13), "must be more than 0", None);
    check(
        &with("ack_timeout = \"300\""),
        (2, 15),
        "not a span of time",
        Some("a number and a unit, such as `300 s`, `5 min`, `24 h` or `7 d`"),
    );
    check(
        &with("expiry_clamp = { min = \"2 d\", max = \"1 d\" }"),
        (2, 16),
        "`min` is later than `max`",
        None,
    );
    check(
        &with("status_map = { Forwarded = \"retreived\" }"),
        (2, 28),
        "no delivery status",
        Some("did you mean `retrieved`?"),
    );
    check(&with("strip_headers = [\"X: y\"]"), (2, 18), "not a header name", None);
    check(&with("envelope_domain = 1"), (2, 19), "must be true or false", None);
    check(&with("mms_version = \"\""), (2, 15), "is not a version", None);
    one_fault(
        "own/quirk/shape.toml",
        "evidence = \"seen\"\n",
        (1, 1),
        "`quirk` is not a folder",
        Some("did you mean `quirks`?"),
    );
}

#[test]
fn every_fault_of_an_address_table_is_found_at_its_place() {
    let form = "interface = \"mail\"\nspec = \"s\"\n[[form]]\nkind = \"ip\"\nexample = \"x\"\nfidelity = \"exact\"\n";
    let check = |from: &str, to: &str, place, message, hint| {
        one_fault("own/address/mail.toml", &form.replace(from, to), place, message, hint);
    };
    check("\"ip\"", "\"i\"", (4, 8), "not a kind of address", Some("did you mean `ip`?"));
    check("\"exact\"", "\"lossy\"", (3, 1), "needs a `note`", None);
    check("spec = \"s\"\n", "", (1, 1), "`spec` is missing", None);
}

#[test]
fn an_operator_changes_rows_and_keeps_the_others() {
    let own = ROW.replace("X-Mms-Priority\"", "X-Mms-Priority\"\naliases = [\"X-Urgency\"]");
    let tables = Tables::with_operator(&[Source { path: "etc/fields/mm4.toml", text: &own }]).unwrap();
    assert_eq!(tables.field_of_header(Interface::Mm4, "x-urgency"), Some(Field::Priority));
    assert_eq!(tables.mm4(Field::Priority).path, "etc/fields/mm4.toml");
    assert_eq!(tables.mm4(Field::Subject).path, "mappings/fields/mm4.toml");
    let quirk =
        Source { path: "etc/quirks/own-hub.toml", text: "evidence = \"seen\"\nmax_octets = 614400\n" };
    let tables = Tables::with_operator(&[quirk]).unwrap();
    let quirks = tables.quirks(&["related-quoted-ids", "own-hub"]).unwrap();
    assert_eq!((quirks.max_octets, quirks.id_quotes), (614_400, cedrat_wire_mms::quirks::IdQuotes::Add));
    assert!(quirks.evidence.contains("seen") && quirks.evidence.contains("quoted IDs"));
    let fault = tables.quirks(&["own-hubb"]).unwrap_err();
    assert_eq!(fault.first().unwrap().nearest.as_deref(), Some("own-hub"));
}

#[test]
fn every_profile_changes_something_and_cites_where_it_was_seen() {
    let tables = embedded();
    assert!(tables.profiles().count() >= 9);
    for profile in tables.profiles() {
        assert!(!profile.evidence.is_empty() && !profile.keys.is_empty(), "{}", profile.name);
        let quirks = tables.quirks(&[profile.name.as_str()]).unwrap();
        assert_ne!(
            Quirks { evidence: Quirks::default().evidence, ..quirks },
            Quirks::default(),
            "{}",
            profile.name
        );
    }
}
