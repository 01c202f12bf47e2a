//! A connection to a destination, made by the adapter of what its peer speaks.
//!
//! What the adapter could not connect to is settled here; what it did with each message is settled by itself.

use std::{sync::Arc, time::Duration};

use cedrat_message::{Blame, Reason, Refusal};

use super::{Destination, HOLD, Next, settle};
use crate::{
    adapters::{imap, smtp::client},
    config::PeerProtocol,
    events,
    gateway::Gateway,
};

/// Opens a connection and sends what waits for the destination until nothing does.
pub(super) async fn connect_and_send(gateway: &Arc<Gateway>, destination: &Arc<Destination>) {
    let settings = gateway.settings();
    if destination.name == HOLD {
        // Released by the operator: it goes where it would go if no rule held it.
        while let Next::Send(batch) = destination.next(gateway, Duration::ZERO).await {
            settle::reroute(gateway, &batch).await;
            destination.done(&batch);
            destination.idle_again();
        }
        destination.closed(true);
        return;
    }
    let outcome = match settings.peer(destination.peer()) {
        Some(peer) if !peer.policy.state.delivers() => {
            Err(Refusal::new(Reason::PeerSuspended, Blame::Policy, format!("peer {} is suspended", peer.id)))
        }
        Some(peer) if peer.protocol == PeerProtocol::Imap => {
            imap::deliver(gateway, &settings, peer, destination).await
        }
        Some(peer) => client::connect(gateway, &settings, peer, destination).await,
        None => Err(Refusal::new(
            Reason::NoRoute,
            Blame::Policy,
            format!("peer {} is no longer configured", destination.peer()),
        )),
    };
    if let Err(refusal) = outcome {
        gateway.events.tell(&events::Event::Fault {
            what: "next-hop",
            detail: format!("{}: {}", destination.name, refusal.detail.for_operator()),
        });
        for batch in destination.failed() {
            settle::failed(gateway, &batch, &refusal).await;
            destination.done(&batch);
        }
    }
}
