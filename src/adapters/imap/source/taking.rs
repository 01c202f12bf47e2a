//! How a message of a watched mailbox is taken: put together from what the server streams, in the order of the UIDs,
//! and handed to the intake with what it is known by and the place behind it.
//!
//! Which messages are asked for, and what is done with them afterwards, is decided elsewhere.

use cedrat_message::{Blame, Permanence, Reason, Refusal};
use cedrat_wire_imap::grammar::{self, Streamed};
use cedrat_wire_mail::smtp::{Mail, Rcpt};

use super::{
    super::{
        identity,
        place::Place,
        recipients::{recipients, sender},
        sink::PUT_BY,
    },
    Doing, Incoming, Letter, Watcher,
};
use crate::{
    adapters::smtp::listener::Side,
    clock,
    events::{self, Protocol},
    intake::{self, Identity, Transaction},
};

impl Watcher<'_> {
    /// What the server says of a message.
    pub(super) async fn learn(&mut self, fetch: &grammar::Fetch) -> Result<(), String> {
        let Some(uid) = fetch.uid else { return Ok(()) };
        if matches!(self.doing, Doing::Sizing(_))
            && let Some(letter) = self.sized.iter_mut().find(|letter| letter.uid == uid)
        {
            letter.octets = fetch.size.or(letter.octets);
            letter.internal_date = fetch.internal_date.map(|date| date.seconds).or(letter.internal_date);
        }
        let Some(incoming) = self.current.take_if(|incoming| incoming.complete) else { return Ok(()) };
        let asked = self.fetching.iter().any(|letter| letter.uid == uid);
        if !asked || incoming.uid.is_some_and(|told| told != uid) {
            return Ok(());
        }
        self.early.insert(uid, incoming);
        while let Some(letter) = self.fetching.front().copied()
            && let Some(incoming) = self.early.remove(&letter.uid)
        {
            self.fetching.pop_front();
            self.arrived(letter, incoming).await?;
        }
        Ok(())
    }

    /// A batch is over: what has not come is gone, or is not given out.
    pub(super) async fn fetched(&mut self, succeeded: bool) -> Result<(), String> {
        self.current = None;
        let many = self.fetching.len() > 1;
        let rest = std::mem::take(&mut self.fetching);
        let mut early = std::mem::take(&mut self.early);
        if !succeeded && many {
            // One of them is to blame, and the others need not wait for it.
            self.batch = 1;
            rest.into_iter().rev().for_each(|letter| self.sized.push_front(letter));
        } else {
            for letter in rest {
                if let Some(incoming) = early.remove(&letter.uid) {
                    self.arrived(letter, incoming).await?;
                } else if succeeded {
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
        }
        self.memory = None;
        Ok(())
    }

    /// A message is here.
    async fn arrived(&mut self, letter: Letter, incoming: Incoming) -> Result<(), String> {
        let after = self.place.after(letter.uid);
        // On the heap: an account that is idle need not hold room for it.
        match Box::pin(self.take(incoming, &letter, &after)).await {
            Ok(true) => {
                self.taken += 1;
                self.place = after;
                Ok(())
            }
            Ok(false) => {
                self.place = self.place.passed(letter.uid);
                self.keep(&self.place).await
            }
            Err(refusal) => {
                self.rejected(letter.uid, &refusal);
                if refusal.reason.permanence() == Permanence::Transient {
                    return Err(format!(
                        "message {} has to wait: {}",
                        letter.uid,
                        refusal.detail.for_operator()
                    ));
                }
                self.place = self.place.refused(letter.uid, refusal.reason.token());
                self.keep(&self.place).await
            }
        }
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

    /// `false` when it is one that this gateway has put into the mailbox, which stays as it is.
    async fn take(&self, incoming: Incoming, letter: &Letter, after: &Place) -> Result<bool, Refusal> {
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
            gateway: self.gateway,
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
        for to in recipients(self.account, &settings.config.mail, &headers)? {
            transaction.recipient(&origin, Rcpt::new(to)).await?;
        }
        transaction.identity = Some(Identity {
            source: format!("imap/{}", self.account.id),
            key: identity::of(&headers, content.get(body..).unwrap_or_default(), letter.internal_date),
            keep_ms: settings.config.retention.mailboxes_ms,
        });
        drop(headers);
        transaction.content = content.into();
        transaction.position = Some(after.position(self.account, clock::now().0));
        intake::take(&origin, transaction).await.map(|_| true)
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

pub(super) fn too_large(octets: u64, most: u64) -> Refusal {
    let detail = format!("{octets} octets are more than mail.max_octets {most}");
    Refusal::new(Reason::MessageTooLarge, Blame::Message, detail)
}
