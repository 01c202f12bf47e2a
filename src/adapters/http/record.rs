//! What is told of a request: one event, whatever becomes of it, without anything of its content.

use std::time::Instant;

use crate::events::{Event, Events};

/// One request; told when it is dropped, so that one that its client gave up is told too.
pub struct Record {
    events: Events,
    begin: Instant,
    /// Who asked.
    pub client: String,
    /// Which door.
    pub operation: &'static str,
    /// Jobs of an STI request.
    pub jobs: u64,
    /// Media types that came, by content.
    pub from: Vec<&'static str>,
    /// Media types that went.
    pub to: Vec<&'static str>,
    /// Octets of the request's body.
    pub octets_in: u64,
    /// Octets of the answer's body.
    pub octets_out: u64,
    /// HTTP status; 0 = no answer was made.
    pub status: u16,
    /// A token of [`super::problem::Code`], [`super::sti::codes::Code`] or a SOAP fault.
    pub outcome: &'static str,
}

impl Record {
    /// Of a request that has just come.
    pub fn new(events: Events) -> Self {
        Self {
            events,
            begin: Instant::now(),
            client: "unknown".into(),
            operation: "none",
            jobs: 0,
            from: Vec::new(),
            to: Vec::new(),
            octets_in: 0,
            octets_out: 0,
            status: 0,
            outcome: "abandoned",
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.events.tell(&Event::HttpRequest {
            client: std::mem::take(&mut self.client),
            operation: self.operation,
            jobs: self.jobs,
            from: std::mem::take(&mut self.from),
            to: std::mem::take(&mut self.to),
            octets_in: self.octets_in,
            octets_out: self.octets_out,
            ms: u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            status: self.status,
            outcome: self.outcome,
        });
    }
}
