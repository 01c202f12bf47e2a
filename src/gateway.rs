//! What every part of the running gateway shares: the settings that a reload replaces as a whole,
//! the store, the events, and the counters of what is in use.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use cedrat_mapping::Tables;
use cedrat_message::{Address, Blame, Reason, Refusal};
use cedrat_relay::{
    alias::AliasPool as Pool,
    number::NumberRules,
    peer::{Peer as PeerPolicy, Usage},
    route::{Action, RouteTable},
};
use rustls::{ClientConfig, ServerConfig};
use tokio::sync::{Semaphore, watch};

use crate::{
    adapters::smtp::{dkim::Signers, dns::Resolver},
    config::{ClientAuthority, Config, Peer, TlsMode},
    events::Events,
    handoff,
    media::{Media, profiles::Profiles},
    pump::{Dispatcher, Flights},
    store::Store,
    tls,
};

/// Everything that one configuration makes; immutable, replaced as a whole by a reload.
pub struct Settings {
    /// The configuration.
    pub config: Config,
    /// Mapping tables, operator's over built-in.
    pub tables: Tables,
    /// Compiled routes.
    pub routes: RouteTable,
    /// The same without the rules that hold, for what the operator has released.
    pub released: RouteTable,
    /// Policies of the peers that connect for MM4, and of those that connect for mail.
    pub policies: [Vec<PeerPolicy>; 2],
    /// Our side of TLS.
    pub server_tls: Option<Arc<ServerConfig>>,
    /// That of HTTP, whose clients may have an authority of their own.
    pub http_tls: Option<Arc<ServerConfig>>,
    /// Client side of TLS by peer.
    pub client_tls: HashMap<String, Arc<ClientConfig>>,
    /// Client side of TLS of mailboxes by the file of their roots; `None` is those of the system.
    pub mailbox_tls: HashMap<Option<PathBuf>, Arc<ClientConfig>>,
    /// DKIM keys.
    pub signers: Signers,
    /// Alias numbers.
    pub aliases: Option<Pool>,
    /// Name resolution.
    pub resolver: Resolver,
    /// What the handsets of recipients take.
    pub profiles: Profiles,
    /// Whose clients may hand over keys.
    pub handoff: Option<handoff::Accounts>,
}

impl Settings {
    /// Builds what the configuration names: routes, certificates, keys.
    ///
    /// # Errors
    /// Every file that cannot be used, one line each.
    pub fn build(config: Config, tables: Tables) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut keep = |result: Result<(), String>| {
            if let Err(fault) = result {
                faults.push(fault);
            }
        };
        let routes = RouteTable::new(NumberRules::default(), config.routes.clone()).unwrap_or_else(|found| {
            keep(Err(format!("routes cannot be used: {found:?}")));
            RouteTable::default()
        });
        let going = config.routes.iter().filter(|rule| rule.action != Action::Hold).cloned().collect();
        let released = RouteTable::new(NumberRules::default(), going).unwrap_or_default();
        let (mut server_tls, mut http_tls) = (None, None);
        if let Some(configured) = &config.tls {
            let build = |clients: Option<&ClientAuthority>| {
                tls::Identity::read(&configured.certificate, &configured.key)
                    .and_then(|identity| tls::server(identity, clients))
            };
            keep(build(configured.clients.as_ref()).map(|built| server_tls = Some(built)));
            http_tls.clone_from(&server_tls);
            if let Some(own) = &config.http.client_authority {
                keep(build(Some(own)).map(|built| http_tls = Some(built)));
            }
        }
        let mut client_tls = HashMap::new();
        for peer in
            config.peers.iter().filter(|peer| peer.next_hop.is_some() && peer.tls.mode != TlsMode::None)
        {
            let identity = match &config.tls {
                Some(own) if peer.tls.present_certificate => {
                    tls::Identity::read(&own.certificate, &own.key).map(Some)
                }
                _ => Ok(None),
            };
            let verify = matches!(peer.tls.mode, TlsMode::Verify | TlsMode::Implicit);
            let built = identity.and_then(|identity| tls::client(verify, peer.tls.ca.as_deref(), identity));
            keep(
                built
                    .map(|built| drop(client_tls.insert(peer.id.clone(), built)))
                    .map_err(|fault| format!("peer {}: {fault}", peer.id)),
            );
        }
        let mut mailbox_tls = HashMap::new();
        for account in config.imap.iter().filter(|account| account.tls.mode != TlsMode::None) {
            // One for all that trust the same roots: a thousand accounts have no thousand copies of them.
            if !mailbox_tls.contains_key(&account.tls.ca) {
                let built = tls::client(true, account.tls.ca.as_deref(), None);
                keep(
                    built
                        .map(|built| drop(mailbox_tls.insert(account.tls.ca.clone(), built)))
                        .map_err(|fault| format!("mailbox {}: {fault}", account.id)),
                );
            }
        }
        let signers = Signers::read(&config.mail.dkim).unwrap_or_else(|fault| {
            keep(Err(fault));
            Signers::default()
        });
        let mut aliases = None;
        if let Some(pool) = &config.alias {
            keep(
                pool.parse()
                    .map(|pool| aliases = Some(pool))
                    .map_err(|f: cedrat_relay::alias::PoolFault| f.to_string()),
            );
        }
        let resolver = match Resolver::new(&config.resolvers) {
            Ok(resolver) => Some(resolver),
            Err(fault) => {
                keep(Err(fault));
                None
            }
        };
        let profiles = match Profiles::build(&config, &tables) {
            Ok(profiles) => Some(profiles),
            Err(found) => {
                found.into_iter().for_each(|fault| keep(Err(fault)));
                None
            }
        };
        let mut accounts = None;
        if let Some(configured) = &config.handoff {
            match handoff::Accounts::read(configured) {
                Ok(read) => accounts = Some(read),
                Err(found) => found.into_iter().for_each(|fault| keep(Err(fault))),
            }
        }
        let of = |mm4: bool| {
            config
                .peers
                .iter()
                .filter(|peer| (peer.protocol == crate::config::PeerProtocol::Mm4) == mm4)
                .map(|peer| peer.policy.clone())
                .collect()
        };
        let policies = [of(true), of(false)];
        match (resolver, profiles) {
            (Some(resolver), Some(profiles)) if faults.is_empty() => Ok(Self {
                config,
                tables,
                routes,
                released,
                policies,
                server_tls,
                http_tls,
                client_tls,
                mailbox_tls,
                signers,
                aliases,
                resolver,
                profiles,
                handoff: accounts,
            }),
            _ => Err(faults),
        }
    }

    /// The peer of that name.
    pub fn peer(&self, id: &str) -> Option<&Peer> {
        self.config.peer(id)
    }

    /// Whether a number is of the alias pool.
    pub fn is_alias(&self, address: &Address) -> bool {
        match (&self.aliases, address) {
            (Some(pool), Address::Number(number)) => pool.is_alias(number),
            _ => false,
        }
    }
}

/// The running gateway.
pub struct Gateway {
    settings: RwLock<Arc<Settings>>,
    /// The queue and everything durable.
    pub store: Store,
    /// What happened.
    pub events: Events,
    /// Conversions; empty where media are not converted.
    pub media: OnceLock<Media>,
    /// Keys that are waited for.
    pub handoff: handoff::Desk,
    /// Deliveries.
    pub dispatcher: Dispatcher,
    /// Copies on the wire.
    pub flights: Flights,
    usage: Mutex<HashMap<String, Usage>>,
    /// Octets of messages that may still come into memory.
    memory: Arc<Semaphore>,
    sessions: AtomicU64,
    /// Made up once per process; see the server session's configuration.
    pub unknown_user_secret: [u8; 32],
    /// Work that must be finished before the store is closed.
    pub tasks: tokio_util::task::TaskTracker,
    /// Turns true when the process stops.
    pub shutdown: watch::Sender<bool>,
    /// Changes with the settings.
    pub reloaded: watch::Sender<()>,
    /// Whether messages are taken.
    pub ready: AtomicBool,
}

/// The unit in which memory is counted, octets.
const MEMORY_UNIT: u64 = 1024;

impl Gateway {
    /// A gateway that takes nothing yet.
    pub fn new(settings: Settings, store: Store, events: Events) -> Arc<Self> {
        let units = usize::try_from(settings.config.limits.max_octets_in_flight / MEMORY_UNIT).unwrap_or(0);
        Arc::new(Self {
            settings: RwLock::new(Arc::new(settings)),
            store,
            events,
            media: OnceLock::new(),
            handoff: handoff::Desk::default(),
            dispatcher: Dispatcher::default(),
            flights: Flights::default(),
            usage: Mutex::default(),
            memory: Arc::new(Semaphore::new(units.clamp(1024, Semaphore::MAX_PERMITS))),
            sessions: AtomicU64::new(0),
            unknown_user_secret: crate::clock::entropy(),
            tasks: tokio_util::task::TaskTracker::new(),
            shutdown: watch::Sender::new(false),
            reloaded: watch::Sender::new(()),
            ready: AtomicBool::new(false),
        })
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts new settings in force; sessions that are open keep theirs.
    pub fn replace_settings(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        self.reloaded.send_replace(());
    }

    /// Works with the usage of a peer.
    pub fn with_usage<T>(&self, peer: &str, work: impl FnOnce(&mut Usage) -> T) -> T {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        work(usage.entry(peer.to_owned()).or_default())
    }

    /// Counts a session over all peers.
    ///
    /// # Errors
    /// `CongestedHere` beyond `limits.max_sessions`.
    pub fn open_session(self: &Arc<Self>, most: u64) -> Result<SessionPlace, Refusal> {
        if self.sessions.fetch_add(1, Ordering::AcqRel) >= most {
            self.sessions.fetch_sub(1, Ordering::AcqRel);
            return Err(Refusal::new(
                Reason::CongestedHere,
                Blame::Ours,
                format!("limits.max_sessions is {most}"),
            ));
        }
        Ok(SessionPlace(self.clone()))
    }

    /// Takes memory for so many octets; given back when the permit is dropped.
    ///
    /// # Errors
    /// `CongestedHere` when messages in flight fill the limit.
    pub fn memory(&self, octets: u64) -> Result<tokio::sync::OwnedSemaphorePermit, Refusal> {
        let units = u32::try_from(octets.div_ceil(MEMORY_UNIT)).unwrap_or(u32::MAX);
        self.memory.clone().try_acquire_many_owned(units).map_err(|_| {
            Refusal::new(Reason::CongestedHere, Blame::Ours, "limits.max_octets_in_flight is in use")
        })
    }
}

impl crate::admin::Readiness for Gateway {
    fn readiness(&self) -> (bool, String) {
        let settings = self.settings();
        let ready = self.ready.load(Ordering::Acquire);
        let state = if ready { "ready" } else { "not ready" };
        (
            ready,
            format!(
                "{state} config={} sessions={}",
                settings.config.digest,
                self.sessions.load(Ordering::Relaxed)
            ),
        )
    }
}

/// One session's place among `max_sessions`.
pub struct SessionPlace(Arc<Gateway>);

impl Drop for SessionPlace {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::AcqRel);
    }
}
