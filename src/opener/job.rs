//! What an opener is asked, and what it says while it works.

use std::path::PathBuf;

use cedrat_keyring::{
    consent::{Pattern, Signature},
    signed::Overall,
    wire::Format,
};
use cedrat_plan::profile::Profile;
use serde::{Deserialize, Serialize};

use super::sign::Signatory;

/// One message to be opened, converted and closed again. Before it goes the content key; after it the header
/// of the mail and the body of its encrypted part, as [`Within`] says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// What it is encrypted as, and is again.
    pub format: Format,
    /// SHA-256 of the CMS structure, or the OpenPGP packets, that the key was given for.
    pub sha256: [u8; 32],
    /// What follows.
    pub within: Within,
    /// How the content is handled.
    pub policy: Policy,
    /// What the handset takes.
    pub profile: Profile,
    /// Whom the gateway signs the result as, where the policy says that it does.
    pub signatory: Option<Signatory>,
    /// The certificate that the result is encrypted to, DER or a transferable public key; none = in clear.
    pub certificate: Option<Vec<u8>>,
    /// Who receives it, as [`cedrat_message::Address`] displays it.
    pub recipient: String,
    /// Who converts media.
    pub workers: WorkerSettings,
    /// Directory of mapping tables that override those of the program.
    pub mappings: Option<PathBuf>,
    /// Name of this gateway.
    pub host: String,
    /// Domain of numbers.
    pub number_domain: String,
    /// Name of the message in this gateway, from which boundaries are made.
    pub id: String,
    /// Milliseconds since 1970.
    pub now: i64,
}

/// Where in a mail its encrypted content stands. The rest of the mail is not needed to open it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Within {
    /// Octets of the header of the mail, with the empty line after it.
    pub head: u64,
    /// Where the body of the encrypted part begins.
    pub start: u64,
    /// Octets of that body, as it is encoded.
    pub octets: u64,
    /// Its Content-Transfer-Encoding.
    pub encoding: String,
}

/// How the content is handled: the configuration narrowed by the consent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Policy {
    /// Whether content without integrity may be treated as content with it.
    pub trust_cbc: bool,
    /// What becomes of a signature.
    pub signature: Signature,
    /// Media types that may be converted.
    pub may: Vec<Pattern>,
    /// Whether the result is written for old clients (EnvelopedData, AES-256-CBC).
    pub old_client: bool,
}

/// [`crate::workers::Settings`] for another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkerSettings {
    /// The program.
    pub program: PathBuf,
    /// Whether it runs on a kernel that cannot shut it in as it should.
    pub best_effort: bool,
    /// Longest time for a still and for anything else, milliseconds.
    pub deadlines_ms: (u64, u64),
    /// Address space of a worker, octets.
    pub memory: u64,
    /// Its environment.
    pub environment: Vec<(String, String)>,
}

/// What an opener says. Nothing of it is secret, and nothing says why a key did not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "said")]
pub enum Said {
    /// The key fits the content.
    Verified,
    /// It does not, whatever the reason.
    NotUsable,
    /// The key fits, but nothing could be made of the content.
    Failed {
        /// Why, for the operator; about structure, never about content.
        why: String,
    },
    /// The mail as it is now follows, so many octets of it.
    Done {
        /// Octets that follow.
        octets: u64,
        /// What was changed, a sentence each.
        changes: Vec<String>,
        /// What a verification of the signatures came to; none = it was not signed.
        signature: Option<Overall>,
    },
}
