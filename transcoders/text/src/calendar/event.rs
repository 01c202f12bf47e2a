//! One event or task in the words of the version that is written.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::rule::Rule;
use super::time::{DAY, Time, duration};
use super::{Calendar, Component, is_another_day};
use crate::Loss;
use crate::line::{Line, Style, plain, split};

/// Properties whose value is a text in both versions.
const TEXTS: &[&str] = &["CLASS", "DESCRIPTION", "LOCATION", "PRIORITY", "RELATED-TO", "SEQUENCE", "SUMMARY"];
/// Words for a state that both versions have: iCalendar, vCalendar.
const STATES: &[(&str, &str)] = &[
    ("COMPLETED", "COMPLETED"),
    ("CONFIRMED", "CONFIRMED"),
    ("NEEDS-ACTION", "NEEDS ACTION"),
    ("TENTATIVE", "TENTATIVE"),
];
/// Words for what somebody answered: iCalendar, vCalendar.
const ANSWERS: &[(&str, &str)] = &[
    ("ACCEPTED", "ACCEPTED"),
    ("COMPLETED", "COMPLETED"),
    ("DECLINED", "DECLINED"),
    ("DELEGATED", "DELEGATED"),
    ("NEEDS-ACTION", "NEEDS ACTION"),
    ("TENTATIVE", "TENTATIVE"),
];

/// When something takes place.
struct Span {
    start: Option<Time>,
    /// The start by the clock where it takes place.
    local: Option<Time>,
    end: Option<Time>,
    /// Whether times of zones stay local: a rule that names days would name others in UTC.
    floats: bool,
}

impl Calendar {
    pub(super) fn event(&mut self, event: &Component<'_>) {
        self.writer.put("BEGIN", &event.name);
        self.identity(event);
        let span = self.span(event);
        let end = if event.name == "VTODO" { "DUE" } else { "DTEND" };
        if let Some(start) = span.start {
            self.put_time("DTSTART", start);
        }
        if let Some(time) = span.end {
            self.put_time(end, time);
        }
        for line in &event.lines {
            self.property(line, &span);
        }
        for alarm in &event.inner {
            match alarm.name.as_str() {
                "VALARM" => self.alarm(alarm, &span),
                name => self.dropped(name),
            }
        }
        self.writer.put("END", &event.name);
    }

    /// What RFC 5545 requires and vCalendar leaves out: an identifier, made of the content, and a date.
    fn identity(&mut self, event: &Component<'_>) {
        if let Some(id) = event.line("UID") {
            self.writer.text("UID", &id.text());
        } else if self.writer.style == Style::Rfc {
            let octets =
                event.lines.iter().flat_map(|line| [line.name.as_str(), &line.value]).flat_map(str::bytes);
            let hash = octets.fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
                (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3)
            });
            self.writer.put("UID", &format!("{hash:016x}"));
        }
        if self.writer.style == Style::Rfc {
            let known = ["DTSTAMP", "LAST-MODIFIED", "DCREATED", "CREATED", "DTSTART"];
            let stamp =
                known.iter().find_map(|name| event.line(name)).and_then(|line| Time::read(&line.value));
            let stamp = Time::Utc(stamp.map_or(0, Time::seconds));
            self.writer.put("DTSTAMP", &stamp.old());
        }
    }

    fn span(&mut self, event: &Component<'_>) -> Span {
        let begin = event.line("DTSTART");
        let local = begin.and_then(|line| Time::read(&line.value));
        let mut start = begin.and_then(|line| self.time(line, &line.value));
        let rule = event.line("RRULE").filter(|line| !line.old).and_then(|line| Rule::read(&line.value));
        let floats = rule.is_some_and(|rule| rule.names_days())
            && local.zip(start).is_some_and(|(local, start)| is_another_day(local, start));
        if let Some(line) = begin.filter(|_| floats) {
            self.lose(Loss::Floating(line.parameter("TZID").unwrap_or_default().to_string()));
            start = local;
        }
        let end = event.line("DTEND").or_else(|| event.line("DUE"));
        let end = match end {
            Some(line) if floats => Time::read(&line.value),
            Some(line) => self.time(line, &line.value),
            None => {
                let lasts = event.line("DURATION").and_then(|line| duration(&line.value));
                let day = start.filter(|start| matches!(start, Time::Date(_))).map(|_| DAY);
                let lasts = lasts.or(day.filter(|_| event.name == "VEVENT"));
                start.zip(lasts).map(|(start, lasts)| start.plus(lasts))
            }
        };
        Span { start, local, end, floats }
    }

    fn property(&mut self, line: &Line, span: &Span) {
        let is_old = self.writer.style == Style::Old;
        let name = line.name.as_str();
        match name {
            // Written with the identity and the span, or about the file.
            "UID" | "DTSTAMP" | "DTSTART" | "DTEND" | "DUE" | "DURATION" | "RNUM" => {}
            "CREATED" | "DCREATED" => self.moment(if is_old { "DCREATED" } else { "CREATED" }, line),
            "COMPLETED" | "LAST-MODIFIED" => self.moment(name, line),
            "EXDATE" | "RDATE" => self.moments(line, span),
            "RRULE" => self.rule(line, span),
            "STATUS" => self.state(line),
            "TRANSP" => {
                let is_busy = matches!(line.value.trim(), "0" | "OPAQUE");
                let words = if is_old { ["0", "1"] } else { ["OPAQUE", "TRANSPARENT"] };
                let [busy, free] = words;
                self.writer.put("TRANSP", if is_busy { busy } else { free });
            }
            "CATEGORIES" | "RESOURCES" => {
                let (from, to) = (if line.old { ';' } else { ',' }, if is_old { ";" } else { "," });
                let list = split(&line.value, from).into_iter().map(|it| plain(it, line.old));
                let list: Vec<String> = list.map(|it| self.writer.escaped(it.trim())).collect();
                self.writer.put(name, &list.join(to));
            }
            "ATTENDEE" | "ORGANIZER" => self.person(line),
            "GEO" => {
                let numbers: Vec<&str> = line.value.split([';', ',']).map(str::trim).take(2).collect();
                let is_number = |it: &&str| it.parse::<f64>().is_ok_and(f64::is_finite);
                if numbers.len() == 2 && numbers.iter().all(is_number) {
                    self.writer.put("GEO", &numbers.join(if is_old { "," } else { ";" }));
                } else {
                    self.lose(Loss::Damaged("GEO".into()));
                }
            }
            "URL" => self.writer.put("URL", &plain(&line.value, true)),
            "DALARM" | "AALARM" if !is_old => self.old_alarm(line, span),
            "DALARM" | "AALARM" => self.writer.put(name, &line.value),
            _ if TEXTS.contains(&name) || name.starts_with("X-") => self.writer.text(name, &line.text()),
            _ => self.dropped(name),
        }
    }

    fn moment(&mut self, name: &str, line: &Line) {
        match self.time(line, &line.value) {
            Some(time) => self.put_time(name, time),
            None => self.lose(Loss::Damaged(line.name.clone())),
        }
    }

    fn moments(&mut self, line: &Line, span: &Span) {
        let mut times = Vec::new();
        for value in line.value.split([',', ';']) {
            let time = if span.floats { Time::read(value) } else { self.time(line, value) };
            match time {
                Some(time) => times.push(time.old()),
                None => self.lose(Loss::Damaged(line.name.clone())),
            }
        }
        if !times.is_empty() {
            let between = if self.writer.style == Style::Old { ";" } else { "," };
            self.writer.put(&line.name, &times.join(between));
        }
    }

    fn rule(&mut self, line: &Line, span: &Span) {
        let rule = if line.old { Rule::read_old(&line.value, span.start) } else { Rule::read(&line.value) };
        let written = match self.writer.style {
            Style::Old => rule.and_then(|rule| rule.old(span.local?)),
            Style::Rfc => rule.map(|rule| rule.write()),
        };
        match written {
            Some(rule) => self.writer.put("RRULE", &rule),
            None => {
                const SHOWN: usize = 120;
                let rule = line.value.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
                self.lose(Loss::Rule(rule));
            }
        }
    }

    fn state(&mut self, line: &Line) {
        let is_old = self.writer.style == Style::Old;
        match translated(STATES, &line.value, is_old) {
            Some(state) => self.writer.put("STATUS", state),
            None => self.dropped("STATUS"),
        }
    }

    /// `mailto:` and parameters of iCalendar, `Name <address>` of vCalendar.
    fn person(&mut self, line: &Line) {
        let value = line.text();
        let value = value.trim();
        let is_old = self.writer.style == Style::Old;
        let is_organizer = line.is("ORGANIZER") || line.parameter("ROLE") == Some("ORGANIZER");
        let (name, address) = match value.rsplit_once('<').filter(|_| line.old) {
            Some((name, address)) => (name.trim(), address.trim_end_matches('>')),
            None => (line.parameter("CN").unwrap_or_default(), without_mailto(value)),
        };
        let answer = line.parameter("PARTSTAT").or_else(|| line.parameter("STATUS"));
        let answer = answer.and_then(|answer| translated(ANSWERS, answer, is_old));
        let mut head = String::from(if is_organizer && !is_old { "ORGANIZER" } else { "ATTENDEE" });
        if is_old {
            head.push_str(if is_organizer { ";ROLE=ORGANIZER" } else { "" });
            if let Some(answer) = answer {
                head.push_str(&format!(";STATUS={answer}"));
            }
            let shown = if name.is_empty() { address.to_string() } else { format!("{name} <{address}>") };
            self.writer.text(&head, &shown);
        } else {
            if !name.is_empty() {
                let name: String = name.chars().filter(|c| *c != '"' && !c.is_control()).collect();
                head.push_str(&format!(";CN=\"{name}\""));
            }
            if let Some(answer) = answer.filter(|_| !is_organizer) {
                head.push_str(&format!(";PARTSTAT={answer}"));
            }
            let url = if address.contains('@') { format!("mailto:{address}") } else { address.to_string() };
            self.writer.put(&head, &url);
        }
    }

    fn alarm(&mut self, alarm: &Component<'_>, span: &Span) {
        let Some(trigger) = alarm.line("TRIGGER") else { return self.dropped("VALARM") };
        let action =
            alarm.line("ACTION").map(|line| line.value.trim().to_ascii_uppercase()).unwrap_or_default();
        let name = match action.as_str() {
            "AUDIO" => "AALARM",
            "EMAIL" | "PROCEDURE" => return self.dropped("VALARM"),
            _ => "DALARM",
        };
        let at_end = trigger.parameter("RELATED").is_some_and(|it| it.eq_ignore_ascii_case("END"));
        let base = if at_end { span.end } else { span.start }.or(span.start).or(span.end);
        let before = duration(&trigger.value);
        let Some(at) = before.and_then(|it| Some(base?.plus(it))).or_else(|| Time::read(&trigger.value))
        else {
            return self.dropped("VALARM");
        };
        if self.writer.style == Style::Rfc {
            return self.write_alarm(alarm, trigger);
        }
        let value = |name| alarm.line(name).map(Line::text).unwrap_or_default();
        let text = if name == "DALARM" { value("DESCRIPTION") } else { String::new() };
        let fields = [at.old(), value("DURATION"), value("REPEAT"), text];
        let fields: Vec<String> = fields.iter().map(|it| self.writer.escaped(it)).collect();
        self.writer.put(name, &fields.join(";"));
    }

    /// An alarm of iCalendar as it is.
    fn write_alarm(&mut self, alarm: &Component<'_>, trigger: &Line) {
        self.writer.put("BEGIN", "VALARM");
        let head = if Time::read(&trigger.value).is_some() { "TRIGGER;VALUE=DATE-TIME" } else { "TRIGGER" };
        self.writer.put(head, trigger.value.trim());
        for name in ["ACTION", "DESCRIPTION", "DURATION", "REPEAT"] {
            if let Some(line) = alarm.line(name) {
                self.writer.text(name, &line.text());
            }
        }
        self.writer.put("END", "VALARM");
    }

    /// `DALARM:time;snooze;repeat;text`.
    fn old_alarm(&mut self, line: &Line, span: &Span) {
        let fields: Vec<String> = split(&line.value, ';').into_iter().map(|it| plain(it, line.old)).collect();
        let at = fields.first().and_then(|at| Time::read(at));
        let trigger = match (at, span.start) {
            (Some(Time::Utc(_)), _) => at.map(|at| ("TRIGGER;VALUE=DATE-TIME", at.old())),
            (Some(Time::Local(at)), Some(Time::Local(start))) => {
                let (sign, seconds) = if at > start { ("", at - start) } else { ("-", start - at) };
                Some(("TRIGGER", format!("{sign}PT{seconds}S")))
            }
            _ => None,
        };
        let Some((head, value)) = trigger else { return self.dropped(&line.name) };
        self.writer.put("BEGIN", "VALARM");
        self.writer.put(head, &value);
        if line.is("AALARM") {
            self.writer.put("ACTION", "AUDIO");
        } else {
            self.writer.put("ACTION", "DISPLAY");
            let text = fields.get(3).map_or("", String::as_str);
            self.writer.text("DESCRIPTION", text);
        }
        self.writer.put("END", "VALARM");
    }
}

/// A word of one version in the other; either form is understood.
fn translated(words: &[(&'static str, &'static str)], word: &str, is_old: bool) -> Option<&'static str> {
    let word = word.trim();
    let is = |(new, old): &&(&str, &str)| word.eq_ignore_ascii_case(new) || word.eq_ignore_ascii_case(old);
    words.iter().find(is).map(|(new, old)| if is_old { *old } else { *new })
}

fn without_mailto(value: &str) -> &str {
    match value.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto:") => rest,
        _ => value,
    }
}
