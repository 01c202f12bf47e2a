//! Numbers out of octets: whatever lies beyond the end is `None`, so that no reader can fail loudly.

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

macro_rules! numbers {
    ($($name:ident: $kind:ty = $from:ident;)*) => {$(
        pub(super) fn $name(&mut self) -> Option<$kind> {
            self.array().map(<$kind>::$from)
        }
    )*};
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// From an offset on; nothing when that is beyond the end.
    pub(super) fn at(octets: &'a [u8], offset: usize) -> Self {
        Self { rest: octets.get(offset..).unwrap_or_default() }
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) const fn len(&self) -> usize {
        self.rest.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// As many as there are, at most `count`: the length that a header claims may be a lie.
    pub(super) fn take_up_to(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    numbers! {
        u8: u8 = from_be_bytes;
        u16_be: u16 = from_be_bytes;
        u16_le: u16 = from_le_bytes;
        u32_be: u32 = from_be_bytes;
        u32_le: u32 = from_le_bytes;
        u64_be: u64 = from_be_bytes;
        u64_le: u64 = from_le_bytes;
        i32_be: i32 = from_be_bytes;
        i32_le: i32 = from_le_bytes;
    }

    pub(super) fn u24_be(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(super) fn u24_le(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }
}

/// Bits of octets, the highest first, as codec headers are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    /// The next `count` bits, at most 32.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count.min(32) {
            let octet = self.octets.get(self.at / 8)?;
            value = value << 1 | u32::from(octet >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }
}

/// Where `needle` begins. Needles are short and fixed: the cost is linear.
pub(super) fn find(octets: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        let rest = octets.get(from..)?;
        let at = rest.iter().position(|octet| *octet == first)?;
        if rest.get(at..)?.starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
}

/// Whether `needle` occurs.
pub(super) fn contains(octets: &[u8], needle: &[u8]) -> bool {
    find(octets, needle).is_some()
}

/// `number * factor / divisor` without overflow, 0 when the divisor is: a header can say anything.
pub(super) fn scale(number: u64, factor: u64, divisor: u64) -> u64 {
    if divisor == 0 {
        return 0;
    }
    let scaled = u128::from(number) * u128::from(factor) / u128::from(divisor);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// The number, or the largest that the field holds.
pub(super) fn fit(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
