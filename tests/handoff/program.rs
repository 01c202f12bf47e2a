//! `cedrat-key` as its users run it, against the gateway as its operators run it.

use cedrat::chance::Chance;
use cedrat_key::{
    Client, Error, Gateway,
    address::Address,
    client::{GRANTS_AN_HOUR, well_known},
    http::{Credential, Http, Limits},
    keys,
    log::Log,
    secret::Source,
};
use cedrat_keyring::{
    Consent,
    consent::Pattern,
    wire::{self, DeclineReason, Time},
};
use zeroize::Zeroizing;

use super::{Owner, TOKEN, content, content_with, gateway, send};
use crate::harness::{self, Sink};

/// The program's parts, set up for an owner and a gateway.
pub(super) struct Program {
    pub(super) gateway: Gateway,
    client: Client,
}

impl Program {
    /// Pins the gateway as it shows itself.
    fn new(running: &harness::Gateway, owner: &Owner) -> Self {
        let address =
            Address::parse(&format!("http://{}", running.running.as_ref().unwrap().http[0])).unwrap();
        let http =
            |credential| Http::new(address.clone(), Vec::new(), credential, Limits::default()).unwrap();
        Self::known_by(http, Credential::Bearer(Zeroizing::new(TOKEN.to_owned())), owner)
    }

    /// Known by a token or a certificate.
    pub(super) fn known_by(
        http: impl Fn(Option<Credential>) -> Http,
        credential: Credential,
        owner: &Owner,
    ) -> Self {
        let shown = well_known(&http(None)).unwrap();
        assert_eq!(shown.suites, [cedrat_keyring::seal::SUITE]);
        let identities =
            keys::pem::load(&[&owner.path("key.pem"), &owner.path("cert.pem")], &mut Source::Terminal)
                .unwrap();
        let log = Log::open(&owner.path("log.jsonl")).unwrap();
        Self {
            gateway: Gateway::new(http(Some(credential)), shown.keys).unwrap(),
            client: Client { identities, openpgp: Vec::new(), log, grants_an_hour: GRANTS_AN_HOUR },
        }
    }

    pub(super) fn waiting(&self) -> wire::Session {
        let waiting = self.gateway.waiting(true, None).unwrap().unwrap();
        self.gateway.session(&waiting.sessions[0]).unwrap()
    }

    pub(super) fn grant(&mut self, session: &wire::Session, consent: &Consent) -> Result<bool, Error> {
        let now = Time(cedrat::clock::now());
        let granted = self.client.grant(&self.gateway, session, consent, "user", now, &mut Chance);
        granted.map(|granted| granted.masked)
    }
}

/// The program waits with its whole thread.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_program_opens_what_its_owner_agrees_to() {
    let owner = Owner::rsa();
    let mail = owner.mail(&content(), &["-aes-256-gcm", "-keyopt", "rsa_padding_mode:oaep"]);
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(running) = gateway(&owner, &peer, &host, "").await else { return };
    send(&running, &mail).await;
    let owner = std::sync::Arc::new(owner);
    let of_program = std::sync::Arc::clone(&owner);
    let (running, id) = blocking(move || {
        let mut program = Program::new(&running, &of_program);
        let session = program.waiting();
        assert_eq!(session.message.from.as_deref(), Some("bob@example.test"));
        let narrow = Consent { parts: vec![Pattern::new("image/png").unwrap()], ..session.consent.clone() };
        let wide = Consent { parts: vec![Pattern::new("*/*").unwrap()], ..session.consent.clone() };
        assert!(matches!(program.grant(&session, &wide), Err(Error::Policy(_))));
        assert!(!program.grant(&session, &narrow).unwrap());
        let again = program.grant(&session, &narrow).unwrap_err();
        assert!(again.to_string().contains("409"), "a key is handed over once: {again}");
        (running, session.id)
    })
    .await;
    let received = peer.wait_for(1).await.remove(0);
    let opened = owner.opened(&received).unwrap();
    assert!(opened.contains("xyzzy-marker") && opened.contains("image/jpeg"), "{opened}");
    drop(running);
    let log = std::fs::read_to_string(owner.path("log.jsonl")).unwrap();
    assert_eq!(log.matches(&id).count(), 2, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_program_refuses_and_the_message_goes_as_it_came() {
    let owner = Owner::rsa();
    let mail = owner.mail(&content_with(60), &["-aes-128-cbc"]);
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(running) = gateway(&owner, &peer, &host, "without_key = \"untouched\"\n").await else { return };
    send(&running, &mail).await;
    let owner = std::sync::Arc::new(owner);
    let of_program = std::sync::Arc::clone(&owner);
    let _running = blocking(move || {
        let mut program = Program::new(&running, &of_program);
        let session = program.waiting();
        let now = Time(cedrat::clock::now());
        program.client.refuse(&program.gateway, &session, DeclineReason::Refused, "user", now).unwrap();
        running
    })
    .await;
    let received = peer.wait_for(1).await.remove(0);
    assert!(owner.opened(&received).unwrap().contains("image/png"));
}
