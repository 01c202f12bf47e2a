//! What the log gives away of people, whatever happens: nothing.

use crate::harness::{Gateway, Script, Sink, forward, mail};

const FROM: &str = "+15550120001/TYPE=PLMN@mmsc.op-b.test";
const NUMBER: &str = "+447700900003@mms.gw.test";

#[tokio::test(flavor = "multi_thread")]
async fn no_failure_and_no_refusal_puts_an_address_or_a_text_into_the_log() {
    let peer = Sink::start().await;
    let host = Sink::judging(|command| {
        let address = command.split(['<', '>']).nth(1)?;
        let code = match address.split('@').next()? {
            "gone" => "550 5.1.1",
            "later" => "450 4.2.1",
            _ => return None,
        };
        Some(format!("{code} <{address}>: mailbox of {address} of +447700900077 is not there"))
    })
    .await;
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let to = ["gone@example.test", "later@example.test", "alice@example.test"];
    let more = "X-Mms-Ack-Request: Yes\r\nX-Mms-Delivery-Report: Yes\r\nSubject: Topsecret\r\n";
    let id = "v1x1Sv2C0TM.+15550120001";
    for _ in 0..2 {
        let content = forward(id, "+15550120001", to[0], more, "Classified");
        assert!(script.message(FROM, &to, &content).await.starts_with("250"));
    }
    for odd in ["+33123456789/TYPE=PLMN@mmsc.gw.test", "who.is.this", "15550120099@mmsc.gw.test"] {
        script.message(FROM, &[odd], "").await;
    }
    script
        .message(
            FROM,
            &["alice@example.test"],
            "From: +15550120001\r\nX-Mms-Message-Type: odd +15550120001\r\n\r\n",
        )
        .await;
    gateway.wait_for("Failure", 1).await;
    gateway.wait_for("TransientFailure", 1).await;
    gateway.wait_for("Duplicate", 1).await;

    let mut script = Script::hello(gateway.mail()).await;
    let content = mail("p1", "alice@example.test", NUMBER, "Sensitivity: Private\r\n", "Classified");
    for to in [NUMBER, "bob@elsewhere.test", "carol@mms.gw.test", "+33123456789@mms.gw.test"] {
        script.message("alice@example.test", &[to], &content).await;
    }
    script
        .message("alice@example.test", &[NUMBER], &mail("p2", "alice@example.test", NUMBER, "", "Classified"))
        .await;
    let request = peer.find("the request", |one| one.content.contains("MM4_forward.REQ")).await;
    let answer = format!(
        "X-Mms-Message-Type: MM4_forward.RES\r\nX-Mms-Transaction-ID: {}\r\n\
         X-Mms-Request-Status-Code: Error-service-denied\r\nX-Mms-Status-Text: +447700900003 is barred\r\n\r\n",
        request.header("X-Mms-Transaction-ID").unwrap()
    );
    let mut script = Script::hello(gateway.mm4()).await;
    assert!(script.message("", &["system-user@mmsc.gw.test"], &answer).await.starts_with("250"));
    gateway.wait_for("Failure", 2).await;

    let log = gateway.events().iter().map(|event| event.to_string() + "\n").collect::<String>();
    for secret in [
        "15550120001",
        "15550120099",
        "447700900003",
        "447700900077",
        "33123456789",
        "alice",
        "gone@",
        "later@",
        "bob@",
        "carol",
        "Topsecret",
        "Classified",
    ] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(lines.is_empty(), "{secret} in\n{}", lines.join("\n"));
    }
    assert!(log.contains("mailbox of g***@example.test"), "what the next hop says is still told: {log}");
}
