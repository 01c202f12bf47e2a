//! The tables as a page for people: `docs/mappings.md`.
//!
//! Everything on the page is from the tables; a test says when the file is stale.

use alloc::{format, string::String, vec::Vec};
use cedrat_message::{DeliveryStatus, Reason};
use cedrat_plan::profile::Layer;
use core::fmt::Write;

use crate::{
    loss::{Fidelity, Interface},
    tables::{AddressKind, Row, Tables, Way},
    words::{self, Word},
};

impl Tables {
    /// The reference page in Markdown: fields, addresses, statuses, quirk profiles, classes and
    /// families of handsets, media types.
    #[must_use]
    pub fn render_markdown(&self) -> String {
        let mut page = String::from(
            "# Mappings\n\n\
             Rendered from the tables in `mappings/`; the grammar is in `mappings/README.md`.\n\
             Inbound is from the interface into the canonical message, outbound the other way.\n",
        );
        for &interface in Interface::WIRES {
            self.render_fields(interface, &mut page);
            self.render_addresses(interface, &mut page);
        }
        self.render_reasons(&mut page);
        self.render_deliveries(&mut page);
        self.render_quirks(&mut page);
        self.render_capabilities(Layer::Class, "Content classes", &mut page);
        self.render_capabilities(Layer::Family, "Handset families", &mut page);
        self.render_media_types(&mut page);
        while page.ends_with("\n\n") {
            page.pop();
        }
        page
    }

    fn render_fields(&self, interface: Interface, page: &mut String) {
        heading(page, &format!("Fields of {}", title(interface)));
        table(page, &["field", "carried by", "values", "inbound", "outbound", "spec"]);
        let mut notes = Vec::new();
        for row in self.rows(interface) {
            let values: Vec<_> = row.values.iter().map(|(wire, word)| format!("{wire} = {word}")).collect();
            let spec = if row.inbound.spec == row.outbound.spec {
                row.inbound.spec.clone()
            } else {
                format!("{}; {}", row.inbound.spec, row.outbound.spec)
            };
            line(
                page,
                &[
                    row.field.token(),
                    &carried_by(row),
                    &values.join(", "),
                    row.inbound.fidelity.token(),
                    row.outbound.fidelity.token(),
                    &spec,
                ],
            );
            notes.extend(note(row, "inbound", &row.inbound));
            if row.outbound.note != row.inbound.note || row.inbound.fidelity == Fidelity::Exact {
                notes.extend(note(row, "outbound", &row.outbound));
            }
        }
        page.push('\n');
        for note in notes {
            page.push_str(&note);
        }
    }

    fn render_addresses(&self, interface: Interface, page: &mut String) {
        heading(page, &format!("Addresses of {}", title(interface)));
        table(page, &["kind", "form", "outbound", "note", "spec"]);
        for &kind in AddressKind::ALL {
            if let Some(form) = self.form(interface, kind) {
                let note = form.note.as_deref().unwrap_or_default();
                let example = format!("`{}`", form.example);
                line(page, &[kind.token(), &example, form.fidelity.token(), note, &form.spec]);
            }
        }
    }

    fn render_reasons(&self, page: &mut String) {
        heading(page, "Reasons");
        table(page, &["reason", "class", "SMTP", "X-Mms-Request-Status-Code", "what a person is told"]);
        for &reason in Reason::ALL {
            let (code, (class, subject, detail)) = self.smtp(reason);
            line(
                page,
                &[
                    reason.token(),
                    &format!("{:?}", reason.permanence()).to_lowercase(),
                    &format!("{code} {class}.{subject}.{detail}"),
                    self.request_status(reason),
                    reason.text(),
                ],
            );
        }
    }

    fn render_deliveries(&self, page: &mut String) {
        heading(page, "Delivery status");
        table(page, &["status", "X-Mms-MM-Status-Code", "DSN action", "DSN status"]);
        for &word in words::DELIVERY {
            if let Some(status) = DeliveryStatus::of_word(word) {
                let (action, (class, subject, detail)) = self.dsn(status);
                let (token, extension) = self.mm_status(status);
                let token = extension.map_or_else(|| String::from(token), |it| format!("{token} ({it})"));
                line(page, &[word, &token, action, &format!("{class}.{subject}.{detail}")]);
            }
        }
    }

    fn render_quirks(&self, page: &mut String) {
        heading(page, "Quirk profiles");
        for profile in self.profiles() {
            push(page, format_args!("### {}\n\nSeen: {}.\n\n", profile.name, profile.evidence));
            for (key, value) in &profile.keys {
                push(page, format_args!("- `{key}`: {value}\n"));
            }
            page.push('\n');
        }
        page.pop();
    }

    fn render_capabilities(&self, layer: Layer, title: &str, page: &mut String) {
        heading(page, title);
        if layer == Layer::Class {
            page.push_str("The floor, which lies under all of them:\n\n");
            values(page, self.floor().rows().into_iter().map(|(name, value, _)| (name, value)));
        }
        for it in self.capabilities().filter(|it| it.layer == layer) {
            let base = it.base.as_deref().unwrap_or("the floor");
            push(page, format_args!("### {}\n\nOver {base}. {}.\n", it.name, it.evidence));
            if let Some(note) = &it.note {
                push(page, format_args!("{note}\n"));
            }
            if !it.unverified.is_empty() {
                push(page, format_args!("Not verified: {}.\n", it.unverified.join(", ")));
            }
            page.push('\n');
            let mut rows = it.says.rows();
            if !it.more_types.is_empty() {
                rows.push(("types", format!("those of {base}, and {}", it.more_types.join(", "))));
            }
            values(page, rows.into_iter());
        }
        page.pop();
    }

    fn render_media_types(&self, page: &mut String) {
        heading(page, "Media types");
        table(page, &["written", "read as well", "note"]);
        for row in self.media_types() {
            line(page, &[&row.canonical, &row.aliases.join(", "), row.note.as_deref().unwrap_or_default()]);
        }
    }
}

fn values(page: &mut String, rows: impl Iterator<Item = (&'static str, String)>) {
    for (name, value) in rows {
        let value = if value.is_empty() { "none" } else { &value };
        push(page, format_args!("- `{name}`: {value}\n"));
    }
    page.push('\n');
}

const fn title(interface: Interface) -> &'static str {
    match interface {
        Interface::Canonical => "the canonical message",
        Interface::Mail => "Internet mail",
        Interface::Mm4 => "MM4",
    }
}

fn carried_by(row: &Row) -> String {
    let mut parts: Vec<String> = row.names().map(|name| format!("`{name}`")).collect();
    parts.extend(row.envelope.iter().map(|parameter| format!("`{parameter}` (envelope)")));
    match parts.as_slice() {
        [] => format!("({})", row.reader.token()),
        parts => parts.join(", "),
    }
}

fn note(row: &Row, direction: &str, way: &Way) -> Option<String> {
    let note = way.note.as_deref()?;
    Some(format!("- {} {direction} ({}): {note}\n", row.field.token(), way.fidelity.token()))
}

fn heading(page: &mut String, text: &str) {
    push(page, format_args!("\n## {text}\n\n"));
}

fn table(page: &mut String, columns: &[&str]) {
    line(page, columns);
    let rule: Vec<_> = columns.iter().map(|_| "---").collect();
    line(page, &rule);
}

fn line(page: &mut String, cells: &[&str]) {
    page.push('|');
    for cell in cells {
        push(page, format_args!(" {} |", cell.replace('|', "\\|")));
    }
    page.push('\n');
}

/// Writing to a `String` cannot fail.
fn push(page: &mut String, text: core::fmt::Arguments<'_>) {
    if page.write_fmt(text).is_err() {
        page.push('\u{fffd}');
    }
}
