//! Copies that are on the wire at this moment, by the key under which a report on them would be
//! looked for. A quick next hop reports before its 250 has been settled here; such a report waits
//! for the settling instead of finding nothing.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

/// Longest that a report waits. A settling takes milliseconds; beyond this something is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

/// The copies on the wire.
#[derive(Debug, Default)]
pub struct Flights {
    keys: Mutex<HashMap<String, u32>>,
    landed: Notify,
}

impl Flights {
    /// A copy goes out.
    pub fn start(&self, key: String) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
    }

    /// What became of it is committed.
    pub fn land(&self, key: &str) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = keys.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                keys.remove(key);
            }
        }
        drop(keys);
        self.landed.notify_waiters();
    }

    /// Returns once no copy with this key is on the wire; at once for most.
    pub async fn wait(&self, key: &str) {
        let wait = async {
            loop {
                let landed = self.landed.notified();
                if !self.keys.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key) {
                    return;
                }
                landed.await;
            }
        };
        // Past patience the report is looked up all the same.
        drop(tokio::time::timeout(PATIENCE, wait).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_report_waits_for_the_copy_that_is_on_the_wire() {
        let flights = std::sync::Arc::new(Flights::default());
        flights.start("k".into());
        flights.start("k".into());
        let waiting = tokio::spawn({
            let flights = flights.clone();
            async move { flights.wait("k").await }
        });
        tokio::task::yield_now().await;
        flights.land("k");
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        flights.land("k");
        assert!(waiting.await.is_ok());
        flights.wait("other").await;
    }
}
