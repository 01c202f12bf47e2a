//! `POST /api/v1/transcode` and what all doors have in common.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    AUTH, Doors, TOKEN,
    client::{self, request},
};
use crate::harness::CERTIFICATES;

#[tokio::test]
async fn media_come_in_and_media_go_out_with_a_report() {
    let doors = Doors::open().await;
    let target =
        "/api/v1/transcode?profile=image-rich&max_octets=900&max_width=100&type=image/jpeg&name=holiday.heic";
    let headers = format!("{AUTH}Content-Type: image/heic\r\n");
    let answer = doors.send(&request("POST", target, &headers, b"photo")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("image/jpeg"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"holiday.jpg\""));
    assert_eq!(answer.text(), "made 100x120 types=[\"image/jpeg\"] limit=Some(900) claim=image/heic");
    let report: serde_json::Value = serde_json::from_str(answer.header("cedrat-report").unwrap()).unwrap();
    assert_eq!(report["kept"], false);
    assert_eq!(report["profile"], "image-rich");
    assert_eq!(report["to"]["width"], 100);
    assert_eq!(report["quality"], 0.9712);
    let events = doors.events();
    let event = events.iter().find(|event| event["type"] == "HttpRequest").unwrap();
    assert_eq!((event["event"].as_u64(), event["client"].as_str()), (Some(350), Some("mmsc")));
    assert_eq!(event["operation"], "transcode");
    assert_eq!(event["outcome"], "converted");
    assert_eq!(event["octets_in"], 5);
    assert_eq!(event["to"][0], "image/jpeg");
    let line = event.to_string();
    assert!(!line.contains("holiday") && !line.contains(TOKEN), "{line}");
}

#[tokio::test]
async fn what_fits_already_comes_back_to_the_octet() {
    let doors = Doors::open().await;
    let answer = doors.transcode("name=a.txt", "keep \r\n é as it is").await;
    assert_eq!(answer.text(), "keep \r\n é as it is");
    assert!(answer.header("cedrat-report").unwrap().contains("\"kept\":true"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"a.txt\""));
}

#[tokio::test]
async fn whoever_accepts_a_multipart_gets_report_and_media_in_one() {
    let doors = Doors::open().await;
    let headers = format!("{AUTH}Accept: multipart/mixed\r\n");
    let answer = doors.send(&request("POST", "/api/v1/transcode", &headers, b"photo")).await;
    let kind = answer.header("content-type").unwrap();
    let whole = [b"Content-Type: ", kind.as_bytes(), b"\r\n\r\n", &answer.body].concat();
    let message = cedrat_mime::walk(&whole.into(), &cedrat_mime::Limits::default()).unwrap();
    let parts: Vec<_> = message.leaves().map(|(_, node)| node).collect();
    assert_eq!(parts.len(), 2, "{}", answer.text());
    let report: serde_json::Value = serde_json::from_slice(&parts[0].body).unwrap();
    assert_eq!(report["kept"], false);
    assert!(parts[1].body.starts_with(b"made 160x120"));
    assert_eq!(parts[1].content_type.essence, "image/jpeg");
}

#[tokio::test]
async fn every_refusal_is_a_problem_with_its_status_and_remedy() {
    let doors = Doors::open().await;
    let cases = [
        ("profile=image-basc", "x", 404, "unknown-profile"),
        ("profil=x", "x", 400, "bad-request"),
        ("max_octets=-1", "x", 400, "bad-request"),
        ("type=jpeg", "x", 400, "bad-request"),
        ("", "unsupported x", 415, "unsupported"),
        ("", "damaged x", 422, "unconvertible"),
        ("", "encrypted x", 422, "unconvertible"),
        ("", "cannot-fit x", 422, "unconvertible"),
        ("", "no-worker x", 503, "unavailable"),
        ("", "crashed x", 500, "crashed"),
    ];
    for (query, body, status, code) in cases {
        let answer = doors.transcode(query, body).await;
        assert_eq!(answer.status, status, "{query} {body}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["code"], code);
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail", "hint"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
    }
    let unknown = doors.transcode("profile=image-basc", "x").await.json();
    assert_eq!(unknown["profiles"], serde_json::json!(["image-basic", "image-rich"]));
    assert!(unknown["detail"].as_str().unwrap().contains("did you mean `image-basic`?"));
    assert_eq!(doors.transcode("", "damaged x").await.json()["kind"], "damaged");
}

#[tokio::test]
async fn without_a_token_that_somebody_has_nothing_is_done() {
    let doors = Doors::open().await;
    for headers in ["", "Authorization: Bearer wrong\r\n", "Authorization: Basic bW1zYzp4\r\n"] {
        let answer = doors.send(&request("POST", "/api/v1/transcode", headers, b"photo")).await;
        assert_eq!(answer.status, 401, "{headers}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"cedrat\""));
        assert_eq!(doors.get("/api/v1/profiles", headers).await.status, 401);
        assert_eq!(doors.send(&request("POST", "/sti", headers, b"<x/>")).await.status, 401);
    }
    let small = format!("Authorization: Bearer {}\r\n", "s".repeat(32));
    let refused =
        doors.send(&request("POST", "/api/v1/transcode?profile=image-rich", &small, b"photo")).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("forbidden")));
    let list = doors.get("/api/v1/profiles", &small).await.json();
    assert_eq!(list["profiles"], serde_json::json!(["image-basic"]));
}

#[tokio::test]
async fn without_any_client_everybody_on_loopback_may_ask() {
    let doors = Doors::with(|config| config.clients.clear(), None).await;
    let answer = doors.send(&request("POST", "/api/v1/transcode", "", b"photo")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(doors.events()[0]["client"], "local");
}

#[tokio::test]
async fn a_body_is_bounded_before_it_is_read_and_while_it_comes() {
    let doors = Doors::open().await;
    let head = |length: &str| {
        format!("POST /api/v1/transcode HTTP/1.1\r\nHost: gw.test\r\n{AUTH}{length}Connection: close\r\n\r\n")
    };
    let none = doors.send(head("").as_bytes()).await;
    assert_eq!((none.status, none.json()["code"].as_str()), (411, Some("length-required")));
    let declared = doors.send(head("Content-Length: 1000001\r\n").as_bytes()).await;
    assert_eq!((declared.status, declared.json()["limit"].as_u64()), (413, Some(1_000_000)));
    let mut chunked = head("Transfer-Encoding: chunked\r\n").into_bytes();
    for _ in 0..11 {
        chunked.extend_from_slice(b"186a0\r\n");
        chunked.extend(std::iter::repeat_n(b'x', 100_000));
        chunked.extend_from_slice(b"\r\n");
    }
    assert_eq!(doors.send(&chunked).await.status, 413);
    let small = format!("Authorization: Bearer {}\r\n", "s".repeat(32));
    let more = doors.send(&request("POST", "/api/v1/transcode", &small, &[b'x'; 101])).await;
    assert_eq!((more.status, more.json()["limit"].as_u64()), (413, Some(100)));
    let good = [head("Transfer-Encoding: chunked\r\n").as_bytes(), b"5\r\nphoto\r\n0\r\n\r\n"].concat();
    assert_eq!(doors.send(&good).await.status, 200);
    let memory = doors.send(&request("POST", "/api/v1/transcode", AUTH, &[b'x'; 77_777])).await;
    assert_eq!((memory.status, memory.json()["code"].as_str()), (503, Some("busy")));
}

#[tokio::test]
async fn a_client_that_is_refused_early_still_sees_why() {
    let doors = Doors::open().await;
    let answer = doors.send(&request("POST", "/api/v1/transcode", "", &[b'x'; 200_000])).await;
    assert_eq!(answer.status, 401);
    let expect = format!(
        "POST /api/v1/transcode HTTP/1.1\r\nHost: gw.test\r\n{AUTH}Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n"
    );
    let answer = doors.send(expect.as_bytes()).await;
    assert_eq!(answer.status, 413, "refused instead of 100");
}

#[tokio::test]
async fn a_body_that_stalls_and_a_head_that_never_ends_are_given_up() {
    let doors = Doors::open().await;
    let mut stream = TcpStream::connect(doors.address).await.unwrap();
    let head = format!(
        "POST /api/v1/transcode HTTP/1.1\r\nHost: gw.test\r\n{AUTH}Content-Length: 10\r\nConnection: close\r\n\r\nhalf"
    );
    let begin = std::time::Instant::now();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    assert_eq!(client::parse(&all).status, 408);
    assert!(begin.elapsed() < Duration::from_secs(10));
    let mut stream = TcpStream::connect(doors.address).await.unwrap();
    stream.write_all(b"POST /api/v1/transcode HTTP/1.1\r\nX-A").await.unwrap();
    let mut all = Vec::new();
    drop(stream.read_to_end(&mut all).await);
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_conversion_that_takes_too_long_is_given_up() {
    let doors = Doors::open().await;
    let begin = std::time::Instant::now();
    let answer = doors.transcode("", "slow photo").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("unavailable")));
    assert!(answer.json()["detail"].as_str().unwrap().contains("http.deadline"));
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn further_requests_are_put_off() {
    let doors = Arc::new(Doors::open().await);
    let both: Vec<_> = (0..2)
        .map(|_| {
            let doors = doors.clone();
            tokio::spawn(async move { doors.transcode("", "pause a little").await.status })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(150)).await;
    let third = doors.transcode("", "photo").await;
    assert_eq!((third.status, third.json()["code"].as_str()), (503, Some("busy")));
    assert_eq!(third.header("retry-after"), Some("2"));
    for one in both {
        assert_eq!(one.await.unwrap(), 200);
    }
    assert_eq!(doors.transcode("", "photo").await.status, 200);
}

#[tokio::test]
async fn a_client_that_goes_away_is_told_and_its_place_is_free() {
    let doors = Doors::open().await;
    for _ in 0..4 {
        let mut stream = TcpStream::connect(doors.address).await.unwrap();
        stream.write_all(&request("POST", "/api/v1/transcode", AUTH, b"slow photo")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(doors.transcode("", "photo").await.status, 200);
    let abandoned =
        doors.events().iter().filter(|event| event["outcome"] == "abandoned" && event["status"] == 0).count();
    assert_eq!(abandoned, 4);
}

#[tokio::test]
async fn every_path_of_the_description_answers() {
    let doors = Doors::open().await;
    let open = doors.get("/api/v1/openapi.json", "").await;
    assert_eq!(open.status, 200, "needs no token");
    let description = open.json();
    assert_eq!(description["openapi"], "3.1.0");
    for (path, methods) in description["paths"].as_object().unwrap() {
        let target = path.replace("{name}", "image-basic");
        for (method, described) in methods.as_object().unwrap() {
            let method = method.to_uppercase();
            let answer = doors.send(&request(&method, &target, AUTH, b"")).await;
            if path.contains("handoff") {
                // Nobody's keys are handed over here, and the answer says which section is missing.
                assert!(answer.status == 404 && answer.text().contains("[handoff]"), "{method} {path}");
                continue;
            }
            let known = described["responses"].as_object().unwrap();
            let status = answer.status.to_string();
            assert!(known.contains_key(&status) || known.contains_key("default"), "{path}: {status}");
            assert!(![404, 405].contains(&answer.status), "{method} {path}: {}", answer.text());
            let other = doors.send(&request("DELETE", &target, AUTH, b"")).await;
            assert_eq!(other.status, 405);
            assert!(other.header("allow").unwrap().contains(&method));
        }
    }
    let nothing = doors.get("/api/v1/nothing", AUTH).await;
    assert_eq!(nothing.status, 404);
    assert!(nothing.json()["detail"].as_str().unwrap().contains("/api/v1/transcode"));
    for problem in ["unknown-path", "busy"] {
        assert!(description["x-problems"][problem]["hint"].is_string());
    }
}

#[tokio::test]
async fn a_profile_is_shown_with_the_origin_of_every_value() {
    let doors = Doors::open().await;
    let list = doors.get("/api/v1/profiles", AUTH).await.json();
    assert_eq!(list["profiles"], serde_json::json!(["image-basic", "image-rich"]));
    assert_eq!(list["default"], "image-basic");
    let one = doors.get("/api/v1/profiles/image-rich", AUTH).await.json();
    assert_eq!(one["profile"]["max_still"]["value"]["width"], 160);
    assert_eq!(one["profile"]["max_still"]["origin"]["layer"], "class");
    assert_eq!(doors.get("/api/v1/profiles/none", AUTH).await.status, 404);
}

#[tokio::test]
async fn the_doors_speak_tls_from_the_first_octet() {
    cedrat::tls::install_provider();
    let identity =
        cedrat::tls::Identity::read(&CERTIFICATES.path("localhost.crt"), &CERTIFICATES.path("localhost.key"))
            .unwrap();
    let tls = cedrat::tls::server(identity, None).unwrap();
    let doors = Doors::with(|config| config.tls = true, Some(tls)).await;
    let stream = TcpStream::connect(doors.address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let stream = CERTIFICATES.connector(None).connect(name, stream).await.unwrap();
    let answer = client::exchange(stream, &request("POST", "/api/v1/transcode", AUTH, b"photo")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_stop_lets_what_is_under_way_finish_and_takes_nothing_new() {
    let mut doors = Doors::open().await;
    let address = doors.address;
    let under_way = tokio::spawn(async move {
        client::send(address, &request("POST", "/api/v1/transcode", AUTH, b"pause a little")).await.status
    });
    let idle = TcpStream::connect(address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    doors.shutdown.send_replace(true);
    tokio::time::timeout(Duration::from_secs(5), doors.task.take().unwrap()).await.unwrap().unwrap();
    assert_eq!(under_way.await.unwrap(), 200);
    assert!(TcpStream::connect(address).await.is_err());
    drop(idle);
}
