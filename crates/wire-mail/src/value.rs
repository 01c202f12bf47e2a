//! The meaning of single header values of Internet mail (RFC 5322 §3, RFC 2047): read leniently, written
//! strictly.
//!
//! Values come unfolded, as `cedrat_mime::Header::value` gives them. No reader here fails: what it cannot
//! understand it returns as it stands. All take linear time.
//!
//! Not here: MM4 addresses, which are no RFC 5322 mailboxes.

mod address;
mod date;
mod word;

pub use address::{Mailbox, addresses, encode_mailbox, message_ids};
pub use date::{date, format_date};
pub use word::{encode_unstructured, unstructured};
