//! An e-mail becomes an MMS.

use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor, message::MultiPart};

use crate::harness::{Gateway, Script, Sink, mail};

const TO: &str = "+447700900003@mms.gw.test";

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_another_makes_client_becomes_an_mms_with_a_presentation() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let message = Message::builder()
        .from("Alice <alice@example.test>".parse().unwrap())
        .to(TO.parse().unwrap())
        .subject("Grüße vom See")
        .multipart(MultiPart::alternative_plain_html(
            String::from("Hello from plain"),
            String::from("<p>Hello from <b>HTML</b></p>"),
        ))
        .unwrap();
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(gateway.mail().port())
        .build();
    transport.send(message).await.unwrap();

    let got = peer.wait_for(1).await.remove(0);
    assert_eq!(got.header("X-Mms-Message-Type").unwrap(), "MM4_forward.REQ");
    assert_eq!(got.header("X-Mms-3GPP-MMS-Version").unwrap(), "5.5.0");
    assert_eq!(got.header("From").unwrap(), "alice@example.test");
    assert!(got.to[0].contains("<+447700900003/TYPE=PLMN@mmsc.op-b.test>"), "{:?}", got.to);
    assert!(got.header("Content-Type").unwrap().starts_with("multipart/related"), "{}", got.content);
    assert!(got.body().contains("application/smil") && got.body().contains("Hello from plain"));
    assert!(!got.body().contains("HTML"), "one form of the text is enough for a handset");
}

#[tokio::test(flavor = "multi_thread")]
async fn blind_recipients_are_not_shown_to_each_other() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mail()).await;
    let content = mail("b1", "alice@example.test", TO, "", "secret list");
    let to = [TO, "+447700900004@mms.gw.test", "+447700900005@mms.gw.test"];
    let reply = script.message("alice@example.test", &to, &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    let all = crate::harness::eventually("three recipients", || {
        let all = peer.all();
        (all.iter().map(|one| one.to.len()).sum::<usize>() == 3).then_some(all)
    })
    .await;
    for one in all {
        let head = one.content.split("\r\n\r\n").next().unwrap();
        assert!(!head.contains("900004") && !head.contains("900005"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn national_numbers_become_international_by_the_peers_rules() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let text = "numbers = \"+44,0044,0\"\n";
    let gateway = Gateway::with(peer.address, host.address, "", text, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = crate::harness::forward("n1", "+15550120001", "07700900003", "", "hi");
    let reply = script
        .message("+15550120001/TYPE=PLMN@mmsc.op-b.test", &["07700900003/TYPE=PLMN@mmsc.gw.test"], &content)
        .await;
    assert!(reply.starts_with("250"), "{reply}");
    assert!(peer.wait_for(1).await[0].to[0].contains("+447700900003/TYPE=PLMN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn private_mail_is_refused_as_the_mapping_demands() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mail()).await;
    let content = mail("p1", "alice@example.test", TO, "Sensitivity: Private\r\n", "only you");
    let reply = script.message("alice@example.test", &[TO], &content).await;
    assert!(reply.starts_with("554 5.6.0"), "{reply}");
    assert!(peer.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_an_mms_finds_the_way_back_and_stays_in_its_thread() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = crate::harness::forward("t1", "+447700900003", "alice@example.test", "", "How are you?");
    let from = "+447700900003/TYPE=PLMN@mmsc.op-b.test";
    assert!(script.message(from, &["alice@example.test"], &content).await.starts_with("250"));
    let got = host.wait_for(1).await.remove(0);

    let back = got.header("From").unwrap();
    let id = got.header("Message-ID").unwrap();
    let mut script = Script::hello(gateway.mail()).await;
    let more = format!("In-Reply-To: {id}\r\nReferences: {id}\r\n");
    let content = mail("t2", "alice@example.test", &back, &more, "Fine");
    let reply = script.message("alice@example.test", &[&back], &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    let answer = peer.wait_for(1).await.remove(0);
    assert!(answer.to[0].contains("<+447700900003/TYPE=PLMN@mmsc.op-b.test>"), "{:?}", answer.to);
    assert!(answer.body().contains("Fine"), "{}", answer.content);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_in_to_and_cc_is_still_shown_and_only_the_envelope_is_served() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mail()).await;
    let more = "Cc: +447700900004@mms.gw.test, Bob <bob@example.test>\r\n";
    let content = mail("g1", "alice@example.test", TO, more, "all of you");
    let reply = script.message("alice@example.test", &[TO], &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    let got = peer.wait_for(1).await.remove(0);
    assert_eq!(got.to.len(), 1);
    let copied = got.header("Cc").unwrap();
    assert!(copied.contains("+447700900004") && copied.contains("bob@example.test"), "{copied}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_in_utf_8_is_refused_where_only_mms_leads_to() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mail()).await;
    let reply = script.say("MAIL FROM:<jürgen@example.test> SMTPUTF8").await;
    assert!(reply.starts_with("250"), "{reply}");
    let reply = script.say(&format!("RCPT TO:<{TO}>")).await;
    assert!(reply.starts_with("550 5.1.8"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_in_utf_8_goes_by_an_alias_and_is_told_what_failed() {
    let peer =
        Sink::judging(|command| command.starts_with("RCPT TO").then(|| "550 5.1.1 unknown".into())).await;
    let host = Sink::judging(|command| {
        command.starts_with("EHLO").then(|| "250-sink.test\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 DSN".into())
    })
    .await;
    let pool = "[alias]\npool = \"+882130000000..+882130009999\"\n";
    let gateway = Gateway::with(peer.address, host.address, "", "mail_originators = \"alias\"", pool).await;
    let mut script = Script::hello(gateway.mail()).await;
    let content = mail("u1", "jürgen@example.test", TO, "", "Grüße");
    let rcpt = [format!("RCPT TO:<{TO}>")];
    let reply = script.message_with("MAIL FROM:<jürgen@example.test> SMTPUTF8", &rcpt, &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    let dsn = host.wait_for(1).await.remove(0);
    assert!(dsn.to[0].contains("<jürgen@example.test>"), "{:?}", dsn.to);
    assert!(dsn.body().contains("Action: failed"), "{}", dsn.content);
}
