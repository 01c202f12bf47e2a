//! Business cards, calendars and charsets: no panic, what was written is read again without a loss, linear time.
#![no_main]

use cedrat_fuzz::linear;
use cedrat_text::{convert_calendar, convert_vcard, to_charset};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    check(data);
    linear(data, check);
});

fn check(data: &[u8]) {
    for version in ["2.1", "3.0"] {
        if let Ok((card, _)) = convert_vcard(data, version, Some(1_000)) {
            let (again, losses) = convert_vcard(&card, version, None).expect("what was written is a card");
            assert_eq!(losses, []);
            assert!(version == "3.0" || card.is_ascii());
            // A card names everything that cards need, so that a second pass has nothing to make.
            assert_eq!(names(&again), names(&card));
        }
    }
    for version in ["1.0", "2.0"] {
        if let Ok((calendar, _)) = convert_calendar(data, version) {
            convert_calendar(&calendar, version).expect("what was written is a calendar");
        }
    }
    let ascii = ["us-ascii".to_owned()];
    let (text, charset, _) = to_charset(data, "utf-8", &ascii).expect("below every bound");
    assert!(text.is_ascii() && charset == "us-ascii");
}

/// Names of the properties of a card as it is written: continued lines are of their first.
fn names(card: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(card).replace("\r\n ", "").replace("=\r\n", "");
    text.lines().filter_map(|line| line.split([':', ';']).next().map(str::to_owned)).collect()
}
