//! Dates: `date-time` of INTERNALDATE and `date` of SEARCH (RFC 9051 section 9).

use core::fmt;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_SECONDS: i64 = 86_400;

/// A moment, and the zone that it is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    /// Since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// East of UTC, less than a day.
    pub offset_minutes: i16,
}

impl DateTime {
    /// A moment told in UTC.
    #[must_use]
    pub const fn utc(seconds: i64) -> Self {
        Self { seconds, offset_minutes: 0 }
    }

    /// Reads `17-Jul-1996 02:44:25 -0700`; a missing zone is UTC, a leading space is as good as a digit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (date, time) = (words.next()?, words.next()?);
        let mut fields = date.splitn(3, '-');
        let day: i64 = fields.next()?.parse().ok()?;
        let name = fields.next()?;
        let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
        let year: i64 = fields.next()?.parse().ok().filter(|year| (0..=9999).contains(year))?;
        let mut fields = time.splitn(3, ':').map(|field| field.parse::<i64>().ok());
        let (hours, minutes, seconds) = (fields.next()??, fields.next()??, fields.next()??);
        let in_range = (1..=31).contains(&day)
            && (0..24).contains(&hours)
            && (0..60).contains(&minutes)
            && (0..=60).contains(&seconds);
        let offset = words.next().map_or(Some(0), zone)?;
        in_range.then(|| Self {
            seconds: days(year, month as i64 + 1, day) * DAY_SECONDS + hours * 3600 + minutes * 60 + seconds
                - i64::from(offset) * 60,
            offset_minutes: offset,
        })
    }

    /// The day in its own zone.
    #[must_use]
    pub const fn day(&self) -> Day {
        Day((self.seconds + self.offset_minutes as i64 * 60).div_euclid(DAY_SECONDS))
    }
}

fn zone(text: &str) -> Option<i16> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ if text.eq_ignore_ascii_case("GMT") || text.eq_ignore_ascii_case("UTC") => return Some(0),
        _ => return None,
    };
    let number: i16 = digits.parse().ok().filter(|number| (0..2400).contains(number) && digits.len() == 4)?;
    (number % 100 < 60).then_some(sign * (number / 100 * 60 + number % 100))
}

/// ` 2-Nov-2026 10:00:00 +0100`, without the quotes around it.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = (self.seconds + i64::from(self.offset_minutes) * 60).rem_euclid(DAY_SECONDS);
        let (year, month, day) = self.day().civil();
        let offset = self.offset_minutes.unsigned_abs();
        write!(
            f,
            "{day:2}-{month}-{year:04} {:02}:{:02}:{:02} {}{:02}{:02}",
            second / 3600,
            second / 60 % 60,
            second % 60,
            if self.offset_minutes < 0 { '-' } else { '+' },
            offset / 60,
            offset % 60
        )
    }
}

/// A day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// Year, month name and day of the Gregorian calendar. Days before the year 1 or after 9999, which cannot be
    /// written, become the first and the last that can.
    #[must_use]
    pub fn civil(self) -> (i64, &'static str, i64) {
        // Eras of 400 years that begin on 1 March: leap days are at their ends.
        let shifted = self.0.clamp(days(1, 1, 1), days(9999, 12, 31)) + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 2 } else { shifted_month - 10 };
        let year = year_of_era + era * 400 + i64::from(month < 2);
        let name = usize::try_from(month).ok().and_then(|month| MONTHS.get(month)).copied();
        (year, name.unwrap_or("Jan"), day)
    }
}

/// `2-Nov-2026`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{day}-{month}-{year:04}")
    }
}

/// Days since 1970-01-01 of a date whose month is in range.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
