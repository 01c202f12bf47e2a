//! The verbs. What they decide with is in the library; here are options, files and the terminal.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cedrat_key::{
    Client, Error, Gateway,
    address::Address,
    client::{GRANTS_AN_HOUR, well_known},
    http::{Credential, Http, Limits},
    keys,
    log::Log,
    pin::{Pins, Standing},
    random,
    rules::{Rules, Verdict},
    secret::{Source, confirm},
    show::{self, DigestSource},
};
use cedrat_keyring::{
    Consent,
    consent::{Output, Pattern},
    wire::{self, DeclineReason, Time},
};
use cedrat_message::Timestamp;
use clap::{Args, Parser, Subcommand, ValueEnum};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use zeroize::Zeroizing;

/// Between two questions to a gateway, at first.
const PAUSE: Duration = Duration::from_secs(2);
/// Between two questions while nothing new comes, or nobody answers.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Hands out the content key of one encrypted message at a time, so that a gateway can convert it.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args)]
struct Options {
    /// The gateway: https://host[:port].
    #[arg(long, global = true, env = "CEDRAT_KEY_GATEWAY", value_name = "URL")]
    gateway: Option<String>,
    /// Where pinned keys and the log are kept [default: ~/.local/share/cedrat-key].
    #[arg(long, global = true, env = "CEDRAT_KEY_HOME", value_name = "DIRECTORY")]
    home: Option<PathBuf>,
    /// File with the bearer token of your account.
    #[arg(long, global = true, env = "CEDRAT_KEY_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// PEM file with the certificate that logs you in; not one that mail is encrypted for.
    #[arg(long, global = true, value_name = "FILE", requires = "login_key", conflicts_with = "token_file")]
    login_certificate: Option<PathBuf>,
    /// PEM file with its private key.
    #[arg(long, global = true, value_name = "FILE", requires = "login_certificate")]
    login_key: Option<PathBuf>,
    /// PEM file with certificates that the gateway's must lead to [default: those of the system].
    #[arg(long, global = true, env = "CEDRAT_KEY_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Private key: PEM (PKCS #8) with its certificate in it or in --certificate, or PKCS #12.
    #[arg(long, global = true, env = "CEDRAT_KEY_KEY", value_name = "FILE")]
    key: Vec<PathBuf>,
    /// Certificates of PEM keys.
    #[arg(long, global = true, env = "CEDRAT_KEY_CERTIFICATE", value_name = "FILE")]
    certificate: Vec<PathBuf>,
    /// PKCS #11 module of a token that holds keys.
    #[arg(long, global = true, env = "CEDRAT_KEY_MODULE", value_name = "FILE")]
    module: Option<PathBuf>,
    /// Label of the token.
    #[arg(long, global = true, value_name = "LABEL")]
    token: Option<String>,
    /// Read passphrases and PINs from this descriptor, one a line.
    #[arg(long, global = true, value_name = "NUMBER", conflicts_with = "askpass")]
    passphrase_fd: Option<u32>,
    /// Ask for passphrases and PINs with this program.
    #[arg(long, global = true, env = "CEDRAT_KEY_ASKPASS", value_name = "PROGRAM")]
    askpass: Option<PathBuf>,
    /// Keys that are handed out within an hour, at most.
    #[arg(long, global = true, value_name = "NUMBER", default_value_t = GRANTS_AN_HOUR)]
    grants_an_hour: usize,
}

#[derive(Subcommand)]
enum Verb {
    /// Decide by rules, without asking; what no rule fits is left for you.
    Auto {
        /// TOML file.
        #[arg(long, value_name = "FILE")]
        rules: PathBuf,
        /// End when all that waits has been looked at.
        #[arg(long)]
        once: bool,
    },
    /// Show a request, ask, and hand out the key of its message.
    Grant {
        /// The session.
        id: String,
        /// Only for these parts: image/jpeg, image/*.
        #[arg(long, value_name = "TYPE")]
        parts: Vec<String>,
        /// Only when the result is encrypted for you again.
        #[arg(long)]
        reencrypt: bool,
        /// Your own copy of the message, to compute its digest from.
        #[arg(long, value_name = "FILE")]
        message: Option<PathBuf>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Accept the key that a gateway signs its requests with.
    Pin {
        /// The gateway: https://host[:port].
        url: String,
        /// Accept this fingerprint without asking, and no other.
        #[arg(long, value_name = "FINGERPRINT")]
        fingerprint: Option<String>,
    },
    /// Tell the gateway that it gets no key.
    Refuse {
        /// The session.
        id: String,
        /// Why.
        #[arg(long, value_enum, default_value_t = Why::Refused)]
        reason: Why,
    },
    /// Show a request.
    Show {
        /// The session.
        id: String,
        /// Your own copy of the message, to compute its digest from.
        #[arg(long, value_name = "FILE")]
        message: Option<PathBuf>,
        /// As JSON, as it was signed.
        #[arg(long)]
        json: bool,
    },
    /// Print requests as they come.
    Watch {
        /// End when all that waits has been printed.
        #[arg(long)]
        once: bool,
        /// Names only, one a line.
        #[arg(long)]
        ids: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Why {
    NoKey,
    Policy,
    Refused,
    Untrusted,
}

/// No core file of this process, and no debugger that is not root's: it will hold keys.
pub(crate) fn harden() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if setrlimit(Resource::Core, none)
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .is_err()
    {
        eprintln!("cedrat-key: warning: a crash of this process may write keys into a core file");
    }
}

pub(crate) fn run() -> Result<(), Error> {
    let Arguments { options, verb } = Arguments::parse();
    match verb {
        Verb::Auto { rules, once } => auto(&options, &rules, once),
        Verb::Grant { id, parts, reencrypt, message, yes } => {
            let gateway = options.gateway()?;
            let session = gateway.session(&id)?;
            let source = digest(&session, message.as_deref())?;
            let consent = narrow(&session.consent, &parts, reencrypt)?;
            print(&show::request(gateway.address(), &session, source))?;
            if consent != session.consent {
                for line in show::consent(&consent) {
                    print(&format!("{:<10} {line}\n", "Granted"))?;
                }
            }
            if !yes && !confirm("Hand out the key of this message?")? {
                return Err(Error::Policy("nothing was handed out".into()));
            }
            let mut client = options.client()?;
            grant(&mut client, &gateway, &session, &consent, "user")
        }
        Verb::Pin { url, fingerprint } => pin(&options, &url, fingerprint.as_deref()),
        Verb::Refuse { id, reason } => {
            let gateway = options.gateway()?;
            let session = gateway.session(&id)?;
            options.client_without_keys()?.refuse(&gateway, &session, reason.code(), "user", now())?;
            print(&format!("{id}: refused\n"))
        }
        Verb::Show { id, message, json } => {
            let gateway = options.gateway()?;
            let session = gateway.session(&id)?;
            if json {
                let text = serde_json::to_string_pretty(&session).map_err(|e| Error::Input(e.to_string()))?;
                return print(&format!("{text}\n"));
            }
            let source = digest(&session, message.as_deref())?;
            print(&show::request(gateway.address(), &session, source))
        }
        Verb::Watch { once, ids } => {
            let gateway = options.gateway()?;
            follow(&gateway, once, |session| {
                if ids {
                    return print(&format!("{}\n", session.id));
                }
                print(&format!("{}\n", show::request(gateway.address(), session, DigestSource::Gateway)))
            })
        }
    }
}

impl Why {
    const fn code(self) -> DeclineReason {
        match self {
            Self::NoKey => DeclineReason::NoKey,
            Self::Policy => DeclineReason::Policy,
            Self::Refused => DeclineReason::Refused,
            Self::Untrusted => DeclineReason::Untrusted,
        }
    }
}

impl Options {
    fn home(&self) -> Result<PathBuf, Error> {
        let home = match (&self.home, std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME")) {
            (Some(home), _, _) => home.clone(),
            (None, Some(data), _) if !data.is_empty() => PathBuf::from(data).join("cedrat-key"),
            (None, _, Some(home)) if !home.is_empty() => PathBuf::from(home).join(".local/share/cedrat-key"),
            _ => return Err(Error::Input("no home directory; name one with --home".into())),
        };
        std::fs::create_dir_all(&home)
            .map_err(|error| Error::Input(format!("{}: {error}", home.display())))?;
        Ok(home)
    }

    fn pins(&self) -> Result<Pins, Error> {
        Pins::load(&self.home()?.join("pins.json"))
    }

    fn http(&self, address: Address) -> Result<Http, Error> {
        let roots = match &self.ca {
            None => Vec::new(),
            Some(path) => CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| Error::Input(format!("{}: {error}", path.display())))?,
        };
        let credential = match (&self.token_file, &self.login_certificate, &self.login_key) {
            (Some(path), _, _) => {
                let text = std::fs::read_to_string(path).map(Zeroizing::new);
                let text = text.map_err(|error| Error::Input(format!("{}: {error}", path.display())))?;
                Some(Credential::Bearer(Zeroizing::new(text.trim().to_owned())))
            }
            (None, Some(certificate), Some(key)) => Some(Credential::certificate(certificate, key)?),
            _ => None,
        };
        Http::new(address, roots, credential, Limits::default())
    }

    fn gateway(&self) -> Result<Gateway, Error> {
        let url =
            self.gateway.as_deref().ok_or_else(|| Error::Input("which gateway? --gateway URL".into()))?;
        let address = Address::parse(url)?;
        let pinned = self.pins()?.of(&address);
        Gateway::new(self.http(address)?, pinned)
    }

    fn client(&self) -> Result<Client, Error> {
        let mut source = match (self.passphrase_fd, &self.askpass) {
            (Some(number), _) => Source::descriptor(number)?,
            (None, Some(program)) => Source::Askpass(program.clone()),
            (None, None) => Source::Terminal,
        };
        let mut client = self.client_without_keys()?;
        for path in &self.key {
            match keys::form(path)? {
                keys::Form::Pem => {
                    let certificates = self.certificate.iter().map(PathBuf::as_path);
                    let paths: Vec<&Path> = [path.as_path()].into_iter().chain(certificates).collect();
                    client.identities.extend(keys::pem::load(&paths, &mut source)?);
                }
                keys::Form::Pkcs12 => client.identities.extend(keys::pkcs12::load(path, &mut source)?),
                keys::Form::Openpgp => client.openpgp.extend(openpgp(path, &mut source)?),
            }
        }
        if let Some(module) = &self.module {
            client.identities.extend(keys::pkcs11::load(module, self.token.as_deref(), &mut source)?);
        }
        if client.identities.is_empty() && client.openpgp.is_empty() {
            return Err(Error::Input("no private key; name one with --key or --module".into()));
        }
        if let Some(path) = &self.login_certificate {
            let login = CertificateDer::from_pem_file(path)
                .map_err(|error| Error::Input(format!("{}: {error}", path.display())))?;
            keys::not_for_login(&client.identities, &login)?;
        }
        Ok(client)
    }

    fn client_without_keys(&self) -> Result<Client, Error> {
        let log = Log::open(&self.home()?.join("log.jsonl"))?;
        Ok(Client { identities: Vec::new(), openpgp: Vec::new(), log, grants_an_hour: self.grants_an_hour })
    }
}

#[cfg(feature = "openpgp")]
use keys::openpgp::load as openpgp;

#[cfg(not(feature = "openpgp"))]
fn openpgp(path: &Path, _: &mut Source) -> Result<Vec<Box<dyn keys::SessionKeys>>, Error> {
    let path = path.display();
    Err(Error::Input(format!("{path}: this program is built without OpenPGP (cargo feature `openpgp`)")))
}

fn pin(options: &Options, url: &str, fingerprint: Option<&str>) -> Result<(), Error> {
    let address = Address::parse(url)?;
    let mut pins = options.pins()?;
    let shown = well_known(&options.http(address.clone())?)?.keys;
    for key in &shown {
        print(&format!("{address}  {}  {}\n", show::plain(&key.kid), key.thumbprint()))?;
    }
    let standing = pins.standing(&address, &shown);
    let accepted = match (standing, fingerprint) {
        (Standing::Same, _) => return print("these keys are pinned already\n"),
        (_, Some(expected)) => shown.iter().all(|key| key.thumbprint().encoded() == expected),
        (Standing::New, None) => confirm("Are these the keys that the operator of the gateway published?")?,
        (Standing::Changed, None) => {
            print("OTHER KEYS ARE PINNED for this gateway: somebody may be in between.\n")?;
            confirm("Has the operator of the gateway confirmed the change?")?
        }
    };
    if !accepted {
        return Err(Error::Untrusted("nothing was pinned".into()));
    }
    pins.replace(&address, &shown, now())?;
    print("pinned\n")
}

fn auto(options: &Options, rules: &Path, once: bool) -> Result<(), Error> {
    let text = std::fs::read_to_string(rules)
        .map_err(|error| Error::Input(format!("{}: {error}", rules.display())))?;
    let rules = Rules::parse(&text)?;
    let gateway = options.gateway()?;
    let mut client = options.client()?;
    follow(&gateway, once, |session| match rules.decide(session) {
        Verdict::Leave => print(&format!("{}: left for you\n", session.id)),
        Verdict::Refuse(rule) => {
            client.refuse(&gateway, session, DeclineReason::Policy, &rule.name, now())?;
            print(&format!("{}: refused by {:?}\n", session.id, rule.name))
        }
        Verdict::Grant(rule, consent) => grant(&mut client, &gateway, session, &consent, &rule.name),
    })
}

fn grant(
    client: &mut Client,
    gateway: &Gateway,
    session: &wire::Session,
    consent: &Consent,
    by: &str,
) -> Result<(), Error> {
    let granted = client.grant(gateway, session, consent, by, now(), &mut random::system())?;
    print(&format!("{}: granted by {by:?}\n", session.id))?;
    if granted.masked {
        print("  your key does not open this message; a random key was sent, as policy has it\n")?;
    }
    Ok(())
}

/// Looks at each session once, as they come. What goes wrong with one is told and does not stop the
/// others; a gateway that is not reached is tried again.
fn follow(
    gateway: &Gateway,
    once: bool,
    mut look: impl FnMut(&wire::Session) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    let mut etag: Option<String> = None;
    let mut pause = PAUSE;
    loop {
        match gateway.waiting(!once, etag.as_deref()) {
            Ok(Some(waiting)) => {
                etag = waiting.etag;
                let new: Vec<_> = waiting.sessions.iter().filter(|id| !seen.contains(*id)).cloned().collect();
                // A list that is empty was waited for by the gateway; one that is the same was not.
                let idle = new.is_empty() && !waiting.sessions.is_empty();
                pause = if idle { LONGEST_PAUSE.min(pause * 2) } else { PAUSE };
                for id in new {
                    if let Err(error) = gateway.session(&id).and_then(|session| look(&session)) {
                        eprintln!("cedrat-key: {id}: {error}");
                        // Nothing further may be handed out, or written.
                        if once && matches!(error, Error::Policy(_) | Error::Input(_)) {
                            return Err(error);
                        }
                    }
                }
                seen = waiting.sessions.into_iter().collect();
            }
            Ok(None) => pause = PAUSE,
            Err(error @ Error::Network(_)) if !once => {
                eprintln!("cedrat-key: {error}");
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            Err(error) => return Err(error),
        }
        if once {
            return Ok(());
        }
        std::thread::sleep(pause);
    }
}

fn narrow(asked: &Consent, parts: &[String], reencrypt: bool) -> Result<Consent, Error> {
    let mut consent = asked.clone();
    if !parts.is_empty() {
        consent.parts = parts
            .iter()
            .map(|text| Pattern::new(text).ok_or_else(|| Error::Input(format!("{text:?} is no media type"))))
            .collect::<Result<_, _>>()?;
    }
    if reencrypt {
        consent.output = Output::Reencrypt;
    }
    if !consent.within(asked) {
        return Err(Error::Input("that is not among what is asked for".into()));
    }
    Ok(consent)
}

/// Compares the digest with that of the user's own copy, when there is one.
fn digest(session: &wire::Session, message: Option<&Path>) -> Result<DigestSource, Error> {
    let Some(path) = message else { return Ok(DigestSource::Gateway) };
    let octets = std::fs::read(path).map_err(|error| Error::Input(format!("{}: {error}", path.display())))?;
    let own = cedrat_key::own_copy::digest(octets, path)?;
    if own != session.message.sha256 {
        return Err(Error::Untrusted("the request is for another message than your copy".into()));
    }
    Ok(DigestSource::OwnCopy)
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

fn print(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Error::Input(format!("standard output: {error}")))
}
