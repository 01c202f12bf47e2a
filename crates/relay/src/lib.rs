//! What the gateway decides: who may send what, where it goes, when it is tried again, and who is
//! told what became of it.
//!
//! Every decision is a function of values and of the time; nothing here opens a socket, reads a
//! clock or keeps state that its caller does not own. So a week of traffic runs in a test in a
//! second, and `cedrat explain` shows the decision itself, not a copy of it.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod alias;
pub mod bucket;
pub mod destination;
pub mod guard;
pub mod hash;
pub mod limit;
pub mod network;
pub mod number;
pub mod outcome;
pub mod pattern;
pub mod peer;
pub mod report;
pub mod response;
pub mod retry;
pub mod route;
pub mod scheduler;
mod text;
