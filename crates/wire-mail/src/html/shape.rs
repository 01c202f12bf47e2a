//! The text under construction: white space collapsed, blocks apart, quotations marked, length bounded.

use alloc::string::String;

/// Spaces in a row that mean something to a reader.
const MAX_SPACES: usize = 8;

pub(super) struct Shape {
    out: String,
    max_octets: usize,
    /// Line ends to write before the next character.
    lines: usize,
    space: bool,
    /// No-break spaces to write before the next character of a line; pages are laid out with them.
    hard_spaces: usize,
    at_line_start: bool,
    preformatted: bool,
    quote_depth: usize,
    full: bool,
}

impl Shape {
    pub(super) const fn new(max_octets: usize) -> Self {
        Self {
            out: String::new(),
            max_octets,
            lines: 0,
            space: false,
            hard_spaces: 0,
            at_line_start: true,
            preformatted: false,
            quote_depth: 0,
            full: false,
        }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    pub(super) const fn octets(&self) -> usize {
        self.out.len()
    }

    pub(super) fn since(&self, start: usize) -> &str {
        self.out.get(start..).unwrap_or_default()
    }

    pub(super) const fn preformatted(&mut self, on: bool) {
        self.preformatted = on;
    }

    pub(super) const fn quote_depth(&mut self, depth: usize) {
        self.quote_depth = depth;
    }

    /// Text of the document; its white space counts as one space unless preformatted.
    pub(super) fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\n' if self.preformatted => self.line_break(),
                ' ' | '\t' if self.preformatted => self.push(c),
                ' ' | '\t' | '\n' | '\r' | '\u{c}' => self.space = true,
                '\u{a0}' => self.hard_spaces += 1,
                // Invisible: zero width space, soft hyphen, byte order mark.
                '\u{200b}' | '\u{ad}' | '\u{feff}' => {}
                c if c.is_control() => {}
                c => self.push(c),
            }
        }
    }

    /// Text whose spaces are to stay.
    pub(super) fn literal(&mut self, text: &str) {
        text.chars().for_each(|c| self.push(c));
    }

    pub(super) const fn space(&mut self) {
        self.space = true;
    }

    /// A line end that counts each time, unlike [`Shape::block`].
    pub(super) fn line_break(&mut self) {
        self.lines = (self.lines + 1).min(3);
        self.space = false;
    }

    /// A block boundary: at least `lines` line ends before what follows.
    pub(super) fn block(&mut self, lines: usize) {
        self.lines = self.lines.max(lines);
        self.space = false;
    }

    fn push(&mut self, c: char) {
        if self.full {
            return;
        }
        if self.lines > 0 {
            let lines = core::mem::take(&mut self.lines);
            self.hard_spaces = 0;
            if !self.out.is_empty() {
                let kept = self.out.trim_end_matches([' ', '\t']).len();
                self.out.truncate(kept);
                (0..lines).for_each(|_| self.out.push('\n'));
            }
            self.at_line_start = true;
        }
        if self.at_line_start {
            (0..self.quote_depth).for_each(|_| self.out.push_str("> "));
        } else {
            let spaces = self.hard_spaces.max(usize::from(self.space)).min(MAX_SPACES);
            (0..spaces).for_each(|_| self.out.push(' '));
        }
        (self.space, self.hard_spaces, self.at_line_start) = (false, 0, false);
        if self.out.len() + c.len_utf8() > self.max_octets {
            self.full = true;
            return;
        }
        self.out.push(c);
    }

    pub(super) fn finish(mut self) -> String {
        let mut end = self.out.trim_end().len().min(self.max_octets);
        while !self.out.is_char_boundary(end) {
            end -= 1;
        }
        self.out.truncate(end);
        self.out
    }
}
