//! What waits in the store: fetched as destinations have room, recovered when its owner died,
//! given up when its time is over.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use cedrat_mapping::{Interface, Loss};
use cedrat_message::{Reason, Timestamp};

use super::{Apart, Batch, Job, Loaded, settle};
use crate::{
    clock,
    drive::stopped,
    events,
    gateway::Gateway,
    record::{self, Envelope, Work},
    store::{Claimed, Slot, StoreError},
};

/// Deliveries claimed in one statement.
const CLAIM: u32 = 128;

/// How long the claimer sleeps when nothing wakes it.
const IDLE: Duration = Duration::from_secs(1);

/// How long it waits after a hint: most of what was just stored is claimed already, and hints come
/// with every message.
const PAUSE: Duration = Duration::from_millis(30);

/// Fetches work until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let mut shutdown = gateway.shutdown.subscribe();
    loop {
        if *shutdown.borrow() {
            return;
        }
        let wait = match round(&gateway).await {
            Ok(0) => IDLE,
            Ok(_) => Duration::from_millis(5),
            Err(fault) => {
                gateway.events.tell(&events::Event::Fault { what: "queue", detail: fault.to_string() });
                Duration::from_secs(5)
            }
        };
        let idle = wait == IDLE;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = gateway.store.woken(), if idle => tokio::time::sleep(PAUSE).await,
            () = gateway.dispatcher.room.notified(), if idle => tokio::time::sleep(PAUSE).await,
            () = stopped(&mut shutdown) => return,
        }
    }
}

/// One look at the store; how much was claimed.
async fn round(gateway: &Arc<Gateway>) -> Result<usize, StoreError> {
    let now = clock::now();
    let settings = gateway.settings();
    let limit = settings.config.limits.max_deliveries;
    let at_work: u64 = gateway.dispatcher.all().iter().map(|dest| u64::from(dest.held())).sum();
    let mut room = u32::try_from(limit.saturating_sub(at_work)).unwrap_or(CLAIM).min(CLAIM);
    let mut slots = Vec::new();
    for due in gateway.store.due().await? {
        if due.next > now.0 || room == 0 {
            continue;
        }
        let destination = gateway.dispatcher.destination(&settings, &due.dest);
        let free = destination.reserve(room, now);
        if free > 0 {
            room -= free;
            slots.push(Slot { dest: due.dest, free });
        }
    }
    if slots.is_empty() {
        return Ok(0);
    }
    let claimed = match gateway.store.claim(&slots, CLAIM, now.0, settings.config.limits.lease_ms).await {
        Ok(claimed) => claimed,
        Err(fault) => {
            release(gateway, &slots, &[]);
            return Err(fault);
        }
    };
    release(gateway, &slots, &claimed);
    let count = claimed.len();
    let jobs = load(gateway, claimed).await?;
    gateway.dispatcher.offer(gateway, jobs);
    Ok(count)
}

/// Gives back the places that the claim did not fill.
fn release(gateway: &Gateway, slots: &[Slot], claimed: &[Claimed]) {
    let settings = gateway.settings();
    for slot in slots {
        let filled = claimed.iter().filter(|one| one.dest == slot.dest).count();
        let unfilled = slot.free.saturating_sub(u32::try_from(filled).unwrap_or(u32::MAX));
        gateway.dispatcher.destination(&settings, &slot.dest).release(unfilled);
    }
}

/// Reads the messages of claimed deliveries, each once.
async fn load(gateway: &Arc<Gateway>, claimed: Vec<Claimed>) -> Result<Vec<Job>, StoreError> {
    let mut messages: HashMap<i64, Arc<Loaded>> = HashMap::new();
    let mut jobs = Vec::with_capacity(claimed.len());
    for one in claimed {
        let loaded = match messages.get(&one.message.id) {
            Some(loaded) => loaded.clone(),
            None => {
                let octets = gateway.store.body(one.message.id).await?.unwrap_or_else(Bytes::new);
                let loaded = loaded(&one.message, octets);
                messages.insert(one.message.id, loaded.clone());
                loaded
            }
        };
        let work = record::read::<Work>(&one.data).unwrap_or_else(|_| Work {
            v: 1,
            peer: one.dest.split('/').next().unwrap_or_default().to_owned(),
            to: 0,
            failover: Vec::new(),
            moved: 0,
            delay_told: false,
            uncertain: 0,
            tries: 0,
            handoff: None,
        });
        jobs.push(Job::claimed(one, work, loaded));
    }
    Ok(jobs)
}

/// A stored message with its octets.
pub fn loaded(message: &crate::store::Message, octets: Bytes) -> Arc<Loaded> {
    let envelope = record::read::<Envelope>(&message.envelope).unwrap_or_else(|_| Envelope {
        v: 1,
        form: if message.protocol == "mm4" { record::Form::Mm4 } else { record::Form::Mail },
        from: String::new(),
        to: Vec::new(),
        envid: None,
        ret_full: None,
        by: None,
        eight_bit: false,
        kind: None,
        transaction: None,
        about: None,
    });
    let nothing_lost = Loss::inbound(Interface::Mail);
    Loaded::new(
        message.id,
        Timestamp(message.received),
        message.peer.clone(),
        envelope,
        octets,
        None,
        nothing_lost,
    )
}

/// Takes back what died with its owner, renews what is at work here, and gives up what is over.
/// Runs until the gateway stops.
pub async fn keep(gateway: Arc<Gateway>) {
    let mut shutdown = gateway.shutdown.subscribe();
    let lease = Duration::from_millis(gateway.settings().config.limits.lease_ms.unsigned_abs());
    let mut tick = tokio::time::interval(lease / 6);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stopped(&mut shutdown) => return,
        }
        if let Err(fault) = upkeep(&gateway).await {
            gateway.events.tell(&events::Event::Fault { what: "queue", detail: fault.to_string() });
        }
    }
}

async fn upkeep(gateway: &Arc<Gateway>) -> Result<(), StoreError> {
    let now = clock::now();
    let settings = gateway.settings();
    let lease_ms = settings.config.limits.lease_ms;
    gateway.handoff.sweep(gateway, now).await;
    let nodes = gateway.store.beat(now.0).await?;
    let fences: Vec<_> = gateway.dispatcher.all().iter().flat_map(|dest| dest.fences()).collect();
    for lost in gateway.store.renew(&fences, now.0, lease_ms).await? {
        gateway.events.tell(&events::Event::Fault {
            what: "lease",
            detail: format!("delivery {lost:x} was taken over by another node"),
        });
    }
    let recovered = gateway.store.recover_expired(now.0).await?;
    if !recovered.is_empty() {
        gateway.events.tell(&events::Event::Recovered { deliveries: recovered.len() as u64 });
    }
    for destination in gateway.dispatcher.all() {
        if let Some(peer) = settings.peer(destination.peer()) {
            destination.bound(peer, nodes);
        }
        destination.attend(gateway);
    }
    loop {
        let expired = gateway.store.claim_expired(CLAIM, now.0, lease_ms).await?;
        if expired.is_empty() {
            break;
        }
        for batch in Batch::group(load(gateway, expired).await?, |_| Apart::default()) {
            settle::give_up(gateway, batch, Reason::Expired).await;
        }
    }
    for depth in gateway.store.depth().await? {
        let state = match depth.state {
            crate::store::State::Waiting => "waiting",
            crate::store::State::Claimed => "claimed",
            crate::store::State::Awaiting => "awaiting",
            crate::store::State::Held => "held",
        };
        let age = (now.0 - depth.oldest).max(0) as f64 / 1000.0;
        events::queue_metric(&depth.dest, state, depth.count, age);
    }
    Ok(())
}

/// Removes what is kept no longer. Runs until the gateway stops.
pub async fn sweep(gateway: Arc<Gateway>) {
    let mut shutdown = gateway.shutdown.subscribe();
    let mut tick = tokio::time::interval(Duration::from_secs(300));
    tick.tick().await;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stopped(&mut shutdown) => return,
        }
        let own = gateway.settings();
        let retention = &own.config.retention;
        let millis = |value: u64| i64::try_from(value).unwrap_or(i64::MAX / 4);
        let keep = crate::store::Retention {
            bodies_ms: millis(retention.content_ms),
            messages_ms: millis(retention.outcomes_ms),
            traces_ms: millis(retention.trace_ms),
            ..crate::store::Retention::default()
        };
        if let Err(fault) = gateway.store.sweep(clock::now().0, &keep).await {
            gateway.events.tell(&events::Event::Fault { what: "sweep", detail: fault.to_string() });
        }
        if gateway.media.get().is_some()
            && let Err(fault) = gateway.store.trim_made(own.config.conversion.cache).await
        {
            gateway.events.tell(&events::Event::Fault { what: "media cache", detail: fault.to_string() });
        }
        gateway.events.flush();
    }
}

/// Waits until nothing is at work, at most for `patience`.
pub async fn drain(gateway: &Gateway, patience: Duration) {
    let until = tokio::time::Instant::now() + patience;
    while tokio::time::Instant::now() < until {
        if gateway.dispatcher.all().iter().all(|dest| dest.open() == 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
