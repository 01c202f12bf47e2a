//! Tags into components and properties: a stack of open elements, each with the role that its
//! name and its place give it. What does not belong closes what it cannot stand in.

use alloc::{
    borrow::{Cow, ToOwned},
    string::String,
    vec::Vec,
};

use super::{
    Component, Document, Flaw, FlawKind, Limits, Property, Unreadable,
    tags::{PieceKind, Pieces, local},
};
use crate::entity::decoded;

/// Reads a document: UTF-8, UTF-16 by its byte order mark, else Latin-1.
///
/// # Errors
/// [`Unreadable`]; everything else is in [`Document::flaws`].
pub fn read(octets: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    if octets.len() > limits.octets {
        return Err(Unreadable::TooLarge);
    }
    let text = characters(octets);
    let mut reading = Reading::new(limits);
    for piece in Pieces::of(&text) {
        match piece.kind {
            PieceKind::Start { name, attributes, closed } => {
                reading.start(piece.at, name, &attributes);
                if closed {
                    reading.end(piece.at, name);
                }
            }
            PieceKind::End(name) => reading.end(piece.at, name),
            PieceKind::Text(text) => reading.text(piece.at, text),
            PieceKind::Declaration(what) => {
                if what.starts_with("xml ") && piece.at > 0 {
                    reading.flaw(piece.at, FlawKind::Stray);
                }
            }
            PieceKind::Truncated => reading.flaw(piece.at, FlawKind::Truncated),
        }
    }
    reading.finish(text.len())
}

fn characters(octets: &[u8]) -> Cow<'_, str> {
    let wide = |octets: &[u8], read: fn([u8; 2]) -> u16| {
        let units = octets.as_chunks::<2>().0.iter().map(|pair| read(*pair));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match octets {
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(wide(rest, u16::from_be_bytes)),
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(wide(rest, u16::from_le_bytes)),
        _ => {
            let octets = octets.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(octets);
            core::str::from_utf8(octets)
                .map_or_else(|_| Cow::Owned(octets.iter().copied().map(char::from).collect()), Cow::Borrowed)
        }
    }
}

/// What an element is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// `rdf:Bag`, `rdf:Seq` or `rdf:Alt`.
    Bag,
    /// `prf:defaults`.
    Defaults,
    /// `rdf:li`.
    Item,
    /// `rdf:Description`, or an element named after a component.
    Node,
    /// Not of a profile.
    Other,
    /// A property.
    Property,
    /// `rdf:RDF`.
    Root,
    /// `prf:component`.
    Slot,
    /// `rdf:type`.
    Type,
}

/// An element that is open.
struct Open<'a> {
    name: &'a str,
    role: Role,
    text: String,
    values: Vec<String>,
}

/// The components of the base vocabulary: a name that is one of these needs no `rdf:type`.
const COMPONENTS: [&str; 8] = [
    "BrowserUA",
    "HardwarePlatform",
    "MmsCharacteristics",
    "NetworkCharacteristics",
    "PushCharacteristics",
    "SoftwarePlatform",
    "Streaming",
    "WapCharacteristics",
];

struct Reading<'a, 'l> {
    limits: &'l Limits,
    open: Vec<Open<'a>>,
    /// Elements open beyond the depth limit.
    beyond: usize,
    /// Whether the outermost element was closed.
    ended: bool,
    /// Whether the component that was last begun is still open.
    inside: bool,
    properties: usize,
    document: Document,
}

impl<'a, 'l> Reading<'a, 'l> {
    fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            open: Vec::new(),
            beyond: 0,
            ended: false,
            inside: false,
            properties: 0,
            document: Document::default(),
        }
    }

    fn flaw(&mut self, at: usize, kind: FlawKind) {
        if self.document.flaws.len() < self.limits.flaws {
            self.document.flaws.push(Flaw { at, kind });
        }
    }

    fn parent(&self) -> Option<Role> {
        self.open.last().map(|open| open.role)
    }

    fn start(&mut self, at: usize, name: &'a str, attributes: &[(&'a str, Cow<'a, str>)]) {
        if self.open.is_empty() && self.ended {
            self.ended = false;
            self.flaw(at, FlawKind::Stray);
        }
        let role = self.role(at, name);
        if self.open.len() >= self.limits.depth {
            self.beyond += 1;
            self.flaw(at, FlawKind::Depth);
            return;
        }
        let resource = attribute(attributes, "resource").filter(|value| !value.is_empty());
        match role {
            Role::Node if self.parent() == Some(Role::Slot) => self.component(name, attributes),
            Role::Type => self.typed(resource),
            Role::Defaults => {
                if let (Some(url), Some(component)) = (resource, self.component_open()) {
                    component.defaults.push(url.to_owned());
                }
            }
            _ => {}
        }
        let values = if role == Role::Property { resource.map(ToOwned::to_owned) } else { None };
        self.open.push(Open { name, role, text: String::new(), values: values.into_iter().collect() });
        if role == Role::Node {
            self.abbreviated(attributes);
        }
    }

    /// The role of an element that begins here, after closing what it cannot stand in.
    fn role(&mut self, at: usize, name: &str) -> Role {
        let role = match name {
            "RDF" => Role::Root,
            "Description" => Role::Node,
            "Bag" | "Seq" | "Alt" => Role::Bag,
            "li" => Role::Item,
            "type" => Role::Type,
            _ if name.eq_ignore_ascii_case("component") => Role::Slot,
            _ if name.eq_ignore_ascii_case("defaults") => Role::Defaults,
            _ => Role::Property,
        };
        let misplaced = |parent: Role| match role {
            Role::Item => parent == Role::Item,
            Role::Property | Role::Slot => {
                matches!(parent, Role::Item | Role::Bag | Role::Property | Role::Type)
            }
            _ => false,
        };
        while self.parent().is_some_and(misplaced) {
            self.close(at, true);
        }
        if role == Role::Slot && self.inside {
            while self.inside && !self.open.is_empty() {
                self.close(at, true);
            }
        }
        match (role, self.parent()) {
            (Role::Property, Some(Role::Slot | Role::Root)) => Role::Node,
            (Role::Property, Some(Role::Node | Role::Defaults)) => Role::Property,
            (Role::Property, _) => Role::Other,
            (role, _) => role,
        }
    }

    fn component(&mut self, name: &str, attributes: &[(&str, Cow<'_, str>)]) {
        let id = attribute(attributes, "ID").or_else(|| attribute(attributes, "about"));
        let name = match id.map(fragment) {
            Some(id) if name == "Description" => id,
            _ if name == "Description" => "",
            _ => name,
        };
        self.document.components.push(Component { name: name.to_owned(), ..Component::default() });
        self.inside = true;
    }

    fn typed(&mut self, resource: Option<&str>) {
        let Some(name) = resource.map(fragment).filter(|name| !name.is_empty()) else { return };
        if let Some(component) = self.component_open()
            && !COMPONENTS.contains(&component.name.as_str())
        {
            name.clone_into(&mut component.name);
        }
    }

    fn component_open(&mut self) -> Option<&mut Component> {
        if self.inside { self.document.components.last_mut() } else { None }
    }

    /// Properties written as attributes of their node (RDF/XML §2.5).
    fn abbreviated(&mut self, attributes: &[(&str, Cow<'_, str>)]) {
        for (name, value) in attributes {
            let foreign =
                name.split_once(':').is_some_and(|(space, _)| !matches!(space, "rdf" | "xml" | "xmlns"));
            if foreign && !matches!(local(name), "ID" | "about" | "resource") && !value.trim().is_empty() {
                self.property(local(name), alloc::vec![value.trim().to_owned()]);
            }
        }
    }

    fn text(&mut self, at: usize, text: &str) {
        if self.beyond > 0 || text.trim().is_empty() {
            return;
        }
        match self.open.last_mut() {
            Some(open) if matches!(open.role, Role::Item | Role::Property) => {
                open.text.push_str(&decoded(text));
            }
            Some(open) if open.role == Role::Other => {}
            _ => self.flaw(at, FlawKind::Stray),
        }
    }

    fn end(&mut self, at: usize, name: &str) {
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        if !self.open.iter().any(|open| open.name == name) {
            return self.flaw(at, FlawKind::EndWithoutStart);
        }
        while self.open.last().is_some_and(|open| open.name != name) {
            self.close(at, true);
        }
        self.close(at, false);
    }

    /// Closes the innermost element.
    fn close(&mut self, at: usize, forced: bool) {
        let Some(open) = self.open.pop() else { return };
        if forced {
            self.flaw(at, FlawKind::Unclosed);
        }
        let text = open.text.trim();
        match open.role {
            Role::Item if !text.is_empty() => self.item(at, text),
            Role::Property => {
                let mut values = open.values;
                if values.is_empty() && !text.is_empty() {
                    values.push(text.to_owned());
                }
                if !values.is_empty() {
                    self.property(open.name, values);
                }
            }
            Role::Slot => self.inside = false,
            _ => {}
        }
        self.ended = self.open.is_empty();
    }

    fn item(&mut self, at: usize, text: &str) {
        let most = self.limits.values;
        let Some(property) = self.open.iter_mut().rev().find(|open| open.role == Role::Property) else {
            return;
        };
        if property.values.len() < most {
            property.values.push(text.to_owned());
        } else {
            self.flaw(at, FlawKind::TooMany);
        }
    }

    fn property(&mut self, name: &str, values: Vec<String>) {
        if self.properties >= self.limits.properties {
            return self.flaw(0, FlawKind::TooMany);
        }
        self.properties += 1;
        let default = self.open.iter().any(|open| open.role == Role::Defaults);
        let property = Property { name: name.to_owned(), values, default };
        if !self.inside {
            // The nameless component gathers what stands outside of any, however often.
            let found = self.document.components.iter().position(|component| component.name.is_empty());
            match found.and_then(|index| self.document.components.get_mut(index)) {
                Some(component) => component.properties.push(property),
                None => self
                    .document
                    .components
                    .push(Component { properties: alloc::vec![property], ..Component::default() }),
            }
        } else if let Some(component) = self.document.components.last_mut() {
            component.properties.push(property);
        }
    }

    fn finish(mut self, at: usize) -> Result<Document, Unreadable> {
        if !self.open.is_empty() {
            self.flaw(at, FlawKind::Truncated);
        }
        while let Some(open) = self.open.last() {
            // The value of the last element may be half a value.
            let whole = open.role != Role::Property || !open.values.is_empty();
            if whole {
                self.close(at, false);
            } else {
                self.open.pop();
            }
        }
        if self.document.components.is_empty() { Err(Unreadable::NoProfile) } else { Ok(self.document) }
    }
}

fn attribute<'v>(attributes: &'v [(&str, Cow<'_, str>)], name: &str) -> Option<&'v str> {
    attributes.iter().find(|(key, _)| local(key) == name).map(|(_, value)| value.trim())
}

/// What follows the last `#` of an identifier.
fn fragment(id: &str) -> &str {
    id.rsplit_once('#').map_or(id, |(_, fragment)| fragment)
}
