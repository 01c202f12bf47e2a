//! Rules of repetition (RFC 5545 §3.3.10) and the grammar of vCalendar 1.0 §2.3.1, which says less.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::time::{DAY, Time, WEEKDAYS, civil};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Monthly,
    Weekly,
    Yearly,
}

/// A rule of the kinds that both standards can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) frequency: Frequency,
    pub(super) interval: u32,
    /// How often; `None` = no bound of this kind.
    pub(super) count: Option<u32>,
    pub(super) until: Option<Time>,
    /// Which one in the month (from the end when negative, every one when 0), and weekday from Monday.
    pub(super) weekdays: Vec<(i64, i64)>,
    pub(super) month_days: Vec<i64>,
    pub(super) months: Vec<i64>,
    pub(super) year_days: Vec<i64>,
}

/// Entries of a list in a rule: no list of days is longer than a year.
const MOST: usize = 366;

impl Rule {
    const fn new(frequency: Frequency, interval: u32) -> Self {
        Self {
            frequency,
            interval,
            count: None,
            until: None,
            weekdays: Vec::new(),
            month_days: Vec::new(),
            months: Vec::new(),
            year_days: Vec::new(),
        }
    }

    /// Reads a rule of RFC 5545; `None` when it has parts that are not understood here.
    pub(super) fn read(value: &str) -> Option<Self> {
        let upper = value.trim().to_ascii_uppercase();
        let mut rule = Self::new(Frequency::Daily, 1);
        let mut frequency = None;
        for part in upper.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            match name {
                "FREQ" => {
                    frequency = Some(match value {
                        "DAILY" => Frequency::Daily,
                        "WEEKLY" => Frequency::Weekly,
                        "MONTHLY" => Frequency::Monthly,
                        "YEARLY" => Frequency::Yearly,
                        _ => return None,
                    });
                }
                "INTERVAL" => rule.interval = value.parse().ok().filter(|it| *it > 0)?,
                "COUNT" => rule.count = Some(value.parse().ok().filter(|it| *it > 0)?),
                "UNTIL" => rule.until = Some(Time::read(value)?),
                "BYDAY" => rule.weekdays = list(value, nth_weekday)?,
                "BYMONTHDAY" => rule.month_days = list(value, |it| within(it, 31))?,
                "BYMONTH" => rule.months = list(value, month)?,
                "BYYEARDAY" => rule.year_days = list(value, |it| within(it, 366))?,
                "WKST" => {}
                _ => return None,
            }
        }
        rule.frequency = frequency?;
        Some(rule)
    }

    /// The rule in the grammar of vCalendar, for an event that starts at a local time; `None` when
    /// it cannot be said.
    pub(super) fn old(&self, start: Time) -> Option<String> {
        let at = start.seconds();
        let (_, month, day) = civil(at.div_euclid(DAY));
        let plain = self.year_days.is_empty();
        let only = |weekdays: bool, month_days: bool, months: bool| {
            (weekdays || self.weekdays.is_empty())
                && (month_days || self.month_days.is_empty())
                && (months || self.months.is_empty())
        };
        let numbers = |list: &[i64]| list.iter().map(i64::to_string).collect::<Vec<_>>();
        let (word, list) = match self.frequency {
            Frequency::Daily if plain && only(false, false, false) => ("D", Vec::new()),
            Frequency::Weekly if plain && only(true, false, false) => {
                let names = self.weekdays.iter().map(|(place, day)| name(*day).filter(|_| *place == 0));
                ("W", names.map(|it| it.map(ToString::to_string)).collect::<Option<Vec<_>>>()?)
            }
            Frequency::Monthly if plain && only(true, false, false) && !self.weekdays.is_empty() => {
                let place = |(place, day): &(i64, i64)| {
                    let sign = if *place < 0 { '-' } else { '+' };
                    (*place != 0)
                        .then(|| name(*day).map(|day| format!("{}{sign} {day}", place.abs())))
                        .flatten()
                };
                ("MP", self.weekdays.iter().map(place).collect::<Option<Vec<_>>>()?)
            }
            Frequency::Monthly if plain && only(false, true, false) => {
                let ordinal = |day: &i64| if *day < 0 { format!("{}-", day.abs()) } else { day.to_string() };
                let days =
                    if self.month_days.is_empty() { Vec::from([day]) } else { self.month_days.clone() };
                ("MD", days.iter().map(ordinal).collect())
            }
            Frequency::Yearly
                if plain && only(false, true, true) && self.month_days.iter().all(|it| *it == day) =>
            {
                let months = if self.months.is_empty() { Vec::from([month]) } else { self.months.clone() };
                ("YM", numbers(&months))
            }
            Frequency::Yearly if only(false, false, false) => ("YD", numbers(&self.year_days)),
            _ => return None,
        };
        let mut rule = format!("{word}{}", self.interval);
        for one in list {
            rule.push(' ');
            rule.push_str(&one);
        }
        match (self.count, self.until) {
            (Some(count), _) => rule.push_str(&format!(" #{count}")),
            // A day is meant to its end.
            (None, Some(Time::Date(day))) => {
                rule.push(' ');
                rule.push_str(&Time::Local(day + DAY - 1).old());
            }
            (None, Some(until)) => {
                rule.push(' ');
                rule.push_str(&until.old());
            }
            (None, None) => rule.push_str(" #0"),
        }
        Some(rule)
    }

    /// Reads a rule of vCalendar; `None` when RFC 5545 has no form of it that is written here.
    pub(super) fn read_old(value: &str, start: Option<Time>) -> Option<Self> {
        let upper = value.trim().to_ascii_uppercase();
        let mut words = upper.split_ascii_whitespace().take(MOST);
        let head = words.next()?;
        let end = head.bytes().position(|it| it.is_ascii_digit())?;
        let (word, interval) = head.split_at_checked(end)?;
        let frequency = match word {
            "D" => Frequency::Daily,
            "W" => Frequency::Weekly,
            "MP" | "MD" => Frequency::Monthly,
            "YM" | "YD" => Frequency::Yearly,
            _ => return None,
        };
        let mut rule = Self::new(frequency, interval.parse().ok().filter(|it| *it > 0)?);
        // Without an end a rule of vCalendar repeats twice.
        rule.count = Some(2);
        let mut place = None;
        for one in words {
            if let Some(count) = one.strip_prefix('#') {
                let count = count.parse().ok()?;
                rule.count = (count > 0).then_some(count);
            } else if let (true, Some(until)) = (one.len() >= 8, Time::read(one)) {
                rule.count = None;
                rule.until = Some(until);
            } else {
                match word {
                    "W" => rule.weekdays.push((0, day(one)?)),
                    "MP" => match day(one) {
                        Some(day) => rule.weekdays.push((place?, day)),
                        None => place = Some(signed(one)?),
                    },
                    "MD" if one == "LD" => rule.month_days.push(-1),
                    "MD" => rule.month_days.push(signed(one)?),
                    "YM" => rule.months.push(month(one)?),
                    "YD" => rule.year_days.push(within(one, 366)?),
                    _ => return None,
                }
            }
        }
        if word == "YM" && !rule.months.is_empty() {
            let day = start.map(|start| civil(start.seconds().div_euclid(DAY)).2);
            rule.month_days.extend(day);
        }
        Some(rule)
    }

    /// The rule as RFC 5545 has it.
    pub(super) fn write(&self) -> String {
        let frequency = match self.frequency {
            Frequency::Daily => "DAILY",
            Frequency::Monthly => "MONTHLY",
            Frequency::Weekly => "WEEKLY",
            Frequency::Yearly => "YEARLY",
        };
        let mut rule = format!("FREQ={frequency}");
        if self.interval > 1 {
            rule.push_str(&format!(";INTERVAL={}", self.interval));
        }
        if let Some(count) = self.count {
            rule.push_str(&format!(";COUNT={count}"));
        }
        if let Some(until) = self.until {
            rule.push_str(&format!(";UNTIL={}", until.old()));
        }
        let weekdays = self.weekdays.iter().filter_map(|(place, day)| {
            let day = name(*day)?;
            Some(if *place == 0 { day.to_string() } else { format!("{place}{day}") })
        });
        let numbers = |list: &[i64]| list.iter().map(i64::to_string).collect::<Vec<_>>();
        for (name, list) in [
            ("BYMONTH", numbers(&self.months)),
            ("BYMONTHDAY", numbers(&self.month_days)),
            ("BYYEARDAY", numbers(&self.year_days)),
            ("BYDAY", weekdays.collect()),
        ] {
            if !list.is_empty() {
                rule.push_str(&format!(";{name}={}", list.join(",")));
            }
        }
        rule
    }

    /// Whether the days of the rule are named, so that it says something else a day later.
    pub(super) fn names_days(&self) -> bool {
        self.frequency != Frequency::Daily
    }
}

fn list<T>(value: &str, one: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let list: Vec<T> = value.split(',').take(MOST).map(|it| one(it.trim())).collect::<Option<_>>()?;
    Some(list)
}

/// A number from 1 to `most`, or from the end.
fn within(value: &str, most: i64) -> Option<i64> {
    value.parse().ok().filter(|it: &i64| *it != 0 && (-most..=most).contains(it))
}

fn month(value: &str) -> Option<i64> {
    value.parse().ok().filter(|it| (1..=12).contains(it))
}

/// `MO`, `2MO`, `-1SU`.
fn nth_weekday(value: &str) -> Option<(i64, i64)> {
    let (place, day) = value.split_at_checked(value.len().checked_sub(2)?)?;
    let place = if place.is_empty() { 0 } else { place.parse().ok()? };
    (-53..=53).contains(&place).then_some((place, self::day(day)?))
}

fn day(name: &str) -> Option<i64> {
    let place = WEEKDAYS.iter().position(|known| *known == name)?;
    i64::try_from(place).ok()
}

fn name(day: i64) -> Option<&'static str> {
    WEEKDAYS.get(usize::try_from(day).ok()?).copied()
}

/// `2`, `2+`, `1-`.
fn signed(value: &str) -> Option<i64> {
    let (digits, sign) = match value.strip_suffix('-') {
        Some(digits) => (digits, -1),
        None => (value.strip_suffix('+').unwrap_or(value), 1),
    };
    let number: i64 = digits.parse().ok().filter(|it| (1..=366).contains(it))?;
    Some(sign * number)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn simple_rules_have_a_form_in_both_grammars() {
        // Tuesday, 24 November 2026.
        let start = Time::read("20261124T090000").unwrap();
        for (rule, old) in [
            ("FREQ=DAILY", "D1 #0"),
            ("FREQ=DAILY;INTERVAL=2;COUNT=10", "D2 #10"),
            ("FREQ=WEEKLY;UNTIL=20270101T000000Z;BYDAY=TU,TH", "W1 TU TH 20270101T000000Z"),
            ("FREQ=MONTHLY;BYDAY=4TU,-1FR", "MP1 4+ TU 1- FR #0"),
            ("FREQ=MONTHLY;COUNT=3;BYMONTHDAY=1,15,-1", "MD1 1 15 1- #3"),
            ("FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=24", "YM1 11 #0"),
            ("FREQ=YEARLY;BYYEARDAY=100", "YD1 100 #0"),
        ] {
            let read = Rule::read(rule).unwrap();
            assert_eq!(read.old(start).as_deref(), Some(old));
            let back = Rule::read_old(old, Some(start)).unwrap();
            assert_eq!(back.write(), rule);
        }
        assert_eq!(Rule::read("FREQ=MONTHLY").unwrap().old(start).unwrap(), "MD1 24 #0");
        assert_eq!(Rule::read("FREQ=YEARLY").unwrap().old(start).unwrap(), "YM1 11 #0");
        assert_eq!(
            Rule::read("FREQ=DAILY;UNTIL=20270101").unwrap().old(start).unwrap(),
            "D1 20270101T235959"
        );
        for no in [
            "FREQ=MONTHLY;BYDAY=MO",
            "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
            "FREQ=DAILY;BYMONTH=1",
            "FREQ=YEARLY;BYMONTHDAY=1",
        ] {
            assert_eq!(Rule::read(no).unwrap().old(start), None, "{no}");
        }
        for wrong in [
            "",
            "FREQ=HOURLY",
            "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ",
            "FREQ=WEEKLY;BYDAY=XX",
        ] {
            assert_eq!(Rule::read(wrong), None, "{wrong}");
        }
    }
}
