//! Reports in both directions: asked for, matched, told once.

use crate::harness::{Gateway, Script, Sink, forward, mail};

const TO: &str = "+447700900003@mms.gw.test";

fn pdu(kind: &str, id: &str, more: &str) -> String {
    format!(
        "From: +447700900003/TYPE=PLMN\r\nTo: alice@example.test\r\nDate: Tue, 24 Nov 2026 05:00:00 +0000\r\n\
         X-Mms-3GPP-MMS-Version: 5.5.0\r\nX-Mms-Message-Type: {kind}\r\nX-Mms-Transaction-ID: dr1\r\n\
         X-Mms-Message-ID: {id}\r\n{more}\r\n"
    )
}

/// Sends a mail and returns the request that the peer got.
async fn sent(gateway: &Gateway, peer: &Sink, notify: &str, more: &str) -> crate::harness::Received {
    let mut script = Script::hello(gateway.mail()).await;
    let content = mail("r1", "alice@example.test", TO, more, "hello");
    let rcpt = [format!("RCPT TO:<{TO}> {notify}")];
    let reply = script.message_with("MAIL FROM:<alice@example.test> ENVID=e1", &rcpt, &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    peer.find("the request", |one| one.content.contains("MM4_forward.REQ")).await
}

async fn answer(gateway: &Gateway, content: &str) {
    let mut script = Script::hello(gateway.mm4()).await;
    let reply = script.message("", &["system-user@mmsc.gw.test"], content).await;
    assert!(reply.starts_with("250"), "{reply}");
}

fn response(request: &crate::harness::Received, status: &str) -> String {
    format!(
        "From: system-user@mmsc.op-b.test\r\nTo: system-user@mmsc.gw.test\r\nX-Mms-3GPP-MMS-Version: 5.5.0\r\n\
         X-Mms-Message-Type: MM4_forward.RES\r\nX-Mms-Transaction-ID: {}\r\nX-Mms-Request-Status-Code: {status}\r\n\r\n",
        request.header("X-Mms-Transaction-ID").unwrap()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_report_of_the_peer_becomes_one_dsn_for_who_asked() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let request = sent(&gateway, &peer, "NOTIFY=SUCCESS ORCPT=rfc822;x@y.test", "").await;
    assert_eq!(request.header("X-Mms-Delivery-Report").unwrap(), "Yes");
    answer(&gateway, &response(&request, "Ok")).await;
    let id = request.header("X-Mms-Message-ID").unwrap();
    for _ in 0..2 {
        answer(&gateway, &pdu("MM4_delivery_report.REQ", &id, "X-Mms-MM-Status-Code: Retrieved\r\n")).await;
    }
    let dsn = host.wait_for(1).await.remove(0);
    assert!(dsn.from.starts_with("MAIL FROM:<>"), "{}", dsn.from);
    assert!(dsn.to[0].starts_with("RCPT TO:<alice@example.test>"), "{:?}", dsn.to);
    assert!(dsn.header("Content-Type").unwrap().starts_with("multipart/report"));
    for field in [
        "Action: delivered",
        "DSN-Gateway:",
        "Original-Envelope-Id: e1",
        "Original-Recipient: rfc822; x@y.test",
        "Final-Recipient:",
    ] {
        assert!(dsn.body().to_lowercase().contains(&field.to_lowercase()), "{field} in {}", dsn.body());
    }
    assert_eq!(host.all().len(), 1, "told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_before_the_answer_counts_and_nothing_is_told_twice() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let request = sent(&gateway, &peer, "NOTIFY=SUCCESS", "").await;
    let id = request.header("X-Mms-Message-ID").unwrap();
    answer(&gateway, &pdu("MM4_delivery_report.REQ", &id, "X-Mms-MM-Status-Code: Retrieved\r\n")).await;
    host.wait_for(1).await;
    answer(&gateway, &response(&request, "Ok")).await;
    // The report has ended the wait; the late answer is taken and changes nothing.
    gateway.wait_for("ReportReceived", 2).await;
    assert_eq!(peer.all().len(), 1, "sent once");
    assert_eq!(host.all().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_negative_answer_becomes_a_failed_dsn_and_never_one_for_a_null_path() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let request = sent(&gateway, &peer, "", "").await;
    answer(&gateway, &response(&request, "Error-service-denied")).await;
    let dsn = host.wait_for(1).await.remove(0);
    assert!(dsn.body().contains("Action: failed"), "{}", dsn.content);
    assert!(dsn.body().contains("Status: 5."), "{}", dsn.content);

    let mut script = Script::hello(gateway.mail()).await;
    let content = mail("null1", "mailer@example.test", TO, "Auto-Submitted: auto-replied\r\n", "I am away");
    script.message("", &[TO], &content).await;
    let request = peer.find("the second", |one| one.content.contains("null1@")).await;
    assert_eq!(request.header("X-Mms-Message-Class").unwrap(), "Auto");
    answer(&gateway, &response(&request, "Error-service-denied")).await;
    gateway.wait_for("Failure", 2).await;
    assert_eq!(host.all().len(), 1, "no report about an automatic message");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dsn_from_the_internet_becomes_a_delivery_report_for_the_peer_that_asked() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward(
        "m9",
        "+15550120001",
        "alice@example.test",
        "X-Mms-Delivery-Report: Yes\r\nX-Mms-Read-Reply: Yes\r\n",
        "Hello",
    );
    script.message("+15550120001/TYPE=PLMN@mmsc.op-b.test", &["alice@example.test"], &content).await;
    let got = host.wait_for(1).await.remove(0);
    assert!(got.to[0].contains("NOTIFY=SUCCESS,FAILURE"), "{:?}", got.to);
    assert!(got.header("Disposition-Notification-To").is_some());
    let id = got.header("Message-ID").unwrap();
    let report = format!(
        "From: postmaster@example.test\r\nTo: +15550120001@mms.gw.test\r\nDate: Tue, 24 Nov 2026 05:00:00 +0000\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\n\r\ndone\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; example.test\r\n\r\n\
         Final-Recipient: rfc822; alice@example.test\r\nAction: delivered\r\nStatus: 2.0.0\r\n\r\n--b\r\n\
         Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {id}\r\n\r\n--b--\r\n"
    );
    let mut script = Script::hello(gateway.mail()).await;
    let reply = script.message("", &["+15550120001@mms.gw.test"], &report).await;
    assert!(reply.starts_with("250"), "{reply}");
    let told = peer.find("the report", |one| one.content.contains("MM4_delivery_report.REQ")).await;
    assert_eq!(told.header("X-Mms-MM-Status-Code").unwrap(), "Retrieved");
    assert_eq!(told.header("X-Mms-Message-ID").unwrap(), "m9");
    assert_eq!(told.header("From").unwrap(), "alice@example.test");

    let mdn = report
        .replace("report-type=delivery-status", "report-type=disposition-notification")
        .replace("message/delivery-status", "message/disposition-notification")
        .replace(
            "Action: delivered\r\nStatus: 2.0.0",
            &format!("Original-Message-ID: {id}\r\nDisposition: manual-action/MDN-sent-manually; displayed"),
        )
        .replace("Reporting-MTA: dns; example.test\r\n\r\n", "");
    let reply = script.message("", &["+15550120001@mms.gw.test"], &mdn).await;
    assert!(reply.starts_with("250"), "{reply}");
    let read = peer.find("the read report", |one| one.content.contains("MM4_read_reply_report.REQ")).await;
    assert_eq!(read.header("X-Mms-Read-Status").unwrap(), "Read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_about_nothing_known_is_acknowledged_and_told_to_nobody() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    answer(&gateway, &pdu("MM4_delivery_report.REQ", "no-such", "X-Mms-Ack-Request: Yes\r\nX-Mms-Originator-System: s@op-b.test\r\nX-Mms-MM-Status-Code: Retrieved\r\n")).await;
    let answer = peer.wait_for(1).await.remove(0);
    assert_eq!(answer.header("X-Mms-Request-Status-Code").unwrap(), "Error-message-not-found");
    assert!(host.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_answered_by_the_same_request_again_and_then_by_a_report() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway =
        Gateway::with(peer.address, host.address, "", "quirk = { ack_timeout = \"1 s\" }", "").await;
    let first = sent(&gateway, &peer, "", "").await;
    let dsn = host.find("the report", |one| one.content.contains("Action: failed")).await;
    assert!(dsn.to[0].contains("alice@example.test"));
    let all = peer.all();
    assert!(all.len() >= 3, "sent again");
    for one in &all {
        assert_eq!(one.header("X-Mms-Transaction-ID"), first.header("X-Mms-Transaction-ID"));
        assert_eq!(one.header("X-Mms-Message-ID"), first.header("X-Mms-Message-ID"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_report_of_the_peer_becomes_an_mdn_for_who_asked() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let asked = "Disposition-Notification-To: alice@example.test\r\n";
    let request = sent(&gateway, &peer, "NOTIFY=NEVER", asked).await;
    assert_eq!(request.header("X-Mms-Read-Reply").unwrap(), "Yes");
    answer(&gateway, &response(&request, "Ok")).await;
    let id = request.header("X-Mms-Message-ID").unwrap();
    answer(&gateway, &pdu("MM4_read_reply_report.REQ", &id, "X-Mms-Read-Status: Read\r\n")).await;
    let mdn = host.wait_for(1).await.remove(0);
    assert!(mdn.from.starts_with("MAIL FROM:<>"), "{}", mdn.from);
    assert!(mdn.to[0].starts_with("RCPT TO:<alice@example.test>"), "{:?}", mdn.to);
    assert!(mdn.body().contains("Original-Message-ID: <r1@example.test>"), "{}", mdn.content);
    assert!(mdn.body().contains("displayed"), "{}", mdn.content);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_for_nothing_is_told_nothing() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let request = sent(&gateway, &peer, "", "").await;
    answer(&gateway, &response(&request, "Ok")).await;
    let id = request.header("X-Mms-Message-ID").unwrap();
    answer(&gateway, &pdu("MM4_delivery_report.REQ", &id, "X-Mms-MM-Status-Code: Retrieved\r\n")).await;
    answer(&gateway, &pdu("MM4_read_reply_report.REQ", &id, "X-Mms-Read-Status: Read\r\n")).await;

    let mut script = Script::hello(gateway.mail()).await;
    let content = mail("never", "alice@example.test", TO, "", "hello");
    let rcpt = [format!("RCPT TO:<{TO}> NOTIFY=NEVER")];
    let reply = script.message_with("MAIL FROM:<alice@example.test>", &rcpt, &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    let request = peer.find("the second", |one| one.content.contains("never@")).await;
    answer(&gateway, &response(&request, "Error-service-denied")).await;
    gateway.wait_for("Failure", 1).await;
    assert!(host.all().is_empty(), "{:?}", host.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_knows_no_reports_still_gets_messages() {
    let host = Sink::start().await;
    let peer = Sink::judging_content(|content| {
        let report = content.contains("MM4_delivery_report.REQ") || content.contains("MM4_forward.RES");
        report.then(|| "501 5.5.4 unknown message type".into())
    })
    .await;
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let asked = "X-Mms-Ack-Request: Yes\r\nX-Mms-Delivery-Report: Yes\r\n";
    let content = forward("k1", "+15550120001", "gone@nowhere.invalid", asked, "Hello");
    let from = "+15550120001/TYPE=PLMN@mmsc.op-b.test";
    script.message(from, &["alice@example.test"], &content).await;
    host.wait_for(1).await;
    gateway.wait_for("Failure", 1).await;
    let content = forward("k2", "+15550120001", "+447700900003/TYPE=PLMN", "", "Hello again");
    script.message(from, &["+447700900003/TYPE=PLMN@mmsc.gw.test"], &content).await;
    assert!(peer.wait_for(1).await[0].content.contains("Hello again"));
    assert_eq!(host.all().len(), 1, "a refused report is no reason to tell anybody anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_reports_but_never_answers_gets_the_message_once() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let quirk = "quirk = { ack_timeout = \"1 s\" }";
    let gateway = Gateway::with(peer.address, host.address, "", quirk, "").await;
    let request = sent(&gateway, &peer, "NOTIFY=SUCCESS", "").await;
    let id = request.header("X-Mms-Message-ID").unwrap();
    answer(&gateway, &pdu("MM4_delivery_report.REQ", &id, "X-Mms-MM-Status-Code: Retrieved\r\n")).await;
    host.wait_for(1).await;
    let store = gateway.running.as_ref().unwrap().gateway.store.clone();
    // The end of the queue, not of a clock: without the report's word it ends after three resends.
    for _ in 0..1500 {
        if store.list(&cedrat::store::Filter::default(), 0, 10).await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(store.list(&cedrat::store::Filter::default(), 0, 10).await.unwrap().is_empty());
    let requests = peer.all().into_iter().filter(|one| one.content.contains("MM4_forward.REQ")).count();
    assert_eq!(requests, 1, "what was retrieved is not sent again");
    assert_eq!(host.all().len(), 1, "told once");
}
