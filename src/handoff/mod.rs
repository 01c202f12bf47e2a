//! Key handoff: an encrypted message waits until the recipient's client hands over the key of that
//! one message, sealed for one session (docs/key-handoff.md).
//!
//! What a session is, what a key is bound to and what follows what is decided in `cedrat_keyring`;
//! here are the sessions in memory, the process that opens a message ([`crate::opener`]), and what a
//! delivery does meanwhile. Nothing that could decrypt is ever written down: a restart ends every
//! session, and its message goes the way of a message without a key.

mod accounts;
mod audit;
mod desk;
mod offer;
mod opening;
mod rates;
mod way;
mod webhook;

pub use accounts::{Account, Accounts, LONGEST_WAIT_S};
pub use audit::Audit;
pub use desk::Desk;
pub use opening::program;
pub use rates::{Open, Rates};
pub use way::{Waiting, Way, way};
