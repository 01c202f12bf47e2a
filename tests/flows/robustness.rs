//! Next hops that fail, a queue that an operator works on, stops and starts.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Gateway, Script, Sink, eventually, forward};

const FROM: &str = "+15550120001/TYPE=PLMN@mmsc.op-b.test";

#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_ends_by_its_own_reply() {
    let peer = Sink::start().await;
    let host = Sink::judging(|command| {
        if command.contains("gone@") {
            Some("550 5.1.1 no such user".into())
        } else if command.contains("later@") {
            Some("450 4.2.1 mailbox busy".into())
        } else {
            None
        }
    })
    .await;
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("p1", "+15550120001", "a@example.test", "X-Mms-Delivery-Report: Yes\r\n", "hi");
    let to = ["here@example.test", "gone@example.test", "later@example.test"];
    assert!(script.message(FROM, &to, &content).await.starts_with("250"));
    gateway.wait_for("Delivery", 1).await;
    gateway.wait_for("TransientFailure", 1).await;
    gateway.wait_for("Failure", 1).await;
    assert_eq!(host.wait_for(1).await[0].to.len(), 1);
    let report = peer.find("the report", |one| one.content.contains("MM4_delivery_report.REQ")).await;
    assert_eq!(report.header("From").unwrap(), "gone@example.test");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_destination_delays_nobody_else() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let more = format!(
        "[[peer]]\nid = \"dead\"\nprotocol = \"mail\"\nnext_hop = \"{closed}\"\n\
         [[route]]\nid = \"to-dead\"\nmatch = {{ domain = [\"dead.test\"] }}\nto = [\"dead\"]\n"
    );
    let gateway = Gateway::start(peer.address, host.address, &more).await;
    let mut script = Script::hello(gateway.mm4()).await;
    for n in 0..40 {
        let to = if n % 2 == 0 { "x@dead.test" } else { "alice@example.test" };
        let content = forward(&format!("d{n}"), "+15550120001", to, "", "hi");
        assert!(script.message(FROM, &[to], &content).await.starts_with("250"));
    }
    assert_eq!(host.wait_for(20).await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_peer_takes_over_when_the_first_is_dead() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let more = format!(
        "[[peer]]\nid = \"dead\"\nprotocol = \"mail\"\nnext_hop = \"{closed}\"\n\
         [[route]]\nid = \"first\"\norder = 1\nmatch = {{ domain = [\"example.test\"] }}\nto = [\"dead\", \"mailhost\"]\n"
    );
    let gateway = Gateway::start(peer.address, host.address, &more).await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("f1", "+15550120001", "alice@example.test", "", "hi");
    assert!(script.message(FROM, &["alice@example.test"], &content).await.starts_with("250"));
    host.wait_for(1).await;
    gateway.wait_for("Delivery", 1).await;
    let events = gateway.events();
    let delivered = events.iter().find(|event| event["type"] == "Delivery").unwrap();
    assert_eq!(delivered["attempt"], 2, "the attempt at the first peer counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn lmtp_gets_one_reply_for_each_recipient() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let store = Sink::start().await;
    let more = format!(
        "[[peer]]\nid = \"store\"\nprotocol = \"lmtp\"\nnext_hop = \"{}\"\ntls = \"none\"\n\
         [[route]]\nid = \"local\"\norder = 1\nmatch = {{ domain = [\"local.test\"] }}\nto = [\"store\"]\n",
        store.address
    );
    let gateway = Gateway::start(peer.address, host.address, &more).await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("l1", "+15550120001", "a@local.test", "X-Mms-Delivery-Report: Yes\r\n", "hi");
    assert!(script.message(FROM, &["a@local.test", "b@local.test"], &content).await.starts_with("250"));
    assert_eq!(store.wait_for(1).await[0].to.len(), 2);
    let reports = eventually("two reports", || {
        let all: Vec<_> =
            peer.all().into_iter().filter(|one| one.content.contains("MM4_delivery_report.REQ")).collect();
        (all.len() == 2).then_some(all)
    })
    .await;
    assert!(reports.iter().all(|one| one.header("X-Mms-MM-Status-Code").as_deref() == Some("Retrieved")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_delivered_after_a_restart() {
    let peer = Sink::start().await;
    static ANGRY: AtomicUsize = AtomicUsize::new(1);
    let host =
        Sink::judging(|command| (command == "." && ANGRY.load(Ordering::SeqCst) == 1).then(String::new))
            .await;
    let mut gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    for n in 0..10 {
        let content = forward(&format!("s{n}"), "+15550120001", "alice@example.test", "", "hi");
        assert!(script.message(FROM, &["alice@example.test"], &content).await.starts_with("250"));
    }
    drop(script);
    gateway.stop().await;
    ANGRY.store(0, Ordering::SeqCst);
    gateway.go().await;
    let store = gateway.running.as_ref().unwrap().gateway.store.clone();
    let now = cedrat::clock::now().0;
    store.change(&cedrat::store::Filter::default(), cedrat::store::Change::Retry, now).await.unwrap();
    let all = eventually("ten messages", || {
        let mut ids: Vec<_> = host.all().iter().filter_map(|one| one.header("X-Mms-Message-ID")).collect();
        ids.sort();
        ids.dedup();
        (ids.len() == 10).then_some(ids)
    })
    .await;
    assert_eq!(all.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_hold_no_number_and_no_content_and_every_counter_moves() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward(
        "z1",
        "+15550120001",
        "alice@example.test",
        "X-Mms-Ack-Request: Yes\r\nSubject: Topsecret\r\n",
        "Classified text",
    );
    script.message(FROM, &["alice@example.test"], &content).await;
    host.wait_for(1).await;
    gateway.wait_for("Delivery", 2).await;
    let log = std::fs::read_to_string(gateway.path("log.jsonl")).unwrap();
    for secret in ["15550120001", "alice@example.test", "Topsecret", "Classified"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let named =
        gateway.events().iter().find(|event| event["type"] == "Reception").unwrap()["message"].clone();
    let number = i64::from_str_radix(named.as_str().expect("a number as the queue shows it"), 16).unwrap();
    let store = gateway.running.as_ref().unwrap().gateway.store.clone();
    assert!(store.message(number).await.unwrap().is_some());
    let records = std::fs::read_to_string(gateway.path("cdr.jsonl")).unwrap();
    for kind in ["R4F", "M3S"] {
        assert!(records.contains(&format!("\"recordType\":\"{kind}\"")), "{kind} in {records}");
    }
    let metrics = cedrat::events::render_metrics();
    for name in [
        "cedrat_messages_received_total",
        "cedrat_messages_delivered_total",
        "cedrat_delivery_attempts_total",
        "cedrat_sessions_total",
        "cedrat_reports_total",
        "cedrat_mapping_lossy_total",
    ] {
        let moved = metrics.lines().any(|line| line.starts_with(name) && !line.ends_with(" 0"));
        assert!(moved, "{name} in {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_reported_and_not_delivered_afterwards() {
    let peer = Sink::start().await;
    let host = Sink::judging(|command| command.starts_with("RCPT").then(|| "450 4.2.1 busy".into())).await;
    let clamp = "quirk = { expiry_clamp = { min = \"1 s\", max = \"7 d\" } }";
    let gateway = Gateway::with(peer.address, host.address, "", clamp, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let more = "X-Mms-Expiry: 2\r\nX-Mms-Delivery-Report: Yes\r\n";
    let content = forward("e1", "+15550120001", "alice@example.test", more, "hi");
    assert!(script.message(FROM, &["alice@example.test"], &content).await.starts_with("250"));
    let report = peer.find("the report", |one| one.content.contains("MM4_delivery_report.REQ")).await;
    assert_eq!(report.header("X-Mms-MM-Status-Code").unwrap(), "Expired");
    assert_eq!(report.header("X-Mms-Message-ID").unwrap(), "e1");
    assert!(host.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_for_later_is_delivered_later() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    for (id, more) in [("later", "X-Mms-Delivery-Time: 2\r\n"), ("now", "")] {
        let content = forward(id, "+15550120001", "alice@example.test", more, id);
        assert!(script.message(FROM, &["alice@example.test"], &content).await.starts_with("250"));
    }
    let all = host.wait_for(2).await;
    let order: Vec<&str> = all.iter().map(|one| one.body().trim()).collect();
    assert_eq!(order, ["now", "later"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_after_the_last_dot_gives_the_same_message_again() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    let peer = Sink::start().await;
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let all = seen.clone();
    let host = Sink::judging_content(move |content| {
        all.lock().unwrap().push(content.to_owned());
        (DROPS.fetch_add(1, Ordering::SeqCst) == 0).then(String::new)
    })
    .await;
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("u1", "+15550120001", "alice@example.test", "", "hi");
    assert!(script.message(FROM, &["alice@example.test"], &content).await.starts_with("250"));
    gateway.wait_for("TransientFailure", 1).await;
    let store = gateway.running.as_ref().unwrap().gateway.store.clone();
    let now = cedrat::clock::now().0;
    store.change(&cedrat::store::Filter::default(), cedrat::store::Change::Retry, now).await.unwrap();
    let got = host.wait_for(1).await.remove(0);
    let seen = seen.lock().unwrap().clone();
    let id = |content: &str| {
        content.lines().find(|line| line.to_lowercase().starts_with("message-id:")).unwrap().to_owned()
    };
    assert_eq!(id(&seen[0]), id(&got.content));
    gateway.wait_for("Delivery", 1).await;
    let delivery = gateway.events().into_iter().find(|event| event["type"] == "Delivery").unwrap();
    assert_eq!(delivery["uncertain"], true, "an operator can see that it may have arrived twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_arrived_at_one_peer_is_counted_when_the_next_one_takes_it() {
    let peer = Sink::start().await;
    let first = Sink::judging_content(|_| Some(String::new())).await;
    let second = Sink::start().await;
    let more = format!(
        "[[peer]]\nid = \"first\"\nprotocol = \"mail\"\nnext_hop = \"{}\"\ntls = \"none\"\n\
         [[peer]]\nid = \"second\"\nprotocol = \"mail\"\nnext_hop = \"{}\"\ntls = \"none\"\n\
         [[route]]\nid = \"both\"\nmatch = {{ domain = [\"both.test\"] }}\nto = [\"first\", \"second\"]\n",
        first.address, second.address
    );
    let gateway = Gateway::start(peer.address, peer.address, &more).await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("f1", "+15550120001", "alice@both.test", "", "hi");
    assert!(script.message(FROM, &["alice@both.test"], &content).await.starts_with("250"));
    second.wait_for(1).await;
    gateway.wait_for("Delivery", 1).await;
    let delivery = gateway.events().into_iter().find(|event| event["type"] == "Delivery").unwrap();
    assert_eq!(delivery["peer"], "second");
    assert_eq!(delivery["uncertain"], true, "the first may have it, too");
}

#[tokio::test]
async fn a_place_in_a_queue_that_is_not_filled_is_given_back() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let gateway = &gateway.running.as_ref().unwrap().gateway;
    let settings = gateway.settings();
    let take_all =
        || -> Vec<_> { std::iter::from_fn(|| gateway.dispatcher.reserve(&settings, "op-b")).collect() };
    let places = take_all();
    let most = places.len();
    assert!(most > 0);
    assert_eq!(take_all().len(), 0);
    drop(places);
    assert_eq!(take_all().len(), most);
}
