//! The compiled tables: field rows per interface, status tables, quirk profiles, and what handsets
//! take.
//!
//! [`Tables::compile`] takes the texts of any number of files and returns either tables that obey
//! every law of `mappings/README.md` or all faults at once. Files that come later win row by row, so
//! an operator's file need only hold the rows that differ. Reads no files itself.

mod address;
mod capability;
mod fields;
mod media_types;
mod quirks;
mod section;
mod status;

#[cfg(test)]
mod tests;

use alloc::{
    borrow::Cow,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::Field;
use cedrat_wire_mms::quirks::Quirks;
use toml::de::DeTable;

use crate::{
    diagnostic::{Diagnostic, Faults},
    loss::Interface,
};

pub use address::{AddressKind, Form};
pub use capability::{Capability, octet_limit};
pub use fields::{Reader, Row, Way};
pub use media_types::MediaType;
pub use quirks::{Profile, QuirkFault};
pub use status::Enhanced;

use section::{Section, meant};

/// The text of one table file.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Where it is from, for faults; the folder says what it is: `fields`, `status`, `address`,
    /// `quirks`, `content` or `profiles`, and the file name which one.
    pub path: &'a str,
    /// The text.
    pub text: &'a str,
}

/// All tables of a gateway, law-abiding.
#[derive(Debug, Clone)]
pub struct Tables {
    pub(crate) fields: BTreeMap<Interface, fields::FieldTable>,
    pub(crate) address: address::AddressTables,
    pub(crate) status: status::StatusTables,
    pub(crate) quirks: BTreeMap<String, Profile>,
    pub(crate) capability: capability::CapabilityTables,
    pub(crate) media_types: media_types::MediaTypes,
}

/// The folders of `mappings/`.
const FOLDERS: &[&str] = &["fields", "status", "address", "quirks", "content", "profiles"];

impl Tables {
    /// Compiles the files, later ones over earlier ones.
    ///
    /// # Errors
    /// Every fault of every file, in the order of files and lines.
    pub fn compile(sources: &[Source<'_>]) -> Result<Self, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let mut fields = fields::Draft::default();
        let mut address = address::Draft::default();
        let mut status = status::Draft::default();
        let mut quirks = BTreeMap::new();
        let mut capability = capability::Draft::default();
        let mut media_types = media_types::MediaTypes::default();
        for source in sources {
            let mut faults = Faults::new(source.path, source.text, &mut found);
            let (document, errors) = DeTable::parse_recoverable(source.text);
            for error in &errors {
                let span = error.span().unwrap_or(0..0);
                faults.push(&span, error.message().to_string(), None);
            }
            if !errors.is_empty() {
                continue;
            }
            let (folder, name) = place(source.path);
            let mut section = Section::new(document.get_ref(), 0..0);
            match folder {
                "fields" => fields.read(source.path, &mut section, &mut faults),
                "status" => status.read(name, source.path, &mut section, &mut faults),
                "address" => address.read(source.path, &mut section, &mut faults),
                "quirks" => quirks::read(name, source.path, &mut section, &mut quirks, &mut faults),
                "content" => match name {
                    "classes" => capability.classes(source.path, &mut section, &mut faults),
                    "types" => media_types.read(&mut section, &mut faults),
                    other => {
                        let message = format!("`{other}` is not a table of `content`");
                        faults.push(&(0..0), message, meant(other, &["classes", "types"]));
                        continue;
                    }
                },
                "profiles" => capability.family(name, source.path, &mut section, &mut faults),
                other => {
                    let message = format!("`{other}` is not a folder of mapping tables");
                    faults.push(&(0..0), message, meant(other, FOLDERS));
                    continue;
                }
            }
            section.close(&mut faults);
        }
        let fields = fields.finish(sources, &mut found);
        let address = address.finish(sources, &mut found);
        let status = status.finish(sources, &mut found);
        let capability = capability.finish(sources, &mut found);
        if !found.is_empty() {
            let order = |path: &str| sources.iter().position(|source| source.path == path);
            found.sort_by(|a, b| {
                (order(&a.path), a.line, a.column, &a.message).cmp(&(
                    order(&b.path),
                    b.line,
                    b.column,
                    &b.message,
                ))
            });
            found.dedup();
            return Err(found);
        }
        // Without a floor there was a fault.
        let Some(capability) = capability else { return Err(found) };
        Ok(Self { fields, address, status, quirks, capability, media_types })
    }

    /// The row of a field on a wire interface; after compilation there is one for every field.
    #[must_use]
    pub fn row(&self, interface: Interface, field: Field) -> &Row {
        self.fields.get(&interface).and_then(|table| table.row(field)).unwrap_or(&fields::NO_ROW)
    }

    /// The row of a field on MM4.
    #[must_use]
    pub fn mm4(&self, field: Field) -> &Row {
        self.row(Interface::Mm4, field)
    }

    /// The row of a field in Internet mail.
    #[must_use]
    pub fn mail(&self, field: Field) -> &Row {
        self.row(Interface::Mail, field)
    }

    /// The rows of an interface, in the order of [`Field::ALL`].
    pub fn rows(&self, interface: Interface) -> impl Iterator<Item = &Row> {
        self.fields.get(&interface).into_iter().flat_map(fields::FieldTable::rows)
    }

    /// The field that a header of an interface carries, its name compared without regard to case;
    /// `None` for a header without a row.
    #[must_use]
    pub fn field_of_header(&self, interface: Interface, name: &str) -> Option<Field> {
        self.fields.get(&interface).and_then(|table| table.field_of(name))
    }

    /// The quirk profiles, by name.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.quirks.values()
    }

    /// The one name of a media type: lower case, without parameters, aliases resolved.
    #[must_use]
    pub fn media_type<'n>(&self, name: &'n str) -> Cow<'n, str> {
        self.media_types.canonical(name)
    }

    /// The media types that go under several names.
    pub fn media_types(&self) -> impl Iterator<Item = &MediaType> {
        self.media_types.rows.values()
    }

    /// The quirks of a peer: the 3GPP reading, changed by each named profile in turn.
    ///
    /// # Errors
    /// The names that no profile has, each with the nearest one that exists.
    pub fn quirks(&self, names: &[&str]) -> Result<Quirks, Vec<QuirkFault>> {
        quirks::combine(&self.quirks, names)
    }
}

/// Folder and stem of `.../folder/stem.toml`.
fn place(path: &str) -> (&str, &str) {
    let mut parts = path.rsplit(['/', '\\']);
    let file = parts.next().unwrap_or_default();
    (parts.next().unwrap_or_default(), file.strip_suffix(".toml").unwrap_or(file))
}
