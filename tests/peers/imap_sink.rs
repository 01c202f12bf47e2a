//! Mailboxes as a place that MMS go to; Python's imaplib looks at what lies there and reads it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cedrat::store::{Change, Filter, State};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{
    FROM, PICTURE,
    cyrus::Cyrus,
    imap::{Other, letter},
    mailboxes::{Mailboxes, Make, for_every_make},
    picture,
};
use crate::harness::{CERTIFICATES, Gateway, Script, Sink, eventually, forward};

for_every_make! {
    an_mms_lies_in_the_folder_of_its_recipient_with_flags_and_date
    a_message_whose_answer_was_lost_is_not_put_there_twice
    the_date_of_a_message_is_when_the_gateway_took_it_however_late_it_is_put_there
    to_read_a_message_sends_the_read_report_that_was_asked_for_once
}

const TO: &str = "+447700900001/TYPE=PLMN@mmsc.gw.test";

/// A peer that puts the messages for some numbers into Anna's mailboxes.
fn store(imap: SocketAddr, more: &str) -> String {
    format!(
        "[[peer]]\nid = \"store\"\nprotocol = \"imap\"\nnext_hop = \"localhost:{}\"\ntls_ca = \"{}\"\n\
         user = \"anna\"\npassword = \"x\"\n{more}\n\
         [[route]]\nid = \"local\"\norder = 1\nmatch = {{ prefix = [\"+4477009\"] }}\nto = [\"store\"]\n",
        imap.port(),
        CERTIFICATES.path("ca.crt").display()
    )
}

fn now(other: &Other, mailbox: &str) -> Vec<serde_json::Value> {
    let state =
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(other.state(&[mailbox])));
    state[mailbox].as_array().cloned().unwrap_or_default()
}

async fn an_mms_lies_in_the_folder_of_its_recipient_with_flags_and_date(make: Make) {
    let Some(server) = Mailboxes::start(make) else { return };
    let Some(other) = Other::of(server.imap()) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let more = store(server.imap(), "folder = \"MMS für/{recipient}\"");
    let gateway = Gateway::start(peer.address, host.address, &more).await;
    let mut script = Script::hello(gateway.mm4()).await;
    let asked = "X-Mms-Delivery-Report: Yes\r\nX-Mms-Read-Reply: Yes\r\nX-Mms-Priority: High\r\n";
    let second = "+447700900002/TYPE=PLMN@mmsc.gw.test";
    let reply = script.message(FROM, &[TO, second], &picture("d1", TO, asked)).await;
    assert!(reply.starts_with("250"), "{reply}");
    // The other client knows names in modified UTF-7 only.
    for number in ["+447700900001", "+447700900002"] {
        let folder = server.name(["MMS f&APw-r", number]);
        let lies = eventually(number, || now(&other, &folder).pop()).await;
        let content = lies["content"].as_str().unwrap();
        assert!(
            content.starts_with("Return-Path: <+15550120001@mms.gw.test>\r\nDelivered-To: "),
            "{content}"
        );
        assert!(content.contains(&format!("Delivered-To: {number}@mms.gw.test\r\n")), "{content}");
        assert!(content.contains(PICTURE), "{content}");
        assert_eq!(lies["flags"], serde_json::json!(["$MDNSent", "\\Flagged"]), "{lies}");
    }
    eventually("two reports", || {
        let all = peer.all();
        let reports =
            all.iter().filter(|one| one.header("X-Mms-MM-Status-Code").as_deref() == Some("Retrieved"));
        (reports.count() == 2).then_some(())
    })
    .await;
    let delivery = gateway.events().into_iter().find(|event| event["type"] == "Delivery").unwrap();
    assert_eq!(delivery["protocol"], "imap");
    assert!(delivery["response"].as_str().unwrap().contains(" UID "), "{delivery}");
    assert!(delivery["tls"].as_str().unwrap().starts_with("TLSv1"), "{delivery}");
}

async fn retry(gateway: &Gateway) {
    let store = &gateway.running.as_ref().unwrap().gateway.store;
    let filter = Filter { state: Some(State::Waiting), ..Filter::default() };
    store.change(&filter, Change::Retry, 0).await.unwrap();
}

/// A way to the server on which the answer to the first long command is lost.
async fn losing_the_answer(to: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let lost = Arc::new(AtomicUsize::new(0));
    let count = lost.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on(client, to, count.clone()));
        }
    });
    (address, lost)
}

async fn pass_on(mut client: TcpStream, to: SocketAddr, lost: Arc<AtomicUsize>) {
    let mut server = TcpStream::connect(to).await.unwrap();
    let (mut said, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    let (mut octets, mut mute) = (0, false);
    loop {
        let patience = Duration::from_secs(if mute { 1 } else { 600 });
        tokio::select! {
            read = client.read(&mut said) => match read {
                Ok(read @ 1..) => {
                    octets += read;
                    if octets > 50_000 && lost.fetch_max(1, Ordering::SeqCst) == 0 {
                        mute = true;
                    }
                    server.write_all(&said[..read]).await.unwrap();
                }
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(_) if mute => {}
                Ok(read @ 1..) => client.write_all(&answered[..read]).await.unwrap(),
                _ => return,
            },
            () = tokio::time::sleep(patience) => return,
        }
    }
}

async fn a_message_whose_answer_was_lost_is_not_put_there_twice(make: Make) {
    let Some(server) = Mailboxes::start(make) else { return };
    let Some(other) = Other::of(server.imap()) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let (way, lost) = losing_the_answer(server.imap()).await;
    let gateway = Gateway::start(peer.address, host.address, &store(way, "")).await;
    let mut script = Script::hello(gateway.mm4()).await;
    let long = picture("l1", TO, "X-Mms-Delivery-Report: Yes\r\n")
        .replace("..from the lake", &"..from the lake\r\n".repeat(8_000));
    let reply = script.message(FROM, &[TO], &long).await;
    assert!(reply.starts_with("250"), "{reply}");
    gateway.wait_for("TransientFailure", 1).await;
    assert_eq!(lost.load(Ordering::SeqCst), 1);
    eventually("the message", || now(&other, "INBOX").pop()).await;
    // The operator does not wait for the next attempt.
    retry(&gateway).await;
    gateway.wait_for("Delivery", 1).await;
    let delivery = gateway.events().into_iter().find(|event| event["type"] == "Delivery").unwrap();
    assert!(delivery["response"].as_str().unwrap().contains("found by its Message-ID"), "{delivery}");
    assert_eq!(now(&other, "INBOX").len(), 1);
    peer.find("the report", |one| one.content.contains("X-Mms-MM-Status-Code: Retrieved")).await;
}

async fn to_read_a_message_sends_the_read_report_that_was_asked_for_once(make: Make) {
    let Some(server) = Mailboxes::start(make) else { return };
    let Some(other) = Other::of(server.imap()) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let more = store(server.imap(), "folder = \"MMS\"\nread_reports = \"1 s\"");
    let mut gateway = Gateway::start(peer.address, host.address, &more).await;
    let mut script = Script::hello(gateway.mm4()).await;
    for (id, asked) in [("r1", "X-Mms-Read-Reply: Yes\r\n"), ("r2", "X-Mms-Read-Reply: No\r\n")] {
        let reply = script.message(FROM, &[TO], &picture(id, TO, asked)).await;
        assert!(reply.starts_with("250"), "{reply}");
    }
    eventually("both messages", || (now(&other, "MMS").len() == 2).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let is_report = "MM4_read_reply_report.REQ";
    assert!(!peer.all().iter().any(|one| one.content.contains(is_report)), "nobody has read it");
    // What is read while the gateway is down is seen when it is back.
    gateway.stop().await;
    other.ask("read", &["MMS".into()]).await;
    gateway.go().await;
    let report = peer.find("the read report", |one| one.content.contains(is_report)).await;
    assert_eq!(report.header("X-Mms-Message-ID").unwrap(), "r1");
    assert_eq!(report.header("X-Mms-Read-Status").unwrap(), "Read");
    gateway.stop().await;
    gateway.go().await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(peer.all().iter().filter(|one| one.content.contains(is_report)).count(), 1);
}

async fn the_date_of_a_message_is_when_the_gateway_took_it_however_late_it_is_put_there(make: Make) {
    let Some(server) = Mailboxes::start(make) else { return };
    let Some(other) = Other::of(server.imap()) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let way = listener.local_addr().unwrap();
    drop(listener);
    let gateway = Gateway::start(peer.address, host.address, &store(way, "")).await;
    let mut script = Script::hello(gateway.mm4()).await;
    let reply = script.message(FROM, &[TO], &picture("t1", TO, "")).await;
    assert!(reply.starts_with("250"), "{reply}");
    let taken = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed();
    gateway.wait_for("TransientFailure", 1).await;
    tokio::time::sleep(Duration::from_millis(3_000)).await;
    let (listener, to) = (TcpListener::bind(way).await.unwrap(), server.imap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(to).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    retry(&gateway).await;
    let lies = eventually("the message", || now(&other, "INBOX").pop()).await;
    let date = lies["date"].as_i64().unwrap();
    assert!((taken - 1..=taken).contains(&date), "taken {taken}, {lies}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_without_room_is_tried_again_and_what_a_server_will_never_take_is_over() {
    let Some(cyrus) = Cyrus::start("maxmessagesize: 8192\nautocreate_quota: 16\n") else { return };
    let Some(other) = Other::of(cyrus.imap) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway =
        Gateway::start(peer.address, host.address, &store(cyrus.imap, "folder = \"{recipient}\"")).await;
    other.ask("protect", &["+447700900001".into()]).await;
    let filler = |id| (id, letter(id, "anna@mail.test").1 + &"0123456789abcde\r\n".repeat(400));
    other.put("INBOX", &[filler("f1"), filler("f2")]).await;
    let mut script = Script::hello(gateway.mm4()).await;
    let long = "0123456789abcde\r\n".repeat(600);
    for (n, text) in [("1", ""), ("2", ""), ("3", long.as_str())] {
        let to = format!("+44770090000{n}/TYPE=PLMN@mmsc.gw.test");
        let mms = forward(n, "+15550120001", &to, "", &format!("{text}{}", "short\r\n".repeat(600)));
        let reply = script.message(FROM, &[&to], &mms).await;
        assert!(reply.starts_with("250"), "{reply}");
    }
    gateway.wait_for("TransientFailure", 2).await;
    gateway.wait_for("Failure", 1).await;
    let events = gateway.events();
    let of = |kind: &str| {
        let of_kind = events.iter().filter(|event| event["type"] == kind);
        let mut codes: Vec<_> = of_kind.map(|event| event["reason"]["code"].as_str().unwrap()).collect();
        codes.sort_unstable();
        codes
    };
    // Its APPENDLIMIT is known. "Over quota" and "Permission denied" come without a response code, and may mean anything.
    assert_eq!(of("Failure"), ["message-too-large"], "{events:#?}");
    assert_eq!(of("TransientFailure"), ["try-later", "try-later"], "{events:#?}");
}
