//! One transaction of a client session: what is written, which reply belongs to what, and what
//! becomes of each recipient.

use super::{
    Cause, Config, Limits,
    event::{Delivery, NotPassedOn, Outcome, Refused, Stage, Transaction},
};
use crate::smtp::{
    Body, ByMode, Extensions, Mail, Protocol, Rcpt, Reply,
    command::{write_mail, write_rcpt},
    content::{Framing, Writer, canonical_len},
    xtext,
};
use alloc::{collections::VecDeque, format, vec::Vec};
use bytes::Bytes;
use core::fmt;

/// A transaction under way.
pub(super) struct Running {
    content: Bytes,
    framing: Framing,
    /// Octets on the wire after BDAT.
    len: usize,
    pipelining: bool,
    protocol: Protocol,
    not_passed_on: NotPassedOn,
    commands: VecDeque<(Vec<u8>, Awaited)>,
    sent: VecDeque<Awaited>,
    recipients: Vec<State>,
    step: At,
}

/// Which command a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Data,
    Mail,
    Rcpt(usize),
    Rset,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// RCPT is not answered.
    Open,
    /// RCPT was accepted.
    Accepted,
    Decided(Delivery),
}

#[derive(Debug)]
enum At {
    Body(Writer),
    /// The next hop wants the message although it has refused everybody: an empty one is sent
    /// and its reply is read for nothing (RFC 2920 section 3.1).
    Empty {
        sent: bool,
    },
    End,
    Envelope,
    /// `true`: the next hop holds no open transaction.
    Over(bool),
}

/// What [`Running::next`] asks for.
pub(super) enum Part {
    Done,
    Piece(Vec<u8>),
    Wait,
    Write(Vec<u8>),
}

/// Says how far it is; the message is nothing to print.
impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Running({:?})", self.stage())
    }
}

impl Running {
    /// Decides what is sent to a next hop with these extensions.
    pub(super) fn plan(
        transaction: Transaction,
        offered: &Extensions,
        config: &Config,
        secure: bool,
        needs_reset: bool,
    ) -> Result<Self, Refused> {
        let Transaction { mail, recipients, content } = transaction;
        if recipients.is_empty() {
            return Err(Refused::NoRecipients);
        }
        if !parameters_are_clean(&mail, &recipients) {
            return Err(Refused::Parameter);
        }
        let (mut mail, not_passed_on) = passable(mail, &recipients, &content, offered, secure)?;
        let bdat = offered.chunking && (mail.body == Body::BinaryMime || config.chunking);
        let framing = match (mail.body, bdat) {
            (Body::BinaryMime, _) => Framing::Raw,
            (_, true) => Framing::Lines,
            (_, false) => Framing::Data,
        };
        let len = if framing == Framing::Raw { content.len() } else { canonical_len(&content) };
        mail.size = match offered.size {
            Some(limit) if limit > 0 && len as u64 > limit => return Err(Refused::TooLarge(limit)),
            Some(_) => Some(len as u64),
            None => None,
        };
        let mut commands = VecDeque::with_capacity(recipients.len() + 3);
        if needs_reset {
            commands.push_back((b"RSET\r\n".to_vec(), Awaited::Rset));
        }
        commands.push_back((write_mail(&mail, offered).into_bytes(), Awaited::Mail));
        for (at, rcpt) in recipients.iter().enumerate() {
            commands.push_back((write_rcpt(rcpt, offered.dsn).into_bytes(), Awaited::Rcpt(at)));
        }
        if framing == Framing::Data {
            commands.push_back((b"DATA\r\n".to_vec(), Awaited::Data));
        }
        Ok(Self {
            content,
            framing,
            len,
            pipelining: config.pipelining && offered.pipelining,
            protocol: config.protocol,
            not_passed_on,
            commands,
            sent: VecDeque::new(),
            recipients: recipients.iter().map(|_| State::Open).collect(),
            step: At::Envelope,
        })
    }

    pub(super) const fn stage(&self) -> Stage {
        match self.step {
            At::Body(_) => Stage::Body,
            At::End | At::Over(true) => Stage::EndOfMessage,
            At::Empty { .. } | At::Envelope | At::Over(false) => Stage::Envelope,
        }
    }

    pub(super) fn awaits_data(&self) -> bool {
        self.sent.front() == Some(&Awaited::Data)
    }

    fn anyone_accepted(&self) -> bool {
        self.recipients.contains(&State::Accepted)
    }

    /// The next thing to write, if there is one.
    pub(super) fn next(&mut self, limits: &Limits) -> Part {
        match &mut self.step {
            At::Body(writer) => {
                let piece = writer.write(&self.content, limits.piece_octets.max(1));
                if writer.is_done() {
                    self.step = At::End;
                }
                Part::Piece(piece)
            }
            At::Empty { sent } => {
                if core::mem::replace(sent, true) {
                    return Part::Wait;
                }
                if self.protocol == Protocol::Lmtp {
                    // No recipient, no reply.
                    self.step = At::Over(true);
                }
                Part::Write(b".\r\n".to_vec())
            }
            At::End => Part::Wait,
            At::Envelope => self.next_commands(limits),
            At::Over(_) => Part::Done,
        }
    }

    fn next_commands(&mut self, limits: &Limits) -> Part {
        let mut out = Vec::new();
        // A new group only when half of the last is answered: not one command for each reply.
        let group =
            if self.pipelining && self.sent.len() <= limits.in_flight / 2 { limits.in_flight } else { 1 };
        while self.sent.len() < group.max(1) {
            let Some((line, awaited)) = self.commands.pop_front() else { break };
            if awaited == Awaited::Data && self.sent.is_empty() && !self.anyone_accepted() {
                break;
            }
            out.extend_from_slice(&line);
            self.sent.push_back(awaited);
        }
        if !out.is_empty() {
            return Part::Write(out);
        }
        if !self.sent.is_empty() {
            return Part::Wait;
        }
        if !self.anyone_accepted() {
            self.step = At::Over(false);
            return Part::Done;
        }
        // Only BDAT comes here: DATA goes on with its reply.
        self.step = At::Body(Writer::new(self.framing));
        Part::Write(format!("BDAT {} LAST\r\n", self.len).into_bytes())
    }

    /// Takes a reply. `Err` gives it back when the connection cannot go on after it.
    pub(super) fn replied(&mut self, reply: Reply) -> Result<(), Reply> {
        match &self.step {
            At::Envelope => self.envelope_replied(reply),
            At::Empty { sent: true } => {
                self.step = At::Over(true);
                if reply.code == 421 { Err(reply) } else { Ok(()) }
            }
            At::End if reply.is_intermediate() => Err(reply),
            At::End => {
                let closing = reply.code == 421;
                self.message_replied(&reply);
                if closing { Err(reply) } else { Ok(()) }
            }
            // Nothing was asked: the next hop has given up on the message.
            At::Body(_) | At::Empty { .. } | At::Over(_) => Err(reply),
        }
    }

    fn envelope_replied(&mut self, reply: Reply) -> Result<(), Reply> {
        if reply.code == 421 {
            return Err(reply);
        }
        match self.sent.pop_front() {
            None => return Err(reply),
            Some(Awaited::Rset) if reply.is_positive() => {}
            Some(Awaited::Rset) => return Err(reply),
            Some(Awaited::Mail) => {
                if !reply.is_positive() {
                    self.decide_all(&reply, &State::Open);
                    self.commands.clear();
                }
            }
            Some(Awaited::Rcpt(at)) => {
                if let Some(state) = self.recipients.get_mut(at).filter(|state| **state == State::Open) {
                    *state =
                        if reply.is_positive() { State::Accepted } else { State::Decided(verdict(reply)) };
                }
            }
            Some(Awaited::Data) if reply.code == 354 => {
                self.step = if self.anyone_accepted() {
                    At::Body(Writer::new(self.framing))
                } else {
                    At::Empty { sent: false }
                };
            }
            Some(Awaited::Data) => self.decide_all(&reply, &State::Accepted),
        }
        Ok(())
    }

    fn message_replied(&mut self, reply: &Reply) {
        match self.protocol {
            Protocol::Smtp => self.decide_all(reply, &State::Accepted),
            Protocol::Lmtp => {
                if let Some(state) = self.recipients.iter_mut().find(|state| **state == State::Accepted) {
                    *state = State::Decided(final_verdict(reply.clone()));
                }
            }
        }
        if !self.anyone_accepted() {
            self.step = At::Over(true);
        }
    }

    /// Gives all recipients in that state the same outcome.
    fn decide_all(&mut self, reply: &Reply, which: &State) {
        let ended = matches!(self.step, At::End);
        for state in self.recipients.iter_mut().filter(|state| *state == which) {
            let reply = reply.clone();
            *state = State::Decided(if ended { final_verdict(reply) } else { verdict(reply) });
        }
    }

    /// The outcome, and whether the next hop still holds an open transaction.
    pub(super) fn finish(self) -> (Outcome, bool) {
        let needs_reset = !matches!(self.step, At::Over(true));
        (self.outcome(|| Delivery::Temporary { reply: lost() }), needs_reset)
    }

    /// The outcome when the connection breaks here. Whatever broke it was no verdict on the
    /// message, so nothing becomes permanent.
    pub(super) fn broken(self, cause: &Cause) -> Outcome {
        let written = matches!(self.step, At::End);
        self.outcome(|| match cause {
            Cause::Reply(reply) if reply.is_temporary() => Delivery::Temporary { reply: reply.clone() },
            _ if written => Delivery::Uncertain,
            _ => Delivery::Temporary { reply: lost() },
        })
    }

    fn outcome(self, undecided: impl Fn() -> Delivery) -> Outcome {
        let recipients = self.recipients.into_iter().map(|state| match state {
            State::Decided(delivery) => delivery,
            State::Accepted | State::Open => undecided(),
        });
        Outcome { recipients: recipients.collect(), not_passed_on: self.not_passed_on }
    }
}

/// A refusal. A reply that is none, where one of 2xx makes no sense, is temporary.
fn verdict(reply: Reply) -> Delivery {
    if reply.is_permanent() { Delivery::Permanent { reply } } else { Delivery::Temporary { reply } }
}

/// What the reply to the end of a message says.
fn final_verdict(reply: Reply) -> Delivery {
    if reply.is_positive() { Delivery::Delivered { reply } } else { verdict(reply) }
}

fn lost() -> Reply {
    Reply::new(451, (4, 4, 2), "The connection was lost")
}

/// Addresses are clean by their type; identifiers are plain text.
fn parameters_are_clean(mail: &Mail, recipients: &[Rcpt]) -> bool {
    let token = |text: &str| !text.is_empty() && !text.chars().any(|char| char.is_control() || char == ' ');
    let envid = mail.envid.as_deref().is_none_or(|envid| token(envid) && xtext::is_valid(envid));
    envid
        && recipients.iter().filter_map(|rcpt| rcpt.orcpt.as_ref()).all(|orcpt| {
            token(&orcpt.address_type) && token(&orcpt.address) && !orcpt.address_type.contains([';', '='])
        })
}

/// Keeps of `mail` what the next hop offers to honour.
fn passable(
    mut mail: Mail,
    recipients: &[Rcpt],
    content: &[u8],
    offered: &Extensions,
    secure: bool,
) -> Result<(Mail, NotPassedOn), Refused> {
    if mail.require_tls && !(secure && offered.require_tls) {
        return Err(Refused::NeedsRequireTls);
    }
    let ascii = content.is_ascii();
    let international =
        mail.from.is_international() || recipients.iter().any(|rcpt| rcpt.address.is_international());
    mail.smtputf8 = international || (mail.smtputf8 && !ascii);
    if mail.smtputf8 && !offered.smtputf8 {
        return Err(Refused::NeedsSmtpUtf8);
    }
    match mail.body {
        Body::BinaryMime if !(offered.binarymime && offered.chunking) => return Err(Refused::NeedsDowngrade),
        Body::BinaryMime => {}
        // NUL is no text (RFC 2045 section 2.7), and some implementations end a line there.
        _ if memchr::memchr(0, content).is_some() => return Err(Refused::NeedsDowngrade),
        _ if ascii => mail.body = Body::SevenBit,
        _ if offered.eight_bit_mime => mail.body = Body::EightBitMime,
        _ => return Err(Refused::NeedsDowngrade),
    }
    let mut not_passed_on = NotPassedOn::default();
    if !offered.dsn {
        not_passed_on.dsn = mail.ret.take().is_some()
            | mail.envid.take().is_some()
            | recipients.iter().any(|rcpt| rcpt.notify.is_some() || rcpt.orcpt.is_some());
    }
    if let Some(by) = mail.deliver_by {
        let kept = offered.deliver_by.is_some_and(|least| i64::from(by.seconds) >= i64::from(least));
        if by.mode == ByMode::Return && !kept {
            return Err(Refused::NeedsDeliverBy);
        }
        if offered.deliver_by.is_none() {
            not_passed_on.deliver_by = true;
            mail.deliver_by = None;
        }
    }
    if !offered.mt_priority {
        not_passed_on.mt_priority = mail.mt_priority.take().is_some();
    }
    Ok((mail, not_passed_on))
}
