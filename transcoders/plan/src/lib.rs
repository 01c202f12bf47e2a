//! What must change so that a part fits a handset and a byte limit.
//!
//! `facts` says what the octets are, `profile` what the handset takes, `plan` what must be done to
//! each part so that the message fits; `job` and `worker` are the vocabulary of the workers.
//! Everything is a function of its arguments: no codec, no file, no clock.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod facts;
pub mod format;
pub mod job;
pub mod limits;
pub mod plan;
pub mod profile;
mod shown;
pub mod worker;
