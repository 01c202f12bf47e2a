//! Calendars: iCalendar 2.0 (RFC 5545) as vCalendar 1.0, which older handsets read, and back.
//!
//! Events and tasks come through with their times, texts, people, alarms, and the rules that both
//! standards can say. Times of a zone become UTC where the file defines the zone. Other components
//! (journals, free time) are dropped and said.

mod event;
mod rule;
mod time;
mod zone;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cedrat_plan::job::{Fault, FaultKind};

use crate::line::{Line, Style, Writer, read};
use crate::{Limits, Loss};
use time::{DAY, Time};
use zone::Zone;

/// Who writes a calendar; RFC 5545 wants it said.
const PRODUCT: &str = "-//cedrat//EN";
/// Components inside each other: an alarm in an event in a calendar, and as much again.
const DEPTH: usize = 6;

/// Calendars of either version as one of `version`, `1.0` (vCalendar) or `2.0` (iCalendar).
///
/// # Errors
/// [`FaultKind::Unsupported`] for another version, [`FaultKind::TooLarge`] beyond [`Limits`],
/// [`FaultKind::Damaged`] when there is no calendar in it.
pub fn convert_calendar(octets: &[u8], version: &str) -> Result<(Vec<u8>, Vec<Loss>), Fault> {
    let style = match version {
        "1.0" => Style::Old,
        "2.0" => Style::Rfc,
        _ => return Err(Fault::new(FaultKind::Unsupported, format!("calendar {version} is not written"))),
    };
    let lines = read(octets, &Limits::DEFAULT)?;
    let calendars = components(&lines);
    if calendars.is_empty() {
        return Err(Fault::new(FaultKind::Damaged, "no calendar in the file"));
    }
    let mut calendar = Calendar {
        writer: Writer::new(style),
        zones: BTreeMap::new(),
        lookups: Limits::DEFAULT.zone_times,
        losses: Vec::new(),
        said: BTreeSet::new(),
    };
    calendar.writer.put("BEGIN", "VCALENDAR");
    calendar.writer.put("VERSION", version);
    calendar.writer.put("PRODID", PRODUCT);
    let inner = || calendars.iter().flat_map(|it| &it.inner);
    for zone in inner().filter(|it| it.name == "VTIMEZONE") {
        let id = zone.line("TZID").map(|line| line.value.trim().to_string());
        calendar.zones.extend(id.map(|id| (id, Zone::of(zone))));
    }
    for component in inner() {
        match component.name.as_str() {
            "VEVENT" | "VTODO" => calendar.event(component),
            "VTIMEZONE" => {}
            name => calendar.dropped(name),
        }
    }
    calendar.writer.put("END", "VCALENDAR");
    Ok((calendar.writer.finish(), calendar.losses))
}

/// What stands between a `BEGIN` and its `END`.
struct Component<'a> {
    name: String,
    lines: Vec<&'a Line>,
    inner: Vec<Component<'a>>,
}

impl<'a> Component<'a> {
    /// The first property of that name.
    fn line(&self, name: &str) -> Option<&'a Line> {
        self.lines.iter().copied().find(|line| line.is(name))
    }
}

/// The calendars of a file. What is nested too deep is passed over; what never ends, ends with the file.
fn components(lines: &[Line]) -> Vec<Component<'_>> {
    let mut calendars = Vec::new();
    let mut open: Vec<Component<'_>> = Vec::new();
    let mut deeper = 0_u32;
    for line in lines {
        if line.is("BEGIN") {
            let name = line.value.trim().to_ascii_uppercase();
            match open.len() {
                0 if name != "VCALENDAR" => {}
                DEPTH.. => deeper += 1,
                _ => open.push(Component { name, lines: Vec::new(), inner: Vec::new() }),
            }
        } else if line.is("END") {
            if deeper > 0 {
                deeper -= 1;
            } else if let Some(closed) = open.pop() {
                close(closed, &mut open, &mut calendars);
            }
        } else if deeper == 0
            && let Some(last) = open.last_mut()
        {
            last.lines.push(line);
        }
    }
    while let Some(closed) = open.pop() {
        close(closed, &mut open, &mut calendars);
    }
    calendars
}

fn close<'a>(closed: Component<'a>, open: &mut [Component<'a>], calendars: &mut Vec<Component<'a>>) {
    open.last_mut().map_or(calendars, |last| &mut last.inner).push(closed);
}

struct Calendar {
    writer: Writer,
    zones: BTreeMap<String, Zone>,
    /// Times that may still be looked up in zones.
    lookups: usize,
    losses: Vec<Loss>,
    /// Losses that were said already, by their words.
    said: BTreeSet<String>,
}

impl Calendar {
    fn lose(&mut self, loss: Loss) {
        if self.said.insert(loss.to_string()) {
            self.losses.push(loss);
        }
    }

    fn dropped(&mut self, name: &str) {
        self.lose(Loss::Dropped(name.into()));
    }

    /// A time of a property, in UTC where its zone is known.
    fn time(&mut self, line: &Line, value: &str) -> Option<Time> {
        let time = Time::read(value)?;
        match (time, line.parameter("TZID")) {
            (Time::Local(local), Some(id)) => Some(self.in_zone(local, id.trim_matches(['"', ' ']))),
            _ => Some(time),
        }
    }

    fn in_zone(&mut self, local: i64, id: &str) -> Time {
        let offset = match id.trim_start_matches('/') {
            "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT" | "Z" => Some(0),
            _ if self.lookups == 0 => None,
            _ => self.zones.get(id).and_then(|zone| zone.offset(local)),
        };
        self.lookups = self.lookups.saturating_sub(1);
        match offset {
            Some(offset) => Time::Utc(local - offset),
            None => {
                self.lose(Loss::Floating(id.into()));
                Time::Local(local)
            }
        }
    }

    /// As the version writes times: days are midnights in vCalendar.
    fn put_time(&mut self, name: &str, time: Time) {
        match (self.writer.style, time) {
            (Style::Rfc, Time::Date(_)) => {
                let value = time.old();
                let day = value.get(..8).unwrap_or_default();
                self.writer.put(&format!("{name};VALUE=DATE"), day);
            }
            _ => self.writer.put(name, &time.old()),
        }
    }
}

/// Whether a time by the clock of a zone is another day in UTC.
const fn is_another_day(local: Time, now: Time) -> bool {
    local.seconds().div_euclid(DAY) != now.seconds().div_euclid(DAY)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_macros
)]
mod tests;
