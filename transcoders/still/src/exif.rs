//! EXIF that is kept: orientation reset, thumbnail removed (TIFF 6.0 §2, CIPA DC-008).
//!
//! The block is changed where it stands; offsets in it stay valid. A place is kept with the rest:
//! who asked for the metadata asked for it.

/// Orientation.
const ORIENTATION: u16 = 0x0112;
/// Where the thumbnail starts, and how long it is.
const THUMBNAIL: u16 = 0x0201;
const THUMBNAIL_LENGTH: u16 = 0x0202;
/// Entries of a directory that are looked at; cameras write about thirty.
const MAX_ENTRIES: u16 = 512;

/// A TIFF block whose picture is upright and has no second picture; `None` when it does not read.
pub(crate) fn upright(tiff: &[u8]) -> Option<Vec<u8>> {
    let mut out = tiff.to_vec();
    let block = Block { big: big_endian(tiff)?, octets: tiff };
    let first = block.long(4)? as usize;
    for (at, tag) in block.entries(first)? {
        if tag == ORIENTATION {
            let value = if block.big { [0, 1] } else { [1, 0] };
            out.get_mut(at + 8..at + 10)?.copy_from_slice(&value);
        }
    }
    let link = first + 2 + 12 * usize::from(block.short(first)?);
    let second = block.long(link)? as usize;
    out.get_mut(link..link + 4)?.fill(0);
    if second != 0
        && let Some(entries) = block.entries(second)
    {
        let mut picture = (0, 0);
        let mut last = second;
        for (at, tag) in entries {
            match tag {
                THUMBNAIL => picture.0 = block.long(at + 8)? as usize,
                THUMBNAIL_LENGTH => picture.1 = block.long(at + 8)? as usize,
                _ => {}
            }
            last = at + 12;
        }
        // Never into the first directory: a block that overlaps itself is not worth keeping.
        for hole in [second..last + 4, picture.0..picture.0.checked_add(picture.1)?] {
            if hole.start < link + 4 && !hole.is_empty() {
                return None;
            }
            let end = hole.end.min(out.len());
            out.get_mut(hole.start..end).unwrap_or_default().fill(0);
        }
        if picture.0 + picture.1 >= out.len() && picture.0 > 0 {
            out.truncate(picture.0);
        }
    }
    Some(out)
}

fn big_endian(tiff: &[u8]) -> Option<bool> {
    match tiff.get(..4)? {
        b"MM\0*" => Some(true),
        b"II*\0" => Some(false),
        _ => None,
    }
}

/// A TIFF block to read numbers from.
struct Block<'a> {
    big: bool,
    octets: &'a [u8],
}

impl Block<'_> {
    fn short(&self, at: usize) -> Option<u16> {
        let octets = self.octets.get(at..)?.first_chunk()?;
        Some(if self.big { u16::from_be_bytes(*octets) } else { u16::from_le_bytes(*octets) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let octets = self.octets.get(at..)?.first_chunk()?;
        Some(if self.big { u32::from_be_bytes(*octets) } else { u32::from_le_bytes(*octets) })
    }

    /// Place and tag of the entries of a directory; `None` when they are not all there.
    fn entries(&self, directory: usize) -> Option<impl Iterator<Item = (usize, u16)>> {
        let number = self.short(directory).filter(|&n| n <= MAX_ENTRIES)?;
        let places = (0..usize::from(number)).map(move |n| directory + 2 + 12 * n);
        self.octets.get(directory + 2 + 12 * usize::from(number)..)?;
        Some(places.filter_map(|at| Some((at, self.short(at)?))))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A block with orientation, a place's reference, and a thumbnail of these octets.
    pub(crate) fn block(orientation: u16, thumbnail: &[u8]) -> Vec<u8> {
        let mut tiff = b"MM\0*\0\0\0\x08".to_vec();
        let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
            let mut out = tag.to_be_bytes().to_vec();
            out.extend_from_slice(&kind.to_be_bytes());
            out.extend_from_slice(&count.to_be_bytes());
            out.extend_from_slice(&value);
            out
        };
        let [high, low] = orientation.to_be_bytes();
        tiff.extend_from_slice(&[0, 2]);
        tiff.extend(entry(ORIENTATION, 3, 1, [high, low, 0, 0]));
        tiff.extend(entry(0x013b, 2, 4, *b"gps\0"));
        tiff.extend_from_slice(&38u32.to_be_bytes());
        tiff.extend_from_slice(&[0, 2]);
        let start = 38 + 2 + 24 + 4u32;
        tiff.extend(entry(THUMBNAIL, 4, 1, start.to_be_bytes()));
        tiff.extend(entry(THUMBNAIL_LENGTH, 4, 1, (thumbnail.len() as u32).to_be_bytes()));
        tiff.extend_from_slice(&[0; 4]);
        tiff.extend_from_slice(thumbnail);
        tiff
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn orientation_is_reset_and_the_thumbnail_gone() {
        let out = upright(&block(6, b"thumbnail")).unwrap();
        assert!(!out.windows(5).any(|w| w == b"thumb"));
        let read = exif::Reader::new().read_raw(out).unwrap();
        let orientation = read.get_field(exif::Tag::Orientation, exif::In::PRIMARY).unwrap();
        assert_eq!(orientation.value.get_uint(0), Some(1));
        assert!(read.get_field(exif::Tag::Artist, exif::In::PRIMARY).is_some());
        assert!(read.fields().all(|field| field.ifd_num == exif::In::PRIMARY));
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_read_without_harm(octets: Vec<u8>, at: usize, value: u8) {
            let _ = upright(&octets);
            let mut broken = block(3, b"xyz");
            let at = at % broken.len();
            if let Some(octet) = broken.get_mut(at) {
                *octet = value;
            }
            let _ = upright(&broken);
        }
    }
}
