//! HTML bodies as text that a person reads (no standard; what mail clients show is the measure).
//!
//! One pass over the markup, linear whatever is left unclosed, and bounded output. Paragraphs, lists, table
//! rows, quotations and preformatted text keep their shape; an image gives its alternative text and a link
//! its address where the text does not already say it.
//!
//! Not here: styles, so that what a sender hides with them shows; and the charset, which is the caller's.

mod markup;
mod shape;

use alloc::string::String;
use alloc::vec::Vec;

use markup::{Piece, Pieces, Tag};
use shape::Shape;

/// Lists and quotations inside each other; deeper ones are shown like the last.
const MAX_NESTING: usize = 8;

/// The text of `html`, at most `max_octets` octets of it.
pub fn text(html: &str, max_octets: usize) -> String {
    let mut reader = Reader::new(max_octets);
    for piece in Pieces::new(html) {
        match piece {
            Piece::Text(text) => reader.text(&text),
            Piece::Open(tag) => reader.open(&tag),
            Piece::Close(name) => reader.close(&name),
        }
        if reader.shape.is_full() {
            break;
        }
    }
    reader.shape.finish()
}

struct Reader {
    shape: Shape,
    in_head: bool,
    link: Option<Link>,
    /// Next number of each open list; none for bullets.
    lists: Vec<Option<u32>>,
    /// For each open quotation, whether it cites.
    quotes: Vec<bool>,
    row_has_cell: bool,
}

struct Link {
    address: String,
    /// Where its text starts in the output.
    start: usize,
}

impl Reader {
    fn new(max_octets: usize) -> Self {
        let shape = Shape::new(max_octets);
        Self { shape, in_head: false, link: None, lists: Vec::new(), quotes: Vec::new(), row_has_cell: false }
    }

    fn text(&mut self, text: &str) {
        if !self.in_head {
            self.shape.text(text);
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        let name = tag.name.as_str();
        match name {
            "head" => self.in_head = true,
            // A head that nobody closed ends where the body begins.
            "body" => self.in_head = false,
            _ if self.in_head => {}
            "br" => self.shape.line_break(),
            "hr" => {
                self.shape.block(1);
                self.shape.text("----");
                self.shape.block(1);
            }
            "pre" | "textarea" | "listing" => {
                self.shape.block(2);
                self.shape.preformatted(true);
            }
            "ul" | "ol" | "menu" | "dir" => {
                self.shape.block(if self.lists.is_empty() { 2 } else { 1 });
                if self.lists.len() < MAX_NESTING {
                    let start = tag.attribute("start").and_then(|start| start.trim().parse().ok());
                    self.lists.push((name == "ol").then(|| start.unwrap_or(1)));
                }
            }
            "li" => self.item(),
            "blockquote" => {
                let cites = tag.attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("cite"))
                    || tag
                        .attribute("class")
                        .is_some_and(|class| class.to_ascii_lowercase().contains("quote"));
                self.shape.block(2);
                if self.quotes.len() < MAX_NESTING {
                    self.quotes.push(cites);
                    self.shape.quote_depth(self.quotes.iter().filter(|cites| **cites).count());
                }
            }
            "td" | "th" => {
                if self.row_has_cell {
                    self.shape.space();
                }
                self.row_has_cell = true;
            }
            "img" => {
                if let Some(alternative) = tag.attribute("alt").filter(|it| !it.trim().is_empty()) {
                    self.shape.text("[");
                    self.shape.text(alternative.trim());
                    self.shape.text("]");
                }
            }
            "a" => {
                self.end_link();
                self.link = tag.attribute("href").map(|address| Link { address, start: self.shape.octets() });
            }
            _ => self.block(name),
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "head" => self.in_head = false,
            _ if self.in_head => {}
            "a" => self.end_link(),
            "pre" | "textarea" | "listing" => {
                self.shape.preformatted(false);
                self.shape.block(2);
            }
            "ul" | "ol" | "menu" | "dir" => {
                self.lists.pop();
                self.shape.block(if self.lists.is_empty() { 2 } else { 1 });
            }
            "blockquote" => {
                self.shape.block(2);
                self.quotes.pop();
                self.shape.quote_depth(self.quotes.iter().filter(|cites| **cites).count());
            }
            _ => self.block(name),
        }
    }

    /// Opening and closing a block look the same.
    fn block(&mut self, name: &str) {
        match name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "dl" | "figure" => self.shape.block(2),
            "div" | "tr" | "li" | "dt" | "dd" | "section" | "article" | "header" | "footer" | "center"
            | "form" | "address" | "caption" | "fieldset" | "figcaption" | "main" | "nav" | "aside"
            | "option" | "tbody" | "thead" | "tfoot" | "body" | "html" | "title" => self.shape.block(1),
            _ => return,
        }
        self.row_has_cell = false;
    }

    fn item(&mut self) {
        self.shape.block(1);
        for _ in 1..self.lists.len() {
            self.shape.literal("  ");
        }
        match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = alloc::format!("{number}. ");
                *number = number.saturating_add(1);
                self.shape.literal(&marker);
            }
            _ => self.shape.literal("- "),
        }
    }

    fn end_link(&mut self) {
        let Some(link) = self.link.take() else { return };
        let address = link.address.trim();
        let shown = self.shape.since(link.start).trim();
        let tells = ["http://", "https://", "mailto:", "tel:", "sms:"].iter().any(|scheme| {
            address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        if tells && !shown.is_empty() && !same_address(shown, address) {
            let note = alloc::format!(" ({})", address.strip_prefix("mailto:").unwrap_or(address));
            self.shape.text(&note);
        }
    }
}

/// Whether the text of a link already says where it leads.
fn same_address(shown: &str, address: &str) -> bool {
    let bare = |text: &str| {
        let text = text.trim().to_ascii_lowercase();
        let text = text
            .split_once(':')
            .filter(|(scheme, _)| scheme.bytes().all(|it| it.is_ascii_alphabetic()))
            .map_or(text.as_str(), |(_, rest)| rest.trim_start_matches('/'));
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        String::from(text.trim_start_matches("www.").trim_end_matches('/'))
    };
    bare(shown) == bare(address)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests;
