//! IMAP mailboxes as a place that messages come from: each message that appears in a watched mailbox enters the
//! gateway once, and is marked, moved or removed when it has been stored.
//!
//! The protocol is in `cedrat_wire_imap::client`; what a message means is in [`crate::intake`]. How far a mailbox has
//! been read is stored in the transaction of each message, so that no interruption makes one enter twice or not at all.

mod account;
mod place;
mod source;

pub use account::watch;
