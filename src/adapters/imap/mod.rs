//! IMAP mailboxes as a place that messages come from and go to: each message that appears in a watched mailbox enters
//! the gateway once, and is marked, moved or removed when it has been stored; a message for a peer with mailboxes is put
//! into one of them once, and that it was read is reported once.
//!
//! The protocol is in `cedrat_wire_imap::client`; what a message means is in [`crate::intake`] and
//! [`crate::pump::compose`]. How far a mailbox has been read is stored behind the messages of a batch, never before; each
//! message is known by what it is, so that no interruption makes one enter twice or not at all.

mod account;
mod folder;
mod identity;
mod place;
mod reach;
mod recipients;
mod seen;
mod sink;
mod source;
mod token;
mod trial;
mod turns;

pub use account::keep;
pub use seen::watch as watch_reading;
pub use sink::deliver;
pub use trial::{Tried, attempt, attempt_to_fill};
