//! What is not taken, and the exact words of the refusal.

use crate::harness::{Gateway, Script, Sink, forward, mail};

async fn gateway(more: &str) -> (Sink, Sink, Gateway) {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, more).await;
    (peer, host, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_never_relayed_to_mail() {
    let (_peer, host, gateway) = gateway("").await;
    let mut script = Script::hello(gateway.mail()).await;
    script.say("MAIL FROM:<a@example.test>").await;
    for to in ["bob@example.test", "bob%example.test@gw.test", "\"bob@example.test\"@gw.test"] {
        let reply = script.say(&format!("RCPT TO:<{to}>")).await;
        assert!(reply.starts_with("550 5.7.1"), "{to}: {reply}");
    }
    let reply = script.say("RCPT TO:<nobody@mms.gw.test>").await;
    assert!(reply.starts_with("550 5.1.1"), "{reply}");
    assert!(script.say("DATA").await.starts_with('5'));
    assert!(host.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_without_a_route_is_refused_at_rcpt() {
    let (_peer, _host, gateway) = gateway("").await;
    let mut script = Script::hello(gateway.mm4()).await;
    script.say("MAIL FROM:<+15550120001/TYPE=PLMN@mmsc.op-b.test>").await;
    let reply = script.say("RCPT TO:<+33123456789/TYPE=PLMN@mmsc.gw.test>").await;
    assert!(reply.starts_with("550 5."), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_peer_is_turned_away_with_the_greeting() {
    let host = Sink::start().await;
    let text = format!(
        "host = \"gw.test\"\ndata = \"@DATA@\"\n[mm4]\nlisten = [\"127.0.0.1:0\"]\n[events]\nlog = \"@DATA@/log.jsonl\"\n\
         [[peer]]\nid = \"far\"\nprotocol = \"mm4\"\nallow_ip = [\"192.0.2.7\"]\nnext_hop = \"{}\"\ndomain = \"far.test\"\n",
        host.address
    );
    let gateway = Gateway::configured(&text).await;
    let (_, greeting) = Script::connect(gateway.mm4()).await;
    assert!(greeting.starts_with("554 5.7."), "{greeting}");
    assert_eq!(gateway.count("SessionRefused"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_is_said_at_mail_and_again_when_the_size_was_a_lie() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::with(peer.address, host.address, "", "max_octets = \"20 kB\"", "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let reply = script.say("MAIL FROM:<+15550120001/TYPE=PLMN@mmsc.op-b.test> SIZE=30000").await;
    assert!(reply.starts_with("552 5.3.4"), "{reply}");
    let content = forward("big", "+15550120001", "alice@example.test", "", &"x".repeat(70));
    let content = content + &format!("{}\r\n", "y".repeat(70)).repeat(500);
    let reply =
        script.message("+15550120001/TYPE=PLMN@mmsc.op-b.test", &["alice@example.test"], &content).await;
    assert!(reply.starts_with("552 5.3.4"), "{reply}");
    assert!(host.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_smuggled_behind_a_false_end_arrives() {
    let (_peer, host, gateway) = gateway("").await;
    let ends = ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n\0.\n"];
    for (n, end) in ends.iter().enumerate() {
        let mut script = Script::hello(gateway.mm4()).await;
        script.say("MAIL FROM:<+15550120001/TYPE=PLMN@mmsc.op-b.test>").await;
        script.say("RCPT TO:<alice@example.test>").await;
        assert!(script.say("DATA").await.starts_with("354"));
        let inner = forward("smuggled", "+15550120009", "victim@example.test", "", "smuggled");
        let content = format!(
            "{}{end}MAIL FROM:<+15550120009/TYPE=PLMN@mmsc.op-b.test>\r\nRCPT TO:<victim@example.test>\r\nDATA\r\n{inner}\r\n.\r\n",
            forward(&format!("outer{n}"), "+15550120001", "alice@example.test", "", "outer"),
        );
        script.send(content.as_bytes()).await;
        let reply = script.reply().await;
        assert!(reply.starts_with("550 5.5.2"), "{end:?}: {reply}");
        assert_eq!(script.rest().await, "", "{end:?}: the connection is over");
    }
    assert!(host.all().is_empty(), "{:?}", host.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_peer_is_put_off_and_a_fast_one_slowed_down() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let suspended = Gateway::with(peer.address, host.address, "", "state = \"suspended\"", "").await;
    let (_, greeting) = Script::connect(suspended.mm4()).await;
    assert!(greeting.starts_with("421 4."), "{greeting}");

    let gateway = Gateway::with(peer.address, host.address, "", "per_second = 1\nburst = 2", "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let mut replies = Vec::new();
    for _ in 0..4 {
        replies.push(script.say("MAIL FROM:<+15550120001/TYPE=PLMN@mmsc.op-b.test>").await);
        script.say("RSET").await;
    }
    assert!(replies[0].starts_with("250") && replies[1].starts_with("250"), "{replies:?}");
    assert!(replies[3].starts_with("451 4.") || replies[3].starts_with("450 4."), "{replies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_understood_is_answered_by_a_response_not_a_bounce() {
    let (peer, host, gateway) = gateway("").await;
    let hidden = forward(
        "h1",
        "+15550120001",
        "alice@example.test",
        "X-Mms-Ack-Request: Yes\r\nX-Mms-Sender-Visibility: Hide\r\n",
        "x",
    );
    let mut script = Script::hello(gateway.mm4()).await;
    let reply =
        script.message("+15550120001/TYPE=PLMN@mmsc.op-b.test", &["alice@example.test"], &hidden).await;
    assert!(reply.starts_with("250"), "{reply}");
    crate::harness::eventually("an end", || {
        (gateway.count("Failure") > 0 || !peer.all().is_empty()).then_some(())
    })
    .await;
    assert!(host.all().is_empty(), "a hidden sender never leaves for the Internet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_circles_is_stopped() {
    let (_peer, host, gateway) = gateway("").await;
    let mut script = Script::hello(gateway.mail()).await;
    let trace = "Received: from a.test by b.test; Tue, 24 Nov 2026 04:00:00 +0000\r\n".repeat(101);
    let content = mail("loop", "alice@example.test", "+447700900003@mms.gw.test", &trace, "round");
    let reply = script.message("alice@example.test", &["+447700900003@mms.gw.test"], &content).await;
    assert!(reply.starts_with("554 5.4.6"), "{reply}");
    assert!(host.all().is_empty());
}
