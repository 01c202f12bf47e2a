//! Internet mail without I/O: SMTP and LMTP sessions, header values, text of mail bodies, DSN and MDN.
//!
//! What a message is made of is `cedrat_mime`; this crate knows what it means. It decides nothing about
//! delivery and knows no canonical message.
//! Pure: `no_std` is a proof, not a target.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod body;
pub mod charset;
pub mod html;
pub mod quote;
pub mod report;
pub mod smtp;
pub mod value;
