//! A client of the handoff: what `cedrat-key` does, in the fewest lines.

use std::{net::SocketAddr, path::PathBuf};

use cedrat::chance::Chance;
use cedrat_keyring::{
    Cek, Certificate, Consent, ContentAlgorithm, Recipient,
    consent::Output,
    recipient,
    seal::{self, Binding},
    unwrap::{self, KeyLimits, PrivateKey},
    wire::{self, Octets},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::Value;

use super::Owner;
use crate::{
    harness::Gateway,
    http::client::{self, Answer},
};

pub(crate) const TOKEN: &str = "abcdefabcdefabcdefabcdefabcdefab";

pub(crate) struct Client {
    address: SocketAddr,
    token: String,
    key: PathBuf,
    certificate: PathBuf,
}

impl Client {
    pub(crate) fn of(gateway: &Gateway, owner: &Owner) -> Self {
        Self::at(gateway.running.as_ref().unwrap().http[0], owner)
    }

    pub(crate) fn at(address: SocketAddr, owner: &Owner) -> Self {
        Self {
            address,
            token: TOKEN.to_owned(),
            key: owner.path("key.pem"),
            certificate: owner.path("cert.pem"),
        }
    }

    pub(crate) fn with_token(self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self }
    }

    async fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let headers = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", self.token);
        client::send(
            self.address,
            &client::request(method, &format!("/api/v1/handoff{path}"), &headers, body),
        )
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, b"").await
    }

    pub(crate) async fn session(&self, id: &str) -> Value {
        let answer = self.get(&format!("/sessions/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The session that waits; waited for.
    pub(crate) async fn waiting(&self) -> Value {
        let answer = self.get("/sessions?state=awaiting_key&wait=20").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let listed = answer.json();
        let id = listed["sessions"][0]["id"].as_str().unwrap_or_else(|| panic!("no session waits: {listed}"));
        self.session(id).await
    }

    /// The body of a grant, and the key in it.
    pub(crate) fn sealed(&self, session: &Value) -> (Vec<u8>, Vec<u8>) {
        let mut key = Vec::new();
        let body = self.body(session, None, None, &mut key);
        (body, key)
    }

    /// The body of a grant; with another key than the one that is in the message when `instead` says so.
    fn body(
        &self,
        session: &Value,
        instead: Option<Vec<u8>>,
        output: Option<Output>,
        unwrapped: &mut Vec<u8>,
    ) -> Vec<u8> {
        let document: wire::Session = serde_json::from_value(session.clone()).unwrap();
        document.check().unwrap();
        let algorithm = ContentAlgorithm::ALL
            .into_iter()
            .find(|it| it.name() == document.message.content_alg.name)
            .unwrap();
        let offered = &document.recipients[0];
        let key = match instead {
            Some(octets) => Cek::new(&octets).unwrap(),
            None => {
                let limits = recipient::Limits::default();
                let info = Recipient::read(&offered.der.0, &limits).unwrap();
                let certificate =
                    Certificate::read(&CertificateDer::from_pem_file(&self.certificate).unwrap(), &limits)
                        .unwrap();
                let pem = PrivateKeyDer::from_pem_file(&self.key).unwrap();
                let private = PrivateKey::read(pem.secret_der(), &KeyLimits::default()).unwrap();
                let key = unwrap::unwrap(&info, &private, &certificate, algorithm, &mut Chance).unwrap();
                *unwrapped = key.octets().to_vec();
                key
            }
        };
        // A key of another length can only be sealed under an algorithm that has that length.
        let named = ContentAlgorithm::ALL
            .into_iter()
            .find(|it| {
                it.key_octets() == key.octets().len()
                    && (key.octets().len() != algorithm.key_octets() || *it == algorithm)
            })
            .unwrap();
        let given = output.map(|output| Consent { output, ..document.consent.clone() });
        let consent = given.as_ref().unwrap_or(&document.consent);
        let binding = Binding::of(&document, offered.index, consent).unwrap();
        let sealed = seal::seal(&document.seal, &binding, &key, named, &mut Chance).unwrap();
        let grant = wire::Grant {
            recipient_index: offered.index,
            enc: Octets(sealed.enc),
            ct: Octets(sealed.ct),
            consent: given,
            aad: None,
        };
        serde_json::to_vec(&grant).unwrap()
    }

    pub(crate) async fn grant(&self, session: &Value, instead: Option<Vec<u8>>) -> Answer {
        self.put(session["id"].as_str().unwrap(), &self.body(session, instead, None, &mut Vec::new())).await
    }

    /// With the consent to another way out than the one that is asked for.
    pub(crate) async fn grant_for_output(&self, session: &Value, output: Option<Output>) -> Answer {
        let body = self.body(session, None, output, &mut Vec::new());
        self.put(session["id"].as_str().unwrap(), &body).await
    }

    /// A key that is sealed for one session and given to another.
    pub(crate) async fn grant_for(&self, sealed_for: &Value, id: &str) -> Answer {
        self.put(id, &self.sealed(sealed_for).0).await
    }

    pub(crate) async fn grant_twice(&self, session: &Value) -> (Answer, Answer) {
        let (body, _) = self.sealed(session);
        let id = session["id"].as_str().unwrap();
        (self.put(id, &body).await, self.put(id, &body).await)
    }

    pub(crate) async fn put(&self, id: &str, body: &[u8]) -> Answer {
        self.ask("PUT", &format!("/sessions/{id}/key"), body).await
    }

    pub(crate) async fn decline(&self, session: &Value) -> Answer {
        let path = format!("/sessions/{}/decline", session["id"].as_str().unwrap());
        self.ask("POST", &path, br#"{"reason_code":"refused"}"#).await
    }
}
