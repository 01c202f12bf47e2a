//! What can go wrong in the store, said so that an operator knows the place and the remedy.
//!
//! The variants are classes of consequence, not of cause: `Full` and `Unavailable` are temporary and become a
//! 4xx towards the sender, `Conflict` condemns one operation, the others stop the start. A failed sync never
//! appears here, because the process ends instead (`committer.rs`).

use std::fmt;

/// A failure of the store. Cloned to every operation of a batch that failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The blob store did not take or give a body.
    Blob {
        /// Where the blobs live.
        place: String,
        /// What the blob store said.
        detail: String,
    },
    /// The store was closed; nothing was stored.
    Closed,
    /// One operation contradicts what is stored (a missing message, an id used twice); only it was refused.
    Conflict {
        /// The database.
        place: String,
        /// What the database said.
        detail: String,
    },
    /// The database is damaged or its device failed.
    Damaged {
        /// The database.
        place: String,
        /// What the database said.
        detail: String,
    },
    /// No space is left. Refuse with 452 4.3.1 and try again later: the store recovers by itself.
    Full {
        /// The database.
        place: String,
    },
    /// Another gateway process has this database.
    InUse {
        /// The lock file.
        place: String,
    },
    /// The schema was written by a later version of the program.
    NewerSchema {
        /// The database.
        place: String,
        /// Version found in the database.
        found: i64,
        /// Newest version this program knows.
        known: i64,
    },
    /// The database does not answer now: locked by another program, or the connection was lost. Whether the
    /// operation was stored is unknown; the duplicate filter and the fences make a repetition harmless.
    Unavailable {
        /// The database.
        place: String,
        /// What the database said.
        detail: String,
    },
    /// A setting under which acknowledged messages can be lost.
    Unsafe {
        /// The database.
        place: String,
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// The value that is safe.
        wanted: &'static str,
    },
}

impl StoreError {
    /// Whether the same operation may succeed later without anybody's help.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Blob { .. } | Self::Full { .. } | Self::Unavailable { .. })
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blob { place, detail } => {
                write!(
                    f,
                    "the blob store {place} failed: {detail}; check that it exists, is writable and has space"
                )
            }
            Self::Closed => f.write_str("the store is closed: the gateway is shutting down"),
            Self::Conflict { place, detail } => {
                write!(f, "the database {place} refused an operation: {detail}")
            }
            Self::Damaged { place, detail } => write!(
                f,
                "the database {place} or its device is damaged: {detail}; stop the gateway, check the device, restore a copy"
            ),
            Self::Full { place } => {
                write!(
                    f,
                    "no space left for the database {place}: free some; new messages are refused until then"
                )
            }
            Self::InUse { place } => {
                write!(f, "another gateway runs on this database (it holds the lock {place}): stop it first")
            }
            Self::NewerSchema { place, found, known } => write!(
                f,
                "the database {place} has schema version {found}, this program knows versions up to {known}: run the newer program"
            ),
            Self::Unavailable { place, detail } => {
                write!(f, "the database {place} does not answer: {detail}; the operation will be tried again")
            }
            Self::Unsafe { place, setting, found, wanted } => write!(
                f,
                "the database {place} runs with {setting} = {found}: acknowledged messages could be lost; set it to {wanted}"
            ),
        }
    }
}

impl std::error::Error for StoreError {}
