//! What the front doors ask of the house behind them: profiles, conversions, memory and the
//! settings in force. One small trait, so that the doors can be tested without a worker.

use std::sync::Arc;

use bytes::Bytes;
use cedrat_plan::{facts::Claim, job::Fault, profile::Profile};
use futures_util::future::BoxFuture;
use rustls::ServerConfig;

use crate::{config::http::Http, gateway::Gateway};

pub use crate::media::fit::One;

/// Memory taken for a request; given back when it is dropped.
pub type Memory = Box<dyn Send + Sync>;

/// The house behind the doors.
pub trait Core: Send + Sync + 'static {
    /// The settings in force; a reload replaces them between two requests.
    fn config(&self) -> Arc<Http>;

    /// Our side of TLS, where [`Http::tls`] says so.
    fn tls(&self) -> Option<Arc<ServerConfig>>;

    /// Names of all profiles, sorted.
    fn profiles(&self) -> Vec<String>;

    /// The profile of that name, complete.
    fn profile(&self, name: &str) -> Option<Profile>;

    /// Takes memory for so many octets; `None` when what is in flight fills the bound.
    fn memory(&self, octets: u64) -> Option<Memory>;

    /// Where keys are handed over; `None` = nowhere here.
    fn handoff(&self) -> Option<Arc<Gateway>> {
        None
    }

    /// Makes one part fit a profile; `max_octets` counts octets of the result as they are, without
    /// transfer encoding.
    ///
    /// # Errors
    /// Why there is no result.
    fn convert<'a>(
        &'a self,
        octets: Bytes,
        claim: Claim<'a>,
        profile: &'a Profile,
        max_octets: Option<u64>,
    ) -> BoxFuture<'a, Result<One, Fault>>;
}
