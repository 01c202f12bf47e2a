//! A presentation as text: `smil`, `head`, `layout`, `body`, a `par` for each slide, and nothing else.
//!
//! UTF-8 without a declaration: ASCII names give ASCII octets, which handsets of any age read.

use alloc::string::{String, ToString};

use super::{Length, Medium, Presentation, Region};

impl Presentation {
    /// Writes it. An empty slide is left out.
    ///
    /// Any text is safe as a value: it is escaped, and characters that XML cannot hold are dropped.
    #[must_use]
    pub fn write(&self) -> String {
        let mut smil = String::from("<smil>\r\n<head>\r\n<layout>\r\n<root-layout");
        let (width, height) = match self.root {
            Some((width, height)) => (Length::Pixels(width), Length::Pixels(height)),
            None => (Length::Percent(100), Length::Percent(100)),
        };
        length(&mut smil, "width", Some(width));
        length(&mut smil, "height", Some(height));
        smil.push_str("/>\r\n");
        for region in &self.regions {
            region.write(&mut smil);
        }
        smil.push_str("</layout>\r\n</head>\r\n<body>\r\n");
        for slide in self.slides.iter().filter(|slide| !slide.media.is_empty()) {
            smil.push_str("<par");
            time(&mut smil, "dur", slide.duration);
            smil.push_str(">\r\n");
            for medium in &slide.media {
                medium.write(&mut smil);
            }
            smil.push_str("</par>\r\n");
        }
        smil.push_str("</body>\r\n</smil>\r\n");
        smil
    }
}

impl Region {
    fn write(&self, smil: &mut String) {
        smil.push_str("<region");
        attribute(smil, "id", &self.id);
        length(smil, "left", self.left);
        length(smil, "top", self.top);
        length(smil, "width", self.width);
        length(smil, "height", self.height);
        if let Some(fit) = self.fit {
            attribute(smil, "fit", fit.token());
        }
        smil.push_str("/>\r\n");
    }
}

impl Medium {
    fn write(&self, smil: &mut String) {
        smil.push('<');
        smil.push_str(self.element.name());
        attribute(smil, "src", &self.src);
        if let Some(region) = &self.region {
            attribute(smil, "region", region);
        }
        time(smil, "begin", self.begin);
        time(smil, "end", self.end);
        if let Some(alt) = &self.alt {
            attribute(smil, "alt", alt);
        }
        smil.push_str("/>\r\n");
    }
}

fn length(smil: &mut String, name: &str, value: Option<Length>) {
    let (number, unit) = match value {
        Some(Length::Percent(hundredths)) => (hundredths, "%"),
        Some(Length::Pixels(pixels)) => (pixels, ""),
        None => return,
    };
    let mut value = number.to_string();
    value.push_str(unit);
    attribute(smil, name, &value);
}

fn time(smil: &mut String, name: &str, milliseconds: Option<u64>) {
    if let Some(milliseconds) = milliseconds {
        let mut value = milliseconds.to_string();
        value.push_str("ms");
        attribute(smil, name, &value);
    }
}

fn attribute(smil: &mut String, name: &str, value: &str) {
    smil.push(' ');
    smil.push_str(name);
    smil.push_str("=\"");
    for c in value.chars() {
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
}
