//! XML into a small tree, and text into XML: what SOAP and STI need of both and no more.
//!
//! A document type is refused as a whole, so there are no entities but the five of XML and numbers
//! of characters: nothing expands and nothing is fetched. SOAP 1.1 §3 forbids document types and
//! processing instructions anyway. The tree is bounded in depth and count, and every text in it is
//! no longer than it stood in the document.

use quick_xml::{
    NsReader, XmlVersion,
    events::{BytesRef, BytesStart, Event},
    name::{NamespaceResolver, ResolveResult},
};

/// Bounds on one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Octets. Default 512 KiB: a request of 16 jobs takes some 20 kB.
    pub octets: usize,
    /// Elements inside each other. Default 32: STI nests 12 deep in its envelope.
    pub depth: usize,
    /// Elements. Default 4096: each takes some 200 octets of memory however short it is.
    pub elements: usize,
    /// Attributes of one element. Default 32.
    pub attributes: usize,
    /// Octets of a name or a namespace: the namespace is kept with each element. Default 512.
    pub name_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { octets: 512 << 10, depth: 32, elements: 4096, attributes: 32, name_octets: 512 }
    }
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Namespace; empty = none.
    pub namespace: String,
    /// Name without prefix.
    pub name: String,
    /// Value, references resolved.
    pub value: String,
}

/// An element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// Namespace; empty = none.
    pub namespace: String,
    /// Name without prefix.
    pub name: String,
    /// Attributes, without the declarations of namespaces.
    pub attributes: Vec<Attribute>,
    /// Elements directly inside.
    pub children: Vec<Element>,
    /// Text directly inside, joined.
    pub text: String,
}

impl Element {
    /// The first child of that name, whatever its namespace: peers disagree about what is qualified.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of that name, trimmed; `None` when absent or empty.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }

    /// The attribute of that name, whatever its namespace.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

/// Why a document is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It has a document type.
    DocumentType,
    /// A reference to an entity that XML does not define itself.
    Entity,
    /// A processing instruction.
    Instruction,
    /// A bound of [`Limits`].
    Limit(&'static str),
    /// Not well formed; what the reader says.
    Malformed(String),
    /// Not UTF-8.
    NotUtf8,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DocumentType => {
                f.write_str("the document has a document type (DOCTYPE), which SOAP forbids; leave it out")
            }
            Self::Entity => f.write_str(
                "the document refers to an entity that is not one of XML; write the character itself",
            ),
            Self::Instruction => {
                f.write_str("the document has a processing instruction, which SOAP forbids; leave it out")
            }
            Self::Limit(what) => write!(f, "the document has too many or too long {what}"),
            Self::Malformed(why) => write!(f, "the document is not well-formed XML: {why}"),
            Self::NotUtf8 => f.write_str("the document is not UTF-8; write it in UTF-8"),
        }
    }
}

/// Reads a document.
///
/// # Errors
/// When it is not well formed, passes a limit, or holds what SOAP forbids.
pub fn read(octets: &[u8], limits: &Limits) -> Result<Element, Fault> {
    if octets.len() > limits.octets {
        return Err(Fault::Limit("octets"));
    }
    let text = std::str::from_utf8(octets).map_err(|_| Fault::NotUtf8)?;
    let mut reader = NsReader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    reader.config_mut().expand_empty_elements = true;
    let mut tree = Tree { limits, open: Vec::new(), root: None, elements: 0 };
    loop {
        match reader.read_event().map_err(|fault| Fault::Malformed(fault.to_string()))? {
            Event::Start(start) => tree.start(&start, reader.resolver())?,
            Event::End(_) => tree.end()?,
            Event::Text(text) => tree.text(&text.xml10_content())?,
            Event::CData(text) => tree.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => tree.reference(&reference)?,
            Event::DocType(_) => return Err(Fault::DocumentType),
            Event::PI(_) => return Err(Fault::Instruction),
            Event::Decl(declaration) => {
                if let Some(Ok(encoding)) = declaration.encoding()
                    && !["utf-8", "us-ascii", "ascii"].iter().any(|name| encoding.eq_ignore_ascii_case(name))
                {
                    return Err(Fault::NotUtf8);
                }
            }
            Event::Comment(_) | Event::Empty(_) => {}
            Event::Eof => break,
        }
    }
    if tree.open.is_empty()
        && let Some(root) = tree.root
    {
        Ok(root)
    } else {
        Err(Fault::Malformed("it ends before its root element does".into()))
    }
}

struct Tree<'l> {
    limits: &'l Limits,
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Tree<'_> {
    fn start(&mut self, start: &BytesStart<'_>, resolver: &NamespaceResolver) -> Result<(), Fault> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(Fault::Limit("elements"));
        }
        if self.open.len() >= self.limits.depth {
            return Err(Fault::Limit("elements inside each other"));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(Fault::Malformed("it has two root elements".into()));
        }
        let (namespace, name) = resolver.resolve_element(start.name());
        let mut element = Element {
            namespace: self.namespace(namespace)?,
            name: self.name(name.as_ref())?,
            ..Element::default()
        };
        for (index, attribute) in start.attributes().enumerate() {
            if index >= self.limits.attributes {
                return Err(Fault::Limit("attributes"));
            }
            let attribute = attribute.map_err(|fault| Fault::Malformed(fault.to_string()))?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (namespace, name) = resolver.resolve_attribute(attribute.key);
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| Fault::Entity)?;
            element.attributes.push(Attribute {
                namespace: self.namespace(namespace)?,
                name: self.name(name.as_ref())?,
                value: value.into_owned(),
            });
        }
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(element) = self.open.pop() else {
            return Err(Fault::Malformed("an element ends that did not begin".into()));
        };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(Fault::Malformed("there is text outside the root element".into())),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), Fault> {
        let character = match reference.resolve_char_ref() {
            Ok(Some(character)) => character,
            Ok(None) => match reference.as_ref() {
                "amp" => '&',
                "apos" => '\'',
                "gt" => '>',
                "lt" => '<',
                "quot" => '"',
                _ => return Err(Fault::Entity),
            },
            Err(fault) => return Err(Fault::Malformed(fault.to_string())),
        };
        self.text(character.encode_utf8(&mut [0; 4]))
    }

    fn namespace(&self, found: ResolveResult<'_>) -> Result<String, Fault> {
        match found {
            ResolveResult::Bound(namespace) => self.name(namespace.0),
            ResolveResult::Unbound => Ok(String::new()),
            ResolveResult::Unknown(_) => {
                Err(Fault::Malformed("a prefix is used that no xmlns declares".into()))
            }
        }
    }

    fn name(&self, name: &str) -> Result<String, Fault> {
        if name.len() > self.limits.name_octets {
            return Err(Fault::Limit("octets in a name"));
        }
        Ok(name.to_owned())
    }
}

/// A document that is written: elements are opened and closed by name, and every text is escaped.
#[derive(Debug)]
pub struct Writer {
    out: String,
    open: Vec<&'static str>,
}

impl Writer {
    /// A document with its declaration.
    #[allow(clippy::new_without_default, reason = "an empty document is no value that anybody wants")]
    pub fn new() -> Self {
        Self { out: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".into(), open: Vec::new() }
    }

    /// Opens an element with these attributes.
    pub fn open(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(value, &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
        self.open.push(name);
    }

    /// Closes the element that was opened last.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
    }

    /// An element with text.
    pub fn leaf(&mut self, name: &'static str, text: &str) {
        self.open(name, &[]);
        escape(text, &mut self.out);
        self.close();
    }

    /// An element with text, when there is any.
    pub fn leaf_if(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    /// An element with a number, unless it is 0, which stands for not known.
    pub fn known(&mut self, name: &'static str, number: impl Into<u64>) {
        let number = number.into();
        if number != 0 {
            self.leaf(name, &number.to_string());
        }
    }

    /// Closes what is open.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out.push('\n');
        self.out
    }
}

/// Text as content or value; a character that XML cannot hold becomes U+FFFD.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Result<Element, Fault> {
        read(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn a_document_becomes_a_tree_with_namespaces_resolved() {
        let root = tree(
            "<?xml version='1.0' encoding='utf-8'?><a:e xmlns:a='urn:a' xmlns='urn:d' a:x='1 &lt; 2' y='2'>\
             <b/>te<!-- c -->xt &amp; &#x41;<![CDATA[<&>]]><a:c> d </a:c></a:e>",
        )
        .unwrap();
        assert_eq!((root.namespace.as_str(), root.name.as_str()), ("urn:a", "e"));
        assert_eq!(root.attributes[0].namespace, "urn:a");
        assert_eq!(root.attribute("x").unwrap().value, "1 < 2");
        assert_eq!(root.attribute("y").unwrap().namespace, "");
        assert_eq!(root.text, "text & A<&>");
        assert_eq!(root.child("b").unwrap().namespace, "urn:d");
        assert_eq!(root.text_of("c"), Some("d"));
        assert_eq!(root.text_of("b"), None);
    }

    #[test]
    fn a_document_type_is_refused_so_nothing_expands_and_nothing_is_fetched() {
        let external = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>";
        assert_eq!(tree(external), Err(Fault::DocumentType));
        let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;\">]><l>&c;</l>";
        assert_eq!(tree(laughs), Err(Fault::DocumentType));
        assert_eq!(tree("<a>&x;</a>"), Err(Fault::Entity));
        assert_eq!(tree("<a b='&x;'/>"), Err(Fault::Entity));
        assert_eq!(tree("<a><?php x?></a>"), Err(Fault::Instruction));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "",
            "text",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a b=1/>",
            "<a b='1' b='2'/>",
            "<x:a/>",
            "<a>&#0;</a>",
            "<a/>text",
            "<a",
            "<a>&amp</a>",
        ] {
            assert!(tree(text).is_err(), "{text}");
        }
        assert_eq!(read(b"<a>\xff</a>", &Limits::default()), Err(Fault::NotUtf8));
        assert_eq!(tree("<?xml version='1.0' encoding='utf-16'?><a/>"), Err(Fault::NotUtf8));
    }

    #[test]
    fn every_bound_holds() {
        let deep = format!("{}{}", "<a>".repeat(33), "</a>".repeat(33));
        assert_eq!(tree(&deep), Err(Fault::Limit("elements inside each other")));
        assert_eq!(tree(&format!("<a>{}</a>", "<b/>".repeat(4096))), Err(Fault::Limit("elements")));
        let attributes: String = (0..40).map(|i| format!(" a{i}=''")).collect();
        assert_eq!(tree(&format!("<a{attributes}/>")), Err(Fault::Limit("attributes")));
        assert_eq!(tree(&format!("<a>{}</a>", "x".repeat(600 << 10))), Err(Fault::Limit("octets")));
        let long = "n".repeat(600);
        assert_eq!(tree(&format!("<a xmlns='{long}'/>")), Err(Fault::Limit("octets in a name")));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let nasty = "<&>\"'\u{1}\r\n é 📷 ]]>";
        let mut writer = Writer::new();
        writer.open("a", &[("b", nasty)]);
        writer.leaf("c", nasty);
        let root = tree(&writer.finish()).unwrap();
        let expected = nasty.replace('\u{1}', "\u{fffd}");
        assert_eq!(root.child("c").unwrap().text, expected);
        assert_eq!(root.attribute("b").unwrap().value, expected);
    }

    proptest::proptest! {
        #[test]
        fn no_octets_panic(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            drop(read(&octets, &Limits::default()));
        }

        #[test]
        fn nothing_like_xml_panics(text in "[<>/a&;!?='\" \\[\\]x:#-]{0,120}") {
            drop(tree(&text));
        }

        #[test]
        fn every_text_survives(text in "[^\u{0}-\u{1f}\u{fffe}\u{ffff}]{0,60}") {
            let mut writer = Writer::new();
            writer.leaf("a", &text);
            let root = tree(&writer.finish()).map_err(|f| proptest::test_runner::TestCaseError::fail(f.to_string()))?;
            proptest::prop_assert_eq!(root.text, text);
        }
    }
}
