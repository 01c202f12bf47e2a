//! What a delivery does about encryption: goes as it is, waits for a key, goes as the key made it,
//! or goes the way of a message without a key.

use std::sync::Arc;

use bytes::Bytes;
use cedrat_mapping::{Interface, Loss};
use cedrat_message::{Address, Blame, Reason, Refusal, Timestamp};
use cedrat_mime::{Header, Headers};

use super::{
    Accounts,
    desk::Standing,
    offer::{self, NoOffer},
};
use crate::{
    clock,
    config::{
        Peer,
        handoff::{Cbc, WithoutKey},
    },
    events::Event,
    gateway::{Gateway, Settings},
    opener::{Job, Policy, WorkerSettings},
    pump::{Batch, Loaded, compose},
    record::Form,
};

/// A session that a delivery waits for.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its name.
    pub session: String,
    /// When it is looked at again at the latest.
    pub until: Timestamp,
}

/// What a delivery does.
#[derive(Debug)]
pub enum Way {
    /// The message goes as it came.
    AsItCame,
    /// This goes instead.
    Instead(Arc<Loaded>),
    /// It does not go.
    Refuse(Refusal),
    /// It waits.
    Wait(Waiting),
}

/// How often a delivery that waits looks after its session, at most: what should wake it may be gone
/// with the process that it was in.
const LOOK_MS: i64 = 60_000;
/// How long after a deadline a session is looked at: the sweep may be a moment late.
const GRACE_MS: i64 = 1_000;

/// When a delivery looks after a session that ends at `deadline`.
fn look(accounts: &Accounts, deadline: Timestamp) -> Timestamp {
    let wait = i64::try_from(accounts.config.wait_ms).unwrap_or(i64::MAX);
    let next = clock::now().0.saturating_add((wait / 10).clamp(1_000, LOOK_MS));
    Timestamp(deadline.0.saturating_add(GRACE_MS).min(next))
}

/// What a delivery does about the encryption of its message.
pub async fn way(
    gateway: &Arc<Gateway>,
    settings: &Settings,
    peer: &Peer,
    batch: &Batch,
    loaded: &Arc<Loaded>,
) -> Way {
    let (Some(accounts), Some(job)) = (&settings.handoff, batch.jobs.first()) else { return Way::AsItCame };
    if loaded.envelope.form != Form::Mail {
        return Way::AsItCame;
    }
    if let Some(session) = &job.work.handoff {
        return match gateway.handoff.standing(session) {
            Standing::Made(mail) => Way::Instead(instead(loaded, mail)),
            Standing::Open(deadline) => {
                Way::Wait(Waiting { session: session.clone(), until: look(accounts, deadline) })
            }
            Standing::Over | Standing::Unknown => without(accounts, loaded),
        };
    }
    let Ok(recipient) = Address::parse(&job.rcpt) else { return Way::AsItCame };
    let account = accounts.account_of(&recipient).and_then(|index| accounts.all.get(index));
    let Some(account) = account else { return Way::AsItCame };
    let Ok(message) = compose::understand(gateway, settings, loaded).await else { return Way::AsItCame };
    let profile = settings.profiles.effective(peer, &recipient);
    let device = peer.media.profile.clone();
    let now = clock::now();
    let (offer, within) = match offer::offer(accounts, account, &loaded.octets, message, device, now) {
        Ok(offered) => offered,
        Err(NoOffer::Nothing) => return Way::AsItCame,
        Err(NoOffer::Refused(refusal)) => {
            let detail = format!("message {:x}: {}", loaded.id, refusal.detail.for_operator());
            gateway.events.tell(&Event::Fault { what: "handoff", detail });
            return without(accounts, loaded);
        }
    };
    let Some(workers) = &settings.config.conversion.workers else { return without(accounts, loaded) };
    let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let own = &settings.config;
    let todo = Job {
        format: offer.message.format,
        sha256: offer.message.sha256.0,
        within,
        policy: Policy {
            trust_cbc: accounts.config.cbc == Cbc::Allow,
            signature: accounts.config.signature,
            may: accounts.config.convert.clone(),
            old_client: account.config().old_client,
        },
        profile,
        signatory: accounts.signatory.clone(),
        certificate: account.certificate_for(offer.message.format),
        recipient: recipient.to_string(),
        workers: WorkerSettings {
            program: workers.program.clone(),
            best_effort: workers.best_effort,
            deadlines_ms: (millis(workers.deadline), millis(workers.video_deadline)),
            memory: workers.memory,
            environment: workers.environment.clone(),
        },
        mappings: own.mappings.clone(),
        host: own.host.clone(),
        number_domain: own.mail.number_domain.clone(),
        id: compose::boundary(loaded.id),
        now: now.0,
    };
    match gateway.handoff.open(gateway, accounts, offer, loaded.id, todo, now) {
        Some((session, until)) => Way::Wait(Waiting { session, until: look(accounts, until) }),
        // No room for another session: it is not the sender's fault, nor the recipient's.
        None => Way::Refuse(Refusal::new(
            Reason::CongestedHere,
            Blame::Ours,
            "as many handoff sessions wait as may (handoff.max_sessions, handoff.max_account_sessions)",
        )),
    }
}

/// The same message with other octets.
fn instead(loaded: &Loaded, mail: Bytes) -> Arc<Loaded> {
    let nothing_lost = Loss::inbound(Interface::Mail);
    Loaded::new(
        loaded.id,
        loaded.received,
        loaded.peer.clone(),
        loaded.envelope.clone(),
        mail,
        None,
        nothing_lost,
    )
}

/// What becomes of a message whose key does not come.
fn without(accounts: &Accounts, loaded: &Loaded) -> Way {
    match accounts.config.without_key {
        WithoutKey::Untouched => Way::AsItCame,
        WithoutKey::Refuse => Way::Refuse(Refusal::new(
            Reason::ContentNotAccepted,
            Blame::Policy,
            "the recipient's client did not hand over the key (handoff.without_key)",
        )),
        WithoutKey::Notice => {
            let url = accounts.config.notice_url.as_deref();
            notice(loaded, url).map_or(Way::AsItCame, |mail| Way::Instead(instead(loaded, mail)))
        }
    }
}

/// The mail with a text in place of its content.
fn notice(loaded: &Loaded, url: Option<&str>) -> Option<Bytes> {
    let (found, _) = Headers::parse(&loaded.octets, &cedrat_mime::Limits::default()).ok()?;
    let mut headers = Headers::new();
    headers.extend(found.iter().filter(|header| !header.is_about_content()).cloned());
    headers.push(Header::new("MIME-Version", "1.0"));
    headers.push(Header::new("Content-Type", "text/plain; charset=utf-8"));
    let mut mail = Vec::new();
    headers.encode(&mut mail);
    mail.extend_from_slice(b"\r\nThis message is encrypted, and its key was not handed over in time. ");
    mail.extend_from_slice(b"Its sender can send it again.\r\n");
    if let Some(url) = url {
        mail.extend_from_slice(url.as_bytes());
        mail.extend_from_slice(b"\r\n");
    }
    Some(mail.into())
}
