//! Field tables: one row for each field of the canonical message on each interface.
//!
//! Checks the laws that concern rows: closed, total, injective, exact means exact, lossy must speak,
//! cited. Does not translate anything: a row is data that a mapping looks up.

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, btree_map::Entry},
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::Field;
use cedrat_wire_mms::mm4::Name;
use core::ops::Range;

use super::{
    Source,
    section::{Section, Spot, meant},
};
use crate::{
    diagnostic::{Diagnostic, Faults, nearest},
    loss::{Fidelity, Interface},
    words::{self, Word},
};

/// The grammar of a header's value: a closed set, because each needs code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reader {
    /// One address.
    Address,
    /// A list of addresses.
    Addresses,
    /// The body of the message.
    Body,
    /// A date of RFC 5322.
    Date,
    /// Not in a header: SMTP envelope and its parameters.
    Envelope,
    /// An identifier, with or without quotes or angle brackets.
    Id,
    /// `index, value`, repeated.
    Indexed,
    /// A whole number.
    Integer,
    /// Content headers of MIME.
    Mime,
    /// Nowhere on this interface.
    None,
    /// Text for people, RFC 2047.
    Text,
    /// A date or a number of seconds.
    Time,
    /// One of the words of `values`.
    Token,
    /// Trace lines, counted.
    Trace,
    /// Kept as it is.
    Verbatim,
}

impl Reader {
    /// Every reader with its name in tables.
    const ALL: &'static [(&'static str, Self)] = &[
        ("address", Self::Address),
        ("addresses", Self::Addresses),
        ("body", Self::Body),
        ("date", Self::Date),
        ("envelope", Self::Envelope),
        ("id", Self::Id),
        ("indexed", Self::Indexed),
        ("integer", Self::Integer),
        ("mime", Self::Mime),
        ("none", Self::None),
        ("text", Self::Text),
        ("time", Self::Time),
        ("token", Self::Token),
        ("trace", Self::Trace),
        ("verbatim", Self::Verbatim),
    ];

    /// Its name in tables.
    #[must_use]
    pub fn token(self) -> &'static str {
        Self::ALL.iter().find(|(_, reader)| *reader == self).map_or("none", |(name, _)| name)
    }

    /// Whether a row of this reader names a header.
    const fn wants_header(self) -> bool {
        !matches!(self, Self::Body | Self::Envelope | Self::Mime | Self::None | Self::Verbatim)
    }
}

/// How a field crosses in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// How faithfully.
    pub fidelity: Fidelity,
    /// What a person should know; always there unless the fidelity is exact.
    pub note: Option<String>,
    /// The clause that says so.
    pub spec: String,
}

/// A field on an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub field: Field,
    /// Header name as it is written; `None` where no header carries the field.
    pub header: Option<String>,
    /// Other names under which the header is read.
    pub aliases: Vec<String>,
    /// Further headers of the same field, each read and written under its own name.
    pub further: Vec<String>,
    /// SMTP verb or parameter that carries the field, for the reader of the documentation.
    pub envelope: Option<String>,
    /// Grammar of the value.
    pub reader: Reader,
    /// Wire token and canonical word, one to one, in the order of the table.
    pub values: Vec<(String, String)>,
    /// Further wire tokens that are read but never written.
    pub accept: Vec<(String, String)>,
    /// Interface -> canonical.
    pub inbound: Way,
    /// Canonical -> interface.
    pub outbound: Way,
    /// The file that the row is from.
    pub path: String,
}

const NO_WAY: Way = Way { fidelity: Fidelity::Dropped, note: None, spec: String::new() };

/// Stands in for a row that no table has; compilation makes sure that nobody meets it.
pub(super) static NO_ROW: Row = Row {
    field: Field::Unknown,
    header: None,
    aliases: Vec::new(),
    further: Vec::new(),
    envelope: None,
    reader: Reader::None,
    values: Vec::new(),
    accept: Vec::new(),
    inbound: NO_WAY,
    outbound: NO_WAY,
    path: String::new(),
};

impl Row {
    /// Header name as written, empty where no header carries the field.
    #[must_use]
    pub fn name(&self) -> &str {
        self.header.as_deref().unwrap_or_default()
    }

    /// Every header name of the row: as written, aliases, further ones.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.header.iter().chain(&self.aliases).chain(&self.further).map(String::as_str)
    }

    /// The value of a wire token, compared without regard to ASCII case or outer blanks.
    #[must_use]
    pub fn read<W: Word>(&self, token: &str) -> Option<W> {
        let token = token.trim();
        let pairs = self.values.iter().chain(&self.accept);
        pairs.filter(|(wire, _)| wire.eq_ignore_ascii_case(token)).find_map(|(_, word)| W::of_word(word))
    }

    /// The wire token of a value; `None` where the interface has none for it.
    #[must_use]
    pub fn write<W: Word>(&self, value: &W) -> Option<&str> {
        let word = value.word()?;
        self.values.iter().find(|(_, canonical)| canonical == word).map(|(wire, _)| wire.as_str())
    }
}

/// The rows of one interface.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldTable {
    rows: BTreeMap<Field, Row>,
    headers: BTreeMap<String, Field>,
}

impl FieldTable {
    pub(super) fn row(&self, field: Field) -> Option<&Row> {
        self.rows.get(&field)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    pub(super) fn field_of(&self, name: &str) -> Option<Field> {
        self.headers.get(&name.to_ascii_lowercase()).copied()
    }
}

/// A row with the places that later checks point at.
struct Placed {
    row: Row,
    span: Range<usize>,
    headers: Vec<(String, Range<usize>)>,
}

/// What was read so far, later files over earlier ones.
#[derive(Default)]
pub(super) struct Draft {
    interfaces: BTreeMap<Interface, BTreeMap<Field, Placed>>,
    first: BTreeMap<Interface, String>,
}

impl Draft {
    /// Reads one file of `fields/`.
    pub(super) fn read(&mut self, path: &str, file: &mut Section<'_>, faults: &mut Faults<'_>) {
        let interface = file.required("interface", faults).and_then(|spot| {
            let known = Interface::read(spot.text);
            if known.is_none() {
                let legal: Vec<_> = Interface::WIRES.iter().map(|wire| wire.token()).collect();
                faults.push(
                    &spot.span,
                    format!("`{}` is not an interface", spot.text),
                    meant(spot.text, &legal),
                );
            }
            known
        });
        let spec = file.text("spec", faults).map(|spot| spot.text.to_owned());
        let mut here: BTreeMap<Field, Placed> = BTreeMap::new();
        for section in file.sections("field", faults) {
            let Some(placed) = read_row(path, section, spec.as_deref(), faults) else { continue };
            let field = placed.row.field;
            match here.entry(field) {
                Entry::Vacant(vacant) => {
                    vacant.insert(placed);
                }
                Entry::Occupied(_) => {
                    let message = format!("`{}` has a row in this file already", field.token());
                    faults.push(&placed.span, message, None);
                }
            }
        }
        if let Some(interface) = interface {
            self.first.entry(interface).or_insert_with(|| path.to_owned());
            self.interfaces.entry(interface).or_default().extend(here);
        }
    }

    /// Checks the laws that concern whole tables.
    pub(super) fn finish(
        self,
        sources: &[Source<'_>],
        found: &mut Vec<Diagnostic>,
    ) -> BTreeMap<Interface, FieldTable> {
        let mut tables = BTreeMap::new();
        for (interface, rows) in self.interfaces {
            let missing: Vec<_> = Field::ALL
                .iter()
                .filter(|field| !rows.contains_key(field))
                .map(|field| field.token())
                .collect();
            if let (false, Some(path)) = (missing.is_empty(), self.first.get(&interface)) {
                let message =
                    format!("the table of `{}` has no row for: {}", interface.token(), missing.join(", "));
                let hint = Some("a field that it cannot carry has a row with fidelity `dropped`".to_owned());
                found.push(Diagnostic { path: path.clone(), line: 1, column: 1, message, hint });
            }
            let mut table = FieldTable::default();
            // In the order of files and lines, so that a fault points at what was written later.
            let place = |placed: &&Placed| {
                let file = sources.iter().position(|source| source.path == placed.row.path);
                (file, placed.span.start)
            };
            let mut in_order: Vec<&Placed> = rows.values().collect();
            in_order.sort_by_key(place);
            for placed in in_order {
                let text = sources.iter().find(|source| source.path == placed.row.path);
                let text = text.map_or("", |source| source.text);
                let field = placed.row.field;
                if interface == Interface::Mm4
                    && placed.row.outbound.fidelity <= Fidelity::Synthesized
                    && let (Some(name), Some((_, span))) = (&placed.row.header, placed.headers.first())
                    && is_legal(name)
                    && !is_written(name)
                {
                    let near = nearest(name, Name::ALL.iter().map(|name| name.spelling()));
                    let hint = near.map(|near| format!("did you mean `{near}`?"));
                    let message = format!("`{name}` is not a header that MM4 requests are written with");
                    Faults::new(&placed.row.path, text, found).push(span, message, hint);
                }
                for (name, span) in &placed.headers {
                    if let Some(other) = table.headers.insert(name.to_ascii_lowercase(), field) {
                        Faults::new(&placed.row.path, text, found).push(
                            span,
                            format!("header `{name}` already carries the field `{}`", other.token()),
                            None,
                        );
                    }
                }
            }
            table.rows = rows.into_iter().map(|(field, placed)| (field, placed.row)).collect();
            tables.insert(interface, table);
        }
        tables
    }
}

/// A field name of RFC 5322 §2.2.
pub(super) fn is_legal(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':')
}

/// The codec spells and orders what it writes; a table may add names to read, not names to write.
fn is_written(name: &str) -> bool {
    name == "Received" || Name::ALL.iter().any(|known| known.spelling() == name)
}

fn read_row(
    path: &str,
    mut section: Section<'_>,
    spec: Option<&str>,
    faults: &mut Faults<'_>,
) -> Option<Placed> {
    let span = section.span.clone();
    let field = section.required("canonical", faults).and_then(|spot| {
        let field = Field::read(spot.text);
        if field.is_none() {
            let near = nearest(spot.text, Field::ALL.iter().map(|field| field.token()));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            faults.push(&spot.span, format!("`{}` is not a field of the message", spot.text), hint);
        }
        field
    });
    let header = section.text("header", faults);
    let aliases = section.texts("aliases", faults);
    let further = section.texts("further", faults);
    let envelope = section.text("envelope", faults).map(|spot| spot.text.to_owned());
    let reader = section.required("read", faults).and_then(|spot| {
        let reader = Reader::ALL.iter().find(|(name, _)| *name == spot.text).map(|(_, reader)| *reader);
        if reader.is_none() {
            let near = nearest(spot.text, Reader::ALL.iter().map(|(name, _)| *name));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            faults.push(&spot.span, format!("`{}` is not a reader", spot.text), hint);
        }
        reader
    });
    let values = section.pairs("values", faults);
    let accept = section.pairs("accept", faults);
    let both = read_way(&mut section, faults);
    let inbound = section.section("inbound", faults).map(|mut way| {
        let read = read_way(&mut way, faults);
        way.close(faults);
        read
    });
    let outbound = section.section("outbound", faults).map(|mut way| {
        let read = read_way(&mut way, faults);
        way.close(faults);
        read
    });
    let cited = |way: &Option<Stated>| way.as_ref().is_some_and(|way| way.spec.is_some());
    if spec.is_none() && both.spec.is_none() && !(cited(&inbound) && cited(&outbound)) {
        faults.push(&span, "the row cites no `spec`, nor does the file".to_owned(), None);
    }
    let inbound = settle("inbound", inbound, &both, spec, &span, faults);
    let outbound = settle("outbound", outbound, &both, spec, &span, faults);
    section.close(faults);

    let headers: Vec<Spot<'_>> = header.iter().chain(&aliases).chain(&further).cloned().collect();
    for name in &headers {
        if !is_legal(name.text) {
            faults.push(&name.span, format!("`{}` is not a header name", name.text), None);
        }
    }
    let (field, reader, inbound, outbound) = (field?, reader?, inbound?, outbound?);
    if reader.wants_header() && header.is_none() {
        faults.push(
            &span,
            format!("`{}` needs a `header`, because it reads `{}`", field.token(), reader.token()),
            None,
        );
    }
    let silent = |way: &Way| way.fidelity != Fidelity::Exact && way.note.is_none();
    let needs_note = match (silent(&inbound), silent(&outbound)) {
        (true, true) if inbound.fidelity == outbound.fidelity => Some((field.token(), inbound.fidelity)),
        (true, _) => Some(("inbound", inbound.fidelity)),
        (false, true) => Some(("outbound", outbound.fidelity)),
        (false, false) => None,
    };
    if let Some((what, fidelity)) = needs_note {
        faults.push(&span, format!("`{what}` is {} and needs a `note` that says so", fidelity.token()), None);
    }
    check_values(field, reader, &values, &accept, (&inbound, &outbound), &span, faults);
    let owned = |pairs: &[(Spot<'_>, Spot<'_>)]| -> Vec<(String, String)> {
        pairs.iter().map(|(wire, word)| (wire.text.to_owned(), word.text.to_owned())).collect()
    };
    let texts = |spots: &[Spot<'_>]| spots.iter().map(|spot| spot.text.to_owned()).collect();
    Some(Placed {
        headers: headers.iter().map(|spot| (spot.text.to_owned(), spot.span.clone())).collect(),
        row: Row {
            field,
            header: header.map(|spot| spot.text.to_owned()),
            aliases: texts(&aliases),
            further: texts(&further),
            envelope,
            reader,
            values: owned(&values),
            accept: owned(&accept),
            inbound,
            outbound,
            path: path.to_owned(),
        },
        span,
    })
}

/// A direction as far as the file states it.
#[derive(Default)]
struct Stated {
    /// Said, if not in a word that is a fidelity.
    said: bool,
    fidelity: Option<Fidelity>,
    note: Option<String>,
    spec: Option<String>,
}

fn read_way(section: &mut Section<'_>, faults: &mut Faults<'_>) -> Stated {
    let said = section.has("fidelity");
    let fidelity = section.text("fidelity", faults).and_then(|spot| {
        let fidelity = Fidelity::read(spot.text);
        if fidelity.is_none() {
            let legal: Vec<_> = Fidelity::ALL.iter().map(|fidelity| fidelity.token()).collect();
            faults.push(&spot.span, format!("`{}` is not a fidelity", spot.text), meant(spot.text, &legal));
        }
        fidelity
    });
    let note = section.text("note", faults).map(|spot| spot.text.to_owned());
    let spec = section.text("spec", faults).map(|spot| spot.text.to_owned());
    Stated { said, fidelity, note, spec }
}

/// A direction from what it states itself, else what the row states for both, else the file.
fn settle(
    direction: &str,
    own: Option<Stated>,
    both: &Stated,
    spec: Option<&str>,
    span: &Range<usize>,
    faults: &mut Faults<'_>,
) -> Option<Way> {
    let own = own.unwrap_or_default();
    let fidelity = own.fidelity.or(both.fidelity);
    let note = own.note.or_else(|| both.note.clone()).filter(|note| !note.is_empty());
    let spec = own.spec.or_else(|| both.spec.clone()).or_else(|| spec.map(ToString::to_string));
    let Some(fidelity) = fidelity else {
        if !own.said && !both.said {
            faults.push(span, format!("{direction} has no `fidelity`"), None);
        }
        return None;
    };
    Some(Way { fidelity, note, spec: spec.unwrap_or_default() })
}

/// Closed, and a bijection where the row claims to be exact.
fn check_values(
    field: Field,
    reader: Reader,
    values: &[(Spot<'_>, Spot<'_>)],
    accept: &[(Spot<'_>, Spot<'_>)],
    (inbound, outbound): (&Way, &Way),
    span: &Range<usize>,
    faults: &mut Faults<'_>,
) {
    let Some(legal) = words::of_field(field) else {
        if let Some((wire, _)) = values.first().or_else(|| accept.first()) {
            faults.push(
                &wire.span,
                format!("`{}` has no closed set of values to map to", field.token()),
                None,
            );
        }
        return;
    };
    let before = faults.count();
    let mut wires: Vec<String> = Vec::new();
    for (wire, word) in values.iter().chain(accept) {
        if !legal.contains(&word.text) {
            let message = format!("`{}` is not a value of `{}`", word.text, field.token());
            faults.push(&word.span, message, meant(word.text, legal));
        }
        let folded = wire.text.to_ascii_lowercase();
        if wires.contains(&folded) {
            faults.push(&wire.span, format!("`{}` is mapped twice", wire.text), None);
        }
        wires.push(folded);
    }
    for (at, (_, word)) in values.iter().enumerate() {
        if values.iter().take(at).any(|(_, earlier)| earlier.text == word.text) {
            let hint = Some("tokens that are only read belong to `accept`".to_owned());
            faults.push(&word.span, format!("two tokens are written for `{}`", word.text), hint);
        }
    }
    if faults.count() == before
        && reader == Reader::Token
        && inbound.fidelity == Fidelity::Exact
        && outbound.fidelity == Fidelity::Exact
    {
        let missing: Vec<_> = legal
            .iter()
            .copied()
            .filter(|word| !values.iter().any(|(_, mapped)| mapped.text == *word))
            .collect();
        if !missing.is_empty() {
            let message =
                format!("`{}` is exact but has no token for: {}", field.token(), missing.join(", "));
            faults.push(span, message, None);
        }
    }
}
