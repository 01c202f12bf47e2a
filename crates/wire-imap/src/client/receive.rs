//! What a client session makes of what the server says.

use super::{
    Capabilities, Cause, Client, Completed, Event, Failure, Idle, Job, Phase, Running, Selected, Tls, Work,
    Yield,
};
use crate::grammar::{
    Code, Content, Esearch, Fetch, Framer, Malformed, Names, Piece, Response, SectionContent, Status,
    Streamed, Text,
};
use alloc::boxed::Box;
use cedrat_session::Step;

impl Client {
    /// Takes the next piece of what has come; whether there was one.
    pub(super) fn read(&mut self) -> bool {
        let piece = match self.framer.next(&mut self.wire.plain) {
            Ok(Some(piece)) => piece,
            Ok(None) => match self.wire.inflate() {
                Ok(more) => return more,
                Err(_not_deflate) => {
                    self.fail(Cause::Compression);
                    return true;
                }
            },
            Err(excess) => {
                self.fail(Cause::Excess(excess));
                return true;
            }
        };
        match piece {
            Piece::Begins(streamed) => self.tell(Event::Begins(streamed)),
            Piece::Chunk(octets) => self.tell(Event::Chunk(octets)),
            Piece::Ends => self.tell(Event::Ends),
            Piece::Frame(frame) => match Response::read(&frame, self.names, &self.config.limits.grammar) {
                Ok(response) => self.responded(response),
                Err(malformed) if self.phase == Phase::Greeting => self.fail(Cause::Malformed(malformed)),
                Err(malformed) => self.unreadable(malformed),
            },
        }
        true
    }

    fn unreadable(&mut self, malformed: Malformed) {
        self.malformed += 1;
        if self.malformed > self.config.limits.max_malformed {
            self.fail(Cause::Flood);
        } else {
            self.tell(Event::Unreadable(malformed));
        }
    }

    fn tell(&mut self, event: Event) {
        self.steps.push_back(Step::Event(event));
    }

    fn responded(&mut self, response: Response) {
        self.responses += 1;
        if self.responses > self.config.limits.max_responses {
            return self.fail(Cause::Flood);
        }
        if self.phase == Phase::Greeting {
            return self.greeted(response);
        }
        match response {
            Response::Tagged(tag, status, text) => self.tagged(&tag, status, text),
            Response::Continue(text) => self.continued(&text),
            Response::Capability(capabilities) => self.learn(capabilities),
            Response::Enabled(names) => {
                self.enabled.extend(names);
                if self.enabled.contains("UTF8=ACCEPT") || self.enabled.contains("IMAP4REV2") {
                    self.names = Names::Utf8;
                }
            }
            Response::Status(status, text) => self.remarked(status, text),
            Response::Search(numbers, mod_seq) => {
                if !self.found(Esearch::of(&numbers, mod_seq), None) {
                    self.tell(Event::Data(Box::new(Response::Search(numbers, mod_seq))));
                }
            }
            Response::Esearch(found) => {
                let tag = found.tag.clone();
                if !self.found((*found).clone(), tag.as_deref()) {
                    self.tell(Event::Data(Box::new(Response::Esearch(found))));
                }
            }
            Response::Fetch(fetch) => self.fetched(*fetch),
            other => {
                self.observe(&other);
                self.tell(Event::Data(Box::new(other)));
            }
        }
    }

    fn greeted(&mut self, response: Response) {
        self.silent_since = None;
        match response {
            Response::Status(Status::Ok, text) => {
                self.phase = Phase::Prelude;
                self.learn_from(&text);
            }
            Response::Status(Status::PreAuth, text) => {
                if !self.secure && self.config.tls == Tls::Required {
                    return self.fail(Cause::PreAuthInClear);
                }
                self.phase = Phase::Prelude;
                self.learn_from(&text);
                self.authenticated = true;
            }
            Response::Status(Status::Bye, text) => self.fail(Cause::Bye(text)),
            Response::Status(status, text) => self.fail(Cause::Refused(status, text)),
            _ => self.fail(Cause::Malformed(Malformed { at: 0, wanted: "greeting" })),
        }
    }

    fn learn(&mut self, capabilities: Capabilities) {
        self.capabilities = capabilities;
        self.prelude.told = true;
    }

    fn learn_from(&mut self, text: &Text) {
        if let Some(Code::Capability(capabilities)) = &text.code {
            self.learn(capabilities.clone());
        }
    }

    fn continued(&mut self, text: &Text) {
        if let Some(writing) = &mut self.writing
            && writing.waits
        {
            writing.waits = false;
            return;
        }
        let now = self.now;
        let Some(Running { job, .. }) = self.running.first_mut() else { return };
        match job {
            Job::Idle(idle @ Idle::Asked) => {
                *idle = Idle::Begun(now);
                self.tell(Event::Watching);
            }
            Job::Auth(exchange) => {
                let exchange = core::mem::replace(exchange, super::Exchange::Done);
                let next = self.challenged(exchange, text);
                if let Some(Running { job: Job::Auth(exchange), .. }) = self.running.first_mut() {
                    *exchange = next;
                }
            }
            // Nothing was asked: some servers send it all the same.
            _ => {}
        }
    }

    /// An untagged status: of the connection, of the mailbox, or of a command before its end.
    fn remarked(&mut self, status: Status, text: Text) {
        if status == Status::Bye {
            if self.phase != Phase::Logout {
                self.fail(Cause::Bye(text));
            }
            return;
        }
        self.learn_from(&text);
        if let Some(code) = &text.code {
            self.observe_code(code);
        }
        if self.phase != Phase::Closed {
            self.tell(Event::Data(Box::new(Response::Status(status, text))));
        }
    }

    /// The mailbox that is being selected, or is.
    fn mailbox(&mut self) -> Option<&mut Selected> {
        let selecting = self.running.iter_mut().find_map(|running| match &mut running.job {
            Job::Command(_, Some(selecting)) => Some(&mut **selecting),
            _ => None,
        });
        selecting.or(self.selected.as_mut())
    }

    fn observe(&mut self, response: &Response) {
        let Some(mailbox) = self.mailbox() else { return };
        match response {
            Response::Exists(count) => mailbox.exists = *count,
            Response::Expunge(_) => mailbox.exists = mailbox.exists.saturating_sub(1),
            Response::Vanished(false, uids) => {
                let count = u32::try_from(uids.count()).unwrap_or(u32::MAX);
                mailbox.exists = mailbox.exists.saturating_sub(count);
            }
            Response::Flags(flags) => mailbox.flags.clone_from(flags),
            _ => {}
        }
    }

    fn observe_code(&mut self, code: &Code) {
        if let Code::CopyUid(uids) = code {
            let copied = self.running.iter_mut().find_map(|running| match &mut running.job {
                Job::Command(work, _) => match &mut work.plan.result {
                    Yield::Copied { uids, .. } => Some(uids),
                    _ => None,
                },
                _ => None,
            });
            if let Some(copied) = copied {
                *copied = Some(uids.clone());
            }
            return;
        }
        let is_selecting =
            self.running.iter().any(|running| matches!(&running.job, Job::Command(_, Some(_))));
        let Some(mailbox) = self.mailbox() else { return };
        match code {
            Code::UidValidity(now) => match mailbox.uid_validity {
                Some(before) if before != *now && !is_selecting => self.fail(Cause::Renumbered),
                _ => mailbox.uid_validity = Some(*now),
            },
            // What came before is of the mailbox that was left.
            Code::Closed if is_selecting => {
                *mailbox = Selected::new(mailbox.mailbox.clone(), mailbox.read_only)
            }
            Code::UidNext(next) => mailbox.uid_next = Some(*next),
            Code::HighestModSeq(mod_seq) => mailbox.highest_mod_seq = Some(*mod_seq),
            Code::NoModSeq => mailbox.highest_mod_seq = None,
            Code::PermanentFlags(flags) => mailbox.permanent_flags = Some(flags.clone()),
            Code::MailboxId(id) => mailbox.mailbox_id = Some(id.clone()),
            Code::ReadOnly => mailbox.read_only = true,
            _ => {}
        }
    }

    /// Gives what was found to the search that asked; whether there is one.
    fn found(&mut self, found: Esearch, tag: Option<&str>) -> bool {
        let search = self.running.iter_mut().find_map(|running| match &mut running.job {
            Job::Command(work, _) if tag.is_none_or(|tag| is_tag(tag, running.tag)) => {
                match &mut work.plan.result {
                    Yield::Found(place) => Some(place),
                    _ => None,
                }
            }
            _ => None,
        });
        match search {
            Some(place) => {
                place.add(found);
                true
            }
            None => false,
        }
    }

    /// Content that came in a quoted string is told like any other.
    fn fetched(&mut self, mut fetch: Fetch) {
        for SectionContent { section, content } in &mut fetch.sections {
            if let Content::Inline(octets) = content {
                let count = octets.len() as u64;
                let streamed = Streamed {
                    number: fetch.number,
                    uid: fetch.uid,
                    section: section.clone(),
                    octets: count,
                };
                self.steps.push_back(Step::Event(Event::Begins(streamed)));
                if count > 0 {
                    self.steps.push_back(Step::Event(Event::Chunk(core::mem::take(octets))));
                }
                self.steps.push_back(Step::Event(Event::Ends));
                *content = Content::Streamed(count);
            }
        }
        self.tell(Event::Data(Box::new(Response::Fetch(Box::new(fetch)))));
    }

    fn tagged(&mut self, tag: &str, status: Status, text: Text) {
        let Some(at) = self.running.iter().position(|running| is_tag(tag, running.tag)) else {
            return self.unreadable(Malformed { at: 0, wanted: "tag of a command" });
        };
        self.responses = 0;
        self.silent_since = None;
        let running = self.running.remove(at);
        if self.writing.as_ref().is_some_and(|writing| writing.tag == running.tag && writing.waits) {
            // The server does not want the literal, so there is no more of this command.
            self.writing = None;
        }
        self.learn_from(&text);
        match running.job {
            Job::Auth(exchange) => self.auth_replied(&exchange, status, text),
            Job::Capability | Job::Enable | Job::Id | Job::Idle(Idle::Done) => {}
            Job::Poll => self.tell(Event::Watching),
            // The server refuses it, or ends it by itself: asking again at once might never end.
            Job::Idle(Idle::Asked | Idle::Begun(_)) => self.may_idle = false,
            Job::Command(work, selecting) => self.command_replied(*work, selecting, status, text),
            Job::Compress => {
                if status == Status::Ok {
                    self.wire.compress();
                }
            }
            Job::Logout => self.close(),
            Job::StartTls if status == Status::Ok => {
                self.phase = Phase::Handshake;
                // Octets behind this line came in clear text: nobody knows from whom.
                self.wire.clear();
                self.framer = Framer::new(self.config.limits.grammar.clone());
                self.steps.push_back(Step::StartTls);
            }
            Job::StartTls => {
                if self.config.tls == Tls::Required {
                    self.fail(Cause::Refused(status, text));
                }
            }
        }
    }

    fn command_replied(
        &mut self,
        mut work: Work,
        selecting: Option<Box<Selected>>,
        status: Status,
        text: Text,
    ) {
        let succeeded = status == Status::Ok;
        if work.plan.unselect && succeeded || selecting.is_some() {
            // SELECT leaves the mailbox before, whether it succeeds or not.
            self.selected = None;
        }
        if !succeeded {
            return self.done(work.id, Err(Failure::Refused(status, text)));
        }
        match (&mut work.plan.result, &text.code) {
            (Yield::Copied { uids, .. }, Some(Code::CopyUid(copied))) => *uids = Some(copied.clone()),
            (Yield::Appended(place), Some(Code::AppendUid(uid))) => *place = Some(uid.clone()),
            _ => {}
        }
        if !work.plan.stages.is_empty() {
            return self.queue.push_front(work);
        }
        let mut result = work.plan.result;
        if let Some(mut selected) = selecting {
            selected.read_only |= matches!(text.code, Some(Code::ReadOnly));
            self.selected = Some((*selected).clone());
            result = Yield::Selected(selected);
        }
        self.done(work.id, Ok(Completed { text, result }));
    }
}

/// Whether `text` is the tag of that number.
fn is_tag(text: &str, tag: u32) -> bool {
    text.strip_prefix('c').and_then(|number| number.parse().ok()) == Some(tag)
}
