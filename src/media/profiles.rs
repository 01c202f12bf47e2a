//! Which profile applies to one recipient at one peer, every value with its origin.
//!
//! From the bottom: the class or family that the handset rule or the peer names, the UAProf
//! document that the rule names, the limits of the peer, the wishes of the rule. The decision takes
//! what is at hand: a document that has to be fetched is asked for in the background, and until
//! it is there the profile is the one without it. A sender's own `x-wap-profile` is about the
//! sender's handset and is not looked at.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use cedrat_mapping::Tables;
use cedrat_message::Address;
use cedrat_plan::profile::{Counts, Layer, OctetLimit, Origin, Partial, Profile, Unit};
use cedrat_wire_mms::uaprof;

use super::guard::{Guard, Limits};
use crate::{
    adapters::smtp::dns::Resolver,
    config::{
        Config, Peer, PeerProtocol,
        media::{Document, DocumentUrl, Handset, MAIL_DEFAULT, MM4_DEFAULT, MediaRules, PeerMedia},
    },
};

/// Documents of the directory: more are not looked at. All published ones are 3342.
const MAX_FILES: usize = 10_000;
/// Fetched documents that are remembered; each holds about 2 kB.
const MAX_FETCHED: usize = 1_000;
/// How long a failure is remembered: vendors' hosts are often gone for good.
const FAILED: Duration = Duration::from_secs(3600);
/// Fetches at once; further ones wait for the next message.
const MAX_FETCHING: usize = 4;

/// What is known of handsets.
pub struct Profiles {
    tables: Arc<Tables>,
    rules: MediaRules,
    /// By file name.
    files: HashMap<String, Partial>,
    notices: Vec<String>,
    fetcher: Option<Arc<Fetcher>>,
}

/// Documents that are fetched, and what came of it.
struct Fetcher {
    guard: Guard,
    ttl: Duration,
    tables: Arc<Tables>,
    fetched: Mutex<Fetched>,
}

#[derive(Default)]
struct Fetched {
    known: HashMap<DocumentUrl, Entry>,
    running: usize,
}

struct Entry {
    /// `None` = nothing came, or nothing yet.
    says: Option<Arc<Partial>>,
    until: Instant,
    running: bool,
}

impl Profiles {
    /// Reads the directory of documents and prepares what the configuration allows.
    ///
    /// # Errors
    /// Everything that cannot be used, one line each. A document that nobody names and that cannot
    /// be read is a [`Profiles::notices`] instead.
    pub fn build(config: &Config, tables: &Tables) -> Result<Self, Vec<String>> {
        let rules = config.media.clone();
        let tables = Arc::new(tables.clone());
        let mut faults = Vec::new();
        let mut notices = Vec::new();
        let mut files = HashMap::new();
        if let Some(directory) = &rules.uaprof_directory {
            match read_directory(directory, &tables) {
                Ok((read, unread)) => {
                    files = read;
                    for (name, why) in unread {
                        let named = rules.handsets.iter().any(
                            |handset| matches!(&handset.uaprof, Some(Document::File(file)) if *file == name),
                        );
                        if named { &mut faults } else { &mut notices }
                            .push(format!("UAProf document {}: {why}", directory.join(&name).display()));
                    }
                }
                Err(fault) => {
                    faults
                        .push(format!("UAProf documents in {} cannot be read: {fault}", directory.display()));
                }
            }
        }
        let mut fetcher = None;
        if !rules.uaprof_fetch.is_empty() {
            match Resolver::new(&config.resolvers) {
                Ok(resolver) => {
                    fetcher = Some(Arc::new(Fetcher {
                        guard: Guard::new(&rules, resolver, Limits::default()),
                        ttl: Duration::from_millis(rules.uaprof_ttl_ms),
                        tables: Arc::clone(&tables),
                        fetched: Mutex::default(),
                    }));
                }
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(Self { tables, rules, files, notices, fetcher }) } else { Err(faults) }
    }

    /// What an operator should know: documents that say less than they seem to.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The profile of a recipient's handset as it is reached by a peer.
    pub fn effective(&self, peer: &Peer, recipient: &Address) -> Profile {
        let handset = self.rules.handsets.iter().find(|handset| matches(handset, peer, recipient));
        let name = handset
            .and_then(|handset| handset.profile.as_deref())
            .or(peer.media.profile.as_deref())
            .unwrap_or_else(|| default_name(peer.protocol == PeerProtocol::Mm4));
        // The configuration names only what there is.
        let mut profile = self.tables.capability(name).unwrap_or_else(|| self.tables.floor()).clone();
        if let Some((name, says)) = handset.and_then(|handset| self.document(handset.uaprof.as_ref()?)) {
            profile.lay(&Origin { layer: Layer::Uaprof, name }, says);
        }
        let route = Origin { layer: Layer::Route, name: peer.id.clone() };
        let wire = |octets| OctetLimit { octets, unit: Unit::Base64, counts: Counts::WholeMessage };
        let limits = [peer.out_max_octets.map(wire), peer.media.max_octets];
        for max_octets in limits {
            profile.lay(&route, Partial { max_octets, ..Partial::default() });
        }
        profile.lay(&route, Partial { max_still: peer.media.max_still, ..Partial::default() });
        if let Some(handset) = handset {
            let says = Partial {
                max_octets: handset.max_octets,
                max_still: handset.max_still,
                adapt: handset.adapt,
                ..Partial::default()
            };
            profile = with_override(profile, &whom(handset), says);
        }
        profile
    }

    /// Whether somebody said what the handsets of this recipient take. Where nobody did, the family of
    /// the protocol is a guess, and no reason to touch what another MMS system sent.
    pub fn is_stated(&self, peer: &Peer, recipient: &Address) -> bool {
        peer.media != PeerMedia::default() || self.rule(peer, recipient).is_some()
    }

    /// Whether recipients of one peer can have different handsets.
    pub fn has_rules(&self) -> bool {
        !self.rules.handsets.is_empty()
    }

    /// Which handset rule applies, by its place; copies of a message to recipients of one rule at one
    /// peer are one conversion.
    pub fn rule(&self, peer: &Peer, recipient: &Address) -> Option<usize> {
        self.rules.handsets.iter().position(|handset| matches(handset, peer, recipient))
    }

    /// What a document says, and the name under which it goes; `None` while it is not at hand.
    fn document(&self, document: &Document) -> Option<(String, Partial)> {
        let (name, url) = match document {
            Document::File(name) => (name.as_str(), None),
            Document::Url(url) => (url.file_name(), Some(url)),
        };
        if let Some(says) = self.files.get(name) {
            return Some((name.to_owned(), says.clone()));
        }
        let (url, fetcher) = (url?, self.fetcher.as_ref()?);
        Some((url.to_string(), fetcher.known_or_asked(url)?.as_ref().clone()))
    }
}

/// The profile with the wish for one recipient or one request over it.
pub fn with_override(mut profile: Profile, name: &str, says: Partial) -> Profile {
    profile.lay(&Origin { layer: Layer::Recipient, name: name.to_owned() }, says);
    profile
}

/// Name of the class or family that applies to a protocol when nothing is configured.
pub const fn default_name(mm4: bool) -> &'static str {
    if mm4 { MM4_DEFAULT } else { MAIL_DEFAULT }
}

fn matches(handset: &Handset, peer: &Peer, recipient: &Address) -> bool {
    let by_peer = handset.peer.is_empty() || handset.peer.contains(&peer.id);
    let anybody = handset.prefix.is_empty() && handset.pattern.is_empty() && handset.domain.is_empty();
    let by_number = recipient.number().is_some_and(|number| {
        handset.prefix.iter().any(|prefix| prefix.matches(number))
            || handset.pattern.iter().any(|pattern| pattern.matches(number))
    });
    let by_domain = recipient
        .mail()
        .is_some_and(|mail| handset.domain.iter().any(|domain| domain.matches(mail.domain())));
    by_peer && (anybody || by_number || by_domain)
}

/// The recipients that a rule means, as it says them.
fn whom(handset: &Handset) -> String {
    let mut words: Vec<String> = handset.prefix.iter().map(|prefix| format!("{prefix}*")).collect();
    words.extend(handset.pattern.iter().map(ToString::to_string));
    words.extend(handset.domain.iter().map(ToString::to_string));
    if words.is_empty() {
        words.clone_from(&handset.peer);
    }
    words.join(", ")
}

/// What was read, and the names of what was not, with the reason.
type Directory = (HashMap<String, Partial>, Vec<(String, String)>);

fn read_directory(directory: &Path, tables: &Tables) -> std::io::Result<Directory> {
    let mut files = HashMap::new();
    let mut unread = Vec::new();
    let mut entries: Vec<_> = std::fs::read_dir(directory)?.take(MAX_FILES).collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let file = entry.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= 1 << 20);
        if name.starts_with('.') || !file {
            continue;
        }
        let read = std::fs::read(entry.path()).map_err(|fault| fault.to_string());
        match read.and_then(|octets| read_document(&octets, tables)) {
            Ok(says) => drop(files.insert(name, says)),
            Err(why) => unread.push((name, why)),
        }
    }
    Ok((files, unread))
}

fn read_document(octets: &[u8], tables: &Tables) -> Result<Partial, String> {
    let document = uaprof::read(octets, &uaprof::Limits::default()).map_err(|why| why.to_string())?;
    Ok(tables.uaprof(&document))
}

impl Fetcher {
    /// What is known of a document; asks for it in the background when nothing is, or nothing new.
    /// Outside of a running gateway nothing is asked.
    fn known_or_asked(self: &Arc<Self>, url: &DocumentUrl) -> Option<Arc<Partial>> {
        let now = Instant::now();
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let (says, fresh) = match fetched.known.get(url) {
            Some(entry) => (entry.says.clone(), entry.running || entry.until > now),
            None => (None, false),
        };
        if fresh || fetched.running >= MAX_FETCHING {
            return says;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return says };
        fetched.make_room();
        fetched.running += 1;
        fetched.known.insert(url.clone(), Entry { says: says.clone(), until: now, running: true });
        drop(fetched);
        let (fetcher, url) = (Arc::clone(self), url.clone());
        runtime.spawn(async move {
            let answer = fetcher.guard.fetch(&url).await;
            fetcher.keep(url, answer.and_then(|octets| read_document(&octets, &fetcher.tables)));
        });
        says
    }

    /// Keeps what came. After a failure what was known before goes on to count.
    fn keep(&self, url: DocumentUrl, answer: Result<Partial, String>) {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.running = fetched.running.saturating_sub(1);
        let (says, time) = match answer {
            Ok(says) => (Some(Arc::new(says)), self.ttl),
            Err(_) => (fetched.known.get(&url).and_then(|entry| entry.says.clone()), FAILED),
        };
        fetched.known.insert(url, Entry { says, until: Instant::now() + time, running: false });
    }
}

impl Fetched {
    /// Forgets what is oldest when the memory is full.
    fn make_room(&mut self) {
        while self.known.len() >= MAX_FETCHED {
            let oldest =
                self.known.iter().filter(|(_, entry)| !entry.running).min_by_key(|(_, entry)| entry.until);
            let Some(url) = oldest.map(|(url, _)| url.clone()) else { return };
            self.known.remove(&url);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const DOCUMENT: &str = "<rdf:RDF><rdf:Description><p:component><rdf:Description rdf:ID=\"MmsCharacteristics\">\
        <p:MmsMaxMessageSize>102400</p:MmsMaxMessageSize><p:MmsMaxImageResolution>320x240</p:MmsMaxImageResolution>\
        </rdf:Description></p:component></rdf:Description></rdf:RDF>";

    fn configured(more: &str) -> Result<(Config, Tables), Vec<String>> {
        let text = format!(
            "host = \"gw.test\"\ndata = \"/tmp\"\n[mm4]\nlisten = [\"127.0.0.1:2525\"]\n\
             [[peer]]\nid = \"op\"\nprotocol = \"mm4\"\nallow_ip = [\"192.0.2.1\"]\nnext_hop = \"h.test:25\"\ndomain = \"h.test\"\n{more}"
        );
        crate::config::load("c.toml", &text, Default::default())
            .map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    fn effective(more: &str, to: &str) -> Profile {
        let (config, tables) = configured(more).unwrap();
        let profiles = Profiles::build(&config, &tables).unwrap();
        profiles.effective(config.peer("op").unwrap(), &Address::parse(to).unwrap())
    }

    #[test]
    fn a_peer_that_says_nothing_has_the_handsets_of_its_protocol() {
        let profile = effective("", "+447700900001");
        assert_eq!(profile.max_octets.value.octets, 600 * 1024);
        assert_eq!(profile.max_octets.origin.to_string(), format!("family {}", default_name(true)));
    }

    #[test]
    fn limits_of_the_route_only_ever_lower() {
        let profile =
            effective("media_profile = \"video-rich\"\nmedia_max_octets = \"10 MB\"\n", "+447700900001");
        assert_eq!(profile.max_octets.origin.to_string(), "class video-rich");
        let profile = effective(
            "media_profile = \"video-rich\"\nmedia_max_octets = \"300 kB\"\nmedia_max_still = \"320x240\"\n",
            "+447700900001",
        );
        assert_eq!(profile.max_octets.origin.to_string(), "route op");
        assert_eq!(profile.max_octets.value.unit, Unit::Base64, "the safe reading");
        assert_eq!(profile.max_octets.value.counts, Counts::WholeMessage);
        assert_eq!(profile.max_still.origin.to_string(), "route op");
        let profile =
            effective("out_max_octets = \"100 kB\"\nmedia_max_octets = \"200 kB\"\n", "+447700900001");
        assert_eq!(profile.max_octets.value.octets, 100_000, "the lesser of both");
    }

    #[test]
    fn the_first_rule_that_matches_a_recipient_counts() {
        let rules = "[[handset]]\nmatch = { prefix = [\"+4477009\"] }\nprofile = \"classic-2g\"\nadapt = false\n\
                     [[handset]]\nmatch = { pattern = [\"+44??????????\"], peer = [\"op\"] }\nprofile = \"feature-phone\"\n\
                     [[handset]]\nmatch = { peer = [\"other\"] }\nprofile = \"text\"\n\
                     [[peer]]\nid = \"other\"\nprotocol = \"mail\"\nnext_hop = \"mx\"\n";
        let profile = effective(rules, "+447700900001");
        assert_eq!(profile.screen.origin.to_string(), "family classic-2g");
        assert_eq!(
            (profile.adapt.value, profile.adapt.origin.to_string()),
            (false, "recipient +4477009*".into())
        );
        assert_eq!(effective(rules, "+447800900001").screen.origin.to_string(), "family feature-phone");
        assert_eq!(effective(rules, "+15550120001").screen.origin.to_string(), "family smartphone-600k");
        assert_eq!(effective(rules, "a@b.example").screen.origin.to_string(), "family smartphone-600k");
    }

    #[test]
    fn a_document_of_the_directory_is_a_layer() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.xml"), DOCUMENT).unwrap();
        std::fs::write(directory.path().join("junk.xml"), "404 not found").unwrap();
        let media = format!("[media]\nuaprof_directory = \"{}\"\n", directory.path().display());
        for document in ["a.xml", "http://gone.vendor.example/uaprof/a.xml"] {
            let mut more = media.clone();
            write!(more, "[[handset]]\nmatch = {{ prefix = [\"+44\"] }}\nuaprof = \"{document}\"\n").unwrap();
            let profile = effective(&more, "+447700900001");
            assert_eq!(profile.max_octets.value.octets, 102_400);
            assert_eq!(profile.max_still.origin.to_string(), "uaprof a.xml");
            assert_eq!(profile.videos.origin.to_string(), "family smartphone-600k");
        }
        let (config, tables) = configured(&media).unwrap();
        let notices = Profiles::build(&config, &tables).unwrap().notices().to_vec();
        assert!(notices.len() == 1 && notices.iter().all(|line| line.contains("junk.xml")), "{notices:?}");
        let rule = format!("{media}[[handset]]\nmatch = {{ prefix = [\"+44\"] }}\nuaprof = \"junk.xml\"\n");
        let (config, tables) = configured(&rule).unwrap();
        let faults = Profiles::build(&config, &tables).err().unwrap();
        assert!(faults.iter().all(|line| line.contains("is no profile of a handset")), "{faults:?}");
    }

    #[test]
    fn faults_of_the_rules_are_told_at_once_with_their_places() {
        let told = configured(
            "media_profile = \"vidio-rich\"\nmedia_unit = \"base64\"\nmedia_max_still = \"640*480\"\n\
             [media]\nuaprof_directory = \"/nonexistent\"\nuaprof_fetch = [\"a b\"]\n\
             [[handset]]\nprofile = \"text\"\n\
             [[handset]]\nmatch = { prefix = [\"+44\"] }\n\
             [[handset]]\nmatch = { prefix = [\"+44\"] }\nuaprof = \"http://x.example/a.xml\"\n\
             [[handset]]\nmatch = { prefix = [\"+44\"] }\nuaprof = \"a.xml\"\nprofil = \"x\"\n\
             [[handset]]\nmatch = { peer = [\"opp\"] }\nadapt = false\n",
        )
        .err()
        .unwrap();
        for (place, words) in [
            (":11:17:", "did you mean \"video-rich\"?"),
            (":5:", "`media_unit` is of `media_max_octets`"),
            (":13:19:", "such as \"640x480\""),
            (":15:20:", "is no directory"),
            (":16:17:", "is not a host"),
            (":17:", "matches everybody"),
            (":19:", "says nothing"),
            (":23:10:", "add its host to `media.uaprof_fetch`"),
            (":26:10:", "there is no document \"a.xml\""),
            (":27:1:", "did you mean `profile`?"),
            (":28:", "there is no peer \"opp\"; did you mean `op`?"),
        ] {
            assert!(
                told.iter().any(|line| line.contains(place) && line.contains(words)),
                "{place} {words}\n{told:#?}"
            );
        }
    }

    #[tokio::test]
    async fn a_document_is_fetched_in_the_background_and_the_profile_without_it_is_used_meanwhile() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 2048];
                let read = stream.read(&mut buffer).await.unwrap();
                let good = buffer.get(..read).unwrap().starts_with(b"GET /a.xml HTTP/1.1\r\n");
                let answer = format!(
                    "HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{DOCUMENT}",
                    if good { "200 OK" } else { "404 Not Found" },
                    DOCUMENT.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let rules = |private: bool| {
            format!(
                "[media]\nuaprof_fetch = [\"{address}\"]\nuaprof_private = {private}\n\
                 [[handset]]\nmatch = {{ prefix = [\"+44\"] }}\nuaprof = \"http://{address}/a.xml\"\n"
            )
        };
        for private in [true, false] {
            let (config, tables) = configured(&rules(private)).unwrap();
            let profiles = Profiles::build(&config, &tables).unwrap();
            let (peer, to) = (config.peer("op").unwrap(), Address::parse("+447700900001").unwrap());
            assert_eq!(profiles.effective(peer, &to).max_octets.value.octets, 600 * 1024);
            let mut octets = 0;
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                octets = profiles.effective(peer, &to).max_octets.value.octets;
                if octets == 102_400 {
                    break;
                }
            }
            assert_eq!(
                octets == 102_400,
                private,
                "an address on loopback is asked only where that is configured"
            );
        }
    }
}
