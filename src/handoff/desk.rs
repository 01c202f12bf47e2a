//! The sessions of this process: found, granted, declined, worked on, forgotten. Memory only.
//!
//! What a step leads to is decided by `cedrat_keyring::session`; every step is in the audit before
//! anybody is answered. A lock is never held while something is waited for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use cedrat_keyring::{
    Cek,
    consent::Output,
    session::{Actor, Limits, Offer, Outcome, Session, State},
    signed::Overall,
    wire,
};
use cedrat_message::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    Accounts, Audit, Rates,
    opening::{self, Opening},
    webhook,
};
use crate::{
    adapters::http::problem::{Code, Problem},
    chance::Chance,
    clock,
    events::Event,
    gateway::Gateway,
    opener::{Job, Said},
    store::{Change, DeliveryId, Filter},
};

/// How long a session that is over can be looked at, and its result waits for its delivery.
const KEPT_MS: i64 = 3_600_000;
/// Octets of results that wait at once; what comes on top goes the way of a failed conversion.
const MOST_RESULTS: usize = 256 << 20;

/// All of them.
#[derive(Debug)]
pub struct Desk {
    inner: Mutex<BTreeMap<String, Held>>,
    /// Counts changes, for those who wait for one.
    changes: watch::Sender<u64>,
    audit: OnceLock<Audit>,
    rates: Arc<Rates>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            inner: Mutex::default(),
            changes: watch::Sender::new(0),
            audit: OnceLock::new(),
            rates: Arc::default(),
        }
    }
}

/// One of them.
#[derive(Debug)]
struct Held {
    session: Session,
    /// The stored message.
    message: i64,
    /// The delivery that waits; `None` until it is committed.
    delivery: Option<DeliveryId>,
    /// What the opener is to do, but for what the consent says.
    job: Option<Job>,
    result: Option<Bytes>,
    ended: Option<Timestamp>,
}

/// Where a session stands, for the delivery that waits for it.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// Not of this process: it was restarted.
    Unknown,
    /// A key is awaited, or used, until then at the latest.
    Open(Timestamp),
    /// The mail as it is to go out.
    Made(Bytes),
    /// It ended without.
    Over,
}

impl Desk {
    /// Opens the audit.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn start(&self, directory: &std::path::Path) -> Result<(), String> {
        let audit = Audit::open(directory)?;
        // Nobody else starts it.
        drop(self.audit.set(audit));
        Ok(())
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Held>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// What the clients of all accounts ask.
    pub const fn rates(&self) -> &Arc<Rates> {
        &self.rates
    }

    /// Hears of changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Writes what happened to a session into the audit; a session whose entries cannot be kept does
    /// not go on.
    fn note(&self, gateway: &Gateway, session: &mut Session) -> Result<(), Problem> {
        let entries = session.take_entries();
        let noted = match self.audit.get() {
            Some(audit) => audit.note(&entries),
            None => Err("the audit is not open".to_owned()),
        };
        for entry in &entries {
            gateway.events.tell(&Event::Handoff {
                session: entry.session.clone(),
                account: entry.account.clone(),
                state: entry.to.name(),
                outcome: entry.outcome.slug(),
                signature: entry.signature.map(Overall::word),
            });
        }
        noted.map_err(|detail| {
            gateway.events.tell(&Event::Fault { what: "handoff", detail });
            Problem::new(Code::Unavailable, "the audit cannot be written; nothing was done")
        })
    }

    /// Opens a session; its name and end, or `None` when there is no room or no audit.
    pub(super) fn open(
        &self,
        gateway: &Arc<Gateway>,
        accounts: &Accounts,
        offer: Offer,
        message: i64,
        job: Job,
        now: Timestamp,
    ) -> Option<(String, Timestamp)> {
        let mut held = self.held();
        let waiting = |held: &&Held| !held.session.state().is_end();
        let own = held.values().filter(waiting).filter(|it| it.session.document().account == offer.account);
        if own.count() >= accounts.config.max_account_sessions
            || held.values().filter(waiting).count() >= accounts.config.max_sessions
        {
            return None;
        }
        let (id, until) = (offer.id.clone(), offer.expires);
        let mut session = Session::open(offer, Limits::default(), now, &mut Chance);
        self.note(gateway, &mut session).ok()?;
        let one = Held { session, message, delivery: None, job: Some(job), result: None, ended: None };
        let account = one.session.document().account.clone();
        held.insert(id.clone(), one);
        drop(held);
        self.changed();
        webhook::tell(gateway, accounts, &account, &id);
        Some((id, until))
    }

    /// A delivery waits for a session; it may be over already.
    pub async fn waits(&self, gateway: &Arc<Gateway>, id: &str, delivery: DeliveryId) {
        let over = match self.held().get_mut(id) {
            Some(held) => {
                held.delivery = Some(delivery);
                held.session.state().is_end()
            }
            None => true,
        };
        if over {
            wake(gateway, delivery).await;
        }
    }

    pub(super) fn standing(&self, id: &str) -> Standing {
        let mut held = self.held();
        let Some(held) = held.get_mut(id) else { return Standing::Unknown };
        held.session.tick(clock::now());
        match (&held.result, held.session.state()) {
            (Some(result), State::Done) => Standing::Made(result.clone()),
            (_, state) if state.is_end() => Standing::Over,
            _ => Standing::Open(held.session.deadline().unwrap_or_else(clock::now)),
        }
    }

    /// Sessions of an account in that state, newest last; waits while there is none, or what there is is
    /// known already.
    pub async fn list(
        &self,
        account: &str,
        state: Option<&str>,
        wait: Duration,
        known: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        let until = tokio::time::Instant::now() + wait;
        let mut changes = self.changes();
        loop {
            changes.borrow_and_update();
            let found: Vec<Value> = self
                .held()
                .values()
                .filter(|held| held.session.document().account == account)
                .filter(|held| state.is_none_or(|state| held.session.state().name() == state))
                .map(|held| summary(held.session.document()))
                .collect();
            if !found.is_empty() && !known(&found)
                || tokio::time::timeout_at(until, changes.changed()).await.is_err()
            {
                return found;
            }
        }
    }

    fn with<T>(
        &self,
        account: &str,
        id: &str,
        work: impl FnOnce(&mut Held) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut held = self.held();
        match held.get_mut(id).filter(|held| held.session.document().account == account) {
            Some(held) => {
                held.session.tick(clock::now());
                work(held)
            }
            None => Err(Problem::new(Code::SessionNotFound, "there is no such session")),
        }
    }

    /// A session, and its revision.
    ///
    /// # Errors
    /// There is none of this account.
    pub fn show(&self, account: &str, id: &str) -> Result<(Value, u32), Problem> {
        self.with(account, id, |held| {
            let shown = serde_json::to_value(held.session.document()).unwrap_or_default();
            Ok((shown, held.session.revision()))
        })
    }

    /// A session signed by the gateway (RFC 7515, compact).
    ///
    /// # Errors
    /// There is none of this account.
    pub fn signed(&self, gateway: &Gateway, account: &str, id: &str) -> Result<String, Problem> {
        let document = self
            .with(account, id, |held| Ok(serde_json::to_vec(held.session.document()).unwrap_or_default()))?;
        let settings = gateway.settings();
        match &settings.handoff {
            Some(accounts) => Ok(accounts.signer.sign(&document)),
            None => Err(Problem::new(Code::SessionNotFound, "there is no such session")),
        }
    }

    /// A client hands over its key.
    ///
    /// # Errors
    /// What the session makes of it.
    pub async fn grant(
        &self,
        gateway: &Arc<Gateway>,
        by: &Actor,
        id: &str,
        octets: &[u8],
    ) -> Result<Value, Problem> {
        let account = by.account.as_str();
        let body: wire::Grant = read(octets)?;
        let now = clock::now();
        let granted = self.with(account, id, |held| {
            let before = held.session.state();
            let outcome = held.session.grant(by, &body, now, &mut Chance);
            let fresh = before == State::AwaitingKey && held.session.state() == State::KeyAccepted;
            let noted = self.note(gateway, &mut held.session);
            let key = if fresh && noted.is_ok() { held.session.take_key(now).ok() } else { None };
            // A key whose use is written nowhere is not used, and its session does not wait for another.
            if let Err(problem) = noted.and_then(|()| self.note(gateway, &mut held.session)) {
                held.session.fail(Outcome::ConversionFailed, now);
                return Err(problem);
            }
            Ok((outcome, key))
        });
        self.changed();
        if granted.is_err() {
            self.wake_if_over(gateway, id).await;
        }
        let (outcome, key) = granted?;
        if outcome.is_refusal() {
            self.wake_if_over(gateway, id).await;
            return Err(self.refusal(account, id, outcome));
        }
        if let Some(key) = key {
            let (gateway, id) = (gateway.clone(), id.to_owned());
            gateway.clone().tasks.spawn(async move { work(&gateway, &id, key).await });
        }
        Ok(self.show(account, id)?.0)
    }

    /// A client gives no key.
    ///
    /// # Errors
    /// What the session makes of it.
    pub async fn decline(
        &self,
        gateway: &Arc<Gateway>,
        by: &Actor,
        id: &str,
        octets: &[u8],
    ) -> Result<Value, Problem> {
        let _: wire::Decline = read(octets)?;
        self.close(gateway, by, id, Session::decline).await?;
        Ok(self.show(&by.account, id)?.0)
    }

    /// A session is withdrawn.
    ///
    /// # Errors
    /// What the session makes of it.
    pub async fn cancel(&self, gateway: &Arc<Gateway>, by: &Actor, id: &str) -> Result<(), Problem> {
        self.close(gateway, by, id, Session::cancel).await
    }

    /// Ends a session by its client's wish.
    async fn close(
        &self,
        gateway: &Arc<Gateway>,
        by: &Actor,
        id: &str,
        end: fn(&mut Session, &Actor, Timestamp) -> Outcome,
    ) -> Result<(), Problem> {
        let account = by.account.as_str();
        let outcome = self.with(account, id, |held| {
            let outcome = end(&mut held.session, by, clock::now());
            self.note(gateway, &mut held.session)?;
            Ok(outcome)
        })?;
        self.changed();
        self.wake_if_over(gateway, id).await;
        if outcome.is_refusal() { Err(self.refusal(account, id, outcome)) } else { Ok(()) }
    }

    /// The audit of an account.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn audit(&self, account: &str) -> Result<Value, Problem> {
        let lines = self.audit.get().map_or_else(|| Ok(Vec::new()), |audit| audit.of(account));
        lines
            .map(|lines| serde_json::to_value(lines).unwrap_or_default())
            .map_err(|why| Problem::new(Code::Unavailable, format!("the audit cannot be read: {why}")))
    }

    /// What is over by the clock is ended, and what was over long enough is forgotten.
    pub async fn sweep(&self, gateway: &Arc<Gateway>, now: Timestamp) {
        let mut woken = Vec::new();
        {
            let mut all = self.held();
            for held in all.values_mut() {
                let before = held.session.state();
                held.session.tick(now);
                // An entry that cannot be kept is told; what is over stays over.
                drop(self.note(gateway, &mut held.session));
                if held.session.state().is_end() {
                    held.ended.get_or_insert(now);
                    held.job = None;
                    if !before.is_end() {
                        woken.extend(held.delivery);
                    }
                }
            }
            all.retain(|_, held| held.ended.is_none_or(|ended| now.0 < ended.0.saturating_add(KEPT_MS)));
        }
        if !woken.is_empty() {
            self.changed();
        }
        for delivery in woken {
            wake(gateway, delivery).await;
        }
    }

    async fn wake_if_over(&self, gateway: &Arc<Gateway>, id: &str) {
        let delivery =
            self.held().get_mut(id).filter(|held| held.session.state().is_end()).and_then(|held| {
                held.ended.get_or_insert_with(clock::now);
                held.job = None;
                held.delivery
            });
        if let Some(delivery) = delivery {
            wake(gateway, delivery).await;
        }
    }

    fn refusal(&self, account: &str, id: &str, outcome: Outcome) -> Problem {
        let code = Code::ALL.iter().copied().find(|code| code.token() == outcome.slug());
        let problem = Problem::new(code.unwrap_or(Code::SessionClosed), outcome.title());
        match (code, self.with(account, id, |held| Ok(held.session.state()))) {
            // Of a key nothing more is said.
            (Some(Code::KeyNotUsable), _) | (_, Err(_)) => problem,
            (_, Ok(state)) => problem.with("state", state.name()),
        }
    }
}

/// Opens the message of a session with its key, and keeps what comes of it.
async fn work(gateway: &Arc<Gateway>, id: &str, key: Cek) {
    let outcome = opened(gateway, id, key).await;
    let desk = &gateway.handoff;
    if let Err(outcome) = outcome
        && let Some(held) = desk.held().get_mut(id)
    {
        held.session.fail(outcome, clock::now());
        drop(desk.note(gateway, &mut held.session));
    }
    desk.changed();
    desk.wake_if_over(gateway, id).await;
}

async fn opened(gateway: &Arc<Gateway>, id: &str, key: Cek) -> Result<(), Outcome> {
    let desk = &gateway.handoff;
    let fault = |detail: String| {
        gateway.events.tell(&Event::Fault { what: "handoff", detail });
        Outcome::ConversionFailed
    };
    let (message, job) = {
        let mut held = desk.held();
        let held = held.get_mut(id).ok_or(Outcome::SessionClosed)?;
        let mut job = held.job.take().ok_or(Outcome::SessionClosed)?;
        let consent = held.session.consent();
        job.policy.may.clone_from(&consent.parts);
        job.policy.signature = consent.signature;
        if consent.output != Output::Reencrypt {
            job.certificate = None;
        }
        (held.message, job)
    };
    let body = gateway.store.kept_body(message).await;
    let mail = body
        .map_err(|why| fault(why.to_string()))?
        .ok_or_else(|| fault("the stored message is gone".to_owned()))?;
    let program = opening::program();
    let heard = tokio::time::timeout(opening::DEADLINE, async {
        let mut opening = Opening::start(&program, key, &job, &mail).await.map_err(fault)?;
        loop {
            let (said, octets) = opening.hear().await.map_err(fault)?;
            match said {
                Said::Verified => {
                    let mut held = desk.held();
                    let held = held.get_mut(id).ok_or(Outcome::SessionClosed)?;
                    let outcome = held.session.verified(clock::now());
                    drop(desk.note(gateway, &mut held.session));
                    if outcome != Outcome::Transcoding {
                        return Err(outcome);
                    }
                    desk.changed();
                }
                Said::NotUsable => return Err(Outcome::KeyNotUsable),
                Said::Failed { why } => return Err(fault(format!("session {id}: {why}"))),
                Said::Done { signature, .. } => return Ok((octets, signature)),
            }
        }
    });
    let (result, signature) = heard.await.map_err(|_| Outcome::DeadlinePassed)??;
    let mut all = desk.held();
    let kept: usize = all.values().filter_map(|held| held.result.as_ref()).map(Bytes::len).sum();
    let held = all.get_mut(id).ok_or(Outcome::SessionClosed)?;
    if kept.saturating_add(result.len()) > MOST_RESULTS {
        return Err(Outcome::ConversionFailed);
    }
    if held.session.done(result.len() as u64, signature, clock::now()) == Outcome::Done {
        held.result = Some(result);
    }
    drop(desk.note(gateway, &mut held.session));
    Ok(())
}

/// The delivery goes on.
async fn wake(gateway: &Arc<Gateway>, delivery: DeliveryId) {
    let filter = Filter { ids: Some(vec![delivery]), ..Filter::default() };
    if let Err(why) = gateway.store.change(&filter, Change::Retry, clock::now().0).await {
        // It goes on when the session would have expired.
        gateway.events.tell(&Event::Fault { what: "handoff", detail: why.to_string() });
    }
}

fn read<T: serde::de::DeserializeOwned>(octets: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(octets)
        .map_err(|why| Problem::new(Code::BadRequest, format!("the body cannot be read: {why}")))
}

/// What a list says of a session.
fn summary(document: &wire::Session) -> Value {
    json!({
        "id": document.id,
        "state": document.state,
        "created": document.created,
        "expires": document.expires,
        "message": {
            "from": document.message.from,
            "subject": document.message.subject,
            "date": document.message.date,
            "size": document.message.size,
        },
    })
}
