//! The tables that come with the gateway: the files of `mappings/`, compiled in.
//!
//! That they compile is proved by a test; an operator's files are laid over them.

use alloc::vec::Vec;

use crate::{
    diagnostic::Diagnostic,
    tables::{Source, Tables},
};

macro_rules! sources {
    ($($path:literal,)*) => {
        &[$(Source { path: concat!("mappings/", $path), text: include_str!(concat!("../../../mappings/", $path)) }),*]
    };
}

/// Every file of `mappings/`, by its path from the root of the repository.
const SOURCES: &[Source<'static>] = sources![
    "fields/mail.toml",
    "fields/mm4.toml",
    "status/smtp.toml",
    "status/mm4-request.toml",
    "status/delivery.toml",
    "status/read.toml",
    "address/mail.toml",
    "address/mm4.toml",
    "quirks/bare-envelope.toml",
    "quirks/content-filter-trail.toml",
    "quirks/mail-style-hub.toml",
    "quirks/pbx-minimal.toml",
    "quirks/related-quoted-ids.toml",
    "quirks/sender-routed-responses.toml",
    "quirks/silent-hub.toml",
    "quirks/system-party-address.toml",
    "quirks/vas-toolkit.toml",
    "content/classes.toml",
    "content/types.toml",
    "profiles/3gpp2-feature-phone.toml",
    "profiles/classic-2g.toml",
    "profiles/feature-phone.toml",
    "profiles/iphone-like.toml",
    "profiles/mail.toml",
    "profiles/mail-common-formats.toml",
    "profiles/smartphone-1m.toml",
    "profiles/smartphone-600k.toml",
];

impl Tables {
    /// The files that come with the gateway.
    #[must_use]
    pub const fn embedded_sources() -> &'static [Source<'static>] {
        SOURCES
    }

    /// The tables that come with the gateway.
    ///
    /// # Errors
    /// None as long as the tests pass.
    pub fn embedded() -> Result<Self, Vec<Diagnostic>> {
        Self::compile(SOURCES)
    }

    /// The tables that come with the gateway with an operator's files over them, row by row.
    ///
    /// # Errors
    /// Every fault of the operator's files.
    pub fn with_operator(operator: &[Source<'_>]) -> Result<Self, Vec<Diagnostic>> {
        let all: Vec<Source<'_>> = SOURCES.iter().chain(operator).copied().collect();
        Self::compile(&all)
    }
}
