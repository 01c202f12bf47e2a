//! The gateway of the simulation: what `src` does, with a map for the store and a number for the
//! clock. Every decision is the crate's.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cedrat_message::{
    Address, DeliveryStatus, ForwardResult, MailAddress, Message, Notify, Origin, Party, Permanence, Reason,
    Recipient, Role, Timestamp,
};
use cedrat_relay::{
    destination::{DestinationPolicy, Health},
    guard,
    hash::mix,
    number::NumberRules,
    report::{Answers, Event, Ledger, Notice, SentAs, copy_key, report_key},
    response::{self, AckPolicy, Awaiting, Overdue, Sent, Taken},
    retry::{Next, Schedule, next_attempt},
    route::{Query, RouteTable, Rule, Verdict},
    scheduler::Scheduler,
};

use crate::peers::{Behaviour, Manner};

/// Copies in memory for all destinations.
pub(crate) const MAX_HELD: u32 = 200;

/// How much is sent.
pub(crate) struct Traffic {
    pub(crate) messages: u32,
    pub(crate) over_ms: i64,
    pub(crate) resent_percent: u64,
}

/// One recipient's copy, as the store has it.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) ledger: Ledger,
    pub(crate) hop: Manner,
    pub(crate) accepted: Timestamp,
    pub(crate) first_attempt_ms: Option<i64>,
    /// How often it has come to an end.
    pub(crate) ends: u32,
    pub(crate) told: Vec<DeliveryStatus>,
    /// What its peer said first of its fate.
    pub(crate) first_report: Option<DeliveryStatus>,
    to: Address,
    attempt: u32,
    claimed: bool,
    awaiting: Option<Awaiting>,
    taken_by_peer: bool,
}

enum Happening {
    Answer(usize, Option<Reason>),
    AnswerOverdue(usize),
    Attempted(usize, Behaviour),
    Due(usize),
    End(usize),
    Inbound(u32),
    Pump,
    Report(usize, DeliveryStatus),
    ReportOverdue(usize),
}

pub(crate) struct Gateway {
    pub(crate) copies: Vec<Copy>,
    /// Deliveries that a recipient saw, by message.
    pub(crate) delivered: BTreeMap<String, u32>,
    pub(crate) resent: u32,
    /// Connections opened or tried, per destination.
    pub(crate) attempts: BTreeMap<Manner, u32>,
    pub(crate) awaited: usize,
    pub(crate) most_held: u32,
    seed: u64,
    hops: Vec<Manner>,
    routes: RouteTable,
    scheduler: Scheduler,
    agenda: BTreeMap<(Timestamp, u64), Happening>,
    serial: u64,
    /// Table `seen`: what was answered.
    seen: BTreeMap<String, &'static str>,
    /// What is due, per destination.
    due: BTreeMap<Manner, BTreeSet<(Timestamp, usize)>>,
    /// What is in memory and waits for a connection.
    held: BTreeMap<Manner, VecDeque<usize>>,
    /// Requests by the keys of their answers, copies by the keys of their reports.
    requests: BTreeMap<String, usize>,
    sent: BTreeMap<String, usize>,
    mail: Schedule,
    mm4: Schedule,
    ack: AckPolicy,
}

/// Every way of behaving has a number range: +4477009 and its place in the list.
fn range(hop: Manner) -> String {
    let place = Manner::ALL.iter().position(|one| *one == hop).unwrap();
    format!("+4477009{place:02}")
}

impl Gateway {
    pub(crate) fn new(seed: u64, hops: &[Manner]) -> Self {
        let rule = |hop: &Manner| -> Rule {
            let action = cedrat_relay::route::Action::Deliver(vec![cedrat_relay::route::Target {
                to: hop.name().into(),
                order: 0,
                weight: 1,
            }]);
            let mut when = cedrat_relay::route::Match::default();
            when.prefix.push(range(*hop).parse().unwrap());
            Rule { id: hop.name().into(), order: 0, when, action, limits: Default::default() }
        };
        let rules = Manner::ALL.iter().map(rule).collect();
        Self {
            copies: Vec::new(),
            delivered: BTreeMap::new(),
            resent: 0,
            attempts: BTreeMap::new(),
            awaited: 0,
            most_held: 0,
            seed,
            hops: hops.to_vec(),
            routes: RouteTable::new(NumberRules::parse("+44,0044").unwrap(), rules).unwrap(),
            scheduler: Scheduler::new(MAX_HELD, 32, DestinationPolicy::default()),
            agenda: BTreeMap::new(),
            serial: 0,
            seen: BTreeMap::new(),
            due: BTreeMap::new(),
            held: BTreeMap::new(),
            requests: BTreeMap::new(),
            sent: BTreeMap::new(),
            mail: Schedule::mail(),
            mm4: Schedule::mm4(),
            ack: AckPolicy::default(),
        }
    }

    pub(crate) fn copies_for(&self, hop: Manner) -> u32 {
        self.copies.iter().filter(|copy| copy.hop == hop).count() as u32
    }

    fn at(&mut self, at: Timestamp, what: Happening) {
        self.serial += 1;
        self.agenda.insert((at, self.serial), what);
    }

    fn lot(&mut self) -> u64 {
        self.serial += 1;
        mix(self.seed.wrapping_mul(0x1_0000_0001) ^ self.serial)
    }

    pub(crate) fn run(&mut self, traffic: Traffic) {
        for message in 0..traffic.messages {
            let at = Timestamp((self.lot() % traffic.over_ms as u64) as i64);
            self.at(at, Happening::Inbound(message));
            while self.lot() % 100 < traffic.resent_percent {
                let later = Timestamp(at.0 + 300_000 + (self.lot() % 1000) as i64);
                self.at(later, Happening::Inbound(message));
                self.resent += 1;
            }
        }
        while let Some(((now, _), what)) = self.agenda.pop_first() {
            self.happen(what, now);
            self.pump(now);
        }
        self.awaited =
            self.copies.iter().filter(|c| c.awaiting.as_ref().is_some_and(|a| !a.answered)).count();
    }

    fn happen(&mut self, what: Happening, now: Timestamp) {
        match what {
            Happening::Inbound(message) => self.inbound(message, now),
            Happening::Pump => {}
            Happening::Due(copy) => self.make_due(copy, now),
            Happening::Attempted(copy, behaviour) => self.attempted(copy, behaviour, now),
            Happening::Answer(copy, refused) => self.answer(copy, refused, now),
            Happening::AnswerOverdue(copy) => self.overdue(copy, now),
            Happening::Report(copy, status) => self.report(copy, status, now),
            Happening::ReportOverdue(copy) => self.note(copy, Event::Unreported, now),
            Happening::End(copy) => {
                let waits = self.copies[copy].ledger.standing.is_waiting();
                if waits && !self.copies[copy].claimed && self.copies[copy].awaiting.is_none() {
                    self.note(copy, Event::Expired(Reason::NextHopUnavailable), now);
                }
            }
        }
    }

    fn inbound(&mut self, number: u32, now: Timestamp) {
        let lot = mix(self.seed ^ u64::from(number) << 20);
        let hop = self.hops[(lot % self.hops.len() as u64) as usize];
        let to = Address::parse(&format!("{}{:04}", range(hop).replace('+', "00"), number % 10_000)).unwrap();
        // A peer may put on and take off quotes between one sending and the next.
        let id = match self.lot() % 3 {
            0 => format!("m{number}@a.test"),
            1 => format!("<m{number}@a.test>"),
            _ => format!("\"m{number}@a.test\""),
        };
        let key = guard::duplicate_key(&id, &to);
        if let Some(kept) = self.seen.get(&key) {
            assert_eq!(guard::kept_answer(kept), Some(None), "the same answer again");
            return;
        }
        let origin = if (lot / 64).is_multiple_of(2) { Origin::Mail } else { Origin::Mm4 };
        let mut message = Message::new(origin, guard::bare_id(&id).into());
        let sender = MailAddress::parse("alice@a.example").unwrap();
        message.originator = Some(Party::new(Address::Mail(sender)));
        message.delivery_report = Some((lot / 128).is_multiple_of(2));
        guard::check_loop(&message, 0, Default::default()).unwrap();
        let query = Query {
            message_id: &message.id,
            sender: None,
            recipient: &to,
            peer: Some("op-a"),
            peer_numbers: None,
            interface: origin,
            octets: 10_000,
        };
        let decision = self.routes.route(&query);
        let Verdict::Deliver(hops) = decision.verdict else { panic!("{decision:?}") };
        assert_eq!(hops, [hop.name()]);
        let notify = match lot / 256 % 4 {
            0 => None,
            1 => Some(Notify { never: true, ..Notify::default() }),
            2 => Some(Notify { success: true, failure: true, ..Notify::default() }),
            _ => Some(Notify { failure: true, ..Notify::default() }),
        };
        let recipient =
            Recipient { address: decision.recipient.clone(), role: Role::To, notify, original: None };
        let ledger = Ledger::open(&message, &recipient, Some("op-a"), false);
        self.seen.insert(key, guard::answer_to_keep(None).unwrap());
        self.copies.push(Copy {
            ledger,
            hop,
            accepted: now,
            first_attempt_ms: None,
            ends: 0,
            told: Vec::new(),
            first_report: None,
            to: decision.recipient,
            attempt: 0,
            claimed: false,
            awaiting: None,
            taken_by_peer: false,
        });
        let copy = self.copies.len() - 1;
        let end = self.schedule(hop).end(now, None);
        self.at(end, Happening::End(copy));
        self.make_due(copy, now);
    }

    fn schedule(&self, hop: Manner) -> &Schedule {
        if hop.is_mail() { &self.mail } else { &self.mm4 }
    }

    fn make_due(&mut self, copy: usize, now: Timestamp) {
        let hop = self.copies[copy].hop;
        self.due.entry(hop).or_default().insert((now, copy));
        self.scheduler.due(hop.name());
    }

    /// Claims what may be claimed and opens what may be opened.
    fn pump(&mut self, now: Timestamp) {
        while let Some(claim) = self.scheduler.claim(now) {
            let hop = *self.hops.iter().find(|hop| hop.name() == claim.destination).unwrap();
            let mut copies = 0;
            while copies < claim.up_to
                && let Some((_, copy)) = self.due.entry(hop).or_default().pop_first()
            {
                if self.copies[copy].ledger.standing.end().is_none() {
                    self.copies[copy].claimed = true;
                    self.held.entry(hop).or_default().push_back(copy);
                    copies += 1;
                }
            }
            self.scheduler.claimed(&claim, copies);
            let held = Manner::ALL.iter().filter_map(|hop| self.scheduler.state(hop.name()));
            self.most_held = self.most_held.max(held.map(|state| state.held()).sum());
            self.connect(hop, now);
        }
        for hop in self.hops.clone() {
            self.connect(hop, now);
        }
        if let Some(at) = self.scheduler.wake().filter(|at| *at > now) {
            let planned = self.agenda.first_key_value().is_some_and(|((first, _), _)| *first <= at);
            if !planned {
                self.at(at, Happening::Pump);
            }
        }
    }

    fn connect(&mut self, hop: Manner, now: Timestamp) {
        let name = hop.name();
        while self.held.get(&hop).is_some_and(|held| !held.is_empty()) && self.scheduler.open(name, now) {
            let copy = self.held.entry(hop).or_default().pop_front().unwrap();
            *self.attempts.entry(hop).or_default() += 1;
            self.copies[copy].first_attempt_ms.get_or_insert(now.0);
            let (lot, first) = (self.lot(), !self.copies[copy].taken_by_peer);
            let behaviour = hop.behave(lot, first);
            self.at(Timestamp(now.0 + behaviour.takes_ms), Happening::Attempted(copy, behaviour));
        }
        let health = self.scheduler.state(name).map(|state| state.health());
        if health.is_some_and(|health| health != Health::Alive) {
            // What was not attempted goes back to the store, where it waits for the probe.
            for copy in self.held.remove(&hop).unwrap_or_default() {
                self.copies[copy].claimed = false;
                self.scheduler.settled(name, 1);
                self.make_due(copy, now);
            }
        }
    }

    fn attempted(&mut self, copy: usize, behaviour: Behaviour, now: Timestamp) {
        let hop = self.copies[copy].hop;
        let name = hop.name();
        self.copies[copy].claimed = false;
        self.scheduler.settled(name, 1);
        if behaviour.fails {
            self.scheduler.failed(name, now);
            if self.copies[copy].awaiting.is_none() {
                self.later(copy, Reason::NextHopUnavailable, now);
            }
            return;
        }
        self.scheduler.answered(name);
        self.scheduler.closed(name);
        match behaviour.refused {
            Some(reason) if self.copies[copy].awaiting.is_some() => assert!(reason.token() != ""),
            Some(reason) if reason.permanence() == Permanence::Transient => self.later(copy, reason, now),
            Some(reason) => self.note(copy, Event::Refused(reason), now),
            None if hop.is_mail() => {
                self.deliver(copy);
                let answers = if hop == Manner::Mail { Answers::NextHopToSender } else { Answers::Nobody };
                self.note(copy, Event::Accepted(answers), now);
            }
            None => self.requested(copy, behaviour, now),
        }
    }

    /// An MM4 peer has said 250.
    fn requested(&mut self, copy: usize, behaviour: Behaviour, now: Timestamp) {
        let hop = self.copies[copy].hop.name();
        let accepts = behaviour.answers.iter().any(|(_, refused)| refused.is_none());
        if !self.copies[copy].taken_by_peer && accepts {
            self.copies[copy].taken_by_peer = true;
            self.deliver(copy);
        }
        let message_id = self.copies[copy].ledger.message_id.clone();
        let recipient = self.copies[copy].to.to_string();
        let sent_as = SentAs { peer: hop.into(), interface: Origin::Mm4, message_id, recipient };
        self.sent.insert(copy_key(&sent_as), copy);
        if self.copies[copy].awaiting.is_none() {
            let transaction = response::transaction_id(&sent_as.message_id, &self.copies[copy].to, hop);
            match response::sent(&self.ack, hop, &transaction, &sent_as.message_id, now) {
                Sent::Await(awaiting) => {
                    for key in response::request_keys(&awaiting) {
                        self.requests.insert(key, copy);
                    }
                    self.at(Timestamp(awaiting.deadline_ms), Happening::AnswerOverdue(copy));
                    self.copies[copy].awaiting = Some(awaiting);
                }
                Sent::Settled(taken) => self.taken(copy, taken, now),
            }
        }
        self.copies[copy].ledger.sent_as = Some(sent_as);
        for (after, refused) in behaviour.answers {
            self.at(Timestamp(now.0 + after), Happening::Answer(copy, refused));
        }
        for (after, status) in behaviour.reports {
            self.at(Timestamp(now.0 + after), Happening::Report(copy, status));
        }
    }

    fn answer(&mut self, copy: usize, refused: Option<Reason>, now: Timestamp) {
        let hop = self.copies[copy].hop.name();
        let sent_as = self.copies[copy].ledger.sent_as.clone().unwrap();
        let transaction = response::transaction_id(&sent_as.message_id, &self.copies[copy].to, hop);
        let result = ForwardResult {
            transaction_id: format!("\"{transaction}\""),
            message_id: None,
            refused,
            token: None,
            text: None,
            recipients: Vec::new(),
        };
        let found =
            response::answer_keys(hop, &result).iter().find_map(|key| self.requests.get(key)).copied();
        assert_eq!(found, Some(copy), "an answer is about its own request");
        let entry = &mut self.copies[copy];
        let Some(awaiting) = entry.awaiting.as_mut() else { return };
        if let Some(taken) = response::answered(awaiting, &self.ack, &result, &entry.to) {
            self.taken(copy, taken, now);
        }
    }

    fn taken(&mut self, copy: usize, taken: Taken, now: Timestamp) {
        match taken {
            Taken::Accepted => {
                let wants = self.copies[copy].ledger.wants();
                let answers =
                    if wants.success || wants.failure { Answers::NextHopToUs } else { Answers::Nobody };
                self.note(copy, Event::Accepted(answers), now);
                self.at(now.plus_seconds(3 * 86_400), Happening::ReportOverdue(copy));
            }
            Taken::Delivered => self.note(copy, Event::Delivered, now),
            Taken::Refused(reason) => self.note(copy, Event::Refused(reason), now),
            Taken::Later(reason) => {
                // An ordinary retry awaits a new answer.
                self.copies[copy].awaiting = None;
                self.later(copy, reason, now);
            }
        }
    }

    fn overdue(&mut self, copy: usize, now: Timestamp) {
        let entry = &mut self.copies[copy];
        let ended = entry.ledger.standing.end().is_some();
        let Some(awaiting) = entry.awaiting.as_mut() else { return };
        if ended {
            awaiting.answered = true;
        }
        match response::overdue(awaiting, &self.ack, now) {
            Overdue::Nothing => {}
            Overdue::Resend => {
                let deadline = Timestamp(awaiting.deadline_ms);
                self.at(deadline, Happening::AnswerOverdue(copy));
                self.make_due(copy, now);
            }
            Overdue::GiveUp(taken) => self.taken(copy, taken, now),
        }
    }

    fn report(&mut self, copy: usize, status: DeliveryStatus, now: Timestamp) {
        let hop = self.copies[copy].hop.name();
        let key = report_key(hop, &self.copies[copy].ledger.message_id, &self.copies[copy].to);
        let found = self.sent.get(&key).copied();
        assert_eq!(found, Some(copy), "a report is about its own copy");
        self.copies[copy].first_report.get_or_insert(status);
        self.note(copy, Event::Reported(status, None), now);
    }

    fn later(&mut self, copy: usize, reason: Reason, now: Timestamp) {
        let seed = self.lot();
        let entry = &mut self.copies[copy];
        entry.attempt += 1;
        let (attempt, accepted, hop) = (entry.attempt, entry.accepted, entry.hop);
        match next_attempt(self.schedule(hop), attempt, accepted, None, now, seed) {
            Next::Retry { at } => self.at(at, Happening::Due(copy)),
            Next::Expired => self.note(copy, Event::Expired(reason), now),
        }
    }

    fn deliver(&mut self, copy: usize) {
        *self.delivered.entry(self.copies[copy].ledger.message_id.clone()).or_default() += 1;
    }

    fn note(&mut self, copy: usize, event: Event, now: Timestamp) {
        let entry = &mut self.copies[copy];
        let before = entry.ledger.standing.end();
        for notice in entry.ledger.note(event, now) {
            match notice {
                Notice::Delivery(report) => entry.told.push(report.status),
                Notice::Read(_) => panic!("nobody asked"),
            }
        }
        if before.is_none() && entry.ledger.standing.end().is_some() {
            entry.ends += 1;
        }
    }
}
