//! A small picture made by code: PNG (ISO/IEC 15948), 8-bit RGB, in stored deflate blocks
//! (RFC 1951 section 3.2.4), so that it needs no compressor and has a size that can be foretold.

/// Longest stored block.
const BLOCK: usize = 65_535;

/// The longest side, pixels: 50 MB of picture.
const MOST: u32 = 4000;

/// A square picture, a sun over the sea; `side` in pixels.
pub fn png(side: u32) -> Vec<u8> {
    let side = side.clamp(1, MOST);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::with_capacity(13);
    header.extend(side.to_be_bytes());
    header.extend(side.to_be_bytes());
    // 8 bits a sample, RGB, deflate, adaptive filtering, not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut out, *b"IHDR", &header);
    chunk(&mut out, *b"IDAT", &stored(&pixels(side)));
    chunk(&mut out, *b"IEND", &[]);
    out
}

/// The side of the picture that has about so many octets.
pub fn side_of(octets: usize) -> u32 {
    u32::try_from((octets / 3).isqrt()).unwrap_or(MOST).clamp(1, MOST)
}

fn pixels(side: u32) -> Vec<u8> {
    let mut rows = Vec::with_capacity((side as usize * 3 + 1) * side as usize);
    let horizon = side * 5 / 8;
    let radius = side / 4;
    for y in 0..side {
        // Filter type: none.
        rows.push(0);
        let shade = u8::try_from(y * 120 / side).unwrap_or(120);
        for x in 0..side {
            let (dx, dy) = (x.abs_diff(side / 2), y.abs_diff(horizon));
            rows.extend(if y >= horizon {
                let glitter = if dx < radius && (x + y * 3) % 5 == 0 { 90 } else { 0 };
                [20 + glitter, 60 + glitter, 140_u8.saturating_add(glitter)]
            } else if dx * dx + dy * dy <= radius * radius {
                [255, 214, 64]
            } else {
                [255 - shade / 3, 120 + shade, 110 + shade / 4]
            });
        }
    }
    rows
}

/// A zlib stream (RFC 1950) that compresses nothing.
fn stored(octets: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = octets.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(adler32(octets).to_be_bytes());
    out
}

fn adler32(octets: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    // 5552 octets fit before a sum can pass 32 bits.
    for run in octets.chunks(5552) {
        for octet in run {
            a += u32::from(*octet);
            b += a;
        }
        a %= 65_521;
        b %= 65_521;
    }
    b << 16 | a
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], body: &[u8]) {
    out.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(kind);
    out.extend(body);
    let sum = crc32(crc32(u32::MAX, &kind), body);
    out.extend((!sum).to_be_bytes());
}

fn crc32(mut sum: u32, octets: &[u8]) -> u32 {
    for octet in octets {
        sum ^= u32::from(*octet);
        for _ in 0..8 {
            sum = sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_have_their_published_values() {
        assert_eq!(!crc32(u32::MAX, b"123456789"), 0xcbf4_3926);
        assert_eq!(!crc32(u32::MAX, b"IEND"), 0xae42_6082);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn a_picture_has_about_the_size_asked_for() {
        for octets in [1000, 100_000, 1_000_000] {
            let made = png(side_of(octets)).len();
            assert!(made.abs_diff(octets) < octets / 10 + 100, "{made} for {octets}");
        }
    }
}
