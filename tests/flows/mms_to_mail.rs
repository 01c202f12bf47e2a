//! An MMS from a peer becomes an e-mail, and what the peer is told.

use crate::harness::{Gateway, Script, Sink, forward, mail};

const FROM: &str = "+15550120001/TYPE=PLMN@mmsc.op-b.test";

#[tokio::test(flavor = "multi_thread")]
async fn an_mms_becomes_a_mail_that_can_be_answered() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward(
        "m1",
        "+15550120001",
        "alice@example.test",
        "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nX-Mms-Priority: High\r\n",
        "Hello",
    );
    let reply = script.message(FROM, &["alice@example.test"], &content).await;
    assert!(reply.starts_with("250 2.0.0"), "{reply}");

    let got = host.wait_for(1).await.remove(0);
    assert!(got.from.starts_with("MAIL FROM:<+15550120001@mms.gw.test>"), "{}", got.from);
    assert!(got.to[0].starts_with("RCPT TO:<alice@example.test>"), "{}", got.to[0]);
    assert_eq!(got.header("From").unwrap(), "+15550120001@mms.gw.test");
    assert_eq!(got.header("To").unwrap(), "alice@example.test");
    assert_eq!(got.header("Importance").unwrap(), "High");
    assert!(got.header("Received").unwrap().contains("with MMS"), "{}", got.content);
    assert!(got.header("Subject").unwrap().to_lowercase().contains("=?utf-8?"));
    assert!(got.header("X-Mms-Message-Type").is_none() && got.header("X-Mms-Transaction-ID").is_none());
    assert_eq!(got.body().trim(), "Hello");
    assert!(!got.content.lines().any(|line| line == "To: +15550120001"), "no bare number leaves");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_echoes_quoted_identifiers_to_the_octet() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("m1", "+15550120001", "alice@example.test", "X-Mms-Ack-Request: Yes\r\n", "Hello");
    script.message(FROM, &["alice@example.test"], &content).await;
    let answer = peer.wait_for(1).await.remove(0);
    assert_eq!(answer.header("X-Mms-Message-Type").unwrap(), "MM4_forward.RES");
    assert_eq!(answer.header("X-Mms-Transaction-ID").unwrap(), "\"t-m1\"");
    assert_eq!(answer.header("X-Mms-Message-ID").unwrap(), "\"m1\"");
    assert_eq!(answer.header("X-Mms-Request-Status-Code").unwrap(), "Ok");
    assert!(answer.from.starts_with("MAIL FROM:<>"), "{}", answer.from);
    assert!(answer.to[0].starts_with("RCPT TO:<system-user@mmsc.op-a.test>"), "{:?}", answer.to);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_identical_requests_are_one_delivery_and_five_equal_answers() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let content = forward("m1", "+15550120001", "alice@example.test", "X-Mms-Ack-Request: Yes\r\n", "Hello");
    for _ in 0..5 {
        let mut script = Script::hello(gateway.mm4()).await;
        let reply = script.message(FROM, &["alice@example.test"], &content).await;
        assert!(reply.starts_with("250"), "{reply}");
    }
    let answers = peer.wait_for(5).await;
    assert!(answers.iter().all(|one| one.header("X-Mms-Request-Status-Code").as_deref() == Some("Ok")));
    assert_eq!(host.wait_for(1).await.len(), 1);
    assert_eq!(gateway.count("Duplicate"), 4);
    assert_eq!(host.all().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_numbers_in_the_header_and_one_in_the_envelope_are_one_delivery() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let to: Vec<String> = (0..20).map(|n| format!("+4477009000{n:02}/TYPE=PLMN")).collect();
    let content = forward("group", "+15550120001", &to.join(",\r\n "), "", "Hello all");
    let mut script = Script::hello(gateway.mm4()).await;
    let reply = script.message(FROM, &["+447700900003/TYPE=PLMN@mmsc.gw.test"], &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    let got = peer.wait_for(1).await.remove(0);
    assert_eq!(got.to.len(), 1);
    assert!(got.to[0].contains("+447700900003/TYPE=PLMN@mmsc.op-b.test"), "{:?}", got.to);
    for number in &to {
        assert!(got.header("To").unwrap().contains(number.as_str()), "{number} is still shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_8bitmime_and_deliverby_gets_what_it_can_take() {
    let peer = Sink::start().await;
    let plain = |command: &str| command.starts_with("EHLO").then(|| "250 sink.test".to_owned());
    let host = Sink::judging(plain).await;
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let inner = "From: carol@example.test\r\nSubject: Inside\r\nContent-Type: text/plain; charset=utf-8\r\n\
                 Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n";
    let content = forward("m1", "+15550120001", "alice@example.test", "X-Mms-Expiry: 86400\r\n", inner)
        .replace(
            "Content-Type: text/plain; charset=utf-8\r\n\r\nFrom:",
            "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nFrom:",
        );
    let mut script = Script::hello(gateway.mm4()).await;
    let reply = script.message(FROM, &["alice@example.test"], &content).await;
    assert!(reply.starts_with("250 2.0.0"), "{reply}");

    let got = host.wait_for(1).await.remove(0);
    assert!(got.content.is_ascii(), "{}", got.content);
    assert!(!got.from.contains("BY=") && !got.from.contains("BODY="), "{}", got.from);
    assert!(got.content.contains("Gr=C3=BC=C3=9Fe"), "{}", got.content);
    let told = |field: &str, note: &str| {
        let events = gateway.events();
        let losses = events.iter().filter(|event| event["type"] == "Loss");
        let mut entries = losses.filter_map(|event| event["loss"].as_array()).flatten();
        entries.any(|entry| entry["field"] == field && entry["note"].as_str().unwrap().contains(note))
    };
    assert!(told("content", "ASCII only") && told("expiry", "DELIVERBY"), "{:?}", gateway.events());
}

#[tokio::test(flavor = "multi_thread")]
async fn transit_keeps_the_body_to_the_octet_and_unknown_headers_verbatim() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let body = "--b\r\nContent-Type: application/smil\r\nContent-ID:<smil>\r\n\r\n<smil><body/></smil>\r\n--b\r\n\
                Content-Type:image/gif;Name=a.gif\r\nContent-Transfer-Encoding: base64\r\n\r\nR0lGODlhAQABAAAAACw=\r\n--b--\r\n";
    let content = forward(
        "x1",
        "+15550120001",
        "+447700900003/TYPE=PLMN",
        "X-Mms-Odd-Thing: keep  me (verbatim)\r\n",
        "",
    )
    .replace(
        "Content-Type: text/plain; charset=utf-8\r\n\r\n\r\n",
        &format!("Content-Type: multipart/related;Start=smil; boundary=b\r\n\r\n{body}"),
    );
    let mut script = Script::hello(gateway.mm4()).await;
    let reply = script.message(FROM, &["+447700900003/TYPE=PLMN@mmsc.gw.test"], &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    let got = peer.wait_for(1).await.remove(0);
    assert_eq!(got.body(), body);
    assert_eq!(got.header("X-Mms-Odd-Thing").unwrap(), "keep  me (verbatim)");
    assert_eq!(got.header("X-Mms-Message-ID").unwrap(), "\"x1\"");
    assert_eq!(got.header("X-Mms-Ack-Request").unwrap(), "Yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_maps_back_after_a_restart() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let pool = "[alias]\npool = \"+882130000000..+882130009999\"\n";
    let mut gateway =
        Gateway::with(peer.address, host.address, "", "mail_originators = \"alias\"", pool).await;
    let mut script = Script::hello(gateway.mail()).await;
    let content = mail("q1", "Alice <alice@example.test>", "+447700900003@mms.gw.test", "", "Are you there?");
    let reply = script.message("alice@example.test", &["+447700900003@mms.gw.test"], &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    let request = peer.find("the request", |one| one.content.contains("MM4_forward.REQ")).await;
    let alias = request.header("From").unwrap();
    assert!(alias.starts_with("+88213000"), "{alias}");
    let number = alias.split('/').next().unwrap().to_owned();

    drop(script);
    gateway.stop().await;
    gateway.go().await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("a1", "+447700900003", &number, "", "Yes");
    let to = format!("{number}/TYPE=PLMN@mmsc.gw.test");
    let reply = script.message("+447700900003/TYPE=PLMN@mmsc.op-b.test", &[&to], &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    let answer = host.wait_for(1).await.remove(0);
    assert!(answer.to[0].starts_with("RCPT TO:<alice@example.test>"), "{:?}", answer.to);
    assert_eq!(answer.header("To").unwrap(), "alice@example.test");
}
