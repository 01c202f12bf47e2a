//! What the demonstration prints: headings, columns, parts and notes, at most 100 characters wide and
//! without colour unless a terminal shows it.

use std::{io::IsTerminal as _, time::Duration};

use cedrat_plan::{
    facts::{Detail, Facts},
    profile::Profile,
};
use cedrat_wire_mms::mm4::Pdu;
use serde_json::Value;

use crate::{
    cli::say,
    simulate::view::{PartView, View, shortened, size, wrapped},
};

/// Characters in a line.
pub(super) const WIDTH: usize = 98;

/// Characters of a header's name.
const NAME: usize = 25;

/// Characters of what a line about media is about.
const WHAT: usize = 27;

/// Lines of text that are shown.
const LINES: usize = 8;

/// Writes to standard output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    bold: bool,
}

impl Page {
    pub(super) fn new() -> Self {
        Self { bold: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    fn bold(self, text: &str) -> String {
        if self.bold { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A heading over everything up to the next.
    pub(super) fn chapter(self, text: &str) {
        let rule = "=".repeat(WIDTH.saturating_sub(text.chars().count() + 4));
        say(&format!("\n{}", self.bold(&format!("== {text} {rule}"))));
    }

    /// A heading with the time since the message was handed over.
    pub(super) fn section(self, text: &str, after: Option<Duration>) {
        let after = after.map_or_else(String::new, |after| format!("{} ms", after.as_millis()));
        let gap = " ".repeat(WIDTH.saturating_sub(text.chars().count() + after.len()).max(1));
        say(&format!("\n{}", format!("{}{gap}{after}", self.bold(text)).trim_end()));
    }

    pub(super) fn line(self, text: &str) {
        say(text);
    }

    /// A name and a value, the value over as many lines as it needs.
    pub(super) fn field(self, name: &str, value: &str) {
        let width = WIDTH - NAME - 4;
        for (index, line) in wrapped(value, width).into_iter().take(3).enumerate() {
            let name = if index == 0 { name } else { "" };
            say(&format!("  {name:<NAME$}  {}", shortened(&line, width)));
        }
    }

    /// The headers of a PDU in their order.
    pub(super) fn headers(self, pdu: &Pdu) {
        for header in pdu.headers.iter() {
            self.field(header.name(), &cedrat_wire_mail::value::unstructured(header.value()));
        }
    }

    /// The headers that a mail reader shows, or what they are called there.
    pub(super) fn mail_headers(self, view: &View, names: &[&str]) {
        for name in names {
            if let Some(value) = view.header(name) {
                self.field(name, value);
            }
        }
    }

    /// The first lines of the text.
    pub(super) fn text(self, view: &View) {
        say("");
        let mut lines = view.text.trim().lines();
        for line in lines.by_ref().take(LINES) {
            for line in wrapped(line, WIDTH - 6)
                .iter()
                .map(String::as_str)
                .chain(line.trim().is_empty().then_some(""))
            {
                say(format!("    | {line}").trim_end());
            }
        }
        if lines.next().is_some() {
            say("    | …");
        }
    }

    /// All parts of a message.
    pub(super) fn parts<'a>(self, parts: impl Iterator<Item = &'a PartView>) {
        for part in parts {
            let name = part.name.as_deref().unwrap_or("-");
            let what = shortened(&part.media_type, NAME - 2);
            say(&format!(
                "    + {:<width$}  {:<30}  {:>8}",
                what,
                shortened(name, 30),
                size(part.octets.len()),
                width = NAME - 4
            ));
        }
    }

    /// What became of media: each as it was sent and, below it, as it arrived; then everything
    /// together, and what the other side takes at most.
    pub(super) fn became(self, media: &[(&PartView, Option<&PartView>)], sums: [usize; 2], most: &Profile) {
        let row = |name: &str, [kind, pixels, time, codecs, octets]: [&str; 5]| {
            let name = shortened(name, WHAT);
            say(format!("    {name:<WHAT$}  {kind:<12}  {pixels:>11}  {time:>7}  {codecs:<9}  {octets:>10}")
                .trim_end());
        };
        let part = |mark: &str, part: &PartView| {
            let [pixels, time, codecs] = shown(&part.facts());
            let name = format!("{mark}{}", part.name.as_deref().unwrap_or("-"));
            row(&name, [&part.media_type, &pixels, &time, &codecs, &grouped(part.octets.len())]);
        };
        say("");
        row("", ["type", "pixels", "plays", "coded", "octets"]);
        for (sent, got) in media {
            part("", sent);
            match got {
                Some(got) if got.octets == sent.octets => row("→ as it was sent", [""; 5]),
                Some(got) => part("→ ", got),
                None => row("→ a notice", [""; 5]),
            }
        }
        let [sent, got] = sums.map(grouped);
        row("all parts", ["", "", "", "", &sent]);
        row("→ all parts", ["", "", "", "", &got]);
        let still = most.max_still.value.to_string();
        let octets = usize::try_from(most.max_octets.value.binary()).unwrap_or(usize::MAX);
        row(&most.types.origin.to_string(), ["at most", &still, "", "", &grouped(octets)]);
    }

    /// What a translation changed, as the gateway's log tells it.
    pub(super) fn loss(self, entries: &[Value]) {
        if entries.is_empty() {
            return say("  nothing: every field has its place on the other side");
        }
        for entry in entries {
            let text = |key| entry.get(key).and_then(Value::as_str).unwrap_or_default();
            let notes = wrapped(text("note"), WIDTH - 41);
            let first = notes.first().map_or("", String::as_str);
            say(format!("  {:<12}  {:<23}  {first}", text("fidelity"), shortened(text("field"), 23))
                .trim_end());
            for more in notes.iter().skip(1) {
                say(&format!("{:41}{more}", ""));
            }
        }
    }

    /// One thing that happened after the message arrived.
    pub(super) fn event(self, after: Duration, who: &str, what: &str) {
        say(&format!("  {:>6} ms  {who:<12}  {}", after.as_millis(), shortened(what, WIDTH - 25)));
    }
}

/// Pixels, playing time and codecs.
fn shown(facts: &Facts) -> [String; 3] {
    let pixels = |(width, height): (u32, u32)| format!("{width}x{height}");
    let time = |ms: u64| format!("{}.{} s", ms / 1000, ms % 1000 / 100);
    match &facts.detail {
        Detail::Picture(picture) => [pixels(picture.shown()), String::new(), String::new()],
        Detail::Sound(sound) => [String::new(), time(sound.duration_ms), word(sound.codec)],
        Detail::Video(video) => {
            let sound = video.sound.map_or_else(String::new, |sound| format!("+{}", word(sound.codec)));
            [pixels(video.shown()), time(video.duration_ms), format!("{}{sound}", word(video.codec))]
        }
        Detail::Text(_) | Detail::None => Default::default(),
    }
}

/// `h264`, as profiles are shown.
fn word(codec: impl std::fmt::Debug) -> String {
    format!("{codec:?}").to_ascii_lowercase()
}

/// `1,234,567`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
