//! The marker segments of a JPEG file (ITU-T T.81 annex B), and what its header says.
//!
//! A walk over markers; nothing is decoded. Lenient: octets between segments are skipped, and a
//! file that ends early simply has no more pieces.

use std::borrow::Cow;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DQT: u8 = 0xdb;
/// First of the sixteen application segments.
const APP0: u8 = 0xe0;
const COM: u8 = 0xfe;
const EXIF: &[u8] = b"Exif\0\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
const ADOBE: &[u8] = b"Adobe";
const JFIF: &[u8] = b"JFIF\0";

/// A piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A marker and what belongs to it; `whole` includes marker and length.
    Segment { marker: u8, whole: &'a [u8], content: &'a [u8] },
    /// Coded samples, restart markers included.
    Scan(&'a [u8]),
}

/// Goes through the pieces of a file, up to its end marker.
#[derive(Debug, Clone)]
pub(crate) struct Pieces<'a> {
    left: &'a [u8],
    in_scan: bool,
}

impl<'a> Pieces<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { left: octets, in_scan: false }
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, left) = self.left.split_at(length.min(self.left.len()));
        self.left = left;
        taken
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.in_scan {
            self.in_scan = false;
            let end = scan_end(self.left);
            return Some(Piece::Scan(self.take(end)));
        }
        // Any number of FF may stand before a marker.
        let start = memchr::memchr(0xff, self.left)?;
        self.take(start);
        let fill = self.left.iter().take_while(|octet| **octet == 0xff).count();
        self.take(fill.saturating_sub(1));
        let marker = self.left.get(1).copied()?;
        match marker {
            0x00 | 0x01 | 0xd0..=SOI => {
                let whole = self.take(2);
                Some(Piece::Segment { marker, whole, content: &[] })
            }
            EOI => {
                let whole = self.take(2);
                self.left = &[];
                Some(Piece::Segment { marker, whole, content: &[] })
            }
            _ => {
                let [high, low] = [self.left.get(2).copied()?, self.left.get(3).copied()?];
                let length = usize::from(u16::from_be_bytes([high, low])) + 2;
                if length < 4 || length > self.left.len() {
                    return None;
                }
                let whole = self.take(length);
                self.in_scan = marker == SOS;
                Some(Piece::Segment { marker, whole, content: whole.get(4..)? })
            }
        }
    }
}

/// Where coded samples end: at a marker that is neither a stuffed zero nor a restart.
fn scan_end(octets: &[u8]) -> usize {
    let ends = memchr::memchr_iter(0xff, octets)
        .find(|&at| !matches!(octets.get(at + 1), Some(0x00 | 0xd0..=0xd7 | 0xff)));
    ends.unwrap_or(octets.len())
}

/// What stands before the first scan.
#[derive(Debug, Clone, Default)]
pub(crate) struct Header<'a> {
    /// Pixels across and down; zero when no frame header was found.
    pub(crate) size: (u32, u32),
    pub(crate) components: u8,
    /// Many scans may follow.
    pub(crate) progressive: bool,
    /// The TIFF block of EXIF.
    pub(crate) exif: Option<&'a [u8]>,
    /// Profile, put together from its segments.
    pub(crate) profile: Option<Cow<'a, [u8]>>,
    /// Whether Adobe's segment is there.
    pub(crate) adobe: bool,
    /// Sum of the first quantisation table.
    pub(crate) table_sum: Option<u32>,
}

impl<'a> Header<'a> {
    /// Reads it.
    pub(crate) fn read(octets: &'a [u8]) -> Self {
        let mut header = Self::default();
        for piece in Pieces::new(octets) {
            let Piece::Segment { marker, content, .. } = piece else { break };
            header.note(marker, content);
        }
        header
    }

    fn note(&mut self, marker: u8, content: &'a [u8]) {
        match marker {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                if let &[_, h1, h0, w1, w0, components, ..] = content {
                    let both = |high, low| u32::from(u16::from_be_bytes([high, low]));
                    self.size = (both(w1, w0), both(h1, h0));
                    self.components = components;
                    self.progressive = matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce);
                }
            }
            DQT if self.table_sum.is_none() => {
                if let Some((0x00, table)) = content.split_first() {
                    self.table_sum = table.get(..64).map(|table| table.iter().map(|&q| u32::from(q)).sum());
                }
            }
            0xe1 if self.exif.is_none() => self.exif = content.strip_prefix(EXIF),
            0xe2 => {
                if let Some([_, _, piece @ ..]) = content.strip_prefix(ICC) {
                    self.profile = Some(match self.profile.take() {
                        None => Cow::Borrowed(piece),
                        Some(before) => Cow::Owned([&before, piece].concat()),
                    });
                }
            }
            0xee => self.adobe |= content.starts_with(ADOBE),
            _ => {}
        }
    }
}

/// Number of scans, no further than `most` and one.
pub(crate) fn scans(octets: &[u8], most: u32) -> u32 {
    let scans = Pieces::new(octets).filter(|piece| matches!(piece, Piece::Scan(_)));
    scans.take(most as usize + 1).count() as u32
}

/// The file without comments and application segments other than those that say how colours are
/// meant (JFIF, ICC profile, Adobe), and without what follows its end.
pub(crate) fn stripped(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    for piece in Pieces::new(octets) {
        match piece {
            Piece::Segment { marker: COM, .. } => {}
            Piece::Segment { marker: APP0, content, .. } if content.starts_with(JFIF) => {
                // Its thumbnail stays behind.
                let mut fixed = [0; 14];
                for (to, from) in fixed.iter_mut().zip(content.iter().take(12)) {
                    *to = *from;
                }
                super::write::segment(&mut out, APP0, &[&fixed]);
            }
            Piece::Segment { marker: 0xe2, content, .. } if !content.starts_with(ICC) => {}
            Piece::Segment { marker: 0xee, content, .. } if !content.starts_with(ADOBE) => {}
            Piece::Segment { marker: 0xe2 | 0xee, whole, .. } => out.extend_from_slice(whole),
            Piece::Segment { marker: APP0..=0xef, .. } => {}
            // A second start, or what is no marker at all.
            Piece::Segment { marker: 0x00 | 0x01 | 0xd0..=0xd7, .. } => {}
            Piece::Segment { whole, .. } | Piece::Scan(whole) => out.extend_from_slice(whole),
        }
    }
    if !out.ends_with(&[0xff, EOI]) {
        out.extend_from_slice(&[0xff, EOI]);
    }
    out
}

/// An application segment that holds EXIF; `None` when it does not fit one.
pub(crate) fn exif_segment(tiff: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(tiff.len() + 10);
    (tiff.len() + EXIF.len() + 2 <= 0xffff).then(|| {
        super::write::segment(&mut out, 0xe1, &[EXIF, tiff]);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_picture_is_left_out_and_what_follows_the_end_is_cut() {
        let mut file = vec![0xff, 0xd8];
        super::super::write::segment(&mut file, 0xe1, &[EXIF, b"canary"]);
        super::super::write::segment(&mut file, 0xe2, &[ICC, b"\x01\x01profile"]);
        super::super::write::segment(&mut file, 0xe2, &[b"MPF\0canary"]);
        super::super::write::segment(&mut file, COM, &[b"canary"]);
        super::super::write::segment(&mut file, SOS, &[b"\x00"]);
        file.extend_from_slice(&[1, 2, 0xff, 0, 3, 0xff, 0xd0, 4, 0xff, 0xd9]);
        file.extend_from_slice(b"canary");
        let out = stripped(&file);
        assert!(!out.windows(6).any(|w| w == b"canary"));
        assert!(out.windows(7).any(|w| w == b"profile"));
        assert!(out.ends_with(&[1, 2, 0xff, 0, 3, 0xff, 0xd0, 4, 0xff, 0xd9]));
        assert_eq!(scans(&file, 10), 1);
    }

    #[test]
    fn a_profile_in_pieces_is_put_together() {
        let mut file = vec![0xff, 0xd8];
        super::super::write::segment(&mut file, 0xe2, &[ICC, b"\x01\x02one"]);
        super::super::write::segment(&mut file, 0xe2, &[ICC, b"\x02\x02two"]);
        assert_eq!(Header::read(&file).profile.as_deref(), Some(&b"onetwo"[..]));
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_walked_to_their_end(octets: Vec<u8>) {
            let _ = stripped(&octets);
            let _ = Header::read(&octets);
            let _ = scans(&octets, 3);
        }
    }
}
