//! Conversions that need not be made twice, by what was converted and into what: in memory first,
//! then where the blobs are, where every node finds them.
//!
//! Bounded in both places; the oldest goes first. A lost or unreadable entry is a conversion more,
//! never a fault. What came out of an encrypted message is never given to it; see
//! [`super::fit::Secrecy`].

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use cedrat_plan::job::{Made, Target};
use sha2::{Digest as _, Sha256};

use crate::store::Store;

/// Changes whenever a worker makes something else of the same part and target.
const ENGINE: u32 = 1;
/// Octets kept in memory: the parts of a few hundred messages.
const MEMORY: usize = 64 << 20;

/// What was made.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Facts and notes.
    pub made: Made,
    /// The octets.
    pub octets: Bytes,
}

/// Names a conversion: hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// The name of making `target` from a part with this SHA-256.
    pub fn new(part: &[u8; 32], target: &Target) -> Option<Self> {
        let mut hash = Sha256::new();
        hash.update(ENGINE.to_be_bytes());
        hash.update(part);
        hash.update(serde_json::to_vec(target).ok()?);
        Some(Self(hash.finalize().iter().map(|octet| format!("{octet:02x}")).collect()))
    }
}

/// Held while somebody makes a conversion: others wait and then find it.
pub type Flight = Arc<tokio::sync::Mutex<()>>;

#[derive(Debug, Default)]
struct Held {
    entries: HashMap<Key, Entry>,
    order: VecDeque<Key>,
    octets: usize,
    flights: HashMap<Key, Flight>,
}

/// The cache.
#[derive(Debug, Default)]
pub struct Cache {
    held: Mutex<Held>,
}

impl Cache {
    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock of this conversion.
    pub fn flight(&self, key: &Key) -> Flight {
        self.held().flights.entry(key.clone()).or_default().clone()
    }

    /// Forgets the lock once nobody waits for it.
    pub fn land(&self, key: &Key, flight: Flight) {
        let mut held = self.held();
        drop(flight);
        if held.flights.get(key).is_some_and(|flight| Arc::strong_count(flight) == 1) {
            held.flights.remove(key);
        }
    }

    /// What was made before.
    pub async fn find(&self, store: Option<&Store>, key: &Key) -> Option<Entry> {
        if let Some(entry) = self.held().entries.get(key) {
            return Some(entry.clone());
        }
        let packed = store?.take_made(&key.0).await.ok()??;
        let entry = unpack(packed)?;
        self.hold(key, &entry);
        Some(entry)
    }

    /// Keeps what was made. A store that takes nothing now costs a conversion later, no more.
    pub async fn keep(&self, store: Option<&Store>, key: &Key, entry: &Entry) {
        self.hold(key, entry);
        if let (Some(store), Some(packed)) = (store, pack(entry)) {
            drop(store.put_made(&key.0, packed).await);
        }
    }

    fn hold(&self, key: &Key, entry: &Entry) {
        let mut held = self.held();
        if entry.octets.len() > MEMORY || held.entries.contains_key(key) {
            return;
        }
        held.octets += entry.octets.len();
        held.entries.insert(key.clone(), entry.clone());
        held.order.push_back(key.clone());
        while held.octets > MEMORY {
            let Some(oldest) = held.order.pop_front() else { break };
            if let Some(gone) = held.entries.remove(&oldest) {
                held.octets -= gone.octets.len();
            }
        }
    }
}

/// Length of the JSON, four octets, the JSON, the octets.
fn pack(entry: &Entry) -> Option<Bytes> {
    let json = serde_json::to_vec(&entry.made).ok()?;
    let mut packed = Vec::with_capacity(4 + json.len() + entry.octets.len());
    packed.extend_from_slice(&u32::try_from(json.len()).ok()?.to_be_bytes());
    packed.extend_from_slice(&json);
    packed.extend_from_slice(&entry.octets);
    Some(packed.into())
}

fn unpack(packed: Bytes) -> Option<Entry> {
    let (length, rest) = packed.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let made = serde_json::from_slice(rest.get(..length)?).ok()?;
    Some(Entry { made, octets: packed.slice(4 + length..) })
}
