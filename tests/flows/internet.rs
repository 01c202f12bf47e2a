//! Mail as the Internet expects it: exchangers from the DNS, signatures that verify, and policies of
//! senders that are kept to.

use mail_auth::{
    AuthenticatedMessage, DkimResult, MessageAuthenticator,
    common::{
        crypto::{DkimKey, Ed25519Key},
        headers::HeaderWriter as _,
    },
    dkim::DkimSigner,
};

use crate::harness::{Gateway, NameServer, Script, Sink, eventually, forward, mail};

const FROM: &str = "+15550120001/TYPE=PLMN@mmsc.op-b.test";
const NUMBER: &str = "+447700900003@mms.gw.test";

/// A gateway that finds its way by DNS. `mail` and `peer` are keys of `[mail]` and of the peer
/// that stands for the Internet.
async fn gateway(dns: &NameServer, op_b: &Sink, mail: &str, peer: &str) -> Gateway {
    let text = format!(
        "host = \"gw.test\"\ndata = \"@DATA@\"\nresolvers = [\"{}\"]\n[mm4]\nlisten = [\"127.0.0.1:0\"]\n\
         domain = \"mmsc.gw.test\"\n[events]\nlog = \"@DATA@/log.jsonl\"\n\
         [mail]\nlisten = [\"127.0.0.1:0\"]\ndomains = [\"mms.gw.test\"]\n{mail}\n\
         [[peer]]\nid = \"op-b\"\nprotocol = \"mm4\"\nallow_ip = [\"127.0.0.1\"]\nnext_hop = \"{}\"\n\
         domain = \"mmsc.op-b.test\"\ntls = \"none\"\n\
         [[peer]]\nid = \"internet\"\nprotocol = \"mail\"\nallow_ip = [\"0.0.0.0/0\"]\nnext_hop = \"mx\"\n{peer}\n\
         [[route]]\nid = \"to-op-b\"\nmatch = {{ prefix = [\"+44\"] }}\nto = [\"op-b\"]\n\
         [[route]]\nid = \"to-mail\"\nmatch = {{ domain = [\"*\"] }}\nto = [\"internet\"]\n",
        dns.address, op_b.address
    );
    Gateway::configured(&text).await
}

fn exchanger(host: &Sink) -> String {
    format!("mx_private = true\nmx_port = {}", host.address.port())
}

async fn send(gateway: &Gateway, id: &str, to: &str) {
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward(id, "+15550120001", to, "X-Mms-Delivery-Report: Yes\r\n", "hi");
    let reply = script.message(FROM, &[to], &content).await;
    assert!(reply.starts_with("250"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_to_the_first_exchanger_that_answers() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let dns = NameServer::start(&[
        ("far.test", "MX 20 second.far.test."),
        ("far.test", "MX 10 first.far.test."),
        ("first.far.test", "A 127.0.0.9"),
        ("second.far.test", "A 127.0.0.1"),
        ("plain.test", "A 127.0.0.1"),
    ])
    .await;
    let gateway = gateway(&dns, &peer, "", &exchanger(&host)).await;
    send(&gateway, "m1", "bob@far.test").await;
    send(&gateway, "m2", "bob@plain.test").await;
    let all = host.wait_for(2).await;
    for to in ["bob@far.test", "bob@plain.test"] {
        assert!(all.iter().any(|one| one.to[0].contains(to)), "{to} in {all:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_without_mail_is_reported_and_one_without_answer_is_tried_again() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let dns = NameServer::start(&[("null.test", "MX 0 ."), ("silent.test", "SERVFAIL")]).await;
    let gateway = gateway(&dns, &peer, "", &exchanger(&host)).await;
    for to in ["bob@null.test", "bob@nowhere.test", "bob@silent.test"] {
        send(&gateway, to, to).await;
    }
    gateway.wait_for("Failure", 2).await;
    gateway.wait_for("TransientFailure", 1).await;
    let reasons: Vec<String> = gateway
        .events()
        .iter()
        .filter(|event| ["Failure", "TransientFailure"].contains(&event["type"].as_str().unwrap()))
        .map(|event| event["reason"]["code"].as_str().unwrap().to_owned())
        .collect();
    for reason in ["domain-unknown", "domain-without-mail", "dns-unavailable"] {
        assert!(reasons.iter().any(|found| found == reason), "{reason} in {reasons:?}");
    }
    let told = eventually("two reports", || {
        let all = peer.all();
        (all.len() == 2).then_some(all)
    });
    assert!(told.await.iter().all(|one| one.content.contains("MM4_delivery_report.REQ")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchanger_inside_our_own_network_is_never_called() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let dns =
        NameServer::start(&[("evil.test", "MX 10 mx.evil.test."), ("mx.evil.test", "A 127.0.0.1")]).await;
    let gateway = gateway(&dns, &peer, "", &format!("mx_port = {}", host.address.port())).await;
    send(&gateway, "m1", "bob@evil.test").await;
    peer.find("the report", |one| one.content.contains("MM4_delivery_report.REQ")).await;
    assert!(host.all().is_empty());
}

/// An Ed25519 key: PKCS #8, and the record that publishes it.
fn key() -> (Vec<u8>, String) {
    let pkcs8 = Ed25519Key::generate_pkcs8().unwrap();
    let public = Ed25519Key::from_pkcs8_maybe_unchecked_der(&pkcs8).unwrap().public_key();
    let record = format!("TXT v=DKIM1; k=ed25519; p={}", base64(&public));
    (pkcs8, record)
}

fn base64(octets: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let bits =
            three.iter().fold(0u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - three.len()));
        let letter = |n: usize| {
            if n > three.len() { '=' } else { char::from(ALPHABET[(bits >> (18 - 6 * n)) as usize & 63]) }
        };
        (0..4).map(letter).collect::<String>()
    };
    octets.chunks(3).map(group).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_is_signed_and_the_signature_verifies() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let (pkcs8, record) = key();
    let dns = NameServer::start(&[
        ("far.test", "MX 10 mx.far.test."),
        ("mx.far.test", "A 127.0.0.1"),
        ("s1._domainkey.mms.gw.test", record.as_str()),
    ])
    .await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64(&pkcs8));
    std::fs::write(file.path(), pem).unwrap();
    let dkim = format!(
        "[[mail.dkim]]\ndomain = \"mms.gw.test\"\nselector = \"s1\"\nkey = \"{}\"",
        file.path().display()
    );
    let gateway = gateway(&dns, &peer, &dkim, &exchanger(&host)).await;
    send(&gateway, "m1", "bob@far.test").await;
    let got = host.wait_for(1).await.remove(0);
    let resolver = resolver(&dns);
    let message = AuthenticatedMessage::parse(&got.octets).unwrap();
    let results = resolver.verify_dkim(&message).await;
    assert!(
        matches!(results[..], [ref one] if *one.result() == DkimResult::Pass),
        "{results:?}\n{}",
        got.content
    );
    let changed = got.content.replace("hi", "ho").into_bytes();
    let message = AuthenticatedMessage::parse(&changed).unwrap();
    let results = resolver.verify_dkim(&message).await;
    assert!(*results[0].result() != DkimResult::Pass, "the text is covered");
}

fn resolver(dns: &NameServer) -> MessageAuthenticator {
    use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
    let mut udp = ConnectionConfig::udp();
    udp.port = dns.address.port();
    let server = NameServerConfig::new(dns.address.ip(), true, vec![udp]);
    MessageAuthenticator::new(ResolverConfig::from_parts(None, vec![], vec![server]), ResolverOpts::default())
        .unwrap()
}

/// What the gateway answers to a mail of `from`, signed for `good.test` or not, and what its log says.
async fn judged(policy: &str, from: &str, signed: bool) -> (String, String, usize) {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let (pkcs8, record) = key();
    let dns = NameServer::start(&[
        ("good.test", "TXT v=spf1 -all"),
        ("_dmarc.good.test", "TXT v=DMARC1; p=reject"),
        ("s1._domainkey.good.test", record.as_str()),
        ("local.test", "TXT v=spf1 ip4:127.0.0.1 -all"),
        ("_dmarc.local.test", "TXT v=DMARC1; p=reject"),
        ("soft.test", "TXT v=spf1 -all"),
        ("_dmarc.soft.test", "TXT v=DMARC1; p=none"),
        ("broken.test", "SERVFAIL"),
        ("_dmarc.broken.test", "SERVFAIL"),
    ])
    .await;
    let policy = format!("authentication = \"{policy}\"");
    let more = format!("{}\nauthenticate_mail = true", exchanger(&host));
    let gateway = gateway(&dns, &peer, &policy, &more).await;
    let mut content = mail("a1", from, NUMBER, "", "Transfer the money");
    if signed {
        let key = Ed25519Key::from_pkcs8_maybe_unchecked_der(&pkcs8).unwrap();
        let signer = DkimSigner::<_, _>::from_key(DkimKey::Ed25519(key))
            .domain("good.test")
            .selector("s1")
            .headers(["From", "To", "Subject", "Date"]);
        let signature = signer.sign(content.as_bytes()).unwrap().to_header();
        content.insert_str(0, &signature);
    }
    let mut script = Script::hello(gateway.mail()).await;
    let reply = script.message(from, &[NUMBER], &content).await;
    if reply.starts_with("250") {
        peer.wait_for(1).await;
    }
    let verdict = gateway.events().iter().find(|event| event["type"] == "Authentication").cloned();
    let verdict = verdict.map_or_else(String::new, |event| event["result"].as_str().unwrap().to_owned());
    (reply, verdict, peer.all().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_sender_whose_domain_says_reject_is_rejected() {
    let (reply, _, count) = judged("enforce", "boss@good.test", false).await;
    assert!(reply.starts_with("550 5.7."), "{reply}");
    assert_eq!(count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_sender_gets_through_by_signature_or_by_address() {
    let (reply, verdict, _) = judged("enforce", "boss@good.test", true).await;
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(verdict, "pass");
    let (reply, verdict, _) = judged("enforce", "boss@local.test", false).await;
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(verdict, "pass");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_nobody_wants_rejected_is_noted_only() {
    let (reply, verdict, _) = judged("report", "boss@good.test", false).await;
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(verdict, "fail");
    let (reply, verdict, _) = judged("enforce", "boss@soft.test", false).await;
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(verdict, "fail");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_cannot_be_looked_up_puts_the_mail_off() {
    let (reply, _, count) = judged("enforce", "boss@broken.test", false).await;
    assert!(reply.starts_with("451 4."), "{reply}");
    assert_eq!(count, 0);
}
