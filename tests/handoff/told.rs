//! Who is told of a session, and how: webhook and event stream.

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{Owner, client::Client, client::TOKEN, content_with, send};
use crate::harness::{Gateway, Sink, worker};
use crate::http::client;

pub(super) async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut octets = [0; 4096];
    while !text.contains(end) {
        let count = tokio::time::timeout(std::time::Duration::from_secs(15), stream.read(&mut octets)).await;
        match count.unwrap_or_else(|_| panic!("no {end:?} in {text:?}")) {
            Ok(0) | Err(_) => break,
            Ok(count) => text.push_str(&String::from_utf8_lossy(&octets[..count])),
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_session_is_told_to_the_webhook_signed_and_to_who_listens() {
    let Some(program) = worker() else { return };
    let owner = Owner::rsa();
    let hook = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?a=b", hook.local_addr().unwrap());
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let more = format!(
        "[media]\nworker = {program:?}\n[http]\nlisten = [\"127.0.0.1:0\"]\n[handoff]\nsigning_key = {:?}\n\
         [[handoff.account]]\nname = \"alice\"\naddresses = [\"+447700900003\"]\ncertificates = [{:?}]\ntoken = \"{TOKEN}\"\n\
         webhook = \"{url}\"\nwebhook_secret = \"a secret of the receiver\"\n",
        owner.path("gateway.pem"),
        owner.path("cert.pem"),
    );
    let gateway = Gateway::with(peer.address, host.address, "", "", &more).await;
    let http = gateway.running.as_ref().unwrap().http[0];
    let mut events = TcpStream::connect(http).await.unwrap();
    let ask = format!(
        "GET /api/v1/handoff/events HTTP/1.1\r\nHost: gw.test\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    events.write_all(ask.as_bytes()).await.unwrap();
    let first = read_until(&mut events, "\n\n\r\n").await;
    assert!(first.contains("text/event-stream") && first.contains("data: {\"awaiting_key\":[]}"), "{first}");

    send(&gateway, &owner.mail(&content_with(60), &["-aes-256-gcm"])).await;
    let (mut called, _) = hook.accept().await.unwrap();
    let request = read_until(&mut called, "}").await;
    called.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
    let id = Client::of(&gateway, &owner).waiting().await["id"].as_str().unwrap().to_owned();

    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{head}");
    assert!(body.contains(&id) && body.contains("\"alice\"") && !body.contains("bob@example.test"), "{body}");
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("{name} in {head}"))[name.len() + 2..].to_owned()
    };
    let digest = format!("sha-256=:{}:", Base64::encode_string(&Sha256::digest(body.as_bytes())));
    assert_eq!(header("content-digest"), digest);
    let parameters = header("signature-input").strip_prefix("sig=").unwrap().to_owned();
    let base = format!(
        "\"@method\": POST\n\"@target-uri\": {url}\n\"content-digest\": {digest}\n\"@signature-params\": {parameters}"
    );
    let mut mac = <Hmac<Sha256>>::new_from_slice(b"a secret of the receiver").unwrap();
    mac.update(base.as_bytes());
    assert_eq!(header("signature"), format!("sig=:{}:", Base64::encode_string(&mac.finalize().into_bytes())));

    // Every door of the description is there.
    let description =
        client::send(http, &client::request("GET", "/api/v1/openapi.json", "", b"")).await.json();
    let mut doors = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        if path.contains("handoff") && !path.ends_with("/events") && methods.get("get").is_some() {
            let target = path.replace("/handoff/{name}", "/handoff/page.js").replace("{name}", &id);
            let headers = format!("Authorization: Bearer {TOKEN}\r\n");
            let answer = client::send(http, &client::request("GET", &target, &headers, b"")).await;
            assert_eq!(answer.status, 200, "{target}: {}", answer.text());
            doors += 1;
        }
    }
    assert!(doors >= 5, "{doors}");

    let told = read_until(&mut events, &id).await;
    assert!(told.contains("event: sessions"), "{told}");
}
