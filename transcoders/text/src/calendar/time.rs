//! Dates, times and durations of calendars (RFC 5545 §3.3.4 to §3.3.6; vCalendar 1.0 §2.3.1, ISO 8601).
//!
//! Seconds since 1970 in the proleptic Gregorian calendar, without leap seconds.

use alloc::format;
use alloc::string::String;

pub(super) const DAY: i64 = 86_400;

/// When, as far as it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// A whole day: seconds of its midnight.
    Date(i64),
    /// By the clock of whoever reads it.
    Local(i64),
    /// At one moment everywhere.
    Utc(i64),
}

impl Time {
    /// `20200131`, `20200131T235959`, `20200131T235959Z`, also with hyphens and colons.
    pub(super) fn read(value: &str) -> Option<Self> {
        let value: String = value.trim().chars().filter(|c| !matches!(c, '-' | ':')).take(17).collect();
        let (date, time) = value.split_once(['T', 't']).unwrap_or((&value, ""));
        let day = days(number(date, 0, 4)?, number(date, 4, 2)?, number(date, 6, 2)?)?;
        if date.len() != 8 {
            return None;
        }
        if time.is_empty() {
            return Some(Self::Date(day * DAY));
        }
        let (hour, minute) = (number(time, 0, 2)?, number(time, 2, 2)?);
        let second = number(time, 4, 2).unwrap_or(0);
        if hour > 24 || minute > 59 || second > 60 {
            return None;
        }
        let seconds = day * DAY + hour * 3_600 + minute * 60 + second;
        let is_utc = time.ends_with(['Z', 'z']);
        Some(if is_utc { Self::Utc(seconds) } else { Self::Local(seconds) })
    }

    pub(super) const fn seconds(self) -> i64 {
        match self {
            Self::Date(seconds) | Self::Local(seconds) | Self::Utc(seconds) => seconds,
        }
    }

    /// The same kind of time, later. Within a day is by the clock.
    pub(super) const fn plus(self, seconds: i64) -> Self {
        match self {
            Self::Date(at) if seconds % DAY == 0 => Self::Date(at.saturating_add(seconds)),
            Self::Date(at) | Self::Local(at) => Self::Local(at.saturating_add(seconds)),
            Self::Utc(at) => Self::Utc(at.saturating_add(seconds)),
        }
    }

    /// As vCalendar has it: a day is its midnight.
    pub(super) fn old(self) -> String {
        match self {
            Self::Date(at) | Self::Local(at) => date_time(at),
            Self::Utc(at) => format!("{}Z", date_time(at)),
        }
    }
}

fn date_time(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let time = seconds.rem_euclid(DAY);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}", time / 3_600, time / 60 % 60, time % 60)
}

fn number(text: &str, from: usize, digits: usize) -> Option<i64> {
    let text = text.get(from..from + digits)?;
    if !text.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Days since 1970 of a date that exists.
pub(super) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || day < 1 || day > length(year, month) {
        return None;
    }
    // Years that begin in March have the odd day at their end.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Year, month, day.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Days of a month.
pub(super) fn length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Weekdays as calendars write them, from Monday.
pub(super) const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Place of a day in [`WEEKDAYS`]. The first of January 1970 was a Thursday.
pub(super) const fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7)
}

/// `-PT15M`, `P1DT2H`, `P2W`: seconds.
pub(super) fn duration(value: &str) -> Option<i64> {
    let value = value.trim().to_ascii_uppercase();
    let (sign, rest) = match value.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, value.strip_prefix('+').unwrap_or(&value)),
    };
    let mut rest = rest.strip_prefix('P').filter(|rest| !rest.is_empty())?;
    let mut seconds = 0_i64;
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            rest = time;
            continue;
        }
        let end = rest.bytes().position(|it| !it.is_ascii_digit())?;
        let (count, unit) = rest.split_at_checked(end)?;
        let scale = match unit.bytes().next()? {
            b'W' => 7 * DAY,
            b'D' => DAY,
            b'H' => 3_600,
            b'M' => 60,
            b'S' => 1,
            _ => return None,
        };
        // A thousand years are enough, and leave room to add.
        let count: i64 = count.parse().ok().filter(|count| *count < 1_000 * 366)?;
        seconds = seconds.saturating_add(count.saturating_mul(scale));
        rest = unit.get(1..)?;
    }
    Some(sign * seconds.min(1_000 * 366 * DAY))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted_and_counted_back() {
        assert_eq!(days(1970, 1, 1), Some(0));
        assert_eq!(days(2000, 2, 29), Some(11_016));
        assert_eq!(days(2026, 11, 24), Some(20_781));
        assert_eq!((days(2001, 2, 29), days(1, 13, 1), days(1, 1, 0)), (None, None, None));
        for day in (-1_000_000..1_000_000).step_by(97) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), Some(day));
        }
        assert_eq!(weekday(days(2026, 11, 24).unwrap()), 1);
    }

    #[test]
    fn times_and_durations_are_read() {
        assert_eq!(Time::read("19700102"), Some(Time::Date(DAY)));
        assert_eq!(Time::read("1970-01-01T01:00:00Z"), Some(Time::Utc(3_600)));
        assert_eq!(Time::read("19700101T0001"), Some(Time::Local(60)));
        assert_eq!(Time::Utc(1_234_567_890).old(), "20090213T233130Z");
        for wrong in
            ["", "T", "1970", "19701301", "19700101T25", "19700101T250000", "197001011", "\u{661}9700101"]
        {
            assert_eq!(Time::read(wrong), None, "{wrong}");
        }
        for (text, seconds) in [("-PT15M", -900), ("P1DT2H3M4S", 93_784), ("P2W", 1_209_600), ("+PT0S", 0)] {
            assert_eq!(duration(text), Some(seconds));
        }
        for wrong in ["", "P", "15M", "PT1", "PTM", "P99999999999D"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
