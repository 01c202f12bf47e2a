//! MM4 over SMTP: the six PDUs of 3GPP TS 23.140 §8.4, their addresses, values, dates and SMIL;
//! and the UAProf documents of handsets.
//!
//! Reading is lenient in every way that real peers need (a header that a peer leaves out is absent,
//! never an error); writing is exact: 3GPP names, 3GPP order, 3GPP tokens, bent only by the
//! [`quirks::Quirks`] of the peer it is written for.
//!
//! Pure: `no_std` is a proof, not a target. This crate cannot name a socket, a file or a clock. It
//! does not walk MIME bodies (`cedrat-mime` does) and knows nothing of the canonical message.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod address;
pub mod date;
mod entity;
pub mod mm4;
pub mod quirks;
pub mod smil;
pub mod uaprof;
