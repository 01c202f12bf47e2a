//! Mailboxes as a place that messages come from; Python's imaplib puts them there and looks at what is left.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use super::{
    NUMBER,
    mailboxes::{Mailboxes, Make, for_every_make},
    programs::{Dovecot, TOKEN_KEY, present, run},
};
use crate::harness::{CERTIFICATES, Gateway, Process, Sink, eventually, mail};

for_every_make! {
    each_message_of_a_mailbox_becomes_one_mms_whatever_happens_in_between
    who_gets_a_message_is_in_its_header_and_what_cannot_go_is_put_aside
    a_mailbox_that_is_made_again_or_restored_from_a_backup_sends_nothing_twice
    folders_have_their_own_recipients_and_what_is_refused_says_why
    accounts_come_and_go_with_a_reload_and_can_be_tried_and_explained_before
    while_both_sides_are_killed_at_random_each_message_becomes_exactly_one_mms
}

/// Another client of the mailboxes.
pub(super) struct Other {
    python: PathBuf,
    server: String,
    directory: tempfile::TempDir,
}

impl Other {
    pub(super) fn of(imap: SocketAddr) -> Option<Self> {
        Some(Self {
            python: present("python3")?,
            server: format!("localhost:{}", imap.port()),
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
    pub(super) async fn put(&self, mailbox: &str, mails: &[(&str, String)]) {
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

pub(super) fn letter<'a>(id: &'a str, to: &str) -> (&'a str, String) {
    (id, mail(id, "alice@example.test", to, "", &format!("this is {id}")))
}

pub(super) fn account(imap: SocketAddr, more: &str) -> String {
    format!(
        "[[imap]]\nserver = \"localhost:{}\"\ntls_ca = \"{}\"\nuser = \"anna\"\npassword = \"x\"\npeer = \"mailhost\"\n{more}\n",
        imap.port(),
        CERTIFICATES.path("ca.crt").display()
    )
}

async fn each_message_of_a_mailbox_becomes_one_mms_whatever_happens_in_between(make: Make) {
    let Some(server) = Mailboxes::start(make) else { return };
    let Some(other) = Other::of(server.imap()) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    other.put("INBOX", &[letter("i1", "anna@mail.test"), letter("i2", "anna@mail.test")]).await;
    let more = account(
        server.imap(),
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
        let all_marked = state["Sent as MMS"].to_string().matches("$Forwarded").count() == 4;
        (state["INBOX"].as_array().map(Vec::len) == Some(0) && moved == 4 && all_marked).then_some(())
    })
    .await;
    assert_eq!(peer.wait_for(4).await.len(), 4);
}

async fn who_gets_a_message_is_in_its_header_and_what_cannot_go_is_put_aside(make: Make) {
    let Some(server) = Mailboxes::start(make) else { return };
    let Some(other) = Other::of(server.imap()) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    other.put("INBOX", &[letter("before", NUMBER)]).await;
    let more = account(server.imap(), "id = \"desk\"\nrefused_to = \"Not sent\"");
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
        ["$CedratTaken", "$Forwarded", "\\Seen"].iter().all(|flag| flags.contains(flag)).then_some(())
    })
    .await;
    let rejection = gateway.events().into_iter().find(|event| event["type"] == "Rejection").unwrap();
    assert!(rejection["detail"].as_str().unwrap().contains("mailbox desk message"), "{rejection}");
}

async fn a_mailbox_that_is_made_again_or_restored_from_a_backup_sends_nothing_twice(make: Make) {
    let Some(server) = Mailboxes::start(make) else { return };
    let Some(other) = Other::of(server.imap()) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let nameless = letter("o2", "anna@mail.test").1.replace("Message-ID", "X-Not-A-Message-ID");
    other.put("Orders", &[letter("o1", "anna@mail.test"), ("o2", nameless)]).await;
    let to = NUMBER.split('@').next().unwrap();
    let more = account(
        server.imap(),
        &format!(
            "id = \"shop\"\nmailbox = \"Orders\"\nto = [\"{to}\"]\nafter = \"keep\"\nbegin = \"all\"\nreopen = \"1 s\""
        ),
    );
    let gateway = Gateway::start(peer.address, host.address, &more).await;
    peer.wait_for(2).await;
    // Flags are lost and numbers are new; what comes behind shows that everything before has been looked at.
    other.ask("renew", &["Orders".into()]).await;
    // The same message again in one epoch, and another one with its Message-ID.
    let same_name = letter("o1", "anna@mail.test").1.replace("this is o1", "this is no copy of o1");
    other
        .put("Orders", &[letter("o1", "anna@mail.test"), ("o1b", same_name), letter("o3", "x@mail.test")])
        .await;
    let got = peer.find("the last one", |one| one.body().contains("this is o3")).await;
    assert!(got.header("Subject").is_some());
    let all = peer.all();
    let bodies: Vec<_> = all.iter().map(|one| one.body().trim().to_owned()).collect();
    assert_eq!(all.len(), 4, "{bodies:?}");
    assert_eq!(bodies.iter().filter(|body| body.contains("no copy of o1")).count(), 1, "{bodies:?}");
    let told = gateway.events().into_iter().any(|event| {
        event["type"] == "Fault" && event["detail"].as_str().unwrap().contains("numbered the messages anew")
    });
    assert!(told, "{:#?}", gateway.events());
}

/// The configuration of a gateway that is a process of its own, with nothing but mailboxes to take from.
fn alone(directory: &tempfile::TempDir, peer: &Sink, accounts: &str) -> PathBuf {
    let text = format!(
        "host = \"gw.test\"\ndata = \"{0}\"\n[mm4]\nlisten = [\"127.0.0.1:0\"]\ndomain = \"mmsc.gw.test\"\n\
         [mail]\ndomains = [\"mms.gw.test\"]\n[events]\nlog = \"{0}/log.jsonl\"\n\
         [[peer]]\nid = \"op-b\"\nprotocol = \"mm4\"\nnext_hop = \"{1}\"\ndomain = \"mmsc.op-b.test\"\ntls = \"none\"\n\
         [[peer]]\nid = \"mailhost\"\nprotocol = \"mail\"\nallow_ip = [\"127.0.0.1\"]\n\
         [[route]]\nid = \"r\"\nmatch = {{ prefix = [\"+44\"] }}\nto = [\"op-b\"]\n{accounts}",
        directory.path().display(),
        peer.address
    );
    let config = directory.path().join("cedrat.toml");
    std::fs::write(&config, text).unwrap();
    config
}

async fn folders_have_their_own_recipients_and_what_is_refused_says_why(make: Make) {
    let Some(server) = Mailboxes::start(make) else { return };
    let Some(other) = Other::of(server.imap()) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let by_plus = letter("plus", "anna+447700900004@mail.test");
    other.put("INBOX", &[by_plus, letter("nobody", "anna@mail.test")]).await;
    other.put("Orders", &[letter("order", "anna@mail.test")]).await;
    let folders = "[[imap.folder]]\nmailbox = \"Orders\"\nto = [\"+447700900003\"]\n[[imap.folder]]\nmailbox = \"INBOX\"";
    let more = account(
        server.imap(),
        &format!(
            "id = \"shop\"\nto_by = \"plus\"\nrefused_to = \"Not sent\"\nafter = \"delete\"\nbegin = \"all\"\n{folders}"
        ),
    );
    let _gateway = Gateway::start(peer.address, host.address, &more).await;
    let got = peer.find("the order", |one| one.body().contains("this is order")).await;
    assert!(got.to[0].contains("+447700900003"), "{:?}", got.to);
    let got = peer.find("the one with a plus", |one| one.body().contains("this is plus")).await;
    assert!(got.to[0].contains("+447700900004"), "{:?}", got.to);
    eventually("the refused one alone", || {
        let state = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(other.state(&["INBOX", "Orders", "Not sent"]))
        });
        let flags = state["Not sent"][0]["flags"].to_string();
        let gone = ["INBOX", "Orders"].iter().all(|name| state[name].as_array().is_some_and(Vec::is_empty));
        (gone && flags.contains("$CedratRefused") && flags.contains("$CedratReason-")).then_some(())
    })
    .await;
}

async fn accounts_come_and_go_with_a_reload_and_can_be_tried_and_explained_before(make: Make) {
    let Some(server) = Mailboxes::start(make) else { return };
    let Some(other) = Other::of(server.imap()) else { return };
    let peer = Sink::start().await;
    let directory = tempfile::tempdir().unwrap();
    let to = NUMBER.split('@').next().unwrap();
    let desk = account(server.imap(), &format!("id = \"desk\"\nto = [\"{to}\"]\nbegin = \"all\""));
    let config = alone(&directory, &peer, "");
    let gateway = Process::start(config.clone());
    other.put("INBOX", &[letter("r1", "anna@mail.test")]).await;
    gateway.reload(|text| text + &desk);
    peer.find("what lay there", |one| one.body().contains("this is r1")).await;
    let cedrat = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cedrat"));
        command.args(arguments).arg("--config").arg(&config);
        run(command)
    };
    let tried = cedrat(&["check", "--login"]).await;
    let said = String::from_utf8_lossy(&tried.stdout).into_owned();
    assert!(
        tried.status.success() && said.contains("mailbox desk INBOX: 1 messages at localhost over TLSv1"),
        "{said}"
    );
    let explained = cedrat(&["explain", "--from", "a@b.example", "--account", "desk"]).await;
    let said = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(said.contains(&format!("INBOX at localhost: to {to}, then marked as read")), "{said}");
    // Another name of the mailbox: the entry has changed, so it is opened anew, and there is none.
    gateway.reload(|text| text.replace("id = \"desk\"", "id = \"desk\"\nmailbox = \"Nowhere\""));
    let tried = cedrat(&["check", "--login"]).await;
    let said = String::from_utf8_lossy(&tried.stderr).into_owned();
    assert!(!tried.status.success() && said.contains("mailbox desk Nowhere: "), "{said}");
    let log = directory.path().join("log.jsonl");
    eventually("the end of the first connection", || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.lines().any(|line| line.contains("SessionClosed") && line.contains("told to stop")).then_some(())
    })
    .await;
    other.put("INBOX", &[letter("r2", "anna@mail.test")]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(peer.all().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_program_prints_opens_a_mailbox_and_one_that_is_refused_is_asked_for_anew() {
    let Some(dovecot) = Dovecot::start() else { return };
    let Some(other) = Other::of(dovecot.imap) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    other.put("INBOX", &[letter("o1", "anna@mail.test")]).await;
    let directory = tempfile::tempdir().unwrap();
    let command = format!(
        "token_command = [\"{}\", \"{}\", \"anna\", \"{TOKEN_KEY}\", \"{}\"]",
        other.python.display(),
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/token.py"),
        directory.path().join("asked").display()
    );
    let to = NUMBER.split('@').next().unwrap();
    let more = account(dovecot.imap, &format!("id = \"cloud\"\nto = [\"{to}\"]\nbegin = \"all\""));
    let more = more.replace("password = \"x\"", &command);
    let gateway = Gateway::start(peer.address, host.address, &more).await;
    peer.find("the message", |one| one.body().contains("this is o1")).await;
    let refused = gateway.events().into_iter().find(|event| event["type"] == "Fault").unwrap();
    assert!(refused["detail"].as_str().unwrap().contains("AuthRefused"), "{refused}");
}

/// Three hundred messages; a long run sets `CEDRAT_IMAP_MESSAGES`.
async fn while_both_sides_are_killed_at_random_each_message_becomes_exactly_one_mms(make: Make) {
    let count: usize = std::env::var("CEDRAT_IMAP_MESSAGES").map_or(300, |count| count.parse().unwrap());
    let Some(mut server) = Mailboxes::start(make) else { return };
    let Some(other) = Other::of(server.imap()) else { return };
    let peer = Sink::start().await;
    let directory = tempfile::tempdir().unwrap();
    let to = NUMBER.split('@').next().unwrap();
    let accounts = account(
        server.imap(),
        &format!("id = \"many\"\nto = [\"{to}\"]\nmoved_to = \"Done\"\nbegin = \"all\""),
    );
    let config = alone(&directory, &peer, &accounts);
    let names: Vec<String> = (0..count).map(|n| format!("k{n}")).collect();
    let mut gateway = Process::start(config.clone());
    let seed = std::process::id() as usize;
    println!("seed {seed}");
    for (round, some) in names.chunks(count.div_ceil(6)).enumerate() {
        let mails: Vec<_> = some.iter().map(|name| letter(name, "anna@mail.test")).collect();
        other.put("INBOX", &mails).await;
        tokio::time::sleep(Duration::from_millis(((seed + round) * 7919 % 400) as u64)).await;
        if round % 2 == 0 {
            gateway.signal(rustix::process::Signal::KILL);
            gateway.ended().await;
        }
        if round % 3 != 0 {
            server.kill();
        }
        if round % 2 == 0 {
            gateway = Process::start(config.clone());
        }
    }
    let mut settings = cedrat::store::Settings::sqlite(directory.path().join("queue.db"));
    settings.role = cedrat::store::Role::Operator;
    let store = cedrat::store::Store::open(settings).await.unwrap();
    let until = Instant::now() + Duration::from_secs(60 + count as u64 / 20);
    loop {
        let state = other.state(&["INBOX"]).await;
        let queued = store.list(&cedrat::store::Filter::default(), 0, 1_000_000).await.unwrap();
        // What is awaited is the answer of a peer that gives none.
        let waiting: Vec<_> =
            queued.iter().filter(|row| row.state != cedrat::store::State::Awaiting).collect();
        if state["INBOX"].as_array().is_some_and(Vec::is_empty) && waiting.is_empty() {
            break;
        }
        let log = || std::fs::read_to_string(directory.path().join("log.jsonl")).unwrap_or_default();
        assert!(Instant::now() < until, "{state} {waiting:?} {}", log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let arrived = peer.all();
    for name in &names {
        let stored = store.messages_named(&format!("{name}@example.test")).await.unwrap();
        assert_eq!(stored.len(), 1, "{name} is stored so often");
        let here = format!("this is {name}\r\n");
        let ids: Vec<_> = arrived
            .iter()
            .filter(|one| one.body().contains(&here))
            .map(|one| one.header("X-Mms-Message-ID"))
            .collect();
        // A kill between the end of DATA and what follows it repeats an MMS under the same name.
        assert!(!ids.is_empty() && ids.iter().all(|id| *id == ids[0]), "{name} came as {ids:?}");
    }
}
