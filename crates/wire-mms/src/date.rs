//! Dates as MM4 peers write them: one lenient reader, three strict writers.
//!
//! Reads RFC 5322 §3.3 (with obsolete zones and years), the three HTTP forms of RFC 9110 §5.6.7
//! (IMF-fixdate, RFC 850, asctime), RFC 3339 §5.6, and the form that JavaScript prints
//! (`Tue Jan 18 2022 02:23:39 GMT+0200 (IST)`), which one operator sends in `Date:`.
//!
//! A time is `i64` milliseconds since 1970-01-01T00:00:00Z. It does not know the present: whether
//! a date is plausible is for the caller to judge.

use alloc::format;
use alloc::string::String;

/// Longer texts are no date; a bound so that a junk header costs nothing.
const MAX_OCTETS: usize = 256;
const MS_PER_DAY: i64 = 86_400_000;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Day names from the day of the epoch on: 1 January 1970 was a Thursday.
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// What has been recognised so far.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<u8>,
    day: Option<u8>,
    /// Milliseconds since midnight.
    time: Option<i64>,
    /// Offset east of UTC in minutes.
    zone: Option<i64>,
}

/// Reads a date in any of the forms above; `None` when it is none of them or names no real day.
///
/// A date without a zone is taken as UTC. Two-digit years follow RFC 5322 §4.3. A zone that is
/// unknown counts as UTC, as RFC 5322 §4.3 asks.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    if text.len() > MAX_OCTETS {
        return None;
    }
    let plain = without_comments(text);
    let mut fields = Fields::default();
    for word in plain.split(|c: char| c.is_ascii_whitespace() || c == ',' || c == '"') {
        if !word.is_empty() {
            fields.take(word)?;
        }
    }
    fields.unix_ms()
}

/// `Tue, 18 Jan 2022 02:23:39 +0200` (RFC 5322 §3.3), shown in the zone `offset` minutes east of
/// UTC. Milliseconds are cut.
#[must_use]
pub fn rfc5322(ms: i64, offset: i16) -> String {
    let minutes = i64::from(offset);
    let sign = if minutes < 0 { '-' } else { '+' };
    let away = minutes.abs();
    format!("{} {sign}{:02}{:02}", day_first(ms.saturating_add(minutes * 60_000)), away / 60, away % 60)
}

/// `Tue, 18 Jan 2022 00:23:39 GMT`: the IMF-fixdate of RFC 9110 §5.6.7, called HTTP-date in
/// TS 23.140. Milliseconds are cut.
#[must_use]
pub fn http(ms: i64) -> String {
    format!("{} GMT", day_first(ms))
}

/// `2022-01-18T00:23:39Z` (RFC 3339 §5.6), with `.mmm` only when there are milliseconds to show.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    let (year, month, day) = civil(ms.div_euclid(MS_PER_DAY));
    let (hour, minute, second, milli) = clock(ms);
    let fraction = if milli == 0 { String::new() } else { format!(".{milli:03}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

fn day_first(ms: i64) -> String {
    let days = ms.div_euclid(MS_PER_DAY);
    let (year, month, day) = civil(days);
    let (hour, minute, second, _) = clock(ms);
    let name = usize::try_from(days.rem_euclid(7)).ok().and_then(|n| DAYS.get(n)).unwrap_or(&"");
    let month = MONTHS.get(usize::from(month).saturating_sub(1)).unwrap_or(&"");
    format!("{name}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02}")
}

impl Fields {
    /// Takes one word of the text; `None` when the word contradicts what a date can hold.
    fn take(&mut self, word: &str) -> Option<()> {
        let signed = word.starts_with(['+', '-']);
        if let Some((date, time)) = word.split_once(['T', 't'])
            && date.contains('-')
            && date.bytes().all(|c| c.is_ascii_digit() || c == b'-')
        {
            self.take(date)?;
            return self.take_time(time);
        }
        let digit = word.starts_with(|c: char| c.is_ascii_digit());
        if signed {
            self.zone = Some(offset(word)?);
        } else if digit && word.contains(':') {
            self.take_time(word)?;
        } else if digit && word.contains('-') {
            self.take_dashed(word)?;
        } else if digit {
            self.take_number(word)?;
        } else if let Some(month) = month(word) {
            self.month = Some(month);
        } else if word.eq_ignore_ascii_case("AM") || word.eq_ignore_ascii_case("PM") {
            self.take_half(word.starts_with(['P', 'p']))?;
        } else if !is_day_name(word) {
            // A zone in words after one in digits says nothing new.
            let named = zone(word).filter(|_| self.time.is_some())?;
            self.zone = self.zone.or(Some(named));
        }
        Some(())
    }

    /// A number of one or two digits is the day, then the year; a longer one is the year.
    fn take_number(&mut self, digits: &str) -> Option<()> {
        let number: i64 = digits.parse().ok()?;
        if digits.len() <= 2 && self.day.is_none() {
            self.day = Some(u8::try_from(number).ok()?);
        } else if self.year.is_none() {
            self.year = Some(full_year(number, digits.len()));
        } else {
            return None;
        }
        Some(())
    }

    /// `06-Nov-94` or `2022-01-18`.
    fn take_dashed(&mut self, word: &str) -> Option<()> {
        let mut parts = word.splitn(3, '-');
        let (first, middle, last) = (parts.next()?, parts.next()?, parts.next()?);
        if first.len() == 4 {
            self.year = Some(first.parse().ok()?);
            self.month = Some(middle.parse().ok()?);
            self.day = Some(last.parse().ok()?);
        } else {
            self.day = Some(first.parse().ok()?);
            self.month = Some(month(middle)?);
            self.year = Some(full_year(last.parse().ok()?, last.len()));
        }
        Some(())
    }

    /// `02:23`, `02:23:39`, `02:23:39.25`, each with a zone glued on or not.
    fn take_time(&mut self, word: &str) -> Option<()> {
        let end = word.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(word.len());
        let (time, rest) = word.split_at_checked(end)?;
        let mut parts = time.splitn(3, ':');
        let hour: i64 = small(parts.next()?, 23)?;
        let minute: i64 = small(parts.next()?, 59)?;
        let (whole, fraction) = match parts.next() {
            Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "")),
            None => ("0", ""),
        };
        let second: i64 = small(whole, 60)?;
        let mut milli = 0;
        for (digit, weight) in fraction.bytes().zip([100, 10, 1]) {
            milli += i64::from(digit.checked_sub(b'0')?) * weight;
        }
        self.time = Some(((hour * 60 + minute) * 60 + second) * 1000 + milli);
        if !rest.is_empty() {
            self.zone = Some(if rest.starts_with(['+', '-']) { offset(rest)? } else { zone(rest)? });
        }
        Some(())
    }

    /// `AM` or `PM` after a time of twelve hours.
    fn take_half(&mut self, afternoon: bool) -> Option<()> {
        const HOUR: i64 = 3_600_000;
        let time = self.time?;
        let half = time % (12 * HOUR);
        self.time = Some(match (time / HOUR, afternoon) {
            (13.., _) => time,
            (_, true) => half + 12 * HOUR,
            (_, false) => half,
        });
        Some(())
    }

    fn unix_ms(self) -> Option<i64> {
        let (year, month, day) = (self.year?, self.month?, self.day?);
        if !(1900..=9999).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        if day == 0 || day > days_in(year, month) {
            return None;
        }
        let midnight = days_from_civil(year, month, day) * MS_PER_DAY;
        Some(midnight + self.time? - self.zone.unwrap_or(0) * 60_000)
    }
}

/// Drops `(comments)`, nested or unclosed.
fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

fn small(digits: &str, max: i64) -> Option<i64> {
    let number = digits.parse().ok()?;
    (digits.len() <= 2 && (0..=max).contains(&number)).then_some(number)
}

fn full_year(number: i64, digits: usize) -> i64 {
    match (digits, number) {
        (..=2, ..=49) => number + 2000,
        (..=3, _) => number + 1900,
        _ => number,
    }
}

fn month(word: &str) -> Option<u8> {
    let start = word.get(..3)?;
    let at = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(start))?;
    let known = word.bytes().all(|c| c.is_ascii_alphabetic() || c == b'.');
    if known { u8::try_from(at + 1).ok() } else { None }
}

fn is_day_name(word: &str) -> bool {
    word.get(..3).is_some_and(|start| DAYS.iter().any(|name| name.eq_ignore_ascii_case(start)))
}

/// `+0200`, `+02:00`, `-07`.
fn offset(word: &str) -> Option<i64> {
    let (sign, digits) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (_, Some(digits)) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(pair) => pair,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    Some(sign * (small(hours, 23)? * 60 + small(minutes, 59)?))
}

/// A named zone, or `GMT+0200` as JavaScript prints it.
fn zone(word: &str) -> Option<i64> {
    let letters = word.find(['+', '-']).unwrap_or(word.len());
    let (name, rest) = word.split_at_checked(letters)?;
    if !name.bytes().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    if !rest.is_empty() {
        return offset(rest);
    }
    const NAMED: [(&str, i64); 8] = [
        ("EDT", -4),
        ("EST", -5),
        ("CDT", -5),
        ("CST", -6),
        ("MDT", -6),
        ("MST", -7),
        ("PDT", -7),
        ("PST", -8),
    ];
    let hours = NAMED.iter().find(|(zone, _)| zone.eq_ignore_ascii_case(name)).map_or(0, |(_, hours)| *hours);
    Some(hours * 60)
}

fn days_in(year: i64, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch of a day of the Gregorian calendar. Years are counted from March, so that
/// the leap day is the last day of a year.
fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let (year, month) =
        if month > 2 { (year, i64::from(month) - 3) } else { (year - 1, i64::from(month) + 9) };
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u8::try_from(month).unwrap_or(1), u8::try_from(day).unwrap_or(1))
}

fn clock(ms: i64) -> (i64, i64, i64, i64) {
    let of_day = ms.rem_euclid(MS_PER_DAY);
    (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60, of_day % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 18 January 2022, 00:23:39 UTC.
    const MOMENT: i64 = 1_642_465_419_000;

    #[test]
    fn every_form_that_peers_send_names_the_same_moment() {
        for text in [
            "Tue, 18 Jan 2022 02:23:39 +0200",
            "Tue, 18 Jan 2022 02:23:39 +0200 (IST)",
            "18 Jan 22 00:23:39 GMT",
            "Tue, 18 Jan 2022 00:23:39 GMT",
            "tue,18 jan 2022 00:23:39 gmt",
            "Tuesday, 18-Jan-22 00:23:39 GMT",
            "Tue Jan 18 00:23:39 2022",
            "2022-01-18T00:23:39Z",
            "2022-01-18t02:23:39.000+02:00",
            "2022-01-18 00:23:39Z",
            "Tue Jan 18 2022 02:23:39 GMT+0200 (IST)",
            "Mon Jan 17 2022 19:23:39 GMT-0500 (EST)",
            "Tue, 18 Jan 2022 02:23:39 GMT+02:00",
            "Tue, 18 Jan 2022 02:23:39 +0200 IST",
            "January 18, 2022 2:23:39 AM +0200",
            "Mon, 17 Jan 2022 07:23:39 PM EST",
            "Mon, 17 Jan 2022 19:23:39 EST",
            "\"Tue, 18 Jan 2022 00:23:39 GMT\"",
        ] {
            assert_eq!(parse(text), Some(MOMENT), "{text}");
        }
    }

    #[test]
    fn the_rfc_examples_are_read() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse(text), Some(784_111_777_000), "{text}");
        }
        assert_eq!(parse("Thu, 13 Feb 1969 23:32:54 -0330"), Some(-27_723_426_000));
        assert_eq!(parse("1996-12-19T16:39:57-08:00"), Some(851_042_397_000));
        assert_eq!(parse("1985-04-12T23:20:50.52Z"), Some(482_196_050_520));
    }

    #[test]
    fn what_is_no_date_is_not_guessed() {
        for text in [
            "",
            "3600",
            "soon",
            "31 Feb 2022 00:00:00 GMT",
            "18 Jan 2022",
            "18 Jan 2022 25:00:00",
            "2022-13-01T00:00:00Z",
            "18 Jan 2022 00:61:00",
            "\u{661}\u{668} Jan 2022 00:00:00",
            "Jan",
            "T:T-T",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_written_in_each_form() {
        assert_eq!(rfc5322(MOMENT, 120), "Tue, 18 Jan 2022 02:23:39 +0200");
        assert_eq!(rfc5322(MOMENT, -210), "Mon, 17 Jan 2022 20:53:39 -0330");
        assert_eq!(http(MOMENT), "Tue, 18 Jan 2022 00:23:39 GMT");
        assert_eq!(rfc3339(MOMENT + 250), "2022-01-18T00:23:39.250Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in -2_208_988_800_i64..=253_402_300_799, offset in -720_i16..=720) {
            let ms = seconds * 1000;
            prop_assert_eq!(parse(&http(ms)), Some(ms));
            prop_assert_eq!(parse(&rfc3339(ms)), Some(ms));
            // The zone may move the first and last hours out of the years that are read.
            if (-2_208_900_000..253_402_200_000).contains(&seconds) {
                prop_assert_eq!(parse(&rfc5322(ms, offset)), Some(ms));
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,80}", near in "[0-9TZ:+. ,a-zA-Z()-]{0,60}") {
            let _ = (parse(&text), parse(&near));
        }
    }
}
