//! What the front page says of IMAP accounts, run as it stands there: only names, addresses and paths are of this machine.

use std::time::Duration;

use super::{
    imap::{Other, letter},
    mailboxes::{Mailboxes, Make, for_every_make},
};
use crate::harness::{CERTIFICATES, Gateway, Script, Sink, eventually, forward};

for_every_make! {
    ten_lines_of_the_front_page_turn_an_account_into_mms_and_back
}

/// The blocks of TOML on the front page: the gateway, and the account.
fn blocks() -> (String, String) {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut blocks = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let gateway = blocks.find(|block| block.contains("protocol = \"mm4\"")).unwrap();
    let account = blocks.find(|block| block.contains("protocol = \"imap\"")).unwrap();
    (gateway, account)
}

async fn ten_lines_of_the_front_page_turn_an_account_into_mms_and_back(make: Make) {
    let Some(server) = Mailboxes::start(make) else { return };
    let Some(other) = Other::of(server.imap()) else { return };
    let peer = Sink::start().await;
    let (gateway, account) = blocks();
    assert!(account.lines().count() <= 10, "{account}");
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("imap");
    std::fs::write(&secret, "x\n").unwrap();
    let mut text = gateway + &account + "[events]\nlog = \"@DATA@/log.jsonl\"\n";
    for (there, here) in [
        ("/var/lib/cedrat", "@DATA@".to_owned()),
        ("0.0.0.0:2525", "127.0.0.1:0".to_owned()),
        ("192.0.2.0/24", "127.0.0.1".to_owned()),
        ("mmsc.op-b.example:25", peer.address.to_string()),
        (
            "\"imap.example:993\"",
            format!(
                "\"localhost:{}\"\ntls_ca = \"{}\"",
                server.imap().port(),
                CERTIFICATES.path("ca.crt").display()
            ),
        ),
        ("user = \"support@mail.example\"", "user = \"anna\"".to_owned()),
        ("/etc/cedrat/imap", secret.display().to_string()),
    ] {
        assert_eq!(text.matches(there).count(), 1, "{there} in {text}");
        text = text.replace(there, &here);
    }
    let gateway = Gateway::configured(&text).await;
    gateway.wait_for("SessionOpened", 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    other.put("INBOX", &[letter("in", "support@mail.example")]).await;
    let got = peer.find("the mail as MMS", |one| one.body().contains("this is in")).await;
    assert!(got.to[0].contains("+447700900001"), "{:?}", got.to);
    let mut script = Script::hello(gateway.mm4()).await;
    let from = "+447700900001/TYPE=PLMN@mmsc.op-b.example";
    let mms = forward("back", "+447700900001", "support@mail.example", "", "this is back");
    let reply = script.message(from, &["support@mail.example"], &mms).await;
    assert!(reply.starts_with("250"), "{reply}");
    let back = || {
        let state = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(other.state(&["INBOX"]))
        });
        let mails = state["INBOX"].as_array().unwrap().clone();
        mails.into_iter().find(|mail| mail["content"].as_str().unwrap().contains("this is back"))
    };
    eventually("the MMS as mail", back).await;
    // What it put there itself is no mail that came.
    other.put("INBOX", &[letter("next", "support@mail.example")]).await;
    peer.find("the next one", |one| one.body().contains("this is next")).await;
    assert!(!peer.all().iter().any(|one| one.body().contains("this is back")));
    assert!(!back().unwrap()["flags"].to_string().contains("Cedrat"), "{:?}", back());
}
