//! The bounds of everything that this crate reads.

/// Bounds on one message. The defaults are several times what real mail and MM4 peers were seen to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Levels of nesting below the message itself. Default 20: real mail stays below 8, and a reader that
    /// recurses further down the road survives 20.
    pub depth: usize,
    /// Octets of header blocks, all parts together. Default 1 MiB: a block is decoded in memory.
    pub header_octets: usize,
    /// Headers in one block. Default 1000: long traces with a list of 100 hops fit ten times.
    pub headers: usize,
    /// Headers of all parts together. Default 10 000: a header takes a hundred octets of memory however
    /// short it is on the wire.
    pub headers_in_all: usize,
    /// Octets of one header line without its line end. Default 65 536: RFC 5322 allows 998, but
    /// unfolded recipient lists and security headers of tens of kilobytes are real.
    pub line_octets: usize,
    /// Parameters read of one Content-Type or Content-Disposition; the rest is ignored and the part
    /// marked damaged. Default 64.
    pub parameters: usize,
    /// Entities in one message, containers included. Default 1000.
    pub parts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 20,
            header_octets: 1 << 20,
            headers: 1000,
            headers_in_all: 10_000,
            line_octets: 1 << 16,
            parameters: 64,
            parts: 1000,
        }
    }
}
