//! Quirk profiles: `quirks/<shape>.toml` as changes to [`Quirks`].
//!
//! A profile is named after the shape seen, never after a company, and cites its evidence. It
//! changes only the keys that it holds, so profiles combine. Does not decide who gets which.

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, vec::Vec};
use cedrat_message::Reason;
use cedrat_wire_mms::quirks::{
    Ack, AckMeans, AddressForm, Damaged, DateForm, ExpiryForm, ForwardTrace, HeaderCase, IdQuotes, LineEnds,
    Multipart, Quirks, Recipients, Refs, Reports, ResAddress, ResHeaders, SenderHeader, Smil,
};

use super::{
    fields::is_legal,
    section::{Section, meant},
};
use crate::{
    diagnostic::{Faults, nearest},
    words,
};

/// One key of a profile with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Ack(Ack),
    AckMeans(AckMeans),
    AckTimeout(u64),
    AddressForm(AddressForm),
    Damaged(Damaged),
    DateForm(DateForm),
    DedupeWindow(u64),
    EnvelopeDomain(bool),
    ExpiryForm(ExpiryForm),
    ExpiryMax(u64),
    ExpiryMin(u64),
    ForwardTrace(ForwardTrace),
    GroupMax(u32),
    HeaderCase(HeaderCase),
    IdQuotes(IdQuotes),
    LineEnds(LineEnds),
    MaxOctets(u64),
    MaxParts(u32),
    Multipart(Multipart),
    Recipients(Recipients),
    Refs(Refs),
    Reports(Reports),
    ResAddress(ResAddress),
    ResHeaders(ResHeaders),
    SenderHeader(SenderHeader),
    Smil(Smil),
    StatusAlias(Vec<String>),
    StatusMap(Vec<(String, String)>),
    StripHeaders(Vec<String>),
    Version(String),
}

/// A quirk profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// File stem, the name by which a peer asks for it.
    pub name: String,
    /// Where the shape was seen.
    pub evidence: String,
    /// The file that it is from.
    pub path: String,
    /// Key and value as written, for the documentation, in the order of the keys.
    pub keys: Vec<(String, String)>,
    changes: Vec<Change>,
}

/// A profile name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuirkFault {
    /// As asked for.
    pub name: String,
    /// The nearest profile there is.
    pub nearest: Option<String>,
}

/// The 3GPP reading changed by each named profile in turn.
pub(super) fn combine(
    profiles: &BTreeMap<String, Profile>,
    names: &[&str],
) -> Result<Quirks, Vec<QuirkFault>> {
    let mut quirks = Quirks::default();
    let mut faults = Vec::new();
    for &name in names {
        match profiles.get(name) {
            Some(profile) => profile.apply(&mut quirks),
            None => faults.push(QuirkFault {
                name: name.to_owned(),
                nearest: nearest(name, profiles.keys().map(String::as_str)).map(ToOwned::to_owned),
            }),
        }
    }
    if faults.is_empty() { Ok(quirks) } else { Err(faults) }
}

impl Profile {
    /// Changes what the profile names.
    fn apply(&self, quirks: &mut Quirks) {
        if quirks.evidence == Quirks::default().evidence {
            quirks.evidence = self.evidence.clone();
        } else {
            quirks.evidence = format!("{}; {}", quirks.evidence, self.evidence);
        }
        for change in self.changes.iter().cloned() {
            match change {
                Change::Ack(value) => quirks.ack = value,
                Change::AckMeans(value) => quirks.ack_means = value,
                Change::AckTimeout(value) => quirks.ack_timeout_ms = value,
                Change::AddressForm(value) => quirks.address_form = value,
                Change::Damaged(value) => quirks.damaged = value,
                Change::DateForm(value) => quirks.date_form = value,
                Change::DedupeWindow(value) => quirks.dedupe_window_ms = value,
                Change::EnvelopeDomain(value) => quirks.envelope_domain = value,
                Change::ExpiryForm(value) => quirks.expiry_form = value,
                Change::ExpiryMax(value) => quirks.expiry_clamp.max_ms = value,
                Change::ExpiryMin(value) => quirks.expiry_clamp.min_ms = value,
                Change::ForwardTrace(value) => quirks.forward_trace = value,
                Change::GroupMax(value) => quirks.group_max = value,
                Change::HeaderCase(value) => quirks.header_case = value,
                Change::IdQuotes(value) => quirks.id_quotes = value,
                Change::LineEnds(value) => quirks.line_ends = value,
                Change::MaxOctets(value) => quirks.max_octets = value,
                Change::MaxParts(value) => quirks.max_parts = value,
                Change::Multipart(value) => quirks.multipart = value,
                Change::Recipients(value) => quirks.recipients = value,
                Change::Refs(value) => quirks.refs = value,
                Change::Reports(value) => quirks.reports = value,
                Change::ResAddress(value) => quirks.res_address = value,
                Change::ResHeaders(value) => quirks.res_headers = value,
                Change::SenderHeader(value) => quirks.sender_header = value,
                Change::Smil(value) => quirks.smil = value,
                Change::StatusAlias(value) => quirks.status_alias.extend(value),
                Change::StatusMap(value) => quirks.status_map.extend(value),
                Change::StripHeaders(value) => quirks.strip_headers.extend(value),
                Change::Version(value) => quirks.mms_version = value,
            }
        }
    }
}

/// Reads one file of `quirks/`.
pub(super) fn read(
    name: &str,
    path: &str,
    file: &mut Section<'_>,
    profiles: &mut BTreeMap<String, Profile>,
    faults: &mut Faults<'_>,
) {
    let evidence = file.required("evidence", faults).map(|spot| {
        if spot.text.trim().is_empty() {
            faults.push(&spot.span, "a quirk without evidence is a rumour".to_owned(), None);
        }
        spot.text.to_owned()
    });
    let mut reading = Reading { file, faults, keys: Vec::new(), changes: Vec::new() };
    macro_rules! token {
        ($($key:literal $variant:ident;)*) => {
            $(reading.token($key, $variant::from_token, $variant::tokens(), Change::$variant);)*
        };
    }
    token! {
        "ack" Ack; "ack_means" AckMeans; "address_form" AddressForm; "damaged" Damaged; "date_form" DateForm;
        "expiry_form" ExpiryForm; "forward_trace" ForwardTrace; "header_case" HeaderCase; "id_quotes" IdQuotes;
        "line_ends" LineEnds; "multipart" Multipart; "recipients" Recipients; "refs" Refs; "reports" Reports;
        "res_address" ResAddress; "res_headers" ResHeaders; "sender_header" SenderHeader; "smil" Smil;
    }
    reading.number("max_octets", Change::MaxOctets);
    reading.number("max_parts", |n| Change::MaxParts(u32::try_from(n).unwrap_or(u32::MAX)));
    reading.number("group_max", |n| Change::GroupMax(u32::try_from(n).unwrap_or(u32::MAX)));
    reading.span("ack_timeout", Change::AckTimeout);
    reading.span("dedupe_window", Change::DedupeWindow);
    reading.clamp();
    reading.names("status_alias", Change::StatusAlias);
    reading.names("strip_headers", Change::StripHeaders);
    reading.status_map();
    if let Some(flag) = reading.file.flag("envelope_domain", reading.faults) {
        reading.keep("envelope_domain", format!("{flag}"), Change::EnvelopeDomain(flag));
    }
    if let Some(version) = reading.file.text("mms_version", reading.faults) {
        if version.text.is_empty() || !version.text.bytes().all(|b| b.is_ascii_graphic()) {
            reading.faults.push(&version.span, format!("`{}` is not a version", version.text), None);
        }
        reading.keep("mms_version", version.text.to_owned(), Change::Version(version.text.to_owned()));
    }
    let Reading { mut keys, changes, .. } = reading;
    keys.sort();
    if let Some(evidence) = evidence {
        let profile = Profile { name: name.to_owned(), evidence, path: path.to_owned(), keys, changes };
        profiles.insert(name.to_owned(), profile);
    }
}

/// The keys of one file as they are read.
struct Reading<'r, 'f, 't> {
    file: &'r mut Section<'t>,
    faults: &'r mut Faults<'f>,
    keys: Vec<(String, String)>,
    changes: Vec<Change>,
}

impl Reading<'_, '_, '_> {
    fn keep(&mut self, key: &str, shown: String, change: Change) {
        self.keys.push((key.to_owned(), shown));
        self.changes.push(change);
    }

    fn token<T>(
        &mut self,
        key: &'static str,
        read: fn(&str) -> Option<T>,
        legal: &[&str],
        change: fn(T) -> Change,
    ) {
        let Some(spot) = self.file.text(key, self.faults) else { return };
        match read(spot.text) {
            Some(value) => self.keep(key, spot.text.to_owned(), change(value)),
            None => {
                let hint = meant(spot.text, legal);
                self.faults.push(&spot.span, format!("`{}` is not a value of `{key}`", spot.text), hint);
            }
        }
    }

    fn number(&mut self, key: &'static str, change: impl Fn(u64) -> Change) {
        let Some((number, span)) = self.file.number(key, self.faults) else { return };
        if number == 0 {
            self.faults.push(&span, format!("`{key}` must be more than 0"), None);
        }
        self.keep(key, format!("{number}"), change(number));
    }

    fn span(&mut self, key: &'static str, change: fn(u64) -> Change) {
        let Some(spot) = self.file.text(key, self.faults) else { return };
        match millis(spot.text) {
            Some(ms) => self.keep(key, spot.text.to_owned(), change(ms)),
            None => self.faults.push(
                &spot.span,
                format!("`{}` is not a span of time", spot.text),
                SPAN_HINT.map(ToOwned::to_owned),
            ),
        }
    }

    fn clamp(&mut self) {
        let Some(mut clamp) = self.file.section("expiry_clamp", self.faults) else { return };
        let mut ends = Vec::new();
        for key in ["min", "max"] {
            let Some(spot) = clamp.text(key, self.faults) else { continue };
            match millis(spot.text) {
                Some(ms) => ends.push((key, ms, spot.text.to_owned())),
                None => self.faults.push(
                    &spot.span,
                    format!("`{}` is not a span of time", spot.text),
                    SPAN_HINT.map(ToOwned::to_owned),
                ),
            }
        }
        if let [(_, min, _), (_, max, _)] = ends.as_slice()
            && min > max
        {
            self.faults.push(&clamp.span, "`min` is later than `max`".to_owned(), None);
        }
        clamp.close(self.faults);
        for (key, ms, shown) in ends {
            let change = if key == "min" { Change::ExpiryMin(ms) } else { Change::ExpiryMax(ms) };
            self.keep(&format!("expiry_clamp.{key}"), shown, change);
        }
    }

    fn names(&mut self, key: &'static str, change: fn(Vec<String>) -> Change) {
        let spots = self.file.texts(key, self.faults);
        if spots.is_empty() {
            return;
        }
        for spot in &spots {
            if !is_legal(spot.text) {
                self.faults.push(&spot.span, format!("`{}` is not a header name", spot.text), None);
            }
        }
        let names: Vec<_> = spots.iter().map(|spot| spot.text.to_owned()).collect();
        self.keep(key, names.join(", "), change(names));
    }

    fn status_map(&mut self) {
        let pairs = self.file.pairs("status_map", self.faults);
        if pairs.is_empty() {
            return;
        }
        for (_, outcome) in &pairs {
            let known = words::DELIVERY.contains(&outcome.text)
                || outcome.text == "accepted"
                || Reason::read(outcome.text).is_some();
            if !known {
                let legal = words::DELIVERY.iter().copied().chain(["accepted"]);
                let near =
                    nearest(outcome.text, legal.chain(Reason::ALL.iter().map(|reason| reason.token())));
                let hint = near.map(|near| format!("did you mean `{near}`?"));
                let message =
                    format!("`{}` is no delivery status, no reason and not `accepted`", outcome.text);
                self.faults.push(&outcome.span, message, hint);
            }
        }
        let map: Vec<_> =
            pairs.iter().map(|(token, outcome)| (token.text.to_owned(), outcome.text.to_owned())).collect();
        let shown: Vec<_> = map.iter().map(|(token, outcome)| format!("{token} = {outcome}")).collect();
        self.keep("status_map", shown.join(", "), Change::StatusMap(map));
    }
}

pub(super) const SPAN_HINT: Option<&str> =
    Some("a number and a unit, such as `300 s`, `5 min`, `24 h` or `7 d`");

/// `300 s`, `5 min`, `24 h`, `7 d` in milliseconds.
pub(super) fn millis(text: &str) -> Option<u64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let scale = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(scale)
}
