//! A presentation that every handset shows: one `par` per medium, its text below it.

use alloc::string::String;

use super::Element;

/// One screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slide<'a> {
    /// `src` of the text part.
    pub text: Option<&'a str>,
    /// `src` and element of the medium.
    pub media: Option<(&'a str, Element)>,
}

/// How long a screen without sound or motion stays. With them it stays as long as they last.
const STILL: &str = " dur=\"5000ms\"";

/// Writes a presentation with the regions `Image` and `Text`. An empty slide is left out.
///
/// Any text is safe as a `src`: it is escaped, and characters that XML cannot hold are dropped.
#[must_use]
pub fn generate(slides: &[Slide<'_>]) -> String {
    let mut smil = String::from(concat!(
        "<smil>\r\n<head>\r\n<layout>\r\n",
        "<root-layout width=\"100%\" height=\"100%\"/>\r\n",
        "<region id=\"Image\" left=\"0%\" top=\"0%\" width=\"100%\" height=\"70%\" fit=\"meet\"/>\r\n",
        "<region id=\"Text\" left=\"0%\" top=\"70%\" width=\"100%\" height=\"30%\" fit=\"scroll\"/>\r\n",
        "</layout>\r\n</head>\r\n<body>\r\n",
    ));
    for slide in slides {
        let moving =
            slide.media.is_some_and(|(_, element)| matches!(element, Element::Audio | Element::Video));
        if slide.media.is_none() && slide.text.is_none() {
            continue;
        }
        smil.push_str("<par");
        smil.push_str(if moving { "" } else { STILL });
        smil.push_str(">\r\n");
        if let Some((src, element)) = slide.media {
            push(&mut smil, element, src);
        }
        if let Some(src) = slide.text {
            push(&mut smil, Element::Text, src);
        }
        smil.push_str("</par>\r\n");
    }
    smil.push_str("</body>\r\n</smil>\r\n");
    smil
}

fn push(smil: &mut String, element: Element, src: &str) {
    smil.push('<');
    smil.push_str(element.name());
    smil.push_str(" src=\"");
    for c in src.chars() {
        match c {
            '&' => smil.push_str("&amp;"),
            '<' => smil.push_str("&lt;"),
            '>' => smil.push_str("&gt;"),
            '"' => smil.push_str("&quot;"),
            '\'' => smil.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => smil.push(c),
        }
    }
    smil.push('"');
    match element {
        Element::Animation | Element::Img | Element::Video => smil.push_str(" region=\"Image\""),
        Element::Text | Element::Textstream => smil.push_str(" region=\"Text\""),
        Element::Audio | Element::Ref => {}
    }
    smil.push_str("/>\r\n");
}
