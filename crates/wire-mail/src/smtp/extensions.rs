//! The service extensions of an EHLO answer: what a server offers and a client reads.
//!
//! One value for both sides, so that what is written and what is read cannot drift apart.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_sasl::Mechanism;

/// What an EHLO or LHLO answer offers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extensions {
    /// AUTH (RFC 4954): the mechanisms that both sides know; none is no AUTH.
    pub auth: Vec<Mechanism>,
    /// BINARYMIME (RFC 3030); means nothing without CHUNKING.
    pub binarymime: bool,
    /// CHUNKING (RFC 3030): BDAT.
    pub chunking: bool,
    /// DELIVERBY (RFC 2852): the least seconds that the server keeps to, 0 when it names none.
    pub deliver_by: Option<u32>,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// FUTURERELEASE (RFC 4865); for submission only.
    pub future_release: Option<FutureRelease>,
    /// MT-PRIORITY (RFC 6710).
    pub mt_priority: bool,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// REQUIRETLS (RFC 8689); under TLS only.
    pub require_tls: bool,
    /// SIZE (RFC 1870): the limit in octets, 0 when there is none.
    pub size: Option<u64>,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// STARTTLS (RFC 3207); in clear text only.
    pub starttls: bool,
}

/// The limits of FUTURERELEASE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FutureRelease {
    /// The longest hold in seconds, 1 to 999,999,999.
    pub max_seconds: u32,
    /// The latest moment, `2027-01-01T00:00:00Z`.
    pub max_time: String,
}

impl Extensions {
    /// Everything that this code can do without a decision of the operator: no AUTH, STARTTLS,
    /// FUTURERELEASE, DELIVERBY or MT-PRIORITY.
    #[must_use]
    pub fn common() -> Self {
        Self {
            binarymime: true,
            chunking: true,
            dsn: true,
            eight_bit_mime: true,
            enhanced_status_codes: true,
            pipelining: true,
            size: Some(0),
            smtputf8: true,
            ..Self::default()
        }
    }

    /// The lines of the answer after the first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (offered, keyword) in [
            (self.pipelining, "PIPELINING"),
            (self.eight_bit_mime, "8BITMIME"),
            (self.smtputf8, "SMTPUTF8"),
            (self.chunking, "CHUNKING"),
            (self.chunking && self.binarymime, "BINARYMIME"),
            (self.dsn, "DSN"),
            (self.enhanced_status_codes, "ENHANCEDSTATUSCODES"),
            (self.mt_priority, "MT-PRIORITY"),
            (self.require_tls, "REQUIRETLS"),
            (self.starttls, "STARTTLS"),
        ] {
            if offered {
                lines.push(keyword.to_string());
            }
        }
        match self.size {
            Some(0) => lines.push("SIZE".to_string()),
            Some(octets) => lines.push(format!("SIZE {octets}")),
            None => {}
        }
        match self.deliver_by {
            Some(0) => lines.push("DELIVERBY".to_string()),
            Some(seconds) => lines.push(format!("DELIVERBY {seconds}")),
            None => {}
        }
        if let Some(FutureRelease { max_seconds, max_time }) = &self.future_release {
            lines.push(format!("FUTURERELEASE {max_seconds} {max_time}"));
        }
        if !self.auth.is_empty() {
            let mut line = "AUTH".to_string();
            for mechanism in &self.auth {
                line.push(' ');
                line.push_str(mechanism.name());
            }
            lines.push(line);
        }
        lines
    }

    /// Reads an answer; `text` is that of the reply, whose first line is the server's greeting.
    /// What is unknown or malformed counts as not offered.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut read = Self::default();
        for line in text.split('\n').skip(1) {
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "8BITMIME" => read.eight_bit_mime = true,
                "AUTH" => {
                    for mechanism in words.filter_map(Mechanism::from_name) {
                        if !read.auth.contains(&mechanism) {
                            read.auth.push(mechanism);
                        }
                    }
                }
                "BINARYMIME" => read.binarymime = true,
                "CHUNKING" => read.chunking = true,
                "DELIVERBY" => {
                    let least = words.next().and_then(|word| word.split(',').next()?.parse().ok());
                    read.deliver_by = Some(least.unwrap_or(0));
                }
                "DSN" => read.dsn = true,
                "ENHANCEDSTATUSCODES" => read.enhanced_status_codes = true,
                "FUTURERELEASE" => {
                    if let (Some(seconds), Some(time)) = (words.next(), words.next()) {
                        read.future_release = seconds
                            .parse()
                            .ok()
                            .map(|max_seconds| FutureRelease { max_seconds, max_time: time.to_string() });
                    }
                }
                "MT-PRIORITY" => read.mt_priority = true,
                "PIPELINING" => read.pipelining = true,
                "REQUIRETLS" => read.require_tls = true,
                "SIZE" => read.size = Some(words.next().and_then(|word| word.parse().ok()).unwrap_or(0)),
                "SMTPUTF8" => read.smtputf8 = true,
                "STARTTLS" => read.starttls = true,
                _ => {}
            }
        }
        read.binarymime &= read.chunking;
        read
    }
}
