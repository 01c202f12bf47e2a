//! Dates (RFC 5322 §3.3 and §4.3), and the other forms that real peers put into Date headers.
//!
//! The fields are found by their shape, not by their place, so that RFC 5322, asctime (`Tue Nov  3
//! 10:00:00 2026`), JavaScript (`Tue Nov 03 2026 10:00:00 GMT+0100 (CET)`) and RFC 3339 forms are all read.
//! The weekday is not checked, because senders get it wrong.
//!
//! Not here: what to do with an absurd date. The clock of a sender is evidence, not truth.

use alloc::format;
use alloc::string::String;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const DAY_SECONDS: i64 = 86_400;

/// Milliseconds since 1970-01-01T00:00:00Z; none when a field is missing or out of range. Without a zone the
/// date is UTC (RFC 5322 §3.3 reads the unknown `-0000` so).
pub fn date(value: &str) -> Option<i64> {
    let mut fields = Fields::default();
    let mut depth = 0_usize;
    let separators = |c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '"');
    for token in value.split_inclusive(separators).take(64) {
        let word = token.trim_end_matches(separators);
        if depth == 0 && !word.is_empty() {
            fields.take(word)?;
        }
        match token.chars().next_back() {
            Some('(') => depth += 1,
            Some(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    fields.instant()
}

#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    seconds: Option<i64>,
    millis: i64,
    offset: i64,
}

impl Fields {
    /// `None` when the word belongs to no date.
    fn take(&mut self, word: &str) -> Option<()> {
        let digits = word.bytes().all(|octet| octet.is_ascii_digit());
        if digits && word.len() <= 2 && self.day.is_none() {
            self.day = Some(word.parse().ok()?);
        } else if digits && (2..=4).contains(&word.len()) && self.year.is_none() {
            self.year = Some(full_year(word)?);
        } else if digits {
            return None;
        } else if word.starts_with(['+', '-']) {
            self.offset = offset(word)?;
        } else if let Some((day, time)) = word.split_once(['T', 't']).filter(|_| iso_day(word)) {
            self.iso_date(day)?;
            self.time_and_zone(time)?;
        } else if iso_day(word) {
            self.iso_date(word)?;
        } else if word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit()) {
            self.time_and_zone(word)?;
        } else if word.contains('-') {
            // 03-Nov-2026, as IMAP and old mailers write.
            for part in word.split('-') {
                self.take(part).filter(|()| !part.is_empty())?;
            }
        } else {
            self.name(word)?;
        }
        Some(())
    }

    fn name(&mut self, word: &str) -> Option<()> {
        let start = word.get(..3).unwrap_or(word);
        let is_start = |name: &str| name.eq_ignore_ascii_case(start);
        if self.month.is_none()
            && let Some(month) = MONTHS.iter().position(|name| is_start(name))
        {
            self.month = Some(i64::try_from(month).ok()? + 1);
        } else if !WEEKDAYS.iter().any(|name| is_start(name)) {
            self.offset = zone(word)?;
        }
        Some(())
    }

    fn iso_date(&mut self, word: &str) -> Option<()> {
        let mut numbers = word.splitn(3, '-').map(|number| number.parse().ok());
        self.year = numbers.next()?;
        self.month = numbers.next()?;
        self.day = numbers.next()?;
        Some(())
    }

    /// `10:00`, `10:00:00`, `10:00:00.123Z`, `10:00:00+01:00`.
    fn time_and_zone(&mut self, word: &str) -> Option<()> {
        let end = word.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).unwrap_or(word.len());
        let (time, zone_word) = word.split_at(end);
        let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
        let mut numbers = time.splitn(3, ':').map(|number| number.parse::<i64>().ok());
        let (hours, minutes) = (numbers.next()??, numbers.next()??);
        let seconds = numbers.next().map_or(Some(0), |seconds| seconds)?;
        // 60 is a leap second; it counts as the second after.
        if !(0..24).contains(&hours) || !(0..60).contains(&minutes) || !(0..=60).contains(&seconds) {
            return None;
        }
        self.seconds = Some(hours * 3600 + minutes * 60 + seconds);
        if !fraction.is_empty() {
            self.millis = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        }
        if !zone_word.is_empty() {
            self.offset = zone(zone_word)?;
        }
        Some(())
    }

    fn instant(&self) -> Option<i64> {
        let (year, month, day) = (self.year?, self.month?, self.day?);
        if !(1900..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let days = days_from_civil(year, month, day);
        // The 31st of a short month is no date.
        if civil_from_days(days) != (year, month, day) {
            return None;
        }
        Some((days * DAY_SECONDS + self.seconds? - self.offset) * 1000 + self.millis)
    }
}

fn iso_day(word: &str) -> bool {
    let shape = |(at, octet): (usize, u8)| match at {
        4 | 7 => octet == b'-',
        _ => octet.is_ascii_digit(),
    };
    word.len() >= 10 && word.bytes().take(10).enumerate().all(shape)
}

/// RFC 5322 §4.3: 00 to 49 are of this century, 50 to 99 of the last, three digits count from 1900.
fn full_year(word: &str) -> Option<i64> {
    let year: i64 = word.parse().ok()?;
    Some(match word.len() {
        2 if year < 50 => year + 2000,
        2 | 3 => year + 1900,
        _ => year,
    })
}

/// `+0100`, `+01:00`, `+01`, in seconds east.
fn offset(word: &str) -> Option<i64> {
    let sign = if word.starts_with('-') { -1 } else { 1 };
    let digits: String = word.chars().skip(1).filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = digits.split_at_checked(2)?;
    let hours: i64 = hours.parse().ok()?;
    let minutes: i64 = if minutes.is_empty() { 0 } else { minutes.parse().ok()? };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Named zones. The military letters other than Z are read as UTC, because RFC 822 had their signs wrong.
fn zone(word: &str) -> Option<i64> {
    if word.starts_with(['+', '-']) {
        return offset(word);
    }
    if let Some((name, rest)) = word.split_at_checked(3)
        && matches!(name, "GMT" | "UTC")
        && rest.starts_with(['+', '-'])
    {
        return offset(rest);
    }
    let hours = match word.to_ascii_uppercase().as_str() {
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        "CET" | "MEZ" | "BST" => 1,
        "CEST" | "MESZ" | "EET" => 2,
        name if name.len() <= 5 && name.bytes().all(|octet| octet.is_ascii_alphabetic()) => 0,
        _ => return None,
    };
    Some(hours * 3600)
}

/// An instant as RFC 5322 writes it, in UTC: `Tue, 3 Nov 2026 10:00:00 +0000`.
pub fn format_date(unix_ms: i64) -> String {
    let seconds = unix_ms.div_euclid(1000);
    let (days, time) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
    let (year, month, day) = civil_from_days(days);
    let name =
        |names: &[&'static str], at: i64| usize::try_from(at).ok().and_then(|at| names.get(at).copied());
    let weekday = name(&WEEKDAYS, days.rem_euclid(7)).unwrap_or_default();
    let month = name(&MONTHS, month - 1).unwrap_or_default();
    let (hours, minutes, seconds) = (time / 3600, time / 60 % 60, time % 60);
    format!("{weekday}, {day} {month} {year:04} {hours:02}:{minutes:02}:{seconds:02} +0000")
}

/// Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_one_instant_is_read() {
        for value in [
            "Tue, 3 Nov 2026 10:00:00 +0100",
            "3 Nov 2026 10:00:00 +0100",
            "Tue,3 November 2026 10:00 +0100 (CET)",
            "Tue, 03 Nov 26 09:00:00 GMT",
            "Tue, 3 Nov 2026 04:00:00 EST",
            "Tue Nov  3 09:00:00 2026",
            "Tue Nov 03 2026 10:00:00 GMT+0100 (Central European (Standard) Time)",
            "2026-11-03T10:00:00+01:00",
            "2026-11-03T09:00:00.000Z",
            "2026-11-03 09:00:00",
            "03-Nov-2026 10:00:00 +0100",
            "Tue, 3 (a comment) Nov 2026 10:00:00 +0100",
        ] {
            assert_eq!(date(value), Some(1_793_696_400_000), "{value}");
        }
        assert_eq!(date("1970-01-01T00:00:00.25Z"), Some(250));
    }

    #[test]
    fn the_examples_of_rfc_5322_are_read() {
        assert_eq!(date("Fri, 21 Nov 1997 09:55:06 -0600"), Some(880_127_706_000));
        assert_eq!(
            date(
                "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)"
            ),
            Some(-27_723_480_000)
        );
        assert_eq!(date("21 Nov 97 09:55:06 GMT"), Some(880_106_106_000));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for value in [
            "",
            "yesterday",
            "Tue, 31 Feb 2026 10:00:00 +0000",
            "3 Nov 2026",
            "3 Nov 2026 25:00:00 +0000",
            "Tue, 3 Nov 2026 10:00:00 +9900",
            "1 2 3 4",
            "99999999999",
            "3 Nov 123456 10:00",
        ] {
            assert_eq!(date(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_written_date_is_read_back(seconds in -2_208_988_800_i64..253_402_300_800) {
            prop_assert_eq!(date(&format_date(seconds * 1000)), Some(seconds * 1000));
        }

        #[test]
        fn no_value_breaks_the_reader(value in "[0-9A-Za-zT:+. ,()-]{0,60}|\\PC{0,40}", ms in any::<i64>()) {
            let _ = (date(&value), format_date(ms));
        }
    }
}
