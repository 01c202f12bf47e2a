//! The structure of a message (RFC 2046 §5.1): one iterative pass with a stack of open boundaries.
//!
//! The walker is the guard as well: limits are checked before anything is kept, nothing recurses (not even
//! `Drop`, the tree is a flat list), and each octet is looked at a bounded number of times however the
//! parts are nested or broken. Bodies are slices of the input.
//!
//! Not here: transfer decoding unless asked for ([`Node::decoded`]), and what parts mean to each other.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use memchr::memmem;

use crate::header::Headers;
use crate::parameter::{ContentType, Disposition};
use crate::transfer::{self, Decoded, Encoding};
use crate::{Error, Kind, Limits};

/// What is wrong with an entity. Nothing here stops a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A multipart that names no boundary; it is kept as one undivided part.
    MissingBoundary,
    /// A multipart in whose body the boundary never occurs.
    NoParts,
    /// More parameters than [`Limits::parameters`]; the rest was ignored.
    ParametersCut,
    /// A multipart whose closing delimiter is missing; its last part may be cut.
    Unterminated,
}

/// One entity: the message itself, a part, or a message inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Index of the entity that holds this one; none for the message itself.
    pub parent: Option<usize>,
    /// Indexes of the entities directly inside, in order.
    pub children: Vec<usize>,
    /// 0 for the message itself.
    pub depth: usize,
    /// Offset of `octets` in the message.
    pub start: usize,
    /// Its header block.
    pub headers: Headers,
    /// Declared, or what RFC 2045 §5.2 and RFC 2046 §5.1.5 imply.
    pub content_type: ContentType,
    /// How `body` is encoded.
    pub encoding: Encoding,
    /// Content-ID without quotes and brackets.
    pub content_id: Option<String>,
    /// Content-Location without quotes and brackets.
    pub content_location: Option<String>,
    /// Content-Disposition, if any.
    pub disposition: Option<Disposition>,
    /// The body as received, still encoded; of a multipart everything between its delimiters.
    pub body: Bytes,
    /// Headers and body as received: what a signature covers and a relay passes on.
    pub octets: Bytes,
    /// The first thing found wrong.
    pub damage: Option<Damage>,
}

impl Node {
    /// The body without its transfer encoding.
    pub fn decoded(&self) -> Decoded {
        transfer::decode(self.encoding, &self.body)
    }

    /// The name that the sender gave the part, without any path: the disposition's, else the type's.
    /// Encoded words in it stay encoded.
    pub fn filename(&self) -> Option<&str> {
        let disposition = self.disposition.as_ref().and_then(|it| it.parameters.value("filename"));
        let name = disposition.or_else(|| self.content_type.parameter("name"))?;
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name).trim();
        (!name.is_empty()).then_some(name)
    }

    /// Whether the part asks to be shown as an attachment.
    pub fn is_attachment(&self) -> bool {
        self.disposition.as_ref().is_some_and(|it| it.kind == "attachment")
    }
}

/// A message taken apart. There is always a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    root: Node,
    inner: Vec<Node>,
}

impl Message {
    /// The message itself, index 0.
    pub const fn root(&self) -> &Node {
        &self.root
    }

    /// The same with another header block of the message. What was read of the first one stays as it was:
    /// its fields about content are to be in the other as well.
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.root.headers = headers;
        self
    }

    /// The entity at `index`, as named by [`Node::parent`] and [`Node::children`].
    pub fn node(&self, index: usize) -> Option<&Node> {
        match index.checked_sub(1) {
            None => Some(&self.root),
            Some(inner) => self.inner.get(inner),
        }
    }

    /// All entities in the order in which they begin, each with its index.
    pub fn nodes(&self) -> impl Iterator<Item = (usize, &Node)> {
        core::iter::once(&self.root).chain(&self.inner).enumerate()
    }

    /// The entities directly inside `node`.
    pub fn children<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = &'a Node> + 'a {
        node.children.iter().filter_map(|index| self.node(*index))
    }

    /// The entities that hold no others: what a person would call the parts. A multipart in which no part
    /// was found counts as one.
    pub fn leaves(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes().filter(|(_, node)| node.children.is_empty())
    }
}

/// Takes a message apart; a message inside it (message/rfc822) stays one part.
///
/// # Errors
/// Only when a limit is passed.
pub fn walk(octets: &Bytes, limits: &Limits) -> Result<Message, Error> {
    Walker::new(octets, limits, false).run()
}

/// Takes a message apart and the messages inside it as well, unless they are transfer-encoded.
///
/// # Errors
/// Only when a limit is passed.
pub fn walk_into_messages(octets: &Bytes, limits: &Limits) -> Result<Message, Error> {
    Walker::new(octets, limits, true).run()
}

/// Removes the white space, quotes and angle brackets around a Content-ID, `start` parameter or reference;
/// real peers write `<0.smil>`, `0.smil`, `"<smil>"` and `"smil"` for the same thing.
pub fn bare_id(id: &str) -> &str {
    id.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'))
}

/// An entity whose end was not seen yet.
struct Open {
    node: usize,
    start: usize,
    body: usize,
    /// Of a multipart until its closing delimiter.
    boundary: Option<Vec<u8>>,
}

/// A delimiter line, found for the open entity `of`.
struct Delimiter {
    start: usize,
    after: usize,
    of: usize,
    closing: bool,
}

struct Walker<'a> {
    octets: &'a Bytes,
    limits: &'a Limits,
    enter_messages: bool,
    nodes: Vec<Node>,
    open: Vec<Open>,
    header_octets: usize,
    headers: usize,
    hyphens: memmem::Finder<'static>,
}

impl<'a> Walker<'a> {
    fn new(octets: &'a Bytes, limits: &'a Limits, enter_messages: bool) -> Self {
        Self {
            octets,
            limits,
            enter_messages,
            nodes: vec![],
            open: vec![],
            header_octets: 0,
            headers: 0,
            hyphens: memmem::Finder::new(b"\n--"),
        }
    }

    fn run(mut self) -> Result<Message, Error> {
        let mut entity = Some(0);
        let mut at = 0;
        loop {
            if let Some(start) = entity.take() {
                let (body, message_inside) = self.enter(start)?;
                at = body;
                if message_inside {
                    entity = Some(body);
                    continue;
                }
            }
            let Some(delimiter) = self.next_delimiter(at) else { break };
            self.close_above(delimiter.of, self.before_line_end(delimiter.start));
            at = delimiter.after;
            if delimiter.closing {
                if let Some(open) = self.open.get_mut(delimiter.of) {
                    open.boundary = None;
                }
            } else {
                entity = Some(at);
            }
        }
        self.close_all();
        let mut nodes = self.nodes.into_iter();
        match nodes.next() {
            Some(root) => Ok(Message { root, inner: nodes.collect() }),
            // `parts` is 0: not even the message itself is allowed.
            None => Err(Error { at: 0, kind: Kind::TooManyParts }),
        }
    }

    /// Reads the headers of the entity at `start` and opens it. Returns where its body starts and whether
    /// that body is a message to enter.
    fn enter(&mut self, start: usize) -> Result<(usize, bool), Error> {
        let parent = self.open.last().map(|open| open.node);
        let depth = self.open.len();
        if depth > self.limits.depth {
            return Err(Error { at: start, kind: Kind::TooDeep });
        }
        if self.nodes.len() >= self.limits.parts {
            return Err(Error { at: start, kind: Kind::TooManyParts });
        }
        let budget = self.limits.header_octets.saturating_sub(self.header_octets);
        let headers = self.limits.headers.min(self.limits.headers_in_all.saturating_sub(self.headers));
        let limits = Limits { headers, ..self.limits.clone() };
        let open = &self.open;
        let block =
            Headers::parse_until(self.octets, start, budget, &limits, |line| matching(open, line).is_some())?;
        self.header_octets += block.body - start;
        self.headers += block.headers.len();

        let index = self.nodes.len();
        let siblings_are_messages = parent
            .and_then(|parent| self.nodes.get(parent))
            .is_some_and(|node| node.content_type.essence == "multipart/digest");
        let implied = if siblings_are_messages { "message/rfc822" } else { "text/plain" };
        let mut node = describe(block.headers, implied, self.limits.parameters);
        (node.parent, node.depth, node.start) = (parent, depth, start);
        if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(parent)) {
            parent.children.push(index);
        }
        let mut boundary = None;
        if node.content_type.is_multipart() {
            let named = node.content_type.parameter("boundary").map(|it| it.trim_end().as_bytes().to_vec());
            boundary = named.filter(|boundary| !boundary.is_empty());
            if boundary.is_none() {
                node.damage = node.damage.or(Some(Damage::MissingBoundary));
            }
        }
        let message_inside = self.enter_messages
            && !block.stopped
            && node.content_type.is_message()
            && node.encoding.is_identity();
        self.nodes.push(node);
        self.open.push(Open { node: index, start, body: block.body, boundary });
        Ok((block.body, message_inside))
    }

    /// The next delimiter line at or after `at`, which is the start of a line.
    fn next_delimiter(&self, at: usize) -> Option<Delimiter> {
        if self.open.iter().all(|open| open.boundary.is_none()) {
            return None;
        }
        let mut start = at;
        loop {
            let rest = self.octets.get(start..)?;
            if !rest.starts_with(b"--") {
                start += self.hyphens.find(rest)? + 1;
                continue;
            }
            let end = memchr::memchr(b'\n', rest);
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let after = start + end.map_or(rest.len(), |end| end + 1);
            if let Some((of, closing)) = matching(&self.open, line) {
                return Some(Delimiter { start, after, of, closing });
            }
            start = after;
        }
    }

    /// The line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
    fn before_line_end(&self, delimiter: usize) -> usize {
        let before = self.octets.get(..delimiter).unwrap_or_default();
        let before = before.strip_suffix(b"\n").map_or(before, |it| it.strip_suffix(b"\r").unwrap_or(it));
        before.len()
    }

    fn close_above(&mut self, of: usize, end: usize) {
        while self.open.len() > of + 1 {
            let Some(open) = self.open.pop() else { return };
            self.close(&open, end);
        }
    }

    fn close_all(&mut self) {
        while let Some(open) = self.open.pop() {
            self.close(&open, self.octets.len());
        }
    }

    fn close(&mut self, open: &Open, end: usize) {
        let Some(node) = self.nodes.get_mut(open.node) else { return };
        let end = end.max(open.body);
        node.body = self.octets.slice(open.body..end);
        node.octets = self.octets.slice(open.start..end);
        if node.content_type.is_multipart() && node.children.is_empty() {
            node.damage = node.damage.or(Some(Damage::NoParts));
        } else if open.boundary.is_some() {
            node.damage = node.damage.or(Some(Damage::Unterminated));
        }
    }
}

/// Which open entity a line that starts with two hyphens delimits, innermost first, and whether it closes
/// it. Only white space may follow, so a boundary that begins like another is not mistaken for it.
fn matching(open: &[Open], line: &[u8]) -> Option<(usize, bool)> {
    let text = line.strip_prefix(b"--")?;
    open.iter().enumerate().rev().find_map(|(index, open)| {
        let after = text.strip_prefix(open.boundary.as_deref()?)?;
        let (closing, after) = match after.strip_prefix(b"--") {
            Some(after) => (true, after),
            None => (false, after),
        };
        after.trim_ascii().is_empty().then_some((index, closing))
    })
}

fn describe(headers: Headers, implied: &str, parameters: usize) -> Node {
    let octets = |name| headers.iter().find(|header| header.is(name)).map(|header| header.octets());
    let bare = |name| headers.first(name).map(bare_id).filter(|id| !id.is_empty()).map(String::from);
    let (content_type, type_cut) = match octets("Content-Type") {
        Some(value) => ContentType::parse(&value, parameters),
        None => (ContentType::of(implied), false),
    };
    let content_type = if content_type.essence.is_empty() {
        ContentType { essence: implied.into(), ..content_type }
    } else {
        content_type
    };
    let (disposition, disposition_cut) =
        octets("Content-Disposition").map(|value| Disposition::parse(&value, parameters)).unzip();
    let cut = type_cut || disposition_cut == Some(true);
    Node {
        parent: None,
        children: Vec::new(),
        depth: 0,
        start: 0,
        content_type,
        encoding: headers.first("Content-Transfer-Encoding").map_or(Encoding::SevenBit, Encoding::parse),
        content_id: bare("Content-ID"),
        content_location: bare("Content-Location"),
        disposition,
        body: Bytes::new(),
        octets: Bytes::new(),
        damage: cut.then_some(Damage::ParametersCut),
        headers,
    }
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
