//! A gateway of a few lines: TLS, the paths of the handoff, and the state machine of `cedrat-keyring`.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use cedrat_key::random;
use cedrat_keyring::{
    Cek, Consent,
    consent::{Output, Pattern, Purpose, Signature},
    reader::{self, Structure},
    recipient,
    seal::SUITE,
    session::{Actor, Authentication, Limits, Offer, Outcome, Session},
    wire::{self, Digest, Octets, jws::Signer},
};
use cedrat_message::Timestamp;
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

pub(crate) const ACCOUNT: &str = "bob@recipient.example";
pub(crate) const TOKEN: &str = "a-token-of-bob";

pub(crate) struct Gateway {
    pub(crate) url: String,
    pub(crate) ca: PathBuf,
    pub(crate) token: PathBuf,
    state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    pub(crate) sessions: BTreeMap<String, Session>,
    pub(crate) signer: Signer,
    /// Puts something else in the place of a session's document.
    pub(crate) tamper: fn(&mut wire::Session),
}

impl Gateway {
    pub(crate) fn start(home: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (ca, token) = (home.join("ca.pem"), home.join("token"));
        std::fs::write(&ca, made.cert.pem()).unwrap();
        std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let state = Arc::new(Mutex::new(State {
            sessions: BTreeMap::new(),
            signer: Signer::from_scalar("gw-2026-1", &[9; 32]).unwrap(),
            tamper: |_| {},
        }));
        let (tls, shared) = (Arc::new(tls), Arc::clone(&state));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = ServerConnection::new(Arc::clone(&tls)).unwrap();
                let mut stream = StreamOwned::new(connection, stream.unwrap());
                serve(&mut stream, &shared).unwrap_or(());
                stream.conn.send_close_notify();
                stream.flush().unwrap_or(());
            }
        });
        Self { url, ca, token, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Offers a session for a CMS message.
    pub(crate) fn offer(&self, id: &str, cms: &[u8]) {
        let structure = Structure::of(cms, reader::Limits::default()).unwrap();
        let parameters = structure.encryption.parameters.clone().unwrap();
        let algorithm = parameters.algorithm();
        let recipients = structure.recipients.iter().enumerate().map(|(index, der)| {
            let read = recipient::Recipient::read(der, &recipient::Limits::default()).unwrap();
            wire::Recipient {
                index: index.try_into().unwrap(),
                kind: serde_json::from_value(read.kind().name().into()).unwrap(),
                rid: wire::RecipientId::default(),
                key_enc_alg: wire::Algorithm {
                    oid: "1.2.3".into(),
                    name: read.algorithm().name().into(),
                    der: Octets(read.algorithm().der().to_vec()),
                },
                der: Octets(der.clone()),
                sha256: Digest::of(der),
            }
        });
        let aead = algorithm.integrity() == cedrat_keyring::Integrity::Aead;
        let offer = Offer {
            id: id.into(),
            account: ACCOUNT.into(),
            server_key_id: "gw-2026-1".into(),
            parent: None,
            message: wire::Message {
                message_id: Some("<1@sender.example>".into()),
                from: Some("Alice <alice@sender.example>".into()),
                subject: Some("three photos \u{1b}[2J".into()),
                date: Some("Tue, 3 Mar 2026 10:00:00 +0100".into()),
                direction: wire::Direction::Inbound,
                size: cms.len() as u64,
                sha256: Digest::of(cms),
                part_path: "1".into(),
                format: if aead { wire::Format::CmsAuthEnveloped } else { wire::Format::CmsEnveloped },
                integrity: if aead { wire::Integrity::Aead } else { wire::Integrity::None },
                content_alg: wire::ContentAlgorithm {
                    oid: structure.encryption.oid.to_string(),
                    name: algorithm.name().into(),
                    der: Octets(structure.encryption.der.clone()),
                    key_bytes: algorithm.key_octets().try_into().unwrap(),
                },
            },
            kinds: vec![algorithm.into()],
            recipients: recipients.collect(),
            consent: consent(),
            expires: now().plus_seconds(600),
            attestation: None,
        };
        let session = Session::open(offer, Limits::default(), now(), &mut random::system());
        self.state().sessions.insert(id.into(), session);
    }

    /// The content key that was handed over for a session.
    pub(crate) fn key(&self, id: &str) -> Cek {
        self.state().sessions.get_mut(id).unwrap().take_key(now()).unwrap()
    }
}

pub(crate) fn consent() -> Consent {
    Consent {
        purpose: Purpose::TranscodeForHandset,
        parts: vec![Pattern::new("image/*").unwrap(), Pattern::new("video/*").unwrap()],
        output: Output::Reencrypt,
        device: None,
        signature: Signature::VerifyAndStrip,
        keep_original: true,
    }
}

pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(since.as_millis().try_into().unwrap())
}

fn serve(
    stream: &mut StreamOwned<ServerConnection, std::net::TcpStream>,
    state: &Mutex<State>,
) -> std::io::Result<()> {
    let mut octets = Vec::new();
    let (head, length) = loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        octets.extend_from_slice(&piece[..count]);
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        if let httparse::Status::Complete(length) = request.parse(&octets).unwrap() {
            let field = |name: &str| {
                let field = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
                field.map(|field| String::from_utf8(field.value.to_vec()).unwrap())
            };
            let body: usize = field("content-length").map_or(0, |length| length.parse().unwrap());
            let line = (request.method.unwrap().to_owned(), request.path.unwrap().to_owned());
            break ((line, field("authorization"), field("if-none-match")), length + body);
        }
    };
    while octets.len() < length {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece)?;
        octets.extend_from_slice(&piece[..count]);
    }
    let body_at = octets.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let ((method, path), authorization, unless) = head;
    let mut state = state.lock().unwrap();
    let (status, body) = if path == "/api/v1/handoff/.well-known" {
        (200, serde_json::to_vec(&well_known(&state)).unwrap())
    } else if authorization.as_deref() == Some(&format!("Bearer {TOKEN}")) {
        answer(&mut state, &method, &path, &octets[body_at..])
    } else {
        (401, br#"{"type":"about:blank","title":"Who are you?","status":401,"code":"unauthorized"}"#.to_vec())
    };
    drop(state);
    let etag = format!("\"{}\"", Digest::of(&body));
    let body = if unless.as_ref() == Some(&etag) { Vec::new() } else { body };
    let status = if unless.as_ref() == Some(&etag) { 304 } else { status };
    write!(stream, "HTTP/1.1 {status} X\r\nETag: {etag}\r\nContent-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

fn well_known(state: &State) -> wire::WellKnown {
    wire::WellKnown {
        keys: vec![state.signer.public()],
        suites: vec![SUITE],
        limits: wire::Bounds { attempts: 3, hard_deadline: 120, wait: 55 },
    }
}

fn answer(state: &mut State, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let problem =
        |outcome: Outcome| (outcome.status(), serde_json::to_vec(&wire::Problem::of(outcome)).unwrap());
    let rest = path.strip_prefix("/api/v1/handoff/sessions").unwrap();
    if rest.starts_with('?') {
        let waiting =
            state.sessions.values().filter(|one| one.state() == cedrat_keyring::session::State::AwaitingKey);
        let list = wire::SessionList { sessions: waiting.map(|one| one.document().clone()).collect() };
        return (200, serde_json::to_vec(&list).unwrap());
    }
    let (id, verb) = rest[1..].split_once(['/', '?']).unwrap();
    let Some(session) = state.sessions.get_mut(id) else { return problem(Outcome::SessionNotFound) };
    let actor = Actor { account: ACCOUNT.into(), method: Authentication::Token };
    let outcome = match (method, verb) {
        ("GET", "format=jws") => {
            let mut document = session.document().clone();
            (state.tamper)(&mut document);
            return (200, state.signer.sign(&serde_json::to_vec(&document).unwrap()).into_bytes());
        }
        ("PUT", "key") => {
            let grant = serde_json::from_slice(body).unwrap();
            session.grant(&actor, &grant, now(), &mut random::system())
        }
        ("POST", "decline") => {
            let _: wire::Decline = serde_json::from_slice(body).unwrap();
            session.decline(&actor, now())
        }
        _ => panic!("{method} {path}"),
    };
    if outcome.is_refusal() { problem(outcome) } else { (outcome.status(), b"{}".to_vec()) }
}
