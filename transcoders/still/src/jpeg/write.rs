//! The octets of a baseline JFIF file (ITU-T T.81 annex B, ITU-T T.871) from coefficients.
//!
//! One interleaved scan, 4:2:0 or gray, no restart markers. Symbols are counted by the same walk
//! that writes them, so what is counted is what is written.
#![expect(clippy::indexing_slicing, reason = "components are 0 to 2, classes 0 and 1, symbols are octets")]

use super::{
    Coefficients,
    dct::Block,
    huffman::{Counts, Table},
    quant::{Quantiser, Scale},
};

/// What is told of each coded coefficient.
trait Sink {
    fn dc(&mut self, class: usize, symbol: u8, bits: u16);
    fn ac(&mut self, class: usize, symbol: u8, bits: u16);
}

/// Counts of the symbols of a scan: DC and AC, luma and chroma.
#[derive(Debug, Clone)]
pub(super) struct Statistics {
    dc: [Counts; 2],
    ac: [Counts; 2],
}

impl Sink for Statistics {
    #[inline]
    fn dc(&mut self, class: usize, symbol: u8, _: u16) {
        self.dc[class][usize::from(symbol)] += 1;
    }

    #[inline]
    fn ac(&mut self, class: usize, symbol: u8, _: u16) {
        self.ac[class][usize::from(symbol)] += 1;
    }
}

impl Statistics {
    /// Counts every MCU, or one run of [`RUN`] in `every` when the rest may be guessed from them.
    pub(super) fn count(coefficients: &Coefficients, scale: Scale, every: usize) -> Self {
        let mut counted = Self { dc: [[0; 256]; 2], ac: [[0; 256]; 2] };
        walk(coefficients, scale, every, &mut counted);
        counted
    }

    fn tables(&self, colour: bool) -> Vec<[Table; 2]> {
        (0..if colour { 2 } else { 1 })
            .map(|class| [Table::optimal(&self.dc[class]), Table::optimal(&self.ac[class])])
            .collect()
    }

    /// Bits of the scan and octets of everything around it, application segments left out.
    pub(super) fn cost(&self, colour: bool) -> (u64, u64) {
        let tables = self.tables(colour);
        let bits = tables.iter().zip(self.dc.iter().zip(&self.ac));
        let bits = bits.map(|([dc, ac], (d, a))| dc.bits(d) + ac.bits(a)).sum();
        (bits, header(Scale::FINEST, colour, (0, 0), &tables, &[]).len() as u64 + 2)
    }
}

/// MCUs that stay together when only a part is counted: long enough that the DC difference at the
/// seam does not show in the sum.
pub(super) const RUN: usize = 16;

/// Blocks of an MCU: four of luma, two of chroma.
pub(super) const MCU: usize = 6;

/// Goes through the blocks as the scan does.
fn walk(coefficients: &Coefficients, scale: Scale, every: usize, sink: &mut impl Sink) {
    let quantisers = [Quantiser::new(false, scale), Quantiser::new(true, scale)];
    let mut previous = [0i32; 3];
    let mcu = if coefficients.colour { MCU } else { 1 };
    for run in coefficients.blocks.chunks(mcu * RUN).step_by(every.max(1)) {
        for blocks in run.chunks(mcu) {
            for (at, block) in blocks.iter().enumerate() {
                let component = at.saturating_sub(3);
                let class = usize::from(component > 0);
                code(block, &quantisers[class], &mut previous[component], class, sink);
            }
        }
    }
}

/// One block, T.81 F.1.2.
#[inline]
fn code(block: &Block, quantiser: &Quantiser, previous: &mut i32, class: usize, sink: &mut impl Sink) {
    let quantised = quantiser.apply(block);
    let magnitude = i32::from(quantised.magnitude[0]);
    let dc = if block[0] < 0 { -magnitude } else { magnitude };
    let difference = dc - *previous;
    *previous = dc;
    let (size, bits) = value(difference.unsigned_abs() as u16, difference < 0);
    sink.dc(class, size, bits);

    let mut left = quantised.present & !1;
    let mut next = 1;
    while left != 0 {
        let at = left.trailing_zeros();
        left &= left - 1;
        let mut run = at - next;
        next = at + 1;
        while run >= 16 {
            sink.ac(class, 0xf0, 0);
            run -= 16;
        }
        let at = at as usize & 63;
        let (size, bits) = value(quantised.magnitude[at], block[at] < 0);
        sink.ac(class, (run as u8) << 4 | size, bits);
    }
    if next < 64 {
        sink.ac(class, 0, 0);
    }
}

/// Number of bits of a value and the bits that say which one, T.81 F.1.2.1.
#[inline]
fn value(magnitude: u16, negative: bool) -> (u8, u16) {
    let size = 16 - magnitude.leading_zeros();
    let bits = if negative { !magnitude & ((1u32 << size) - 1) as u16 } else { magnitude };
    (size as u8, bits)
}

/// Writes bits, most significant first, with a zero octet after each `FF`.
struct Bits<'a> {
    out: Vec<u8>,
    tables: &'a [[Table; 2]],
    word: u64,
    /// Free bits of `word`.
    free: u32,
}

impl Sink for Bits<'_> {
    #[inline]
    fn dc(&mut self, class: usize, symbol: u8, bits: u16) {
        self.put(class, 0, symbol, bits);
    }

    #[inline]
    fn ac(&mut self, class: usize, symbol: u8, bits: u16) {
        self.put(class, 1, symbol, bits);
    }
}

impl Bits<'_> {
    #[inline]
    fn put(&mut self, class: usize, kind: usize, symbol: u8, bits: u16) {
        let (code, length) = self.tables[class][kind].code(symbol);
        let size = u32::from(symbol & 15);
        let value = u64::from(code) << size | u64::from(bits);
        let length = u32::from(length) + size;
        if length < self.free {
            self.free -= length;
            self.word |= value << self.free;
        } else {
            let over = length - self.free;
            self.flush(self.word | value >> over, 8);
            self.free = 64 - over;
            self.word = if over == 0 { 0 } else { value << self.free };
        }
    }

    /// Writes the first octets of a word.
    #[inline]
    fn flush(&mut self, word: u64, octets: usize) {
        let all = word.to_be_bytes();
        // No octet of ones: no complement of an octet is zero.
        let zero = (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080;
        if zero == 0 && octets == 8 {
            self.out.extend_from_slice(&all);
            return;
        }
        for &octet in all.iter().take(octets) {
            self.out.push(octet);
            if octet == 0xff {
                self.out.push(0);
            }
        }
    }

    /// Fills the last octet with ones.
    fn finish(mut self) -> Vec<u8> {
        let used = 64 - self.free;
        let ones = if self.free == 64 { u64::MAX } else { (1 << self.free) - 1 };
        self.flush(self.word | ones, used.div_ceil(8) as usize);
        self.out
    }
}

/// The file. `segments` are whole application segments that stand behind the JFIF one.
pub(super) fn write(
    coefficients: &Coefficients,
    scale: Scale,
    counted: &Statistics,
    segments: &[u8],
) -> Vec<u8> {
    let colour = coefficients.colour;
    let tables = counted.tables(colour);
    let size = (coefficients.width, coefficients.height);
    let mut out = header(scale, colour, size, &tables, segments);
    out.reserve((counted.cost(colour).0 / 8) as usize + 4096);
    let mut bits = Bits { out, tables: &tables, word: 0, free: 64 };
    walk(coefficients, scale, 1, &mut bits);
    let mut out = bits.finish();
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// Everything before the scan.
fn header(
    scale: Scale,
    colour: bool,
    (width, height): (u16, u16),
    tables: &[[Table; 2]],
    segments: &[u8],
) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    // JFIF 1.01, no density but square pixels, no thumbnail.
    segment(&mut out, 0xe0, &[b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"]);
    out.extend_from_slice(segments);
    let quantisers = [Quantiser::new(false, scale), Quantiser::new(true, scale)];
    if colour {
        segment(&mut out, 0xdb, &[&[0], &quantisers[0].table, &[1], &quantisers[1].table]);
    } else {
        segment(&mut out, 0xdb, &[&[0], &quantisers[0].table]);
    }
    let [h1, h0] = height.to_le_bytes();
    let [w1, w0] = width.to_le_bytes();
    let size = [8, h0, h1, w0, w1];
    if colour {
        segment(&mut out, 0xc0, &[&size, &[3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]]);
    } else {
        segment(&mut out, 0xc0, &[&size, &[1, 1, 0x11, 0]]);
    }
    let mut huffman: Vec<u8> = Vec::new();
    for (class, pair) in (0u8..).zip(tables) {
        for (kind, table) in (0u8..).zip(pair) {
            huffman.push(kind << 4 | class);
            huffman.extend_from_slice(&table.lengths);
            huffman.extend_from_slice(&table.symbols);
        }
    }
    segment(&mut out, 0xc4, &[&huffman]);
    if colour {
        segment(&mut out, 0xda, &[&[3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]]);
    } else {
        segment(&mut out, 0xda, &[&[1, 1, 0, 0, 63, 0]]);
    }
    out
}

/// Marker, length, content. Content of what is written here is far below 64 KiB.
pub(super) fn segment(out: &mut Vec<u8>, marker: u8, content: &[&[u8]]) {
    let length = content.iter().map(|piece| piece.len()).sum::<usize>() + 2;
    out.extend_from_slice(&[0xff, marker, (length >> 8) as u8, length as u8]);
    for piece in content {
        out.extend_from_slice(piece);
    }
}
