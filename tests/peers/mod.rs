//! Programs of other makes: Postfix in front and behind, Dovecot and Cyrus at the end, swaks and Python's
//! smtplib as clients. What they agree on with the gateway is the protocol and not its own mistakes.

mod cyrus;
mod imap;
mod imap_hostile;
mod imap_sink;
mod mailboxes;
mod programs;
mod readme;
mod vectors;

use std::process::Command;

use cedrat::adapters::smtp::listener::Side;
use programs::{Dovecot, Postfix, present, run};

use crate::harness::{CERTIFICATES, Gateway, Script, Sink, eventually, forward, mail};

const FROM: &str = "+15550120001/TYPE=PLMN@mmsc.op-b.test";
const NUMBER: &str = "+447700900003@mms.gw.test";

/// A 1 x 1 GIF.
const PICTURE: &str = "R0lGODlhAQABAAAAACw=";

fn picture(id: &str, to: &str, more: &str) -> String {
    let body = format!(
        "--b\r\nContent-Type: application/smil\r\nContent-ID: <s>\r\n\r\n<smil><body><par><img src=\"a.gif\"/></par></body></smil>\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n.\r\n..from the lake\r\n\
         --b\r\nContent-Type: image/gif; name=a.gif\r\nContent-Location: a.gif\r\nContent-Transfer-Encoding: base64\r\n\r\n{PICTURE}\r\n--b--\r\n"
    );
    forward(id, "+15550120001", to, more, "").replace(
        "Content-Type: text/plain; charset=utf-8\r\n\r\n\r\n",
        &format!("Content-Type: multipart/related; start=\"<s>\"; boundary=b\r\n\r\n{body}"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mms_leaves_through_postfix_over_verified_tls_and_arrives_whole() {
    let (peer, end) = (Sink::start().await, Sink::start().await);
    let address = Postfix::port();
    let host = format!("localhost:{}", address.port());
    let ca = CERTIFICATES.path("ca.crt");
    let more = format!(
        "[[peer]]\nid = \"smarthost\"\nprotocol = \"mail\"\nnext_hop = \"{host}\"\ntls = \"verify\"\ntls_ca = \"{}\"\n\
         [[route]]\nid = \"out\"\norder = 1\nmatch = {{ domain = [\"example.test\"] }}\nto = [\"smarthost\"]\n",
        ca.display()
    );
    let gateway = Gateway::start(peer.address, end.address, &more).await;
    let Some(_postfix) = Postfix::start(address, end.address, gateway.mail()) else { return };
    let mut script = Script::hello(gateway.mm4()).await;
    let content = picture("p1", "alice@example.test", "");
    let reply = script.message(FROM, &["alice@example.test"], &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    let got = end.wait_for(1).await.remove(0);
    assert!(got.from.starts_with("MAIL FROM:<+15550120001@mms.gw.test>"), "{}", got.from);
    assert!(got.body().contains(PICTURE), "{}", got.content);
    assert!(got.header("Received").unwrap().contains("relay.test"), "{}", got.content);
    let delivery = gateway.events().into_iter().find(|event| event["type"] == "Delivery").unwrap();
    assert!(delivery["tls"].as_str().unwrap().starts_with("TLSv1"), "{delivery}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_name_keeps_the_message_in_the_queue() {
    let (peer, end) = (Sink::start().await, Sink::start().await);
    let address = Postfix::port();
    let more = format!(
        "[[peer]]\nid = \"smarthost\"\nprotocol = \"mail\"\nnext_hop = \"{address}\"\ntls = \"verify\"\n\
         tls_ca = \"{}\"\ntls_name = \"elsewhere.test\"\n\
         [[route]]\nid = \"out\"\norder = 1\nmatch = {{ domain = [\"example.test\"] }}\nto = [\"smarthost\"]\n",
        CERTIFICATES.path("ca.crt").display()
    );
    let gateway = Gateway::start(peer.address, end.address, &more).await;
    let Some(_postfix) = Postfix::start(address, end.address, gateway.mail()) else { return };
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("p1", "+15550120001", "alice@example.test", "", "secret");
    script.message(FROM, &["alice@example.test"], &content).await;
    gateway.wait_for("TransientFailure", 1).await;
    assert!(end.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postfix_says_of_a_mail_becomes_a_delivery_report() {
    let peer = Sink::start().await;
    let end =
        Sink::judging(|command| command.contains("gone@").then(|| "550 5.1.1 no such user".into())).await;
    let address = Postfix::port();
    let gateway = Gateway::start(peer.address, address, "").await;
    let Some(_postfix) = Postfix::start(address, end.address, gateway.mail()) else { return };
    let mut script = Script::hello(gateway.mm4()).await;
    let content = picture("p1", "gone@example.test", "X-Mms-Delivery-Report: Yes\r\n");
    let reply = script.message(FROM, &["gone@example.test", "here@example.test"], &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    assert!(
        end.wait_for(1).await[0].to[0].contains("NOTIFY=SUCCESS,FAILURE"),
        "Postfix passes the request on"
    );
    let report = peer.find("the report", |one| one.content.contains("MM4_delivery_report.REQ")).await;
    assert_eq!(report.header("From").unwrap(), "gone@example.test");
    assert_eq!(report.header("X-Mms-Message-ID").unwrap(), "p1");
    assert_eq!(report.header("X-Mms-MM-Status-Code").unwrap(), "Rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_through_postfix_becomes_an_mms_and_its_failure_finds_the_way_back() {
    let peer =
        Sink::judging(|command| command.contains("900009").then(|| "550 5.1.1 no such subscriber".into()))
            .await;
    let end = Sink::start().await;
    let address = Postfix::port();
    let gateway = Gateway::start(peer.address, address, "").await;
    let Some(postfix) = Postfix::start(address, end.address, gateway.mail()) else { return };
    let mut script = Script::hello(postfix.address).await;
    let content = mail("m1", "alice@example.test", NUMBER, "", "Hello\r\n.\r\n..lake");
    let to = [NUMBER, "+447700900009@mms.gw.test"];
    let reply = script.message("alice@example.test", &to, &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    let got = peer.wait_for(1).await.remove(0);
    assert!(got.body().contains("Hello\r\n.\r\n..lake"), "{}", got.content);
    let dsn = end.find("the bounce", |one| one.content.contains("Action: failed")).await;
    assert!(dsn.to[0].starts_with("RCPT TO:<alice@example.test>"), "{:?}", dsn.to);
    assert!(dsn.from.starts_with("MAIL FROM:<>"), "{}", dsn.from);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_message_inside_a_chunk_is_content_behind_postfix_too() {
    let (peer, end) = (Sink::start().await, Sink::start().await);
    let address = Postfix::port();
    let gateway = Gateway::start(peer.address, address, "").await;
    let Some(_postfix) = Postfix::start(address, end.address, gateway.mail()) else { return };
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("s1", "+15550120001", "alice@example.test", "", "outer")
        + "\r\n.\r\nMAIL FROM:<x@evil.test>\r\nRCPT TO:<victim@example.test>\r\nDATA\r\ninner\r\n.\r\nQUIT\r\n";
    script.say(&format!("MAIL FROM:<{FROM}>")).await;
    script.say("RCPT TO:<alice@example.test>").await;
    script.send(format!("BDAT {} LAST\r\n{content}", content.len()).as_bytes()).await;
    let reply = script.reply().await;
    assert!(reply.starts_with("250"), "{reply}");
    end.wait_for(1).await;
    // The same connection of Postfix carries this one behind it.
    let next = forward("s2", "+15550120001", "alice@example.test", "", "next");
    script.message(FROM, &["alice@example.test"], &next).await;
    let all = end.wait_for(2).await;
    assert!(all.iter().all(|one| one.to.len() == 1 && one.to[0].contains("alice@")), "{all:#?}");
    assert!(all.iter().any(|one| one.body().contains("inner")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mms_lies_in_the_mailbox_that_dovecot_keeps() {
    let Some(dovecot) = Dovecot::start() else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let more = format!(
        "[[peer]]\nid = \"store\"\nprotocol = \"lmtp\"\nnext_hop = \"{}\"\ntls = \"none\"\n\
         [[route]]\nid = \"local\"\norder = 1\nmatch = {{ domain = [\"local.test\"] }}\nto = [\"store\"]\n",
        dovecot.address
    );
    let gateway = Gateway::start(peer.address, host.address, &more).await;
    let mut script = Script::hello(gateway.mm4()).await;
    let content = picture("d1", "ann@local.test", "X-Mms-Delivery-Report: Yes\r\n");
    let reply = script.message(FROM, &["ann@local.test", "ben@local.test"], &content).await;
    assert!(reply.starts_with("250"), "{reply}");
    for user in ["ann@local.test", "ben@local.test"] {
        let mail = eventually(user, || dovecot.mails(user).pop()).await;
        assert!(mail.contains(PICTURE) && mail.contains("From: +15550120001@mms.gw.test"), "{mail}");
    }
    eventually("two reports", || {
        let all = peer.all();
        let reports =
            all.iter().filter(|one| one.header("X-Mms-MM-Status-Code").as_deref() == Some("Retrieved"));
        (reports.count() == 2).then_some(())
    })
    .await;
}

/// A gateway that takes mail from its users only.
async fn for_users(peer: &Sink, host: &Sink) -> Gateway {
    let text = format!(
        "host = \"localhost\"\ndata = \"@DATA@\"\n[mail]\nlisten_submission = [\"127.0.0.1:0\"]\nlisten = [\"127.0.0.1:0\"]\n\
         domains = [\"mms.gw.test\"]\n[events]\nlog = \"@DATA@/log.jsonl\"\n{}\
         [[peer]]\nid = \"op-b\"\nprotocol = \"mm4\"\nnext_hop = \"{}\"\ndomain = \"mmsc.op-b.test\"\ntls = \"none\"\n\
         [[peer]]\nid = \"staff\"\nprotocol = \"mail\"\nusers = [{{ name = \"alice\", password = \"open sesame\" }}]\nauth_in_clear = true\n\
         next_hop = \"{}\"\ntls = \"none\"\n\
         [[route]]\nid = \"r\"\nmatch = {{ prefix = [\"+44\"] }}\nto = [\"op-b\"]\n",
        CERTIFICATES.section(),
        peer.address,
        host.address
    );
    Gateway::configured(&text).await
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_sends_with_tls_and_every_password_form_that_it_knows() {
    let Some(swaks) = present("swaks") else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = for_users(&peer, &host).await;
    let port = gateway.port(Side::Submission);
    let command = |form: &str, password: &str| {
        let mut command = Command::new(&swaks);
        let port = port.to_string();
        // It takes no value that begins with a plus sign.
        let to = "\"+447700900003\"@mms.gw.test";
        // Without its TLS library it goes on in clear text, which this gateway's users may.
        let given =
            ["--server", &port, "--from", "alice@example.test", "--to", to, "--tls-optional", "--auth", form];
        command.args(given).args(["--auth-user", "alice", "--auth-password", password, "--body", form]);
        command
    };
    for form in ["PLAIN", "LOGIN"] {
        let output = run(command(form, "open sesame")).await;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        peer.find(form, |one| one.body().contains(form)).await;
    }
    let output = run(command("PLAIN", "wrong")).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("535 5.7.8"), "{said}");
    assert_eq!(peer.all().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn python_sends_with_every_password_form_and_checks_ours() {
    let Some(python) = present("python3") else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = for_users(&peer, &host).await;
    let file = gateway.path("mail.eml");
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/smtplib_client.py");
    let server = format!("localhost:{}", gateway.port(Side::Submission).port());
    for (n, form) in ["PLAIN", "LOGIN", "SCRAM-SHA-256"].iter().enumerate() {
        std::fs::write(&file, mail(&format!("py{n}"), "alice@example.test", NUMBER, "", form)).unwrap();
        let mut command = Command::new(&python);
        command.args([client, &server, "--from", "alice@example.test", "--to", NUMBER, "--mechanism", form]);
        command.args(["--login", "alice", "open sesame", "--rcpt-option", "NOTIFY=NEVER", "--starttls"]);
        command.arg(CERTIFICATES.path("ca.crt")).arg(&file);
        let output = run(command).await;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{form}: {said}{}", String::from_utf8_lossy(&output.stderr));
        peer.find(form, |one| one.body().contains(form)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_reads_every_answer_of_the_lmtp_port() {
    let Some(python) = present("python3") else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::with(peer.address, host.address, "listen_lmtp = [\"127.0.0.1:0\"]", "", "").await;
    let file = gateway.path("mail.eml");
    std::fs::write(&file, mail("l1", "alice@example.test", NUMBER, "", "by LMTP")).unwrap();
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/smtplib_client.py"));
    command.args([&gateway.port(Side::Lmtp).to_string(), "--lmtp", "--from", "alice@example.test"]);
    command.args(["--to", NUMBER, "--to", "nobody@mms.gw.test"]).arg(&file);
    let output = run(command).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["refused"]["nobody@mms.gw.test"][0], 550, "{said}");
    assert!(said["refused"].get(NUMBER).is_none(), "{said}");
    assert!(peer.wait_for(1).await[0].body().contains("by LMTP"));
}
