//! Mailboxes of Dovecot as a place that messages come from; Python's imaplib puts them there and looks at what is left.

use std::{path::PathBuf, process::Command};

use super::{
    NUMBER,
    programs::{Dovecot, present, run},
};
use crate::harness::{CERTIFICATES, Gateway, Sink, eventually, mail};

/// Another client of the mailboxes.
pub(super) struct Other {
    python: PathBuf,
    server: String,
    directory: tempfile::TempDir,
}

impl Other {
    pub(super) fn of(dovecot: &Dovecot) -> Option<Self> {
        Some(Self {
            python: present("python3")?,
            server: format!("localhost:{}", dovecot.imap.port()),
            directory: tempfile::tempdir().unwrap(),
        })
    }

    pub(super) async fn ask(&self, verb: &str, names: &[String]) -> serde_json::Value {
        let mut command = Command::new(&self.python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/imaplib_client.py"));
        command.args([&self.server, "--ca"]).arg(CERTIFICATES.path("ca.crt"));
        command.args(["--login", "anna", "x", verb]).args(names);
        let output = run(command).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Puts mails into a mailbox, each named by its subject.
    async fn put(&self, mailbox: &str, mails: &[(&str, String)]) {
        let mut names = vec![mailbox.to_owned()];
        for (name, content) in mails {
            let path = self.directory.path().join(name);
            std::fs::write(&path, content).unwrap();
            names.push(path.display().to_string());
        }
        self.ask("append", &names).await;
    }

    pub(super) async fn state(&self, mailboxes: &[&str]) -> serde_json::Value {
        self.ask("state", &mailboxes.iter().map(ToString::to_string).collect::<Vec<_>>()).await
    }
}

fn letter<'a>(id: &'a str, to: &str) -> (&'a str, String) {
    (id, mail(id, "alice@example.test", to, "", &format!("this is {id}")))
}

fn account(dovecot: &Dovecot, more: &str) -> String {
    format!(
        "[[imap]]\nserver = \"localhost:{}\"\ntls_ca = \"{}\"\nuser = \"anna\"\npassword = \"x\"\npeer = \"mailhost\"\n{more}\n",
        dovecot.imap.port(),
        CERTIFICATES.path("ca.crt").display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_of_a_mailbox_becomes_one_mms_whatever_happens_in_between() {
    let Some(dovecot) = Dovecot::start() else { return };
    let Some(other) = Other::of(&dovecot) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    other.put("INBOX", &[letter("i1", "anna@mail.test"), letter("i2", "anna@mail.test")]).await;
    let more = account(
        &dovecot,
        &format!(
            "id = \"support\"\nto = [\"{}\"]\nafter = \"move\"\nmoved_to = \"Sent as MMS\"\nbegin = \"all\"",
            NUMBER.split('@').next().unwrap()
        ),
    );
    let mut gateway = Gateway::start(peer.address, host.address, &more).await;
    peer.wait_for(2).await;
    // It lies in IDLE now; what comes is told at once.
    other.put("INBOX", &[letter("i3", "anna@mail.test")]).await;
    let got = peer.wait_for(3).await;
    assert!(got[2].body().contains("this is i3"), "{}", got[2].content);
    gateway.stop().await;
    other.put("INBOX", &[letter("i4", "anna@mail.test")]).await;
    gateway.go().await;
    peer.wait_for(4).await;
    eventually("an empty INBOX", || {
        let state = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(other.state(&["INBOX", "Sent as MMS"]))
        });
        let moved = state["Sent as MMS"].as_array().map_or(0, Vec::len);
        (state["INBOX"].as_array().map(Vec::len) == Some(0) && moved == 4).then_some(())
    })
    .await;
    assert_eq!(peer.wait_for(4).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_a_message_is_in_its_header_and_what_cannot_go_is_put_aside() {
    let Some(dovecot) = Dovecot::start() else { return };
    let Some(other) = Other::of(&dovecot) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    other.put("INBOX", &[letter("before", NUMBER)]).await;
    let more = account(&dovecot, "id = \"desk\"\nrefused_to = \"Not sent\"");
    let gateway = Gateway::start(peer.address, host.address, &more).await;
    // Only what comes after the first look is taken.
    eventually("a session", || (gateway.count("SessionOpened") > 0).then_some(())).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let nobody = letter("nobody", "nobody@elsewhere.test");
    other.put("INBOX", &[nobody, letter("somebody", NUMBER)]).await;
    let got = peer.wait_for(1).await;
    assert!(got[0].body().contains("this is somebody"), "{}", got[0].content);
    let state = other.state(&["INBOX", "Not sent"]).await;
    assert_eq!(state["Not sent"][0]["subject"], "Test nobody", "{state}");
    let inbox = state["INBOX"].as_array().unwrap();
    assert_eq!(inbox.len(), 2, "{state}");
    assert!(!inbox[0]["flags"].to_string().contains("Taken"), "{state}");
    eventually("the mark", || {
        let state = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(other.state(&["INBOX"]))
        });
        let flags = state["INBOX"][1]["flags"].to_string();
        (flags.contains("$CedratTaken") && flags.contains("\\Seen")).then_some(())
    })
    .await;
    let rejection = gateway.events().into_iter().find(|event| event["type"] == "Rejection").unwrap();
    assert!(rejection["detail"].as_str().unwrap().contains("mailbox desk message"), "{rejection}");
}
