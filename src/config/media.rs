//! What is known of handsets: `media_*` of a peer, `[[handset]]`, and `uaprof_*` of `[media]`.
//!
//! Names of classes and families are checked here against the mapping tables, documents against
//! the directory and the hosts that may be asked. Nothing is fetched and no document is read.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use cedrat_mapping::Tables;
use cedrat_plan::profile::{Counts, OctetLimit, Size, Unit};
use cedrat_relay::pattern::{DomainPattern, NumberPattern, NumberPrefix};

use super::{
    load::{from_str, values},
    read::{At, Table},
};

/// Family of the handsets behind an MM4 peer that says nothing else.
pub const MM4_DEFAULT: &str = "smartphone-600k";
/// Family of the readers behind a mail peer that says nothing else.
pub const MAIL_DEFAULT: &str = "mail";

/// Whose handset is which, and where documents about them are.
#[derive(Debug, Clone, Default)]
pub struct MediaRules {
    /// In order; the first that matches counts.
    pub handsets: Vec<Handset>,
    /// Directory of UAProf documents.
    pub uaprof_directory: Option<PathBuf>,
    /// Hosts that documents may be fetched from; empty = none is.
    pub uaprof_fetch: Vec<FetchHost>,
    /// Whether these hosts may be at private or loopback addresses.
    pub uaprof_private: bool,
    /// How long a fetched document is used before it is asked for again, milliseconds.
    pub uaprof_ttl_ms: u64,
}

/// What is known of the handsets of some recipients.
#[derive(Debug, Clone)]
pub struct Handset {
    /// Starts of their numbers. `prefix`, `pattern` and `domain` are one list in three languages.
    pub prefix: Vec<NumberPrefix>,
    /// Their numbers with wildcards.
    pub pattern: Vec<NumberPattern>,
    /// Domains of their e-mail addresses.
    pub domain: Vec<DomainPattern>,
    /// Peers that they are reached by; empty = any.
    pub peer: Vec<String>,
    /// Class or family; `None` = that of the peer.
    pub profile: Option<String>,
    /// Document of the vendor.
    pub uaprof: Option<Document>,
    /// Most octets; may only be less than what else applies.
    pub max_octets: Option<OctetLimit>,
    /// Largest still picture.
    pub max_still: Option<Size>,
    /// Whether anything may be converted.
    pub adapt: Option<bool>,
}

/// Where a UAProf document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// A file of the directory, by its name.
    File(String),
    /// A file of the directory with the last name of the path, else fetched.
    Url(DocumentUrl),
}

/// What a peer says of the handsets behind it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerMedia {
    /// Class or family; `None` = not said, and that of the protocol counts.
    pub profile: Option<String>,
    /// Most octets of a message.
    pub max_octets: Option<OctetLimit>,
    /// Largest still picture.
    pub max_still: Option<Size>,
}

/// A host that may be asked, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchHost {
    /// Name or address, lower case.
    pub host: String,
    /// `None` = 80 and 443.
    pub port: Option<u16>,
}

impl FetchHost {
    /// Whether it is what this URL names.
    pub fn allows(&self, url: &DocumentUrl) -> bool {
        self.host == url.host
            && self.port.map_or_else(|| matches!(url.port, 80 | 443), |port| port == url.port)
    }
}

/// An `http` or `https` URL without user and fragment, the only kind that is ever fetched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DocumentUrl {
    /// Whether it is https.
    pub secure: bool,
    /// Lower case, without the brackets of an IPv6 address.
    pub host: String,
    /// Stated, or 80 or 443.
    pub port: u16,
    /// Path and query, from the `/`.
    pub path: String,
}

impl DocumentUrl {
    /// The last name of the path, by which a local copy is found.
    pub fn file_name(&self) -> &str {
        let path = self.path.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }

    /// What the Host header says.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.secure, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for DocumentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

impl FromStr for DocumentUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("{text:?} is not a URL such as \"https://uaprof.vendor.example/a.xml\"");
        let (scheme, rest) = text.split_once("://").ok_or_else(fault)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(fault()),
        };
        if text.len() > 2000 || !rest.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\^`{|}#@".contains(&b))
        {
            return Err(fault());
        }
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at_checked(at).ok_or_else(fault)?,
            None => (rest, ""),
        };
        let (host, port) = split_port(authority).ok_or_else(fault)?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { secure, host, port: port.unwrap_or(if secure { 443 } else { 80 }), path })
    }
}

impl FromStr for FetchHost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        split_port(text).map(|(host, port)| Self { host, port }).ok_or_else(|| {
            format!("{text:?} is not a host such as \"uaprof.vendor.example\" or \"host:8080\"")
        })
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`.
fn split_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some(""))?)
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    if host.is_empty() || host.len() > 253 || !host.bytes().all(legal) || text.ends_with(':') {
        return None;
    }
    let port = if port.is_empty() { None } else { Some(port.parse().ok().filter(|port| *port > 0)?) };
    Some((host.to_ascii_lowercase(), port))
}

/// `uaprof_*` of `[media]`, and `[[handset]]`. The other keys of `[media]` are the workers'.
pub(super) fn rules(
    media: &Table<'_, '_>,
    handsets: Vec<Table<'_, '_>>,
    tables: Option<&Tables>,
) -> MediaRules {
    let directory = media.text("uaprof_directory");
    if let Some(at) = directory.as_ref().filter(|at| !Path::new(&at.value).is_dir()) {
        media.fault_at(
            at.at,
            format!(
                "`media.uaprof_directory` {:?} is no directory; make it or leave the option out",
                at.value
            ),
        );
    }
    let mut rules = MediaRules {
        handsets: Vec::new(),
        uaprof_directory: directory.map(|at| PathBuf::from(at.value)),
        uaprof_fetch: values(media.parsed_list("uaprof_fetch", str::parse)),
        uaprof_private: media.flag("uaprof_private").unwrap_or(false),
        uaprof_ttl_ms: media.span_ms("uaprof_ttl").map_or(7 * 86_400_000, |at| at.value),
    };
    for table in handsets {
        let handset = handset(table, &rules, tables);
        rules.handsets.push(handset);
    }
    rules
}

fn handset(table: Table<'_, '_>, rules: &MediaRules, tables: Option<&Tables>) -> Handset {
    let when = table.table("match");
    let handset = Handset {
        prefix: values(when.parsed_list("prefix", from_str)),
        pattern: values(when.parsed_list("pattern", from_str)),
        domain: values(when.parsed_list("domain", from_str)),
        peer: values(when.texts("peer")),
        profile: profile(&table, "profile", tables),
        uaprof: document(&table, rules),
        max_octets: octets(&table, ["max_octets", "unit", "counts"], Unit::Binary),
        max_still: size(&table, "max_still"),
        adapt: table.flag("adapt"),
    };
    when.finish();
    let everybody = handset.prefix.is_empty() && handset.pattern.is_empty() && handset.domain.is_empty();
    if everybody && handset.peer.is_empty() {
        table.fault("`handset` matches everybody; say whom, for example match = { prefix = [\"+4477\"] }");
    }
    let silent = handset.profile.is_none()
        && handset.uaprof.is_none()
        && handset.max_octets.is_none()
        && handset.max_still.is_none()
        && handset.adapt.is_none();
    if silent {
        table.fault("`handset` says nothing; add `profile`, `uaprof`, `max_octets`, `max_still` or `adapt`");
    }
    table.finish();
    handset
}

/// `media_*` of a peer.
pub(super) fn peer(table: &Table<'_, '_>, tables: Option<&Tables>) -> PeerMedia {
    PeerMedia {
        profile: profile(table, "media_profile", tables),
        // What an operator states is what travels; nobody counts otherwise who does not say so.
        max_octets: octets(table, ["media_max_octets", "media_unit", "media_counts"], Unit::Base64),
        max_still: size(table, "media_max_still"),
    }
}

fn profile(table: &Table<'_, '_>, key: &'static str, tables: Option<&Tables>) -> Option<String> {
    let at = table.text(key)?;
    known(table, &at, tables);
    Some(at.value)
}

/// A name that no class and no family has is a fault.
pub(super) fn known(table: &Table<'_, '_>, name: &At<String>, tables: Option<&Tables>) {
    if let Some(tables) = tables.filter(|tables| tables.capability(&name.value).is_none()) {
        let near = match tables.nearest_capability(&name.value) {
            Some(near) => format!("; did you mean {near:?}?"),
            None => format!("; there are {}", tables.capability_names().collect::<Vec<_>>().join(", ")),
        };
        table
            .fault_at(name.at, format!("there is no content class or handset family {:?}{near}", name.value));
    }
}

/// A limit with its unit and what it counts.
fn octets(table: &Table<'_, '_>, keys: [&'static str; 3], unit: Unit) -> Option<OctetLimit> {
    let [limit, unit_key, counts_key] = keys;
    let octets = table.octets(limit);
    let stated = table.token(unit_key, &[("base64", Unit::Base64), ("binary", Unit::Binary)]);
    let counts = table.token(
        counts_key,
        &[
            ("parts", Counts::Parts),
            ("parts-and-headers", Counts::PartsAndHeaders),
            ("whole-message", Counts::WholeMessage),
        ],
    );
    let Some(octets) = octets else {
        for (key, said) in [(unit_key, stated.is_some()), (counts_key, counts.is_some())] {
            if said {
                table.fault(format!(
                    "`{key}` is of `{limit}`, which is not there; for example {limit} = \"600 kB\""
                ));
            }
        }
        return None;
    };
    if octets.value == 0 {
        table.fault_at(octets.at, format!("`{limit}` must be more than 0"));
    }
    let unit = stated.unwrap_or(unit);
    let counts = counts.unwrap_or(match unit {
        Unit::Base64 => Counts::WholeMessage,
        Unit::Binary => Counts::PartsAndHeaders,
    });
    Some(OctetLimit { octets: octets.value, unit, counts })
}

fn size(table: &Table<'_, '_>, key: &'static str) -> Option<Size> {
    let read = |text: &str| {
        let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=65_535).contains(side));
        text.split_once('x')
            .and_then(|(width, height)| Some(Size { width: side(width)?, height: side(height)? }))
            .ok_or_else(|| format!("{text:?} is not a size in pixels such as \"640x480\""))
    };
    table.parsed(key, read).map(|at| at.value)
}

fn document(table: &Table<'_, '_>, rules: &MediaRules) -> Option<Document> {
    let at = table.text("uaprof")?;
    let local = |name: &str| {
        rules.uaprof_directory.as_ref().is_some_and(|folder| !name.is_empty() && folder.join(name).is_file())
    };
    if !at.value.contains("://") {
        if at.value.contains(['/', '\\']) || !local(&at.value) {
            table.fault_at(
                at.at,
                format!(
                    "there is no document {:?} in `media.uaprof_directory`; `uaprof` is the name of a file there, or a URL",
                    at.value
                ),
            );
        }
        return Some(Document::File(at.value));
    }
    match at.value.parse::<DocumentUrl>() {
        Ok(url) => {
            let may = rules.uaprof_fetch.iter().any(|host| host.allows(&url));
            if !may && !local(url.file_name()) {
                table.fault_at(
                    at.at,
                    format!(
                        "{url} may not be fetched and is not in `media.uaprof_directory`; add its host to `media.uaprof_fetch`, or the file {:?} to the directory",
                        url.file_name()
                    ),
                );
            }
            Some(Document::Url(url))
        }
        Err(why) => {
            table.fault_at(at.at, format!("`handset.uaprof`: {why}"));
            None
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_as_it_will_be_asked_for() {
        let url: DocumentUrl = "HTTPS://UAProf.Vendor.example:8443/a/B.xml?x=1".parse().unwrap();
        assert_eq!((url.secure, url.host.as_str(), url.port), (true, "uaprof.vendor.example", 8443));
        assert_eq!((url.path.as_str(), url.file_name()), ("/a/B.xml?x=1", "B.xml"));
        assert_eq!(url.to_string(), "https://uaprof.vendor.example:8443/a/B.xml?x=1");
        let url: DocumentUrl = "http://[2001:db8::1]".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port, url.path.as_str()), ("2001:db8::1", 80, "/"));
        assert_eq!(url.authority(), "[2001:db8::1]");
        for text in [
            "ftp://a/b",
            "http://user@host/",
            "http://host/#f",
            "http://",
            "http://a b/",
            "http://h:0/",
            "http://h:99999/",
            "http://[x]/",
            "http://h\\@evil/",
            "file:///etc/passwd",
        ] {
            assert!(text.parse::<DocumentUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_is_allowed_at_the_ports_of_the_web_or_at_the_one_that_is_named() {
        let allows = |host: &str, url: &str| host.parse::<FetchHost>().unwrap().allows(&url.parse().unwrap());
        assert!(allows("vendor.example", "http://Vendor.example/a.xml"));
        assert!(allows("vendor.example", "https://vendor.example/a.xml"));
        assert!(!allows("vendor.example", "http://vendor.example:25/"));
        assert!(!allows("vendor.example", "http://www.vendor.example/"));
        assert!(allows("vendor.example:8080", "http://vendor.example:8080/"));
        assert!(!allows("vendor.example:8080", "http://vendor.example/"));
        assert!("a/b".parse::<FetchHost>().is_err());
        assert!("".parse::<FetchHost>().is_err());
    }
}
