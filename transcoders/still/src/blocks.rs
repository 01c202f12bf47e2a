//! The blocks of a GIF file (GIF89a §15 to §26) and the chunks of a PNG file (PNG §5), walked
//! without decoding: to leave out what is not picture.

/// A GIF without comments, foreign extensions and what follows its end; `None` when it is broken
/// before the first picture.
pub(crate) fn stripped_gif(octets: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(octets.len());
    let mut pictures = 0;
    for block in Blocks::new(octets)? {
        match block.kind {
            Kind::Comment | Kind::Application { repeats: false } => continue,
            Kind::Picture => pictures += 1,
            Kind::Header | Kind::Application { .. } | Kind::Other => {}
        }
        out.extend_from_slice(block.octets);
    }
    out.push(TRAILER);
    (pictures > 0).then_some(out)
}

/// How often an animated GIF starts again: 0 = for ever, `None` = not said.
pub(crate) fn repeats(octets: &[u8]) -> Option<u16> {
    let block =
        Blocks::new(octets)?.find(|block| matches!(block.kind, Kind::Application { repeats: true }))?;
    // Introducer, label, 11 octets with their length, a sub-block of three: 1 and the number.
    match block.octets.get(14..)? {
        [3, 1, low, high, ..] => Some(u16::from_le_bytes([*low, *high])),
        _ => None,
    }
}

const TRAILER: u8 = 0x3b;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Application { repeats: bool },
    Comment,
    Header,
    Other,
    Picture,
}

struct Block<'a> {
    kind: Kind,
    octets: &'a [u8],
}

/// Goes through the blocks, up to the trailer or where they stop making sense.
struct Blocks<'a> {
    header: Option<&'a [u8]>,
    left: &'a [u8],
}

impl<'a> Blocks<'a> {
    fn new(octets: &'a [u8]) -> Option<Self> {
        if !octets.starts_with(b"GIF8") {
            return None;
        }
        let flags = *octets.get(10)?;
        let (header, left) = octets.split_at_checked(13 + colours(flags))?;
        Some(Self { header: Some(header), left })
    }
}

/// Octets of a colour table whose flags these are.
fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        if let Some(octets) = self.header.take() {
            return Some(Block { kind: Kind::Header, octets });
        }
        let (kind, start) = match *self.left {
            [0x21, 0xfe, ..] => (Kind::Comment, 2),
            [0x21, 0xff, ..] => {
                let name = self.left.get(3..14)?;
                (Kind::Application { repeats: matches!(name, b"NETSCAPE2.0" | b"ANIMEXTS1.0") }, 2)
            }
            [0x21, ..] => (Kind::Other, 2),
            [0x2c, ..] => (Kind::Picture, 11 + colours(*self.left.get(9)?)),
            _ => return None,
        };
        let mut end = start;
        loop {
            let length = usize::from(*self.left.get(end)?);
            end += 1 + length;
            if length == 0 {
                break;
            }
        }
        let (octets, left) = self.left.split_at_checked(end)?;
        self.left = left;
        Some(Block { kind, octets })
    }
}

/// A PNG without texts, times, EXIF and chunks that are not of the standard, and without what
/// follows its end; `None` when it is broken before its picture.
pub(crate) fn stripped_png(octets: &[u8]) -> Option<Vec<u8>> {
    const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
    let mut left = octets.strip_prefix(SIGNATURE)?;
    let mut out = SIGNATURE.to_vec();
    let mut pictures = 0;
    while let Some((length, rest)) = left.split_first_chunk::<4>() {
        let Some(whole) =
            (u32::from_be_bytes(*length) as usize).checked_add(12).and_then(|length| left.get(..length))
        else {
            break;
        };
        left = left.get(whole.len()..)?;
        let name = rest.first_chunk::<4>()?;
        match name {
            b"IDAT" => pictures += 1,
            b"IHDR" | b"PLTE" | b"IEND" | b"tRNS" | b"acTL" | b"fcTL" | b"fdAT" | b"cHRM" | b"cICP"
            | b"gAMA" | b"iCCP" | b"sBIT" | b"sRGB" | b"bKGD" | b"pHYs" => {}
            _ => continue,
        }
        out.extend_from_slice(whole);
        if name == b"IEND" {
            break;
        }
    }
    (pictures > 0).then_some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn gif(extra: &[u8]) -> Vec<u8> {
        let mut out = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
        out.extend_from_slice(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x05\0\0");
        out.extend_from_slice(extra);
        out.extend_from_slice(b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;");
        out
    }

    #[test]
    fn comments_and_foreign_extensions_of_a_gif_go() {
        let mut file = gif(b"\x21\xfe\x06canary\0\x21\xff\x0bXMP DataXMP\x06canary\0");
        file.extend_from_slice(b"canary");
        assert_eq!(stripped_gif(&file).unwrap(), gif(b""));
        assert_eq!(repeats(&file), Some(5));
    }

    #[test]
    fn texts_of_a_png_go() {
        let chunk = |name: &[u8], content: &[u8]| {
            [&(content.len() as u32).to_be_bytes()[..], name, content, &[0; 4]].concat()
        };
        let file = |middle: &[u8]| {
            [
                b"\x89PNG\r\n\x1a\n",
                &chunk(b"IHDR", &[0; 13])[..],
                middle,
                &chunk(b"IDAT", b"x"),
                &chunk(b"IEND", b""),
            ]
            .concat()
        };
        let texts = [chunk(b"tEXt", b"canary"), chunk(b"eXIf", b"canary")].concat();
        assert_eq!(stripped_png(&[file(&texts), b"canary".to_vec()].concat()).unwrap(), file(b""));
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_walked_to_their_end(octets: Vec<u8>) {
            let _ = stripped_gif(&gif(&octets));
            let _ = stripped_png(&[b"\x89PNG\r\n\x1a\n", &octets[..]].concat());
        }
    }
}
