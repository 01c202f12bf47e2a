//! How a message of a watched mailbox is taken: put together from what the server streams and handed to the intake with
//! what it is known by, many at once; how the place moves behind those that are stored, in the order of the UIDs.
//!
//! Which messages are asked for, and what is done with them afterwards, is decided elsewhere.

use std::{net::IpAddr, sync::Arc};

use cedrat_message::{Blame, Permanence, Reason, Refusal};
use cedrat_wire_imap::grammar::{self, Streamed};
use cedrat_wire_mail::smtp::{Mail, Rcpt};
use futures_util::future::join_all;
use tokio::sync::Mutex;

use super::{
    super::{
        identity,
        place::Place,
        recipients::{recipients, sender},
        sink::PUT_BY,
    },
    Doing, Incoming, Letter, Taking, Watcher,
};
use crate::{
    adapters::smtp::listener::Side,
    clock,
    config::imap::Account,
    events::{self, Protocol},
    gateway::Gateway,
    intake::{self, Identity, Transaction},
};

impl Watcher<'_> {
    /// What the server says of a message.
    pub(super) fn learn(&mut self, fetch: &grammar::Fetch) {
        let Some(uid) = fetch.uid else { return };
        if matches!(self.doing, Doing::Sizing(_))
            && let Some(letter) = self.sized.iter_mut().find(|letter| letter.uid == uid)
        {
            letter.octets = fetch.size.or(letter.octets);
            letter.internal_date = fetch.internal_date.map(|date| date.seconds).or(letter.internal_date);
        }
        let Some(incoming) = self.current.take_if(|incoming| incoming.complete) else { return };
        let asked = self.fetching.iter().any(|letter| letter.uid == uid);
        if !asked || incoming.uid.is_some_and(|told| told != uid) {
            return;
        }
        self.come.insert(uid, incoming);
    }

    /// A batch is over: what has not come is gone, or is not given out.
    pub(super) async fn fetched(&mut self, succeeded: bool) -> Result<(), String> {
        self.current = None;
        let asked = std::mem::take(&mut self.fetching);
        let mut come = std::mem::take(&mut self.come);
        let many = asked.len() > 1;
        let mut batch = Vec::with_capacity(come.len());
        let mut asked = asked.into_iter();
        while let Some(letter) = asked.next() {
            if let Some(incoming) = come.remove(&letter.uid) {
                batch.push((letter, incoming));
                continue;
            }
            self.enter(std::mem::take(&mut batch));
            if !succeeded && many {
                // One of them is to blame, and the others need not wait for it.
                self.batch = 1;
                asked.rev().for_each(|letter| self.sized.push_front(letter));
                self.sized.push_front(letter);
                break;
            }
            self.collect(0).await?;
            if succeeded {
                // Somebody removed it in between.
                self.place = self.place.passed(letter.uid);
            } else {
                let later = self.place.postponed(letter.uid);
                self.place = later.ok_or("the server does not give out a hundred messages")?;
                self.keep(&self.place).await?;
                self.say(format_args!(
                    "message {} could not be fetched and is tried again later",
                    letter.uid
                ));
            }
        }
        self.enter(batch);
        self.memory = None;
        // This one is stored while the next one comes.
        self.collect(1).await
    }

    /// Sends what has come on its way into the store, together, so that it is committed together.
    fn enter(&mut self, batch: Vec<(Letter, Incoming)>) {
        if batch.is_empty() {
            return;
        }
        let entrance = Entrance {
            gateway: self.gateway.clone(),
            account: self.account.clone(),
            remote: self.remote,
            session: self.session.clone(),
            tls: self.tls.clone(),
            reports: self.reports.clone(),
        };
        let memory = self.memory.clone();
        let uids = batch.iter().map(|(letter, _)| letter.uid).collect();
        let outcomes = self.gateway.tasks.spawn(async move {
            let takes = batch.into_iter().map(|(letter, incoming)| entrance.take(incoming, letter));
            let outcomes = join_all(takes).await;
            drop(memory);
            outcomes
        });
        self.taking.push_back(Taking { uids, outcomes });
    }

    /// Waits until all but so many of the batches that are here have been stored or refused, and moves the place.
    ///
    /// # Errors
    /// Why a message has to wait; the place stays before it.
    pub(super) async fn collect(&mut self, mut left: usize) -> Result<(), String> {
        let mut place = self.place.clone();
        let mut fault = None;
        while self.taking.len() > left
            && let Some(Taking { uids, outcomes }) = self.taking.pop_front()
        {
            match outcomes.await {
                Ok(outcomes) if fault.is_none() => {
                    for (uid, outcome) in uids.into_iter().zip(outcomes) {
                        match self.behind(&place, uid, outcome) {
                            Ok(next) => place = next,
                            Err(why) => {
                                fault = Some(why);
                                break;
                            }
                        }
                    }
                }
                Ok(_) => {}
                Err(fate) => {
                    fault.get_or_insert_with(|| format!("messages could not be taken: {fate}"));
                }
            }
            if fault.is_some() {
                // The others are waited for, so that nothing of this connection runs beside the next one.
                left = 0;
            }
        }
        if place != self.place {
            self.place = place;
            self.keep(&self.place).await?;
        }
        fault.map_or(Ok(()), Err)
    }

    /// The place behind a message; why there is none, when it has to wait.
    fn behind(&mut self, place: &Place, uid: u32, outcome: Result<bool, Refusal>) -> Result<Place, String> {
        let refusal = match outcome {
            Ok(true) => {
                self.taken += 1;
                return Ok(place.after(uid));
            }
            Ok(false) => return Ok(place.passed(uid)),
            Err(refusal) => refusal,
        };
        self.rejected(uid, &refusal);
        if refusal.reason.permanence() == Permanence::Permanent {
            return Ok(place.refused(uid, refusal.reason.token()));
        }
        Err(format!("message {uid} has to wait: {}", refusal.detail.for_operator()))
    }

    pub(super) fn rejected(&self, uid: u32, refusal: &Refusal) {
        self.gateway.events.tell(&events::Event::Rejection {
            session: self.session.clone(),
            peer: self.account.peer.clone(),
            protocol: Protocol::Imap,
            stage: "message",
            reason: refusal.reason.into(),
            detail: format!("mailbox {} message {uid}: {}", self.account.id, refusal.detail.for_operator()),
        });
    }

    pub(super) fn begins(&mut self, streamed: &Streamed) {
        let most = self.gateway.settings().config.mail.max_octets;
        let octets = streamed.octets;
        let refused = (octets > most).then(|| too_large(octets, most));
        let room = if refused.is_some() { 0 } else { usize::try_from(octets).unwrap_or(0) };
        self.current = Some(Incoming {
            uid: streamed.uid,
            // What a server announces is not what it sends.
            content: Vec::with_capacity(room.min(1024 * 1024)),
            complete: false,
            refused,
            announced: octets,
        });
    }

    pub(super) fn chunk(&mut self, octets: &[u8]) {
        if let Some(incoming) = &mut self.current
            && incoming.refused.is_none()
            && incoming.content.len() as u64 + octets.len() as u64 <= incoming.announced
        {
            incoming.content.extend_from_slice(octets);
        }
    }
}

/// Where the messages of a connection enter.
struct Entrance {
    gateway: Arc<Gateway>,
    account: Arc<Account>,
    remote: IpAddr,
    session: String,
    tls: Option<String>,
    /// Reports are taken one after the other: two may speak of the same copy.
    reports: Arc<Mutex<()>>,
}

impl Entrance {
    /// `false` when it is one that this gateway has put into the mailbox, which stays as it is.
    async fn take(&self, incoming: Incoming, letter: Letter) -> Result<bool, Refusal> {
        if let Some(refusal) = incoming.refused {
            return Err(refusal);
        }
        // A connection may last for days; each message goes by the configuration that is in force.
        let settings = self.gateway.settings();
        let peer = settings.peer(&self.account.peer).ok_or_else(|| {
            let detail = format!("peer {} is no longer configured", self.account.peer);
            Refusal::new(Reason::SystemFault, Blame::Ours, detail)
        })?;
        let origin = intake::Source {
            gateway: &self.gateway,
            settings: &settings,
            peer,
            side: Side::Submission,
            session: &self.session,
            remote: self.remote,
            helo: &self.account.host,
            tls: self.tls.as_deref(),
        };
        let content = bytes::Bytes::from(incoming.content);
        let limits = cedrat_mime::Limits::default();
        let (headers, body) = cedrat_mime::Headers::parse(&content, &limits).map_err(|fault| {
            Refusal::new(Reason::MessageFormatCorrupt, Blame::Message, format!("not a mail: {fault}"))
        })?;
        if headers.first(PUT_BY).is_some_and(|by| by.trim() == settings.config.host) {
            return Ok(false);
        }
        let mut mail = Mail::new(sender(&headers)?);
        mail.size = Some(content.len() as u64);
        let mut transaction = Transaction::begin(&origin, mail)?;
        self.gateway.with_usage(&peer.id, |usage| {
            let octets = transaction.declared();
            peer.policy.admit_message(usage, transaction.sender(), octets, clock::now())
        })?;
        for to in recipients(&self.account, &settings.config.mail, &headers)? {
            transaction.recipient(&origin, Rcpt::new(to)).await?;
        }
        transaction.identity = Some(Identity {
            source: format!("imap/{}", self.account.id),
            key: identity::of(&headers, content.get(body..).unwrap_or_default(), letter.internal_date),
            keep_ms: settings.config.retention.mailboxes_ms,
        });
        let is_report =
            headers.first("Content-Type").is_some_and(|kind| kind.to_ascii_lowercase().contains("report"));
        drop(headers);
        transaction.content = content.into();
        let _alone = if is_report { Some(self.reports.lock().await) } else { None };
        intake::take(&origin, transaction).await.map(|_| true)
    }
}

pub(super) fn too_large(octets: u64, most: u64) -> Refusal {
    let detail = format!("{octets} octets are more than mail.max_octets {most}");
    Refusal::new(Reason::MessageTooLarge, Blame::Message, detail)
}
