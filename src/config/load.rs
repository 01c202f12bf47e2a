//! `cedrat.toml` → [`Config`]: one function per section, each asking for exactly the keys that the
//! section may hold.

use std::{
    collections::BTreeMap,
    fmt::Display,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use cedrat_mapping::Tables;
use cedrat_relay::{
    bucket::{Quota, Rate},
    number::NumberRules,
    peer::{Peer as PeerPolicy, PeerLimits, PeerState, Scope},
};
use cedrat_wire_mms::quirks::{LineEnds, Quirks};
use sha2::{Digest as _, Sha256};
use toml::de::DeTable;

use super::{
    Authentication, ClientAuthority, Config, Credentials, Dkim, EventOutput, Fault, Mail, MailOriginators,
    Mm4, NextHop, Peer, PeerProtocol, PeerTls, Presentation, ProcessLimits, Retention, RouteTest, Secret,
    Store, Tls, TlsMode, check, handoff, http, imap, mailbox, media,
    read::{At, Source, Table},
    routes, tables, workers,
};

/// Reads a configuration and the mapping tables that it names. `environment` holds the variables
/// that override it.
///
/// # Errors
/// Every fault of the file, in its order, and then every fault of the tables.
pub fn load(
    path: &str,
    text: &str,
    environment: BTreeMap<String, String>,
) -> Result<(Config, Tables), Vec<Fault>> {
    let source = Source::new(path, text, environment);
    let (parsed, faults) = DeTable::parse_recoverable(text);
    for fault in faults {
        let at = fault.span().map_or(0, |span| span.start);
        source.fault(at, format!("not TOML: {}", fault.message().trim()));
    }
    if source.has_faults() {
        return Err(source.into_faults());
    }
    let top = Table::top(&source, parsed.get_ref());
    let mappings = top.text("mappings").map(|at| PathBuf::from(at.value));
    let (sources, mut faults) = mappings.as_deref().map_or_else(Default::default, tables::read);
    let tables = match tables::compile(&sources, None) {
        Ok(tables) => Some(tables),
        Err(found) => {
            faults.extend(found);
            None
        }
    };
    let (config, places) = whole(&top, text, &sources, tables.as_ref());
    top.finish();
    check::check(&config, &places, &source);
    let mut all = source.into_faults();
    all.append(&mut faults);
    match tables {
        Some(tables) if all.is_empty() => Ok((Config { mappings, ..config }, tables)),
        _ => Err(all),
    }
}

/// Where things stand that the cross-checks may have to name.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Octet offset of each peer.
    pub peers: Vec<usize>,
    /// Octet offset of each route.
    pub routes: Vec<usize>,
    /// Octet offset of each handset rule.
    pub handsets: Vec<usize>,
    /// Octet offset of each test.
    pub tests: Vec<usize>,
    /// Octet offset of `[mail]`.
    pub mail: usize,
}

fn whole(
    top: &Table<'_, '_>,
    text: &str,
    sources: &[(String, String)],
    tables: Option<&Tables>,
) -> (Config, Places) {
    let mut places = Places::default();
    let host = top.required("host", "\"gw.example\"");
    if !host.value.is_empty() && !is_host(&host.value) {
        top.fault_at(host.at, format!("`host` must be a host name, not {:?}", host.value));
    }
    let data = PathBuf::from(top.required("data", "\"/var/lib/cedrat\"").value);
    let mail_table = top.table("mail");
    places.mail = mail_table.at();
    let mail = mail(mail_table, &host.value);
    let mm4 = mm4(top.table("mm4"), &host.value);
    let mut peers = Vec::new();
    for table in top.tables("peer") {
        places.peers.push(table.at());
        peers.push(peer(table, sources, tables));
    }
    let mut rules = Vec::new();
    for table in top.tables("route") {
        places.routes.push(table.at());
        rules.push(routes::rule(table));
    }
    let mut tests = Vec::new();
    for table in top.tables("test") {
        places.tests.push(table.at());
        let line = text.get(..table.at()).unwrap_or("").matches('\n').count() + 1;
        tests.push(RouteTest {
            from: table.required("from", "\"+447700900001\"").value,
            to: table.required("to", "\"+447700900002\"").value,
            octets: table.octets("octets").map_or(10_000, |v| v.value),
            route: table.required("route", "\"to-op-b\"").value,
            peer: table.text("peer").map(|v| v.value),
            line,
        });
        table.finish();
    }
    let media_table = top.table("media");
    let handsets = top.tables("handset");
    places.handsets = handsets.iter().map(Table::at).collect();
    let media = media::rules(&media_table, handsets, tables);
    let conversion = workers::read(&media_table);
    media_table.finish();
    let digest = Sha256::digest(text.as_bytes());
    let node = top.text("node").map_or_else(|| host.value.clone(), |at| at.value);
    let of_peers = peers.iter().filter_map(|peer: &Peer| peer.mailbox.as_ref());
    let of_peers: Vec<_> = of_peers.flat_map(|account| account.watched.iter().cloned()).collect();
    let config = Config {
        node,
        host: host.value,
        store: store(top.table("store"), &data),
        events: events(top.table("events")),
        retention: retention(top.table("retention")),
        limits: limits(top.table("limits")),
        tls: tls(top.table("tls")),
        http: Arc::new(http::read(top.table("http"), tables)),
        alias: alias(top.table("alias")),
        admin: {
            let table = top.table("admin");
            let listen = table.parsed("listen", socket).map(|at| at.value);
            table.finish();
            listen
        },
        resolvers: values(top.parsed_list("resolvers", socket)),
        handoff: handoff::read(top.table("handoff")),
        imap: [imap::read(top.tables("imap")), of_peers].concat(),
        mappings: None,
        media,
        conversion,
        mm4,
        mail,
        peers,
        routes: rules,
        tests,
        data,
        digest: digest.iter().take(6).map(|octet| format!("{octet:02x}")).collect(),
    };
    (config, places)
}

fn store(table: Table<'_, '_>, data: &Path) -> Store {
    let url = table.text("url").map_or_else(
        || "sqlite:queue.db".into(),
        |at| {
            if !at.value.starts_with("sqlite:") && !at.value.starts_with("postgres") {
                table.fault_at(at.at, "`store.url` must begin with sqlite: or postgres://");
            }
            at.value
        },
    );
    let url = match url.strip_prefix("sqlite:") {
        Some(path) => format!("sqlite:{}", data.join(path).display()),
        None => url,
    };
    let blobs = table.text("blobs").map_or_else(|| "blobs".into(), |at| at.value);
    let blobs = if blobs.contains("://") { blobs } else { data.join(blobs).display().to_string() };
    let options = table.table("blob_options");
    let blob_options = options
        .raw_entries()
        .into_iter()
        .map(|(key, value, _)| (key, value.trim_matches('"').to_owned()))
        .collect();
    table.finish();
    Store { url, blobs, blob_options }
}

fn mm4(table: Table<'_, '_>, host: &str) -> Mm4 {
    let domain = table.text("domain").map_or_else(|| host.to_owned(), |at| at.value.to_ascii_lowercase());
    let mm4 = Mm4 {
        listen: values(table.parsed_list("listen", socket)),
        listen_tls: values(table.parsed_list("listen_tls", socket)),
        system_address: table
            .text("system_address")
            .map_or_else(|| format!("system-user@{domain}"), |at| at.value),
        max_octets: table.octets("max_octets").map_or(5_000_000, |at| at.value),
        domain,
    };
    table.finish();
    mm4
}

fn mail(table: Table<'_, '_>, host: &str) -> Mail {
    let mut domains: Vec<String> =
        table.texts("domains").into_iter().map(|at| at.value.to_ascii_lowercase()).collect();
    if domains.is_empty() {
        domains.push(host.to_ascii_lowercase());
    }
    let number_domain = match table.text("number_domain") {
        Some(at) => {
            let domain = at.value.to_ascii_lowercase();
            if !domains.contains(&domain) {
                table.fault_at(at.at, format!("`mail.number_domain` {domain:?} is not one of `mail.domains`, so no answer would come back"));
            }
            domain
        }
        None => domains.first().cloned().unwrap_or_default(),
    };
    let dkim = table
        .tables("dkim")
        .into_iter()
        .map(|entry| {
            let dkim = Dkim {
                domain: entry.required("domain", "\"mms.gw.example\"").value,
                selector: entry.required("selector", "\"cedrat\"").value,
                key: PathBuf::from(entry.required("key", "\"/etc/cedrat/dkim.pem\"").value),
            };
            entry.finish();
            dkim
        })
        .collect();
    let mail = Mail {
        listen: values(table.parsed_list("listen", socket)),
        listen_tls: values(table.parsed_list("listen_tls", socket)),
        listen_lmtp: values(table.parsed_list("listen_lmtp", socket)),
        listen_submission: values(table.parsed_list("listen_submission", socket)),
        domains,
        number_domain,
        max_octets: table.octets("max_octets").map_or(25_000_000, |at| at.value),
        delay_notice_ms: table.span_ms("delay_notice").map_or(3 * 3_600_000, |at| at.value),
        cut_quotes: table.flag("cut_quotes").unwrap_or(false),
        cut_signature: table.flag("cut_signature").unwrap_or(false),
        presentation: table
            .token(
                "presentation",
                &[
                    ("mixed", Presentation::Mixed),
                    ("related", Presentation::Related),
                    ("html", Presentation::Html),
                    ("drop", Presentation::Drop),
                ],
            )
            .unwrap_or(Presentation::Mixed),
        authentication: table
            .token(
                "authentication",
                &[
                    ("report", Authentication::Report),
                    ("enforce", Authentication::Enforce),
                    ("off", Authentication::Off),
                ],
            )
            .unwrap_or(Authentication::Report),
        dkim,
    };
    table.finish();
    mail
}

fn tls(table: Table<'_, '_>) -> Option<Tls> {
    if !table.is_present() {
        table.finish();
        return None;
    }
    let tls = Tls {
        certificate: PathBuf::from(table.required("certificate", "\"/etc/cedrat/tls.crt\"").value),
        key: PathBuf::from(table.required("key", "\"/etc/cedrat/tls.key\"").value),
        clients: client_authority(&table),
    };
    table.finish();
    Some(tls)
}

/// `client_ca` and `client_crl` of a table.
pub(super) fn client_authority(table: &Table<'_, '_>) -> Option<ClientAuthority> {
    let ca = table.text("client_ca");
    let crl: Vec<_> = table.texts("client_crl");
    if let (None, Some(first)) = (&ca, crl.first()) {
        table.fault_at(first.at, "`client_crl` says what an authority has revoked; name it with `client_ca`");
    }
    Some(ClientAuthority { ca: ca?.value.into(), crl: crl.into_iter().map(|at| at.value.into()).collect() })
}

fn alias(table: Table<'_, '_>) -> Option<String> {
    if !table.is_present() {
        table.finish();
        return None;
    }
    let pool = table.required("pool", "\"+882130000000..+882130999999\"");
    if !pool.value.is_empty()
        && let Err(why) = pool.value.parse::<cedrat_relay::alias::AliasPool>()
    {
        table.fault_at(pool.at, format!("`alias.pool`: {why}"));
    }
    table.finish();
    Some(pool.value)
}

fn events(table: Table<'_, '_>) -> EventOutput {
    let events = EventOutput {
        log: table.text("log").map_or_else(|| "stdout".into(), |at| at.value),
        reveal: table.flag("reveal").unwrap_or(false),
        cdr: table.text("cdr").map(|at| PathBuf::from(at.value)),
    };
    table.finish();
    events
}

fn retention(table: Table<'_, '_>) -> Retention {
    const HOUR: u64 = 3_600_000;
    let retention = Retention {
        content_ms: table.span_ms("content").map_or(HOUR, |at| at.value),
        outcomes_ms: table.span_ms("outcomes").map_or(168 * HOUR, |at| at.value),
        trace_ms: table.span_ms("trace").map_or(168 * HOUR, |at| at.value),
        duplicates_ms: table.span_ms("duplicates").map_or(24 * HOUR, |at| at.value),
        mailboxes_ms: table.span_ms("mailboxes").map_or(365 * 24 * HOUR, |at| at.value),
    };
    table.finish();
    retention
}

fn limits(table: Table<'_, '_>) -> ProcessLimits {
    let lease = table.span_ms("lease");
    // A node says that it lives six times in a lease, and counts as gone after 30 s of silence.
    if let Some(lease) = lease.as_ref().filter(|lease| !(1_000..=120_000).contains(&lease.value)) {
        table.fault_at(lease.at, "`limits.lease` must be between \"1 s\" and \"2 min\"");
    }
    let number = |key, default| table.number(key).map_or(default, |at: At<u64>| at.value);
    let limits = ProcessLimits {
        max_sessions: number("max_sessions", 1_000),
        max_octets_in_flight: table.octets("max_octets_in_flight").map_or(256_000_000, |at| at.value),
        max_recipients: number("max_recipients", 1_000),
        max_hops: number("max_hops", 100),
        max_parts: number("max_parts", 1_000),
        max_depth: number("max_depth", 20),
        max_deliveries: number("max_deliveries", 2_000),
        lease_ms: lease.and_then(|at| i64::try_from(at.value).ok()).unwrap_or(60_000),
    };
    table.finish();
    limits
}

fn peer(table: Table<'_, '_>, sources: &[(String, String)], tables: Option<&Tables>) -> Peer {
    let id = table.required("id", "\"op-b\"");
    if !id.value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        table.fault_at(
            id.at,
            format!("`peer.id` may hold letters, digits, `-`, `_` and `.`, not {:?}", id.value),
        );
    }
    let protocol = table.token(
        "protocol",
        &[
            ("mm4", PeerProtocol::Mm4),
            ("mail", PeerProtocol::Mail),
            ("lmtp", PeerProtocol::Lmtp),
            ("imap", PeerProtocol::Imap),
        ],
    );
    if protocol.is_none() && table.is_present() {
        table.text("protocol").map_or_else(
            || table.fault("`peer.protocol` is missing; \"mm4\", \"mail\", \"lmtp\" or \"imap\""),
            |_| (),
        );
    }
    let protocol = protocol.unwrap_or(PeerProtocol::Mm4);
    let users = users(&table);
    let numbers = table.parsed("numbers", |text| NumberRules::parse(text).map_err(|f| f.to_string()));
    let (mut quirks, quirk_names) = quirks(&table, &id.value, sources);
    let out_max_octets = table.octets("out_max_octets").map(|at| at.value);
    if let Some(octets) = out_max_octets {
        // The mapping makes a message fit, part by part, where it can.
        quirks.max_octets = octets;
    }
    let out_per_second = table.number("out_per_second").map_or(0, |at| at.value);
    let per_second = table.number("per_second").map_or(0, |at| at.value);
    let burst = table.number("burst").map_or(per_second, |at| at.value);
    let per_day = table.number("per_day").map_or(0, |at| at.value);
    let policy = PeerPolicy {
        id: id.value.clone(),
        state: table
            .token(
                "state",
                &[
                    ("running", PeerState::Running),
                    ("isolated", PeerState::Isolated),
                    ("suspended", PeerState::Suspended),
                    ("shutdown", PeerState::Shutdown),
                ],
            )
            .unwrap_or_default(),
        allow_ip: values(table.parsed_list("allow_ip", from_str)),
        tls_names: table.texts("tls_names").into_iter().map(|at| at.value).collect(),
        auth_users: users.iter().map(|(name, _)| name.clone()).collect(),
        recipients: Scope {
            allowed_prefixes: values(table.parsed_list("allowed_prefixes", from_str)),
            denied_prefixes: values(table.parsed_list("denied_prefixes", from_str)),
            allowed_domains: values(table.parsed_list("allowed_domains", from_str)),
            denied_domains: values(table.parsed_list("denied_domains", from_str)),
        },
        senders: Scope {
            allowed_prefixes: values(table.parsed_list("sender_prefixes", from_str)),
            allowed_domains: values(table.parsed_list("sender_domains", from_str)),
            ..Scope::default()
        },
        limits: PeerLimits {
            throughput: (per_second > 0)
                .then(|| Rate { per_second: small(per_second), burst: small(burst.max(1)) }),
            max_sessions: Some(table.number("max_sessions").map_or(100, |at| small(at.value))),
            max_octets: table.octets("max_octets").map(|at| at.value),
            max_recipients: table.number("max_recipients").map(|at| small(at.value)),
            quota: (per_day > 0).then_some(Quota { per_day, utc_offset_min: 0 }),
        },
    };
    let tls = peer_tls(&table, protocol);
    let auth_in_clear = table.flag("auth_in_clear").unwrap_or(false);
    let is_imap = protocol == PeerProtocol::Imap;
    let next_hop = next_hop(&table, protocol);
    let mailbox = || mailbox::read(&table, &id.value, next_hop.as_ref(), &tls);
    let peer = Peer {
        mailbox: is_imap.then(mailbox).flatten(),
        next_hop,
        media: media::peer(&table, tables),
        tls,
        credentials: credentials(&table),
        users,
        auth_in_clear,
        domain: table.text("domain").map(|at| at.value.to_ascii_lowercase()),
        line_ends_normalize: table
            .token("line_ends", &[("strict", false), ("normalize", true)])
            .unwrap_or(quirks.line_ends == LineEnds::Normalize),
        quirks,
        quirk_names,
        numbers: numbers.map_or_else(NumberRules::default, |at| at.value),
        out_max_octets,
        out_rate: (out_per_second > 0)
            .then(|| Rate { per_second: small(out_per_second), burst: small(out_per_second) }),
        max_connections: table
            .number("max_connections")
            .map_or(if is_imap { 4 } else { 20 }, |at| small(at.value).max(1)),
        mx_port: table.number("mx_port").map_or(25, |at| u16::try_from(at.value).unwrap_or(25)),
        mx_private: table.flag("mx_private").unwrap_or(false),
        max_per_connection: table.number("max_per_connection").map_or(1_000, |at| small(at.value).max(1)),
        lifetime_ms: table
            .span_ms("lifetime")
            .map_or(if protocol == PeerProtocol::Mm4 { 24 * 3_600_000 } else { 120 * 3_600_000 }, |at| {
                at.value
            }),
        mail_originators: table
            .token("mail_originators", &[("keep", MailOriginators::Keep), ("alias", MailOriginators::Alias)])
            .unwrap_or(MailOriginators::Keep),
        authenticate_mail: table.flag("authenticate_mail").unwrap_or(false),
        id: id.value,
        protocol,
        policy,
    };
    table.finish();
    peer
}

fn users(table: &Table<'_, '_>) -> Vec<(String, Secret)> {
    table
        .tables("users")
        .into_iter()
        .filter_map(|user| {
            let name = user.required("name", "\"op-b\"").value;
            let password = secret(&user, "password");
            if password.is_none() {
                user.fault("`users` entry has no `password`; for example { name = \"op-b\", password = { file = \"/path\" } }");
            }
            user.finish();
            Some((name, password?))
        })
        .collect()
}

fn credentials(table: &Table<'_, '_>) -> Option<Credentials> {
    let login = table.table("login");
    if !login.is_present() {
        login.finish();
        return None;
    }
    let user = login.required("user", "\"us\"").value;
    let password = secret(&login, "password");
    if password.is_none() {
        login
            .fault("`login` has no `password`; for example { user = \"us\", password = { env = \"NAME\" } }");
    }
    login.finish();
    Some(Credentials { user, password: password? })
}

/// A secret: `{ file = ... }`, `{ env = ... }` or, for tests, the text itself.
pub(super) fn secret(table: &Table<'_, '_>, key: &'static str) -> Option<Secret> {
    if let Some(inline) = table.inline_text(key) {
        return Some(Secret::new(inline));
    }
    let place = table.table(key);
    if !place.is_present() {
        return None;
    }
    let secret = match (place.text("file"), place.text("env")) {
        (Some(file), None) => match std::fs::read_to_string(&file.value) {
            Ok(text) => Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())),
            Err(fault) => {
                place.fault_at(file.at, format!("secret file {} cannot be read: {fault}", file.value));
                None
            }
        },
        (None, Some(name)) => match std::env::var(&name.value) {
            Ok(text) => Some(Secret::new(text)),
            Err(_) => {
                place.fault_at(name.at, format!("environment variable {} is not set", name.value));
                None
            }
        },
        _ => {
            place.fault("a secret is { file = \"/path\" } or { env = \"NAME\" }");
            None
        }
    };
    place.finish();
    secret
}

fn next_hop(table: &Table<'_, '_>, protocol: PeerProtocol) -> Option<NextHop> {
    if protocol == PeerProtocol::Imap {
        table.required("next_hop", "\"imap.example:993\"");
    }
    let at = table.text("next_hop")?;
    if at.value == "mx" {
        if protocol != PeerProtocol::Mail {
            table.fault_at(at.at, "`next_hop = \"mx\"` is for mail; name a host and port");
        }
        return Some(NextHop::Mx);
    }
    let split = at.value.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match split {
        Some((host, port)) if is_host(host.trim_matches(['[', ']'])) => {
            Some(NextHop::Host(host.to_owned(), port))
        }
        _ => {
            table.fault_at(at.at, format!("`next_hop` must be host:port or \"mx\", not {:?}", at.value));
            None
        }
    }
}

fn peer_tls(table: &Table<'_, '_>, protocol: PeerProtocol) -> PeerTls {
    let usual = if protocol == PeerProtocol::Imap { TlsMode::Implicit } else { TlsMode::Opportunistic };
    PeerTls {
        mode: table
            .token(
                "tls",
                &[
                    ("opportunistic", TlsMode::Opportunistic),
                    ("none", TlsMode::None),
                    ("verify", TlsMode::Verify),
                    ("implicit", TlsMode::Implicit),
                ],
            )
            .unwrap_or(usual),
        ca: table.text("tls_ca").map(|at| PathBuf::from(at.value)),
        name: table.text("tls_name").map(|at| at.value),
        present_certificate: table.flag("present_certificate").unwrap_or(false),
    }
}

/// The profiles named in `quirks`, and over them the keys of `quirk`, which are a profile of their
/// own with the peer's name.
fn quirks(table: &Table<'_, '_>, peer: &str, sources: &[(String, String)]) -> (Quirks, Vec<String>) {
    let names = table.texts("quirks");
    let inline = table.table("quirk");
    let keys = inline.raw_entries();
    let mut text = format!("evidence = \"configuration of peer {peer}\"\n");
    for (key, value, _) in &keys {
        text.push_str(&format!("{key} = {value}\n"));
    }
    let own = format!("peer-{peer}");
    let profile = (!keys.is_empty()).then(|| (format!("quirks/{own}.toml"), text));
    let compiled = match tables::compile(sources, profile.as_ref()) {
        Ok(compiled) => compiled,
        Err(faults) => {
            // Faults of the operator's own files are told once, elsewhere.
            for fault in
                faults.iter().filter(|fault| Some(&fault.path) == profile.as_ref().map(|(path, _)| path))
            {
                let at =
                    fault.line.checked_sub(2).and_then(|index| keys.get(index)).map_or(inline.at(), |k| k.2);
                table.fault_at(at, format!("`peer.quirk`: {}", fault.message));
            }
            return (Quirks::default(), Vec::new());
        }
    };
    let mut list: Vec<&str> = names.iter().map(|at| at.value.as_str()).collect();
    if profile.is_some() {
        list.push(&own);
    }
    let quirks = compiled.quirks(&list).unwrap_or_else(|faults| {
        for fault in faults {
            let at = names.iter().find(|name| name.value == fault.name).map_or(table.at(), |name| name.at);
            let near = fault.nearest.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
            table.fault_at(at, format!("there is no quirk profile {:?}{near}", fault.name));
        }
        Quirks::default()
    });
    (quirks, names.into_iter().map(|at| at.value).collect())
}

pub(super) fn values<T>(list: Vec<At<T>>) -> Vec<T> {
    list.into_iter().map(|at| at.value).collect()
}

pub(super) fn from_str<T: FromStr>(text: &str) -> Result<T, String>
where
    T::Err: Display,
{
    text.parse().map_err(|fault| format!("{text:?} {fault}"))
}

pub(super) fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not an address with a port such as \"127.0.0.1:2525\""))
}

pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

pub(super) fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b))
}
