//! From a stored message to one that fits the handset: which profile applies, and everything
//! that touches the world on the way (workers, cache, documents fetched from vendors).
//!
//! What a profile says and what must change is decided in `cedrat-plan`; nothing is decoded in
//! this process.

pub mod adapt;
mod cache;
mod desk;
pub mod fit;
pub mod guard;
pub mod notice;
pub mod profiles;
mod words;

use cedrat_plan::limits::Limits;

pub use cache::Entry;
pub use desk::Source;
pub use words::Written;

use crate::{
    events::Events,
    store::Store,
    workers::{self, Workers},
};

/// Everything that conversions share.
pub struct Media {
    workers: Workers,
    cache: cache::Cache,
    /// Where the cache goes on; `None` = memory only.
    store: Option<Store>,
    /// What is given to a decoder at most.
    pub limits: Limits,
}

impl Media {
    /// Conversions by these workers.
    pub fn new(workers: Workers, store: Option<Store>) -> Self {
        Self { workers, cache: cache::Cache::default(), store, limits: Limits::default() }
    }

    /// Conversions outside of a gateway.
    ///
    /// # Errors
    /// There is no worker program, or it cannot be shut in here.
    pub async fn alone() -> Result<Self, String> {
        let program = workers::find().ok_or_else(|| {
            format!(
                "{} is neither beside this program nor on the PATH; it converts media: build or install it",
                workers::PROGRAM
            )
        })?;
        let events = Events::new(None, false, None);
        let settings = workers::Settings { spares: 0, ..workers::Settings::new(program) };
        let workers = Workers::start(settings, events).await?;
        Ok(Self::new(workers, None))
    }
}
