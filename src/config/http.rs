//! `[http]`: the front doors for conversions (`POST /api/v1/transcode`, `POST /sti`).
//!
//! Tokens are digested as they are read: neither the configuration in memory nor anything printed
//! of it holds one. A profile that is named and not there is a fault.

use std::{collections::BTreeSet, net::SocketAddr};

use cedrat_mapping::Tables;
use sha2::{Digest as _, Sha256};

use super::{
    ClientAuthority,
    load::{client_authority, secret, small, socket, values},
    media::known,
    read::{At, Source, Table},
};

/// Shortest token, characters: 32 hexadecimal digits are 128 bits.
const TOKEN: usize = 32;

/// The HTTP side.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where we listen; empty = no HTTP.
    pub listen: Vec<SocketAddr>,
    /// Whether connections begin with TLS, with the certificate of `[tls]`.
    pub tls: bool,
    /// Who may ask; empty = anybody, on loopback only.
    pub clients: Vec<Client>,
    /// Profile of a request that names none.
    pub profile: String,
    /// Most octets of a request, attachments included.
    pub max_octets: u64,
    /// Most octets of one attachment of an STI request.
    pub max_attachment_octets: u64,
    /// Most conversions (targets of all jobs) of one STI request.
    pub max_jobs: usize,
    /// Conversions of one STI request that run at once.
    pub max_jobs_at_once: usize,
    /// Requests at once; further ones are put off with 503.
    pub max_requests: usize,
    /// Who issues certificates that clients connect with; `None` = who issues those of peers.
    pub client_authority: Option<ClientAuthority>,
    /// Connections at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// How long a client may take for the header of a request, and for its body.
    pub read_timeout_ms: u64,
    /// How long a request may take from its last octet to its answer.
    pub deadline_ms: u64,
}

/// One that may ask.
#[derive(Debug, Clone)]
pub struct Client {
    /// Name in events and metrics.
    pub name: String,
    /// SHA-256 of its token.
    pub token: [u8; 32],
    /// Most octets of a request of its; `None` = [`Http::max_octets`].
    pub max_octets: Option<u64>,
    /// Profiles that it may name; empty = all.
    pub profiles: Vec<String>,
}

impl Client {
    /// Whether it may name this profile.
    pub fn may_use(&self, profile: &str) -> bool {
        self.profiles.is_empty() || self.profiles.iter().any(|name| name == profile)
    }
}

pub(super) fn read(table: Table<'_, '_>, tables: Option<&Tables>) -> Http {
    let number = |key, default: usize| {
        table.number(key).map_or(default, |at| usize::try_from(small(at.value)).unwrap_or(default).max(1))
    };
    let max_octets = table.octets("max_octets").map_or(25_000_000, |at| at.value);
    let tls = table.flag("tls").unwrap_or(false);
    let entries = table.tables("client");
    let profile = table.text("profile");
    if let Some(profile) = &profile {
        known(&table, profile, tables);
    }
    let listen = table.parsed_list("listen", socket);
    for at in listen.iter().filter(|at| !at.value.ip().is_loopback()) {
        exposed(&table, at, !entries.is_empty(), tls);
    }
    let http = Http {
        listen: values(listen),
        tls,
        clients: clients(entries, tables),
        profile: profile.map_or_else(|| "content-basic".into(), |at| at.value),
        max_octets,
        max_attachment_octets: table.octets("max_attachment_octets").map_or(max_octets, |at| at.value),
        max_jobs: number("max_jobs", 16),
        max_jobs_at_once: number("max_jobs_at_once", 2),
        max_requests: number("max_requests", 16),
        client_authority: client_authority(&table),
        max_connections: number("max_connections", 200),
        read_timeout_ms: table.span_ms("read_timeout").map_or(30_000, |at| at.value),
        deadline_ms: table.span_ms("deadline").map_or(120_000, |at| at.value),
    };
    table.finish();
    http
}

/// What others can reach needs a token, and a token needs TLS.
fn exposed(table: &Table<'_, '_>, listen: &At<SocketAddr>, clients: bool, tls: bool) {
    let address = listen.value;
    if !clients {
        table.fault_at(
            listen.at,
            format!(
                "`http.listen` {address} lets anybody use the converters; add an [[http.client]] with a `token`, or listen on 127.0.0.1"
            ),
        );
    }
    if !tls {
        table.fault_at(
            listen.at,
            format!(
                "`http.listen` {address} would take tokens in clear text; set `http.tls = true`, or listen on 127.0.0.1 behind a proxy"
            ),
        );
    }
}

fn clients(entries: Vec<Table<'_, '_>>, tables: Option<&Tables>) -> Vec<Client> {
    let mut names = BTreeSet::new();
    let mut tokens = BTreeSet::new();
    entries
        .into_iter()
        .filter_map(|entry| {
            let name = entry.required("name", "\"mmsc\"");
            let plain = name.value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if !plain || name.value.len() > 64 {
                entry.fault_at(
                    name.at,
                    format!(
                        "`http.client.name` may hold 64 letters, digits, `-`, `_` and `.`, not {:?}",
                        name.value
                    ),
                );
            } else if !name.value.is_empty() && !names.insert(name.value.clone()) {
                entry.fault_at(name.at, format!("there are two HTTP clients named {:?}", name.value));
            }
            let token = secret(&entry, "token");
            match &token {
                None => entry.fault(format!(
                    "the HTTP client {:?} has no `token`; for example token = {{ file = \"/path\" }}",
                    name.value
                )),
                Some(token) if token.expose().len() < TOKEN => entry.fault(format!(
                    "the token of the HTTP client {:?} can be guessed: it has fewer than {TOKEN} characters; make one with `openssl rand -hex 32`",
                    name.value
                )),
                Some(_) => {}
            }
            let token = token.map(|token| <[u8; 32]>::from(Sha256::digest(token.expose().as_bytes())));
            if token.is_some_and(|token| !tokens.insert(token)) {
                entry.fault(format!(
                    "the HTTP client {:?} has the token of another one, so they cannot be told apart",
                    name.value
                ));
            }
            let max_octets = entry.octets("max_octets").map(|at| at.value);
            let profiles = entry.texts("profiles");
            profiles.iter().for_each(|profile| known(&entry, profile, tables));
            let profiles = values(profiles);
            entry.finish();
            Some(Client { name: name.value, token: token?, max_octets, profiles })
        })
        .collect()
}

/// Checks against the other sections.
pub(super) fn check(http: &Http, has_certificate: bool, source: &Source<'_>) {
    if http.tls && !has_certificate {
        source.fault_of_all("`http.tls` needs a certificate; add [tls] with `certificate` and `key`");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use toml::de::DeTable;

    use super::*;

    fn read_text(text: &str) -> (Http, Vec<String>) {
        let source = Source::new("c.toml", text, BTreeMap::new());
        let parsed = DeTable::parse(text).unwrap();
        let top = Table::top(&source, parsed.get_ref());
        let tables = Tables::embedded().unwrap();
        let http = read(top.table("http"), Some(&tables));
        top.finish();
        (http, source.into_faults().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_others_can_reach_needs_a_token_and_tls() {
        let (_, faults) = read_text("[http]\nlisten = [\"127.0.0.1:8080\", \"0.0.0.0:8080\"]\n");
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults.iter().all(|fault| fault.starts_with("c.toml:2:29: `http.listen` 0.0.0.0:8080")));
        assert!(faults.iter().any(|fault| fault.contains("add an [[http.client]]")));
        assert!(faults.iter().any(|fault| fault.contains("set `http.tls = true`")));
        let (http, faults) = read_text(
            "[http]\nlisten = [\"0.0.0.0:8080\"]\ntls = true\n[[http.client]]\nname = \"a\"\ntoken = \"0123456789abcdef0123456789abcdef\"\n",
        );
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(http.clients.len(), 1);
    }

    #[test]
    fn tokens_are_long_different_and_never_kept() {
        let (http, faults) = read_text(
            "[http]\n[[http.client]]\nname = \"a\"\ntoken = \"short\"\n[[http.client]]\nname = \"a\"\ntoken = \"short\"\n\
             [[http.client]]\nname = \"no token\"\n",
        );
        let all = faults.join("\n");
        assert!(all.contains("can be guessed"), "{all}");
        assert!(all.contains("has the token of another one"), "{all}");
        assert!(all.contains("two HTTP clients named"), "{all}");
        assert!(all.contains("has no `token`"), "{all}");
        assert!(all.contains("may hold 64 letters"), "{all}");
        assert!(!format!("{http:?}").contains("short"));
    }

    #[test]
    fn a_profile_that_is_not_there_is_a_fault_where_it_is_named() {
        let (_, faults) = read_text(
            "[http]\nprofile = \"content-basik\"\n[[http.client]]\nname = \"a\"\n\
             token = \"0123456789abcdef0123456789abcdef\"\nprofiles = [\"video-rich\", \"vidio-rich\"]\n",
        );
        assert_eq!(faults.len(), 2, "{faults:?}");
        for (place, words) in
            [("2:11: ", "did you mean \"content-basic\"?"), ("6:27: ", "did you mean \"video-rich\"?")]
        {
            assert!(
                faults.iter().any(|it| it.contains(place) && it.contains(words)),
                "{place}{words} {faults:?}"
            );
        }
    }

    #[test]
    fn an_absent_section_listens_on_nothing() {
        let (http, faults) = read_text("");
        assert!(http.listen.is_empty() && faults.is_empty());
        assert_eq!((http.max_jobs, http.max_octets), (16, 25_000_000));
    }
}
