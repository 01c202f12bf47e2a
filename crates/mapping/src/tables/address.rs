//! Address tables: in what form each kind of address crosses each interface, and how faithfully.
//!
//! The forms are read and written by code (`cedrat_wire_mms::address`, the mail mapping); a table
//! says which kinds can cross at all, and what the loss report says when one crosses changed.

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, vec::Vec};
use cedrat_message::Address;

use super::{
    Source, Tables,
    section::{Section, meant},
};
use crate::{
    diagnostic::{Diagnostic, Faults},
    loss::{Fidelity, Interface},
};

/// The kinds of address that an interface may treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressKind {
    /// IPv4 or IPv6.
    Ip,
    /// `local@domain`.
    Mail,
    /// A name of a bulk sender.
    Name,
    /// E.164.
    Number,
    /// A number without country code, a short code.
    ShortCode,
}

impl AddressKind {
    /// All of them, in alphabetical order.
    pub const ALL: &'static [Self] = &[Self::Ip, Self::Mail, Self::Name, Self::Number, Self::ShortCode];

    /// Its name in tables.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Mail => "mail",
            Self::Name => "name",
            Self::Number => "number",
            Self::ShortCode => "short-code",
        }
    }

    /// The kind of an address.
    #[must_use]
    pub const fn of(address: &Address) -> Self {
        match address {
            Address::Ip(_) => Self::Ip,
            Address::Mail(_) => Self::Mail,
            Address::Name(_) => Self::Name,
            Address::Number(number) if number.is_international() => Self::Number,
            Address::Number(_) => Self::ShortCode,
        }
    }
}

/// How a kind of address is written on an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// An example of the form.
    pub example: String,
    /// How faithfully it crosses outbound.
    pub fidelity: Fidelity,
    /// What a person should know; there unless exact.
    pub note: Option<String>,
    /// The clause.
    pub spec: String,
}

/// The forms of every interface.
pub(crate) type AddressTables = BTreeMap<Interface, BTreeMap<AddressKind, Form>>;

impl Tables {
    /// The form of an address kind on a wire interface.
    #[must_use]
    pub fn form(&self, interface: Interface, kind: AddressKind) -> Option<&Form> {
        self.address.get(&interface)?.get(&kind)
    }
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Draft {
    tables: AddressTables,
    first: BTreeMap<Interface, String>,
}

impl Draft {
    /// Reads one file of `address/`.
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
        let spec = file.required("spec", faults).map(|spot| spot.text.to_owned()).unwrap_or_default();
        let mut here = BTreeMap::new();
        for mut row in file.sections("form", faults) {
            let kind = row.required("kind", faults).and_then(|spot| {
                let kind = AddressKind::ALL.iter().copied().find(|kind| kind.token() == spot.text);
                if kind.is_none() {
                    let legal: Vec<_> = AddressKind::ALL.iter().map(|kind| kind.token()).collect();
                    faults.push(
                        &spot.span,
                        format!("`{}` is not a kind of address", spot.text),
                        meant(spot.text, &legal),
                    );
                }
                kind
            });
            let example = row.required("example", faults).map(|spot| spot.text.to_owned());
            let fidelity = row.required("fidelity", faults).and_then(|spot| {
                let fidelity = Fidelity::read(spot.text);
                if fidelity.is_none() {
                    let legal: Vec<_> = Fidelity::ALL.iter().map(|fidelity| fidelity.token()).collect();
                    faults.push(
                        &spot.span,
                        format!("`{}` is not a fidelity", spot.text),
                        meant(spot.text, &legal),
                    );
                }
                fidelity
            });
            let note = row.text("note", faults).map(|spot| spot.text.to_owned());
            let own = row.text("spec", faults).map(|spot| spot.text.to_owned());
            let span = row.span.clone();
            row.close(faults);
            let (Some(kind), Some(example), Some(fidelity)) = (kind, example, fidelity) else { continue };
            if fidelity != Fidelity::Exact && note.is_none() {
                let message =
                    format!("`{}` is {} and needs a `note` that says so", kind.token(), fidelity.token());
                faults.push(&span, message, None);
            }
            let form = Form { example, fidelity, note, spec: own.unwrap_or_else(|| spec.clone()) };
            if here.insert(kind, form).is_some() {
                faults.push(&span, format!("`{}` has a row in this file already", kind.token()), None);
            }
        }
        if let Some(interface) = interface {
            self.first.entry(interface).or_insert_with(|| path.to_owned());
            self.tables.entry(interface).or_default().extend(here);
        }
    }

    /// Checks that every kind has a form.
    pub(super) fn finish(self, _sources: &[Source<'_>], found: &mut Vec<Diagnostic>) -> AddressTables {
        for (interface, forms) in &self.tables {
            let missing: Vec<_> = AddressKind::ALL
                .iter()
                .filter(|kind| !forms.contains_key(kind))
                .map(|kind| kind.token())
                .collect();
            if let (false, Some(path)) = (missing.is_empty(), self.first.get(interface)) {
                let message = format!(
                    "the address table of `{}` has no form for: {}",
                    interface.token(),
                    missing.join(", ")
                );
                found.push(Diagnostic { path: path.clone(), line: 1, column: 1, message, hint: None });
            }
        }
        self.tables
    }
}
