//! Where PDUs and the canonical message meet: mapping tables, their compiler and laws, and the
//! translations that read them.
//!
//! A table row names a field of the canonical message, the header that carries it on one interface,
//! and how faithfully it is carried in each direction; the grammar is in `mappings/README.md`. Every
//! translation returns a [`Loss`] beside its result: what was changed, invented, or left behind.
//!
//! Pure: no sockets, files, clocks or randomness. Times, identifiers and boundary seeds are arguments.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod diagnostic;
mod embedded;
mod loss;
pub mod mail;
pub mod mm4;
mod render;
pub mod submission;
pub mod tables;
pub mod words;

pub use diagnostic::Diagnostic;
pub use loss::{Fidelity, Interface, Loss, LossEntry};
pub use submission::{Inbound, Submission, SubmissionRecipient};
pub use tables::{Row, Source, Tables};
