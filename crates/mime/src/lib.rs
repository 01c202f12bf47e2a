//! RFC 822 header blocks and MIME structure for a gateway: lenient reading, exact slices, strict writing.
//!
//! What a peer sent stays reachable octet for octet ([`Header::raw`], [`entity::Node::octets`]), so that a
//! relay changes nothing that it does not mean to change. Every bound is a field of [`Limits`]; no function
//! recurses, so nesting cannot exhaust a stack, and all of them take time linear in their input.
//!
//! Not here: the meaning of single header values (addresses, dates, encoded words) and character sets.
//! Pure: `no_std` is a proof, not a target.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod downgrade;
pub mod entity;
mod error;
pub mod header;
mod limits;
pub mod parameter;
pub mod transfer;
pub mod write;

pub use entity::{Message, Node, walk, walk_into_messages};
pub use error::{Error, Kind};
pub use header::{Header, Headers};
pub use limits::Limits;
pub use parameter::{ContentType, Disposition};
pub use transfer::Encoding;
