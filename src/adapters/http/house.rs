//! The running gateway behind the doors.

use std::sync::Arc;

use bytes::Bytes;
use cedrat_plan::{
    facts::Claim,
    job::{Fault, FaultKind},
    profile::Profile,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use rustls::ServerConfig;

use super::core::{Core, Memory, One};
use crate::{config::http::Http, gateway::Gateway, media::fit};

/// The gateway as the doors see it.
pub struct House(pub Arc<Gateway>);

impl Core for House {
    fn config(&self) -> Arc<Http> {
        self.0.settings().config.http.clone()
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.0.settings().http_tls.clone()
    }

    fn profiles(&self) -> Vec<String> {
        self.0.settings().tables.capability_names().map(str::to_owned).collect()
    }

    fn profile(&self, name: &str) -> Option<Profile> {
        self.0.settings().tables.capability(name).cloned()
    }

    fn memory(&self, octets: u64) -> Option<Memory> {
        self.0.memory(octets).ok().map(|permit| Box::new(permit) as Memory)
    }

    fn handoff(&self) -> Option<Arc<Gateway>> {
        self.0.settings().handoff.is_some().then(|| self.0.clone())
    }

    fn convert<'a>(
        &'a self,
        octets: Bytes,
        claim: Claim<'a>,
        profile: &'a Profile,
        max_octets: Option<u64>,
    ) -> BoxFuture<'a, Result<One, Fault>> {
        async move {
            match self.0.media.get() {
                Some(media) => fit::one(media, octets, &claim, profile, max_octets).await,
                None => Err(Fault::new(FaultKind::NoWorker, "media are not converted here; see [media]")),
            }
        }
        .boxed()
    }
}
