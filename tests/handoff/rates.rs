//! An account that asks too often, or what it has already.

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{Owner, client::TOKEN, gateway, told::read_until};
use crate::{
    harness::Sink,
    http::client::{self, Answer},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_asks_too_often_is_put_off_and_another_is_not() {
    let owner = Owner::rsa();
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let other = "ffffffffffffffffffffffffffffffff";
    let more = format!(
        "max_account_requests = 5\nmax_account_streams = 1\n[[handoff.account]]\nname = \"carol\"\n\
         addresses = [\"+447700900009\"]\ncertificates = [{:?}]\ntoken = \"{other}\"\n",
        owner.path("cert.pem").display().to_string()
    );
    let Some(gateway) = gateway(&owner, &peer, &host, &more).await else { return };
    let http = gateway.running.as_ref().unwrap().http[0];
    let ask = async |path: &str, token: &str, more: &str| -> Answer {
        let headers = format!("Authorization: Bearer {token}\r\n{more}");
        client::send(http, &client::request("GET", &format!("/api/v1/handoff{path}"), &headers, b"")).await
    };
    let put_off = |answer: &Answer, bound: &str| {
        assert_eq!(answer.status, 429, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.json()["code"], "too-many-requests");
        assert!(answer.json()["detail"].as_str().unwrap().contains(bound), "{}", answer.text());
        let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&after), "{after}");
    };
    let mut events = TcpStream::connect(http).await.unwrap();
    let open = format!(
        "GET /api/v1/handoff/events HTTP/1.1\r\nHost: gw.test\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    events.write_all(open.as_bytes()).await.unwrap();
    read_until(&mut events, "\n\n\r\n").await;
    put_off(&ask("/events", TOKEN, "").await, "max_account_streams");
    put_off(&ask("/sessions?wait=1", TOKEN, "").await, "max_account_streams");
    let listed = ask("/sessions", TOKEN, "").await;
    assert_eq!(listed.status, 200, "what does not stay open is answered: {}", listed.text());
    let had = format!("If-None-Match: {}\r\n", listed.header("etag").unwrap());
    let again = ask("/sessions", TOKEN, &had).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    put_off(&ask("/sessions", TOKEN, "").await, "max_account_requests");
    assert_eq!(ask("/sessions", other, "").await.status, 200, "accounts do not meet");
    assert_eq!(ask("/sessions", "nobody has this token", "").await.status, 401);
}
