//! Clients that are known by the certificate of their connection, from an authority of their operator's.

use std::sync::Arc;

use cedrat_key::{
    address::Address,
    http::{Credential, Http, Limits},
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{
    Owner, content,
    program::{Program, blocking},
    send,
};
use crate::harness::{Gateway, Sink, worker};

impl Owner {
    /// An authority of this name.
    fn authority(&self, name: &str) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let mut arguments = vec!["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"];
        arguments.extend(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=authority.test"]);
        arguments.extend(["-keyout", &key, "-out", &certificate]);
        self.openssl(&arguments, &[]);
    }

    /// A certificate of that authority for this name.
    fn issued(&self, authority: &str, name: &str, subject: &str, usage: &str) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let (ca, ca_key) = (format!("{authority}.pem"), format!("{authority}.key"));
        let (subject, usage) = (format!("subjectAltName={subject}"), format!("extendedKeyUsage={usage}"));
        let mut arguments = vec!["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"];
        arguments.extend(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=somebody"]);
        arguments.extend(["-CA", &ca, "-CAkey", &ca_key, "-keyout", &key, "-out", &certificate]);
        arguments.extend(["-addext", "basicConstraints=CA:FALSE", "-addext", &subject, "-addext", &usage]);
        self.openssl(&arguments, &[]);
    }

    /// The list of what that authority has revoked: the certificate of this name.
    fn revoked(&self, authority: &str, name: &str, list: &str) {
        let (ca, ca_key) = (format!("{authority}.pem"), format!("{authority}.key"));
        std::fs::write(self.path("index.txt"), "").unwrap();
        std::fs::write(self.path("crlnumber"), "01\n").unwrap();
        std::fs::write(
            self.path("ca.cnf"),
            "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\ndefault_md = sha256\ndefault_crl_days = 2\n\
             crlnumber = crlnumber\n",
        )
        .unwrap();
        let as_authority = ["ca", "-config", "ca.cnf", "-cert", &ca, "-keyfile", &ca_key];
        let certificate = format!("{name}.pem");
        self.openssl(&[&as_authority[..], &["-revoke", &certificate]].concat(), &[]);
        self.openssl(&[&as_authority[..], &["-gencrl", "-out", list]].concat(), &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_certificate_of_its_address_hands_over_a_key_and_nobody_else_does() {
    let Some(program) = worker() else { return };
    let owner = Owner::rsa();
    owner.authority("peers-ca");
    owner.authority("ca");
    owner.authority("other-ca");
    owner.issued("ca", "server", "DNS:localhost", "serverAuth");
    owner.issued("peers-ca", "of-a-peer", "email:alice@example.test", "clientAuth");
    owner.issued("ca", "lost", "email:alice@example.test", "clientAuth");
    owner.revoked("ca", "lost", "ca.crl");
    owner.issued("ca", "alice", "email:alice@example.test", "clientAuth");
    owner.issued("ca", "mallory", "email:mallory@example.test", "clientAuth");
    owner.issued("ca", "pinned", "email:somebody@example.test", "clientAuth");
    owner.issued("other-ca", "forged", "email:alice@example.test", "clientAuth");
    let printed = owner.openssl(&["x509", "-noout", "-fingerprint", "-sha256", "-in", "pinned.pem"], &[]);
    let fingerprint = String::from_utf8(printed).unwrap().trim().rsplit('=').next().unwrap().to_owned();
    let at = |name: &str| owner.path(name).display().to_string();
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let more = format!(
        "[tls]\ncertificate = {:?}\nkey = {:?}\nclient_ca = {:?}\n[media]\nworker = {program:?}\n\
         [http]\nlisten = [\"127.0.0.1:0\"]\ntls = true\nclient_ca = {:?}\nclient_crl = [{:?}]\n[handoff]\nsigning_key = {:?}\n\
         [[handoff.account]]\nname = \"alice\"\naddresses = [\"+447700900003\", \"alice@example.test\"]\n\
         certificates = [{:?}]\nlogin_by_address = true\n\
         [[handoff.account]]\nname = \"carol\"\naddresses = [\"+447700900009\", \"mallory@example.test\"]\n\
         certificates = [{:?}]\nlogin_certificates = [\"{fingerprint}\"]\n",
        at("server.pem"),
        at("server.key"),
        at("peers-ca.pem"),
        at("ca.pem"),
        at("ca.crl"),
        at("gateway.pem"),
        at("cert.pem"),
        at("cert.pem"),
    );
    let gateway =
        Gateway::with(peer.address, host.address, "", "media_profile = \"image-rich\"\n", &more).await;
    send(&gateway, &owner.mail(&content(), &["-aes-256-gcm"])).await;
    let port = gateway.running.as_ref().unwrap().http[0].port();
    let owner = Arc::new(owner);
    let of_client = owner.clone();
    blocking(move || {
        let owner = of_client;
        let http = |credential| {
            let address = Address::parse(&format!("https://localhost:{port}")).unwrap();
            let root = CertificateDer::from_pem_file(owner.path("ca.pem")).unwrap();
            Http::new(address, vec![root], credential, Limits::default()).unwrap()
        };
        let known_by = |name: &str| {
            let (chain, key) = (owner.path(&format!("{name}.pem")), owner.path(&format!("{name}.key")));
            Program::known_by(http, Credential::certificate(&chain, &key).unwrap(), &owner)
        };
        // Of the authority, but nobody's; then revoked, or of another authority, though it says the address.
        let why = known_by("mallory").gateway.waiting(false, None).unwrap_err().to_string();
        assert!(why.contains("401"), "{why}");
        for other in ["lost", "of-a-peer", "forged"] {
            let why = known_by(other).gateway.waiting(false, None).unwrap_err().to_string();
            assert!(!why.contains("401"), "{other}: refused with the connection, {why}");
        }
        let pinned = known_by("pinned").gateway.waiting(false, None).unwrap().unwrap();
        assert!(pinned.sessions.is_empty(), "carol has none");
        let mut alice = known_by("alice");
        let session = alice.waiting();
        assert!(!alice.grant(&session, &session.consent.clone()).unwrap());
    })
    .await;
    let received = peer.wait_for(1).await.remove(0);
    assert!(owner.opened(&received).unwrap().contains("image/jpeg"));
    let audit = std::fs::read_to_string(gateway.path("handoff-audit.jsonl")).unwrap();
    assert!(audit.contains("\"method\":\"certificate\""), "{audit}");
}
