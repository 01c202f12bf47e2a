//! One noun per interface: how the gateway listens and how it reaches next hops.

pub mod http;
pub mod imap;
pub mod smtp;
