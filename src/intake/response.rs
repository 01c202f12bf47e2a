//! A peer's answer to something we sent (`MM4_*.RES`): matched to the copy that waits for it,
//! whatever connection it comes by, and settled by its word.

use cedrat_message::{Address, ForwardResult, Refusal, Timestamp};
use cedrat_relay::response::{self, Awaiting};

use super::{Source, accept::store_refusal};
use crate::{
    events::Event,
    pump::{Job, claim, compose::transaction_key, settle},
    record::{self, Work},
    store::{Awaited, ResponseKey, State},
};

/// Recipients of one request that are looked for; no request of ours has more.
const MOST_RECIPIENTS: usize = 64;

/// Takes an answer. One that matches nothing is acknowledged all the same: it may be the second
/// answer to the same request, and the peer can do nothing about it.
///
/// # Errors
/// Only when the store cannot be asked.
pub async fn take(source: &Source<'_>, result: ForwardResult) -> Result<i64, Refusal> {
    let gateway = source.gateway;
    let peer = source.peer;
    let status = result.token.clone().unwrap_or_else(|| "Ok".into());
    let policy = settle::ack_policy(peer);
    let waiting = waiting(source, &result).await?;
    if waiting.is_empty() {
        gateway.events.tell(&Event::ReportReceived {
            peer: peer.id.clone(),
            protocol: source.protocol(),
            kind: crate::events::Kind::Response,
            status,
            message: None,
            to: crate::events::Redacted(String::new()),
        });
        return Ok(0);
    }
    let mut message = 0;
    for awaited in waiting {
        let Ok(recipient) = Address::parse(&awaited.rcpt) else { continue };
        let mut request = Awaiting {
            peer: peer.id.clone(),
            transaction_id: result.transaction_id.clone(),
            message_id: result.message_id.clone().unwrap_or_default(),
            deadline_ms: i64::MAX,
            resends: 0,
            answered: false,
        };
        let Some(taken) = response::answered(&mut request, &policy, &result, &recipient) else { continue };
        message = awaited.message.id;
        let octets = gateway.store.body(awaited.message.id).await.map_err(store_refusal)?.unwrap_or_default();
        let loaded = claim::loaded(&awaited.message, octets);
        let work = record::read::<Work>(&awaited.data).unwrap_or_else(|_| Work {
            v: 1,
            peer: peer.id.clone(),
            ..Work::default()
        });
        let job = Job {
            fence: awaited.fence,
            dest: awaited.dest,
            rcpt: awaited.rcpt,
            work,
            expires: Timestamp(awaited.expires),
            tries: u32::try_from(awaited.tries).unwrap_or(1),
            uncertain: 0,
            overdue: false,
            loaded,
        };
        settle::Case::new(gateway, source.settings, &job)
            .answered(peer, taken, &result.transaction_id, &status, result.refused)
            .await;
    }
    Ok(message)
}

/// The copies that wait for this answer: by its transaction, or else by its message.
async fn waiting(source: &Source<'_>, result: &ForwardResult) -> Result<Vec<Awaited>, Refusal> {
    let store = &source.gateway.store;
    source.gateway.flights.wait(&transaction_key(&source.peer.id, &result.transaction_id)).await;
    // Our transaction IDs end in the number of recipients.
    let count = cedrat_relay::guard::bare_id(&result.transaction_id)
        .rsplit_once('.')
        .and_then(|(_, count)| count.parse::<usize>().ok())
        .unwrap_or(MOST_RECIPIENTS)
        .clamp(1, MOST_RECIPIENTS);
    let mut found: Vec<Awaited> = Vec::new();
    for key in response::answer_keys(&source.peer.id, result) {
        for position in 0..count {
            let key = ResponseKey { peer: source.peer.id.clone(), token: settle::numbered(&key, position) };
            if let Some(awaited) = store.awaited(&key).await.map_err(store_refusal)?
                && awaited.state == State::Awaiting
            {
                found.push(awaited);
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    Ok(found)
}
