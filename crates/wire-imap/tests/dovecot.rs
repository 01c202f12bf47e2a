//! The client session against a Dovecot of its own, over loopback.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command as Program, Stdio},
    time::Duration,
};

use bytes::Bytes;
use cedrat_sasl::Credentials;
use cedrat_session::{Instant, Session, Step};
use cedrat_wire_imap::{
    client::{
        Append, AppendPart, Auth, Change, Client, Command, Completed, Config, Event, Failure, Fetch,
        FetchItem, ListCommand, NotifyGroup, NotifyMailboxes, Resync, Search, SearchKey, Select, Selected,
        StatusItem, Store, Tls, Yield,
    },
    grammar::{self, DateTime, Flag, Mailbox, Response, Section, SequenceSet},
};

/// A Dovecot with one password for any user.
struct Dovecot {
    directory: PathBuf,
    child: Child,
    address: SocketAddr,
}

fn skipped(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{reason}");
    println!("skipped: {reason}");
}

impl Dovecot {
    fn start(name: &str, mechanisms: &str) -> Option<Self> {
        let programs = ["/usr/sbin/dovecot", "/usr/local/sbin/dovecot"];
        let program = programs.into_iter().find(|path| Path::new(path).exists());
        let Some(program) = program.filter(|_| Path::new("/usr/lib/dovecot/imap").exists()) else {
            skipped("there is no Dovecot with IMAP");
            return None;
        };
        if Program::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
            skipped("a private mail system can be started by root only");
            return None;
        }
        let directory = std::env::temp_dir().join(format!("cedrat-imap-{name}-{}", std::process::id()));
        let mail = directory.join("mail");
        std::fs::create_dir_all(&mail).unwrap();
        assert!(Program::new("chmod").arg("755").arg(&directory).status().unwrap().success());
        assert!(Program::new("chown").arg("nobody").arg(&mail).status().unwrap().success());
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let here = directory.display();
        let port = address.port();
        let text = format!(
            "base_dir = {here}/run\nstate_dir = {here}/state\nlog_path = {here}/log\nprotocols = imap\nssl = no\n\
             disable_plaintext_auth = no\nauth_failure_delay = 0\nauth_mechanisms = {mechanisms}\nfirst_valid_uid = 1\nfirst_valid_gid = 0\n\
             mail_location = maildir:{here}/mail/%u\nmailbox_list_index = yes\n\
             namespace inbox {{\n inbox = yes\n separator = /\n mailbox Sent {{\n  auto = create\n  special_use = \\Sent\n }}\n}}\n\
             passdb {{\n driver = static\n args = password=pencil\n}}\n\
             userdb {{\n driver = static\n args = uid=nobody gid=nogroup home={here}/mail/%u\n}}\n\
             protocol imap {{\n mail_plugins = zlib imap_zlib\n}}\n\
             service imap-login {{\n inet_listener imap {{\n  address = 127.0.0.1\n  port = {port}\n }}\n \
             inet_listener imaps {{\n  port = 0\n }}\n}}\n"
        );
        let config = directory.join("dovecot.conf");
        std::fs::write(&config, text).unwrap();
        let mut command = Program::new(program);
        command.arg("-F").arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null());
        let dovecot = Self { child: command.spawn().unwrap(), directory, address };
        for _ in 0..1000 {
            if answers(address).is_ok() {
                return Some(dovecot);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("Dovecot does not answer");
    }

    fn connect(&self, password: &str, change: impl FnOnce(&mut Config)) -> Connection {
        let auth = Auth::Password(Credentials::new("anna", password.to_owned()));
        let mut config = Config { tls: Tls::None, auth_in_clear: true, ..Config::new(Some(auth)) };
        change(&mut config);
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Connection { client: Client::new(config, [9; 32]), stream, events: Vec::new() }
    }

    fn login(&self, change: impl FnOnce(&mut Config)) -> Connection {
        let mut connection = self.connect("pencil", change);
        connection.until(|event| matches!(event, Event::Ready { .. }));
        connection
    }
}

/// A whole dialog; a login is refused where PLAIN is not spoken. The sockets listen before the processes behind them have found each other, and the first
/// connection may be reset then.
fn answers(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut told = Vec::new();
    stream.write_all(b"a LOGIN anna pencil\r\nb LOGOUT\r\n")?;
    stream.read_to_end(&mut told)?;
    let told = String::from_utf8_lossy(&told);
    if told.contains("\nb OK") { Ok(()) } else { Err(std::io::Error::other(told)) }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        drop(Program::new("kill").arg(self.child.id().to_string()).status());
        drop(self.child.wait());
        // Its processes log through one of their own, which has written all when it is gone.
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(self.directory.join("log")).unwrap_or_default());
        }
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

struct Connection {
    client: Client,
    stream: TcpStream,
    /// What was told and not asked for yet.
    events: Vec<Event>,
}

impl Connection {
    /// Does what the session asks for until it tells such an event; that one and those before.
    fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            while let Some(step) = self.client.poll(Instant(0)) {
                match step {
                    Step::Send(octets) => self.stream.write_all(&octets).unwrap(),
                    Step::Event(event) => {
                        let found = wanted(&event);
                        self.events.push(event);
                        if found {
                            return std::mem::take(&mut self.events);
                        }
                    }
                    Step::Close | Step::StartTls => panic!("closed: {:?}", self.events),
                }
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => self.client.ended(Instant(0)),
                Ok(count) => self.client.receive(&buffer[..count], Instant(0)),
                Err(fault) => panic!("{fault}: {:?}", self.events),
            }
        }
    }

    fn until_data(&mut self, wanted: impl Fn(&Response) -> bool) {
        self.until(|event| matches!(event, Event::Data(response) if wanted(response)));
    }

    fn try_run(&mut self, command: Command) -> (Vec<Event>, Result<Completed, Failure>) {
        let id = self.client.submit(command).unwrap();
        let mut events = self.until(|event| matches!(event, Event::Done { id: done, .. } if *done == id));
        let Some(Event::Done { outcome, .. }) = events.pop() else { panic!() };
        (events, outcome.map(|completed| *completed).map_err(|failure| *failure))
    }

    fn run(&mut self, command: Command) -> (Vec<Event>, Yield) {
        let (events, outcome) = self.try_run(command);
        (events, outcome.unwrap().result)
    }

    fn select(&mut self, mailbox: &str) -> Selected {
        let select = Select { mailbox: Mailbox::new(mailbox), read_only: false, resync: None };
        match self.run(Command::Select(select)).1 {
            Yield::Selected(selected) => *selected,
            other => panic!("{other:?}"),
        }
    }

    fn append(&mut self, mailbox: &str, content: &str) -> u32 {
        let append = Append {
            mailbox: Mailbox::new(mailbox),
            flags: vec![Flag::forwarded()],
            date: Some(DateTime::utc(1_793_613_600)),
            content: vec![AppendPart::Text(Bytes::copy_from_slice(content.as_bytes()))],
            utf8: false,
        };
        match self.run(Command::Append(append)).1 {
            Yield::Appended(Some(uid)) => uid.uids.numbers().next().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn search(&mut self, key: SearchKey) -> SequenceSet {
        match self.run(Command::Search(Search { key })).1 {
            Yield::Found(found) => found.all,
            other => panic!("{other:?}"),
        }
    }

    fn fetch(&mut self, uids: SequenceSet, items: Vec<FetchItem>) -> Vec<Event> {
        self.run(Command::Fetch(Fetch { uids, items, changed_since: None, vanished: false })).0
    }
}

fn data(events: &[Event]) -> impl Iterator<Item = &Response> {
    events.iter().filter_map(|event| match event {
        Event::Data(response) => Some(&**response),
        _ => None,
    })
}

fn fetched(events: &[Event]) -> &grammar::Fetch {
    data(events)
        .find_map(|response| match response {
            Response::Fetch(fetch) => Some(&**fetch),
            _ => None,
        })
        .unwrap()
}

fn content(events: &[Event]) -> Vec<u8> {
    let chunks = events.iter().filter_map(|event| match event {
        Event::Chunk(octets) => Some(octets.as_ref()),
        _ => None,
    });
    chunks.collect::<Vec<_>>().concat()
}

fn mail(subject: &str, octets: usize) -> String {
    let mut text = format!(
        "From: a@mail.test\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
    );
    while text.len() < octets {
        text.push_str("(\" {5} a line that looks like grammar)\r\n");
    }
    text.push_str(
        "\r\n--b\r\nContent-Type: image/gif; name=a.gif\r\nContent-Transfer-Encoding: base64\r\n\r\n\
         R0lGODlhAQABAAAAACw=\r\n--b--\r\n",
    );
    text
}

fn a_mailbox_from_end_to_end(connection: &mut Connection, folder: &str) {
    connection.run(Command::Create(Mailbox::new(folder)));
    let big = mail("big", 300_000);
    let first = connection.append(folder, &big);
    let second = connection.append(folder, &mail("small", 0));
    let items = vec![StatusItem::Messages, StatusItem::UidNext, StatusItem::Size, StatusItem::HighestModSeq];
    let (events, _) = connection.run(Command::Status(Mailbox::new(folder), items));
    let Some(Response::MailboxStatus(status)) = data(&events).last() else { panic!("{events:?}") };
    assert_eq!(
        (status.mailbox.name(), status.messages, status.uid_next),
        (folder, Some(2), Some(second + 1))
    );

    let selected = connection.select(folder);
    assert_eq!(selected.exists, 2);
    assert!(selected.uid_validity.is_some() && selected.highest_mod_seq.is_some());
    assert!(selected.keeps(&Flag::mdn_sent()));

    let items = vec![
        FetchItem::Flags,
        FetchItem::InternalDate,
        FetchItem::Envelope,
        FetchItem::BodyStructure,
        FetchItem::Size,
        FetchItem::ModSeq,
        FetchItem::Section { section: Section::default(), octets: None },
    ];
    let events = connection.fetch(SequenceSet::one(first), items);
    assert!(content(&events) == big.as_bytes());
    let fetch = fetched(&events);
    assert_eq!((fetch.uid, fetch.size), (Some(first), Some(big.len() as u64)));
    assert_eq!(fetch.internal_date.unwrap().seconds, 1_793_613_600);
    assert!(fetch.flags.as_ref().unwrap().contains(&Flag::forwarded()));
    assert_eq!(fetch.envelope.as_ref().unwrap().subject.as_deref(), Some("big"));
    assert_eq!(fetch.structure.as_ref().unwrap().part(&[2]).unwrap().subtype, "gif");
    // Without its transfer encoding.
    let section = Section { binary: true, ..Section::part(&[2]) };
    let events =
        connection.fetch(SequenceSet::one(first), vec![FetchItem::Section { section, octets: None }]);
    assert_eq!(content(&events), b"GIF89a\x01\0\x01\0\0\0\0,");

    let key = SearchKey::And(vec![
        SearchKey::Header("Subject".into(), "small".into()),
        SearchKey::Not(Box::new(SearchKey::Seen)),
    ]);
    assert_eq!(connection.search(key).numbers().collect::<Vec<_>>(), [second]);
    let store = |unchanged_since| {
        Command::Store(Store {
            uids: SequenceSet::one(second),
            change: Change::Add,
            flags: vec![Flag::Seen, Flag::mdn_sent()],
            unchanged_since,
        })
    };
    connection.run(store(None));
    let text = match connection.try_run(store(Some(1))).1 {
        Ok(completed) => completed.text,
        Err(Failure::Refused(_, text)) => text,
        Err(other) => panic!("{other:?}"),
    };
    assert!(format!("{:?}", text.code).contains("Modified"), "{text:?}");
    assert!(connection.search(SearchKey::Keyword(Flag::mdn_sent())).contains(second));

    let (_, moved) = connection.run(Command::Move(SequenceSet::one(second), Mailbox::new("Sent")));
    let Yield::Copied { uids: Some(uids), removed: true } = moved else { panic!("{moved:?}") };
    assert_eq!(uids.source.numbers().collect::<Vec<_>>(), [second]);
    let (_, outcome) = connection.try_run(Command::Copy(SequenceSet::one(first), Mailbox::new("nowhere")));
    assert!(format!("{outcome:?}").contains("TryCreate"), "{outcome:?}");

    let list = ListCommand { reference: String::new(), pattern: "*".into(), subscribed: false };
    let (events, _) = connection.run(Command::List(list));
    let lists: Vec<_> = data(&events)
        .filter_map(|response| match response {
            Response::List(list) => Some((list.mailbox.name(), list.has("\\Sent"))),
            _ => None,
        })
        .collect();
    assert!(lists.contains(&(folder, false)) && lists.contains(&("Sent", true)), "{lists:?}");
    connection.run(Command::Unselect);
    assert!(connection.client.selected().is_none());
}

#[test]
fn every_command_means_the_same_to_dovecot() {
    let Some(dovecot) = Dovecot::start("commands", "plain login scram-sha-256") else { return };
    // SCRAM, everything enabled.
    a_mailbox_from_end_to_end(&mut dovecot.login(|_| {}), "Entwürfe & mehr");
    // Its zlib is not our inflater, nor is its inflater our blocks.
    let mut compressed = dovecot.login(|config| {
        config.compress = true;
        config.limits.piece_octets = 1000;
        config.id = vec![("name".into(), "cedrat".into())];
    });
    a_mailbox_from_end_to_end(&mut compressed, "compressed");
    // Nothing enabled: names in modified UTF-7.
    a_mailbox_from_end_to_end(
        &mut dovecot.login(|config| config.enable.clear()),
        "\u{53f0}\u{5317} \u{1f600}/&",
    );
}

#[test]
fn the_mechanisms_of_dovecot_are_spoken() {
    for mechanism in ["plain", "login", "scram-sha-256"] {
        let Some(dovecot) = Dovecot::start(mechanism, mechanism) else { return };
        assert!(dovecot.login(|_| {}).client.capabilities().has("IDLE"));
        let mut wrong = dovecot.connect("crayon", |_| {});
        let events = wrong.until(|event| matches!(event, Event::Failed { .. }));
        assert!(format!("{events:?}").contains("AuthRefused"), "{events:?}");
    }
}

#[test]
fn what_happens_elsewhere_is_told_at_once_and_after_a_break() {
    let Some(dovecot) = Dovecot::start("idle", "plain") else { return };
    let mut watching = dovecot.login(|_| {});
    let mut other = dovecot.login(|_| {});
    let first = other.append("INBOX", &mail("first", 0));
    let before = watching.select("INBOX");
    watching.client.watch(true);
    watching.until(|event| matches!(event, Event::Watching));
    let second = other.append("INBOX", &mail("second", 0));
    watching.until_data(|response| matches!(response, Response::Exists(2)));
    // IDLE ends for the command and begins again.
    let events = watching.fetch(SequenceSet::from(second), vec![FetchItem::Flags]);
    assert_eq!(fetched(&events).uid, Some(second));
    watching.until(|event| matches!(event, Event::Watching));

    // Another connection takes a message away: who lies in IDLE hears it, and so does who comes later.
    other.select("INBOX");
    other.run(Command::Move(SequenceSet::one(first), Mailbox::new("Sent")));
    watching
        .until_data(|response| matches!(response, Response::Vanished(false, uids) if uids.contains(first)));
    let resync = Some(Resync {
        uid_validity: before.uid_validity.unwrap(),
        mod_seq: before.highest_mod_seq.unwrap(),
        uids: None,
    });
    let mut late = dovecot.login(|_| {});
    let (events, result) =
        late.run(Command::Select(Select { mailbox: Mailbox::inbox(), read_only: true, resync }));
    let Yield::Selected(selected) = result else { panic!("{result:?}") };
    assert!(selected.read_only && selected.exists == 1);
    let gone =
        |response: &Response| matches!(response, Response::Vanished(true, uids) if uids.contains(first));
    assert!(data(&events).any(gone), "{events:?}");
    assert_eq!(fetched(&events).uid, Some(second));

    late.run(Command::Unselect);
    late.run(Command::Notify(vec![NotifyGroup {
        mailboxes: NotifyMailboxes::Mailboxes(vec![Mailbox::new("Sent")]),
        events: vec!["MessageNew".into(), "MessageExpunge".into()],
    }]));
    late.client.watch(true);
    other.append("Sent", &mail("sent", 0));
    late.until_data(
        |response| matches!(response, Response::MailboxStatus(status) if status.mailbox.name() == "Sent"),
    );
}
