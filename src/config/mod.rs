//! The configuration: what one `cedrat.toml` says, read whole or refused whole.
//!
//! Reading is in [`load`], one pass that finds every fault; cross-checks between sections are in
//! `check`. The commented example `cedrat.toml` at the top of the repository states every option
//! with its unit and default, and a test holds it to these types.

mod check;
pub mod handoff;
pub mod http;
pub mod imap;
mod load;
pub mod mailbox;
pub mod media;
pub mod read;
mod routes;
pub mod tables;
pub mod workers;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use cedrat_relay::{peer::Peer as PeerPolicy, route::Rule};
use cedrat_wire_mms::quirks::Quirks;

pub use load::load;
pub use read::{Fault, octets};

/// The whole of it.
#[derive(Debug, Clone)]
pub struct Config {
    /// Our name: EHLO, Received, Message-ID, reporting MTA.
    pub host: String,
    /// Name of this process among those that share a store; the host's when not set.
    pub node: String,
    /// Directory of everything that is kept.
    pub data: PathBuf,
    /// Where the queue is.
    pub store: Store,
    /// MM4 side.
    pub mm4: Mm4,
    /// Internet mail side.
    pub mail: Mail,
    /// Our certificate, for STARTTLS and implicit TLS.
    pub tls: Option<Tls>,
    /// Front doors for conversions.
    pub http: Arc<http::Http>,
    /// Admin port for metrics and health.
    pub admin: Option<SocketAddr>,
    /// Log and charging records.
    pub events: EventOutput,
    /// How long things are kept.
    pub retention: Retention,
    /// Whose handset is which.
    pub media: media::MediaRules,
    /// Who converts.
    pub conversion: workers::Conversion,
    /// Key handoff; `None` = encrypted mail is carried as it is.
    pub handoff: Option<handoff::Handoff>,
    /// Mailboxes whose messages enter the gateway.
    pub imap: Vec<imap::Account>,
    /// Numbers that stand for e-mail addresses.
    pub alias: Option<String>,
    /// Name servers; empty = the system's.
    pub resolvers: Vec<SocketAddr>,
    /// Who connects and where things go.
    pub peers: Vec<Peer>,
    /// Where messages go, in order.
    pub routes: Vec<Rule>,
    /// Tests that `cedrat check` runs.
    pub tests: Vec<RouteTest>,
    /// Bounds of the process.
    pub limits: ProcessLimits,
    /// Directory with mapping tables that override the built-in ones.
    pub mappings: Option<PathBuf>,
    /// SHA-256 of the text, first 12 hexadecimal digits.
    pub digest: String,
}

/// Where the queue and the bodies are.
#[derive(Debug, Clone)]
pub struct Store {
    /// `sqlite:PATH` or `postgres://...`.
    pub url: String,
    /// Directory, or `s3://bucket/prefix`, of bodies above 64 kB.
    pub blobs: String,
    /// Options of the S3 client, such as `endpoint` and `region`.
    pub blob_options: Vec<(String, String)>,
}

/// The MM4 side.
#[derive(Debug, Clone)]
pub struct Mm4 {
    /// Where we listen.
    pub listen: Vec<SocketAddr>,
    /// Where we listen with TLS from the first octet.
    pub listen_tls: Vec<SocketAddr>,
    /// Our MMS domain: `+E164/TYPE=PLMN@domain`.
    pub domain: String,
    /// Where the answers of peers go, `local@domain`.
    pub system_address: String,
    /// Largest message, octets on the wire.
    pub max_octets: u64,
}

/// The Internet mail side (MM3).
#[derive(Debug, Clone)]
pub struct Mail {
    /// Where we listen.
    pub listen: Vec<SocketAddr>,
    /// Where we listen with TLS from the first octet.
    pub listen_tls: Vec<SocketAddr>,
    /// Where we listen for LMTP.
    pub listen_lmtp: Vec<SocketAddr>,
    /// Submission ports: AUTH required, FUTURERELEASE offered.
    pub listen_submission: Vec<SocketAddr>,
    /// Domains whose local parts are numbers: mail to them becomes MMS.
    pub domains: Vec<String>,
    /// Domain that makes a number an e-mail address; one of `domains`.
    pub number_domain: String,
    /// Largest message, octets on the wire.
    pub max_octets: u64,
    /// Whether a DSN is sent after a message waited for so long; 0 = never.
    pub delay_notice_ms: u64,
    /// Remove quoted history from mail that becomes MMS.
    pub cut_quotes: bool,
    /// Remove what follows a signature delimiter.
    pub cut_signature: bool,
    /// How the presentation of an MMS is carried in mail.
    pub presentation: Presentation,
    /// SPF, DKIM and DMARC of mail from peers that ask for the check.
    pub authentication: Authentication,
    /// Signing of what leaves.
    pub dkim: Vec<Dkim>,
}

/// How the SMIL of an MMS is carried in mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presentation {
    /// Left out.
    Drop,
    /// Shown as HTML beside the text.
    Html,
    /// Last attachment of a multipart/mixed.
    Mixed,
    /// Root of a multipart/related.
    Related,
}

/// What is done with SPF, DKIM and DMARC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Checked, stated in Authentication-Results, and a DMARC policy of reject is followed.
    Enforce,
    /// Not checked.
    Off,
    /// Checked and stated.
    Report,
}

/// One DKIM signature.
#[derive(Debug, Clone)]
pub struct Dkim {
    /// Domain signed for.
    pub domain: String,
    /// Selector.
    pub selector: String,
    /// PEM file, PKCS #8 Ed25519 or RSA PKCS #1/#8.
    pub key: PathBuf,
}

/// Our certificate.
#[derive(Debug, Clone)]
pub struct Tls {
    /// PEM chain.
    pub certificate: PathBuf,
    /// PEM key.
    pub key: PathBuf,
    /// Who issues client certificates that identify peers.
    pub clients: Option<ClientAuthority>,
}

/// Who issues certificates that clients connect with.
#[derive(Debug, Clone)]
pub struct ClientAuthority {
    /// PEM file of its certificates.
    pub ca: PathBuf,
    /// PEM files of its revocation lists. With one, a certificate is taken only if a list of its issuer is there.
    pub crl: Vec<PathBuf>,
}

/// Log and charging records.
#[derive(Debug, Clone)]
pub struct EventOutput {
    /// `stdout`, `stderr`, `none` or a file.
    pub log: String,
    /// Whether whole addresses are logged.
    pub reveal: bool,
    /// File of charging records.
    pub cdr: Option<PathBuf>,
}

/// How long things are kept, milliseconds.
#[derive(Debug, Clone)]
pub struct Retention {
    /// Content of messages that are settled.
    pub content_ms: u64,
    /// What reports are matched against.
    pub outcomes_ms: u64,
    /// Traces.
    pub trace_ms: u64,
    /// How long a repeated message is recognised.
    pub duplicates_ms: u64,
    /// How long a message of a mailbox is, after it was taken.
    pub mailboxes_ms: u64,
}

/// Who a peer is and how it is spoken to.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Name in routes, logs and metrics.
    pub id: String,
    /// What it speaks.
    pub protocol: PeerProtocol,
    /// Who it is and what it may.
    pub policy: PeerPolicy,
    /// Where messages for it go; `None` = it only sends to us.
    pub next_hop: Option<NextHop>,
    /// How TLS is made towards it.
    pub tls: PeerTls,
    /// How we authenticate there.
    pub credentials: Option<Credentials>,
    /// Users that may authenticate here as this peer, with their passwords.
    pub users: Vec<(String, Secret)>,
    /// Whether AUTH is allowed without TLS.
    pub auth_in_clear: bool,
    /// The account there, for IMAP.
    pub mailbox: Option<mailbox::Mailbox>,
    /// Its MMS domain, for envelope addresses.
    pub domain: Option<String>,
    /// Its deviations.
    pub quirks: Quirks,
    /// Names of the profiles that `quirks` was made of.
    pub quirk_names: Vec<String>,
    /// How its numbers become international.
    pub numbers: cedrat_relay::number::NumberRules,
    /// Largest message that it takes, octets on the wire; `None` = not said.
    pub out_max_octets: Option<u64>,
    /// What the handsets behind it take.
    pub media: media::PeerMedia,
    /// Messages per second towards it.
    pub out_rate: Option<cedrat_relay::bucket::Rate>,
    /// Connections at once towards it.
    pub max_connections: u32,
    /// Port of mail exchangers.
    pub mx_port: u16,
    /// Whether mail exchangers may be at private addresses.
    pub mx_private: bool,
    /// Messages over one connection.
    pub max_per_connection: u32,
    /// How long a message is tried, milliseconds.
    pub lifetime_ms: u64,
    /// Whether e-mail addresses go to it as they are or as numbers of the alias pool.
    pub mail_originators: MailOriginators,
    /// Whether SPF, DKIM and DMARC are checked on what it sends.
    pub authenticate_mail: bool,
    /// Whether it says what became of messages; `false` = accepted is all that will be known.
    pub line_ends_normalize: bool,
}

/// What a peer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerProtocol {
    /// IMAP: messages are put into its mailboxes.
    Imap,
    /// LMTP.
    Lmtp,
    /// SMTP.
    Mail,
    /// MM4.
    Mm4,
}

/// How an e-mail originator is named to an MM4 peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOriginators {
    /// By a number of the alias pool.
    Alias,
    /// By the e-mail address.
    Keep,
}

/// Where messages for a peer go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextHop {
    /// To this host and port.
    Host(String, u16),
    /// To the mail exchangers of the recipient's domain.
    Mx,
}

/// How TLS is made towards a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerTls {
    /// How strongly.
    pub mode: TlsMode,
    /// CA to verify with; `None` = the system's.
    pub ca: Option<PathBuf>,
    /// Name that the certificate must have; `None` = the host's.
    pub name: Option<String>,
    /// Whether our own certificate is presented.
    pub present_certificate: bool,
}

/// How strongly a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// TLS from the first octet, verified.
    Implicit,
    /// Clear text.
    None,
    /// STARTTLS when offered, nothing verified.
    Opportunistic,
    /// STARTTLS, verified.
    Verify,
}

/// How we authenticate.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// User.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// A text that no output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A test of routing that `cedrat check` runs.
#[derive(Debug, Clone)]
pub struct RouteTest {
    /// Sender.
    pub from: String,
    /// Recipient.
    pub to: String,
    /// Size.
    pub octets: u64,
    /// Rule that must match.
    pub route: String,
    /// Peer that must come out, if stated.
    pub peer: Option<String>,
    /// Where it stands in the file.
    pub line: usize,
}

/// Bounds of the process.
#[derive(Debug, Clone)]
pub struct ProcessLimits {
    /// Sessions at once over all peers.
    pub max_sessions: u64,
    /// Octets of messages in memory at once before further ones are put off.
    pub max_octets_in_flight: u64,
    /// Recipients of one message.
    pub max_recipients: u64,
    /// Received lines before a message counts as going in circles.
    pub max_hops: u64,
    /// Parts of one message.
    pub max_parts: u64,
    /// Levels of one message.
    pub max_depth: u64,
    /// Deliveries at work at once.
    pub max_deliveries: u64,
    /// How long a claim holds without being renewed, milliseconds. Longer than any pause of a
    /// healthy process, shorter than anybody's patience after a crash of one node among several.
    pub lease_ms: i64,
}

impl Config {
    /// The peer of that name.
    pub fn peer(&self, id: &str) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.id == id)
    }
}
