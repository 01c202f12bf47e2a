//! Optimal Huffman tables of at most 16 bits (ITU-T T.81 annexes C and K.2) from counted symbols.
//!
//! No code consists of ones only: a place is reserved for that one by counting a symbol that never
//! occurs. With the table the octets of a scan are known before a bit of it is written.
#![expect(clippy::indexing_slicing, reason = "lengths are at most 63, symbols are octets")]

/// How often each symbol occurs.
pub(crate) type Counts = [u32; 256];

/// One table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Number of codes of 1 to 16 bits.
    pub(crate) lengths: [u8; 16],
    /// Symbols in the order of their codes.
    pub(crate) symbols: Vec<u8>,
    /// Code and its length of every symbol; length 0 when it does not occur.
    codes: [(u16, u8); 256],
}

impl Table {
    /// The best table for these counts.
    pub(crate) fn optimal(counts: &Counts) -> Self {
        // Rare ones first; the reserved one before all others of its count.
        let mut leaves: Vec<(u32, u16)> = vec![(1, 256)];
        leaves.extend((0u16..256).zip(counts).filter(|(_, n)| **n > 0).map(|(s, &n)| (n, s)));
        leaves.sort_unstable_by_key(|&(count, symbol)| (count, std::cmp::Reverse(symbol)));

        let mut of_length = limit(&lengths(&leaves));
        // The reserved code is the last one of the greatest length.
        if let Some(last) = of_length.iter_mut().rev().find(|n| **n > 0) {
            *last -= 1;
        }
        let mut table = Self { lengths: of_length, symbols: Vec::new(), codes: [(0, 0); 256] };
        let mut often_first = leaves.iter().rev().map(|&(_, symbol)| symbol).filter(|symbol| *symbol < 256);
        let mut code = 0u16;
        for (length, &number) in (1u8..).zip(&of_length) {
            for symbol in often_first.by_ref().take(usize::from(number)) {
                table.symbols.push(symbol as u8);
                table.codes[usize::from(symbol)] = (code, length);
                code = code.wrapping_add(1);
            }
            code = code.wrapping_shl(1);
        }
        table
    }

    /// The code of a symbol and its length in bits.
    #[inline]
    pub(crate) fn code(&self, symbol: u8) -> (u16, u8) {
        self.codes[usize::from(symbol)]
    }

    /// Bits of all codes, and of the magnitudes that follow them: their number is the low half of
    /// the symbol, for DC and AC alike.
    pub(crate) fn bits(&self, counts: &Counts) -> u64 {
        let cost = |symbol: usize| u64::from(self.codes[symbol].1) + (symbol & 15) as u64;
        counts.iter().enumerate().map(|(symbol, &n)| u64::from(n) * cost(symbol)).sum()
    }
}

/// Number of leaves at each depth of the Huffman tree, depth 1 first. Counts add up to less than
/// 2³², so no depth reaches 48.
fn lengths(leaves: &[(u32, u16)]) -> [u32; 64] {
    let mut at_depth = [0u32; 64];
    if leaves.len() == 1 {
        at_depth[0] = 1;
        return at_depth;
    }
    // Two queues: leaves as sorted, inner nodes in the order of their making, which is sorted too.
    let total = 2 * leaves.len() - 1;
    let mut weight: Vec<u64> = leaves.iter().map(|&(count, _)| u64::from(count)).collect();
    let mut parent = vec![0usize; total];
    let (mut leaf, mut inner) = (0, leaves.len());
    while weight.len() < total {
        let mut take = || {
            let lighter = inner >= weight.len() || leaf < leaves.len() && weight[leaf] <= weight[inner];
            let next = if lighter { &mut leaf } else { &mut inner };
            *next += 1;
            *next - 1
        };
        let (a, b) = (take(), take());
        let node = weight.len();
        parent[a] = node;
        parent[b] = node;
        weight.push(weight[a] + weight[b]);
    }
    let mut depth = vec![0usize; total];
    for node in (0..total - 1).rev() {
        depth[node] = depth[parent[node]] + 1;
        if node < leaves.len() {
            at_depth[(depth[node] - 1).min(63)] += 1;
        }
    }
    at_depth
}

/// Brings all codes to at most 16 bits, T.81 figure K.3.
fn limit(at_depth: &[u32; 64]) -> [u8; 16] {
    let mut at_depth = *at_depth;
    for depth in (16..64).rev() {
        while at_depth[depth] > 0 {
            // A pair moves up: one takes the place of their parent, the other one makes a pair
            // with a shorter code.
            let shorter = (0..depth - 1).rev().find(|&d| at_depth[d] > 0).unwrap_or(0);
            at_depth[depth] = at_depth[depth].saturating_sub(2);
            at_depth[depth - 1] += 1;
            at_depth[shorter + 1] += 2;
            at_depth[shorter] = at_depth[shorter].saturating_sub(1);
        }
    }
    std::array::from_fn(|depth| at_depth[depth] as u8)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Kraft's sum in units of 2⁻¹⁶, and that codes are prefix-free and never all ones.
    fn check(table: &Table, counts: &Counts) {
        let used: Vec<u8> = (0..=255).filter(|&s| counts[usize::from(s)] > 0).collect();
        assert_eq!(table.symbols.len(), used.len());
        let mut codes: Vec<(u32, u32)> = Vec::new();
        for symbol in used {
            let (code, length) = table.code(symbol);
            assert!((1..=16).contains(&length));
            let start = u32::from(code) << (16 - length);
            codes.push((start, start + (1 << (16 - length))));
            assert_ne!(u32::from(code), (1u32 << length) - 1);
        }
        codes.sort_unstable();
        assert!(codes.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    }

    #[test]
    fn one_symbol_gets_one_bit() {
        let mut counts = [0; 256];
        counts[5] = 9;
        let table = Table::optimal(&counts);
        assert_eq!(table.code(5), (0, 1));
        assert_eq!(table.bits(&counts), 9 * (1 + 5));
        check(&table, &counts);
    }

    #[test]
    fn codes_of_steep_counts_stay_within_sixteen_bits() {
        let mut counts = [0; 256];
        let (mut a, mut b) = (1u32, 1u32);
        for count in counts.iter_mut().take(40) {
            *count = a;
            (a, b) = (b, a + b);
        }
        check(&Table::optimal(&counts), &counts);
    }

    proptest! {
        #[test]
        fn codes_are_prefix_free_and_leave_the_ones(
            counts in prop::collection::vec(prop_oneof![Just(0u32), 1u32..100_000], 256)
        ) {
            let counts: Counts = counts.try_into().unwrap();
            check(&Table::optimal(&counts), &counts);
        }
    }
}
