//! DATA and BDAT on the server side (RFC 5321 section 4.1.1.4, RFC 3030).

use super::{
    Closing, Event, Pending, Phase, Server,
    command::{bad_sequence, too_large},
};
use crate::smtp::{Body, Protocol, Reply, content::Receiver};
use alloc::vec::Vec;
use core::ops::ControlFlow;

impl Server {
    pub(super) fn data(&mut self) {
        let lmtp = self.config.protocol == Protocol::Lmtp;
        match &self.open {
            None => self.fault(&bad_sequence("MAIL first")),
            Some(open) if open.chunked => self.fault(&bad_sequence("DATA cannot follow BDAT")),
            Some(open) if open.body == Body::BinaryMime => self.fault(&bad_sequence("BINARYMIME needs BDAT")),
            // RFC 2033 section 4.2 asks for 503, RFC 2920 section 3.1 knows 554.
            Some(open) if open.recipients == 0 && lmtp => self.fault(&bad_sequence("No valid recipients")),
            Some(open) if open.recipients == 0 => self.fault(&no_recipients()),
            Some(_) => {
                self.write(&Reply::bare(354, "End data with <CR><LF>.<CR><LF>"));
                self.phase = Phase::Data(Receiver::new(self.config.line_ends));
            }
        }
    }

    /// Whatever is wrong with the transaction, the announced octets are swallowed: they must not
    /// be read as commands.
    pub(super) fn bdat(&mut self, size: Option<(u64, bool)>) {
        let Some((size, last)) = size else {
            self.write(&Reply::new(501, (5, 5, 4), "Expected BDAT size [LAST]"));
            self.close(Closing::Desynchronized);
            return;
        };
        if size > self.overrun() {
            self.write(&too_large());
            self.close(Closing::Overrun);
            return;
        }
        let max = self.config.limits.max_octets;
        let refusal = match &self.open {
            _ if !self.offered.chunking => Some(Reply::new(502, (5, 5, 1), "CHUNKING is not offered")),
            None => Some(bad_sequence("MAIL first")),
            Some(open) if open.recipients == 0 => Some(no_recipients()),
            Some(open) if max > 0 && open.octets.saturating_add(size) > max => Some(too_large()),
            Some(_) => None,
        };
        if let Some(open) = &mut self.open {
            open.chunked = true;
        }
        self.phase = Phase::Chunk { left: size, last, refusal };
        if size == 0 {
            self.chunk_ended();
        }
    }

    /// How many octets beyond all sense end the session instead of being swallowed.
    fn overrun(&self) -> u64 {
        match self.config.limits.max_octets {
            0 => u64::MAX,
            max => max.saturating_mul(2).saturating_add(1024 * 1024),
        }
    }

    /// Takes buffered octets into the message.
    pub(super) fn advance_body(&mut self) -> bool {
        if self.input.is_empty() {
            return false;
        }
        let mut input = core::mem::take(&mut self.input);
        let used = self.body(input.octets());
        if !matches!(self.phase, Phase::Closed) {
            input.consume(used);
            self.input = input;
        }
        self.since = None;
        true
    }

    /// Takes octets into the message; returns how many belong to it.
    pub(super) fn body(&mut self, octets: &[u8]) -> usize {
        match &mut self.phase {
            Phase::Data(receiver) => {
                let mut content = Vec::with_capacity(octets.len());
                let flow = receiver.receive(octets, &mut content);
                let used = match flow {
                    ControlFlow::Break(used) => used,
                    ControlFlow::Continue(()) => octets.len(),
                };
                self.content(content);
                if self.is_overrun(used) {
                    self.write_for_recipients(&too_large());
                    self.close(Closing::Overrun);
                } else if flow.is_break() {
                    self.data_ended();
                }
                used
            }
            Phase::Chunk { left, refusal, .. } => {
                let used = usize::try_from(*left).unwrap_or(usize::MAX).min(octets.len());
                *left -= used as u64;
                let done = *left == 0;
                if refusal.is_none() {
                    self.content(octets.get(..used).unwrap_or_default().to_vec());
                }
                if done {
                    self.chunk_ended();
                }
                used
            }
            _ => 0,
        }
    }

    /// Counts content and hands on what is within the limit.
    fn content(&mut self, mut content: Vec<u8>) {
        let max = self.config.limits.max_octets;
        let Some(open) = &mut self.open else { return };
        let before = open.octets;
        open.octets = before.saturating_add(content.len() as u64);
        if max > 0 && open.octets > max {
            content.truncate(usize::try_from(max.saturating_sub(before)).unwrap_or(usize::MAX));
        }
        if !content.is_empty() {
            self.event(Event::Chunk(content));
        }
    }

    /// Counts octets of DATA, of content or not; whether there have been too many of them.
    fn is_overrun(&mut self, octets: usize) -> bool {
        let overrun = self.overrun();
        let Some(open) = &mut self.open else { return false };
        open.received = open.received.saturating_add(octets as u64);
        open.received > overrun
    }

    fn data_ended(&mut self) {
        let fault = match &self.phase {
            Phase::Data(receiver) => receiver.fault(),
            _ => None,
        };
        self.phase = Phase::Command;
        self.body_since = None;
        let max = self.config.limits.max_octets;
        if let Some(fault) = fault {
            self.write_for_recipients(&Reply::new(
                550,
                (5, 5, 2),
                "The message holds a bare CR, bare LF or NUL",
            ));
            self.reset();
            self.close(Closing::Content(fault));
        } else if self.open.as_ref().is_some_and(|open| max > 0 && open.octets > max) {
            self.write_for_recipients(&too_large());
            self.reset();
        } else {
            self.message_ended();
        }
    }

    fn chunk_ended(&mut self) {
        let Phase::Chunk { last, refusal, .. } = core::mem::replace(&mut self.phase, Phase::Command) else {
            return;
        };
        self.body_since = None;
        match refusal {
            Some(reply) => {
                if last && self.open.as_ref().is_some_and(|open| open.recipients > 0) {
                    self.write_for_recipients(&reply);
                } else {
                    self.fault(&reply);
                }
                // What was refused in the middle cannot become whole again (RFC 3030 section 2).
                self.reset();
            }
            None if last => self.message_ended(),
            None => self.write(&Reply::new(250, (2, 0, 0), "Octets received")),
        }
    }

    fn message_ended(&mut self) {
        let octets = self.open.as_ref().map_or(0, |open| open.octets);
        self.pending = Some(Pending::EndOfMessage);
        self.event(Event::EndOfMessage { octets });
    }
}

fn no_recipients() -> Reply {
    Reply::new(554, (5, 5, 1), "No valid recipients")
}
