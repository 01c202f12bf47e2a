//! SMTP and LMTP, for MM4 and for Internet mail alike: MM4 is SMTP with headers of its own, so
//! one listener and one client serve both, and the PDU decides in [`crate::intake`].

pub mod authentication;
pub mod client;
pub mod dkim;
pub mod dns;
pub mod listener;
pub mod server;
