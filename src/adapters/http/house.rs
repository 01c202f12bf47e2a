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
        self.0.settings().server_tls.clone()
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

    fn convert<'a>(
        &'a self,
        octets: Bytes,
        claim: Claim<'a>,
        profile: &'a Profile,
        max_octets: Option<u64>,
    ) -> BoxFuture<'a, Result<One, Fault>> {
        async move {
            match self.0.media.get() {
                Some(media) => {
                    let limit = profile.max_octets.value.binary().min(max_octets.unwrap_or(u64::MAX));
                    within(fit::one(media, octets, &claim, profile, max_octets).await?, limit)
                }
                None => Err(Fault::new(FaultKind::NoWorker, "media are not converted here; see [media]")),
            }
        }
        .boxed()
    }
}

/// Nothing leaves that is over the limit, whatever a conversion came to: who asked counts on it.
fn within(one: One, limit: u64) -> Result<One, Fault> {
    let octets = one.octets.len() as u64;
    if octets > limit {
        let detail = format!("the smallest that can be made has {octets} octets; {limit} are allowed");
        return Err(Fault::new(FaultKind::CannotFit, detail));
    }
    Ok(one)
}

#[cfg(test)]
mod tests {
    use cedrat_plan::limits::Limits;

    use super::*;

    #[test]
    fn nothing_over_the_limit_leaves() {
        let octets = Bytes::from_static(b"a short text");
        let facts = cedrat_plan::facts::read(&octets, &Claim::default(), &Limits::default());
        let one = One {
            octets,
            from: facts.clone(),
            facts,
            kept: true,
            why: Vec::new(),
            notes: Vec::new(),
            quality: 0,
            encodes: 0,
        };
        assert!(within(one.clone(), 12).is_ok());
        assert!(within(one, 11).is_err_and(|fault| fault.kind == FaultKind::CannotFit));
    }
}
