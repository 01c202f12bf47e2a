//! Clock values (SMIL 2.0 §10.3.1): how long and from when.
//!
//! Offsets only: a value that waits for an event or another element says nothing here.

/// A clock value in milliseconds; `None` for `indefinite`, `media`, and what is none.
///
/// `02:30:03`, `02:33`, `7.5s`, `5000ms`, `2min`, `1h`, `5` (seconds). More than `u64` holds is its
/// largest value.
pub(super) fn read(value: &str) -> Option<u64> {
    let value = value.trim();
    if value.contains(':') {
        return full(value);
    }
    let end = value.bytes().position(|octet| !octet.is_ascii_digit() && octet != b'.');
    let (number, unit) = value.split_at_checked(end.unwrap_or(value.len()))?;
    let unit = unit.trim();
    let scale = if unit.is_empty() || unit.eq_ignore_ascii_case("s") {
        1_000
    } else if unit.eq_ignore_ascii_case("ms") {
        1
    } else if unit.eq_ignore_ascii_case("min") {
        60_000
    } else if unit.eq_ignore_ascii_case("h") {
        3_600_000
    } else {
        return None;
    };
    scaled(number, scale)
}

/// `hh:mm:ss.f` or `mm:ss.f`.
fn full(value: &str) -> Option<u64> {
    let (rest, seconds) = value.rsplit_once(':')?;
    let (hours, minutes) = rest.split_once(':').unwrap_or(("0", rest));
    let whole = scaled(hours, 3_600_000)?.saturating_add(scaled(minutes, 60_000)?);
    Some(whole.saturating_add(scaled(seconds, 1_000)?))
}

/// A decimal number times `scale`; of the fraction, thousandths count.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let add = |sum: u64, octet: u8| sum.saturating_mul(10).saturating_add(u64::from(octet - b'0'));
    let thousandths = fraction.bytes().chain([b'0'; 3]).take(3).fold(0, add);
    let whole = whole.bytes().fold(0, add).saturating_mul(scale);
    Some(whole.saturating_add(thousandths.saturating_mul(scale) / 1_000))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::read;

    #[test]
    fn the_forms_of_the_standard_and_of_telephones_are_read() {
        for (value, wanted) in [
            ("5000ms", 5_000),
            ("5s", 5_000),
            (" 5 s ", 5_000),
            ("5", 5_000),
            ("00:00:05", 5_000),
            ("02:30:03", 9_003_000),
            ("50:00:10.25", 180_010_250),
            ("02:33", 153_000),
            ("00:10.5", 10_500),
            ("3.2h", 11_520_000),
            ("45min", 2_700_000),
            ("12.467", 12_467),
            (".5s", 500),
            ("0S", 0),
        ] {
            assert_eq!(read(value), Some(wanted), "{value}");
        }
        for value in ["indefinite", "media", "", "s", ".", "1.2.3s", "-5s", "a.end+3s", "1:", "::", "5 ms x"]
        {
            assert_eq!(read(value), None, "{value}");
        }
        assert_eq!(read(&"9".repeat(60)), Some(u64::MAX));
    }
}
