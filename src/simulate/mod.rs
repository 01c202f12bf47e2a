//! Peers made of this gateway's own sessions: an MM4 system and a mail host that take messages,
//! show them, answer, report, and fail on request. They serve `cedrat simulate` and `cedrat demo`.
//!
//! Nothing here is part of the gateway: no queue, nothing durable, and no way to lose more than a
//! simulation.

pub mod fault;
pub mod mail;
pub mod mm4;
pub mod picture;
pub mod post;
pub mod receive;
pub mod sample;
pub mod send;
pub mod view;
