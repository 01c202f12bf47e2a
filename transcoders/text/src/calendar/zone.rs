//! Time zones as a calendar defines them (RFC 5545 §3.6.5).
//!
//! An observance begins at its start, at its `RDATE`s, and by the one rule that the zones in use
//! have: every year, on a day of a month. No zone is known but those of the file, and UTC.

use alloc::vec::Vec;

use super::Component;
use super::rule::{Frequency, Rule};
use super::time::{DAY, Time, civil, days, length, weekday};

/// Observances of a zone that count: a zone that changed twice a year since 1900 has fewer.
const MOST: usize = 256;
/// Days on which one observance began that count.
const MOST_DATES: usize = 256;

/// A zone.
pub(super) struct Zone {
    observances: Vec<Observance>,
}

/// Standard or daylight time from certain moments on.
struct Observance {
    /// Offset before and after, seconds east.
    from: i64,
    to: i64,
    /// Local time of its first beginning.
    start: i64,
    rule: Option<Rule>,
    /// Rising.
    dates: Vec<i64>,
}

impl Zone {
    pub(super) fn of(component: &Component<'_>) -> Self {
        Self { observances: component.inner.iter().take(MOST).filter_map(Observance::of).collect() }
    }

    /// Seconds east of UTC at a local time.
    pub(super) fn offset(&self, local: i64) -> Option<i64> {
        let begun = self.observances.iter().filter_map(|it| Some((it.began(local)?, it.to)));
        let latest = begun.max_by_key(|(began, _)| *began).map(|(_, to)| to);
        latest.or_else(|| self.observances.iter().min_by_key(|it| it.start).map(|it| it.from))
    }
}

impl Observance {
    fn of(component: &Component<'_>) -> Option<Self> {
        let value = |name| component.line(name).map(|line| line.value.trim());
        let dates = component.lines.iter().filter(|line| line.is("RDATE"));
        let dates = dates.flat_map(|line| line.value.split(',')).filter_map(Time::read);
        let mut dates: Vec<i64> = dates.map(Time::seconds).take(MOST_DATES).collect();
        dates.sort_unstable();
        Some(Self {
            from: offset(value("TZOFFSETFROM")?)?,
            to: offset(value("TZOFFSETTO")?)?,
            start: Time::read(value("DTSTART")?)?.seconds(),
            rule: value("RRULE").and_then(Rule::read).filter(|rule| rule.frequency == Frequency::Yearly),
            dates,
        })
    }

    /// Local time of the last beginning that is not after `local`.
    fn began(&self, local: i64) -> Option<i64> {
        if local < self.start {
            return None;
        }
        let year = civil(local.div_euclid(DAY)).0;
        let by_rule = [year, year - 1].into_iter().filter_map(|year| self.in_year(year));
        let begun = self.dates.partition_point(|date| *date <= local);
        let by_date = begun.checked_sub(1).and_then(|last| self.dates.get(last)).copied();
        let all = by_rule.chain(by_date).chain([self.start]);
        all.filter(|began| *began <= local).max()
    }

    /// When its rule makes it begin in a year.
    fn in_year(&self, year: i64) -> Option<i64> {
        let rule = self.rule.as_ref()?;
        let month = *rule.months.first()?;
        let first = days(year, month, 1)?;
        let last = first + length(year, month) - 1;
        let day = match (rule.weekdays.first(), rule.month_days.first()) {
            // The first such weekday on or after a day: `BYMONTHDAY=8,9,10,11,12,13,14`.
            (Some((0, wanted)), Some(from)) => on_or_after(first + from - 1, *wanted),
            (Some((place, wanted)), _) if *place < 0 => {
                let back = (weekday(last) - wanted).rem_euclid(7);
                last - back + (place + 1) * 7
            }
            (Some((place, wanted)), _) => on_or_after(first, *wanted) + (place - 1).max(0) * 7,
            (None, Some(day)) => first + day - 1,
            (None, None) => first + civil(self.start.div_euclid(DAY)).2 - 1,
        };
        let began = day * DAY + self.start.rem_euclid(DAY);
        // The end of a rule is given in UTC.
        let ended = rule.until.is_some_and(|until| began - self.from > until.seconds());
        (began >= self.start && !ended).then_some(began)
    }
}

const fn on_or_after(day: i64, wanted: i64) -> i64 {
    day + (wanted - weekday(day)).rem_euclid(7)
}

/// `+0130`, `-050000`: seconds.
fn offset(value: &str) -> Option<i64> {
    let (sign, digits) = match value.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, value.strip_prefix('+').unwrap_or(value)),
    };
    let number = |from: usize| digits.get(from..from + 2).and_then(|it| it.parse::<i64>().ok());
    let seconds = number(0)? * 3_600 + number(2)? * 60 + number(4).unwrap_or(0);
    (seconds <= DAY).then_some(sign * seconds)
}
