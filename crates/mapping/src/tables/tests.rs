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
