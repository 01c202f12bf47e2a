//! IMAP servers that drop, stall, flood and lie, beside one that does not: each account is for itself.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
};

use super::{
    NUMBER,
    imap::{Other, account, letter},
    programs::Dovecot,
};
use crate::harness::{Gateway, Sink, eventually};

/// What is wrong with a server.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// It takes two connections at once, and says so to a third.
    Crowded,
    /// It hangs up after its greeting.
    Drops,
    /// It has no IDLE; a third message comes while somebody waits.
    Grows,
    /// It says things that are not IMAP, for ever.
    Floods,
    /// Its line never ends.
    Endless,
    /// Its literals are shorter than it says, and it gives out messages that nobody asked for.
    Lies,
    /// It numbers the messages anew while the mailbox is open.
    Renumbers,
    /// It says nothing.
    Stalls,
    /// It gives out one message of two.
    Withholds,
}

struct Fake {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Seen>>,
}

/// What a fake remembers.
#[derive(Default)]
struct Seen {
    open: usize,
    refused: usize,
    /// Every SELECT.
    selected: Vec<String>,
}

impl Fake {
    async fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let seen = Arc::<Mutex<Seen>>::default();
        let (count, notes) = (connections.clone(), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let notes = notes.clone();
                tokio::spawn(async move {
                    notes.lock().unwrap().open += 1;
                    let _ = converse(stream, fault, &notes).await;
                    notes.lock().unwrap().open -= 1;
                });
            }
        });
        Self { address, connections, seen }
    }

    fn account(&self, id: &str) -> String {
        format!(
            "[[imap]]\nid = \"{id}\"\nserver = \"{}\"\ntls = \"none\"\nauth_in_clear = true\nuser = \"u\"\npassword = \"x\"\npeer = \"mailhost\"\n\
             to = [\"{}\"]\nbegin = \"all\"\n",
            self.address,
            NUMBER.split('@').next().unwrap()
        )
    }
}

async fn say(to: &mut OwnedWriteHalf, text: &str) -> Option<()> {
    to.write_all(text.as_bytes()).await.ok()
}

/// `None` when the connection is over.
async fn converse(stream: TcpStream, fault: Fault, notes: &Mutex<Seen>) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    if fault == Fault::Stalls {
        std::future::pending::<()>().await;
    }
    let open = notes.lock().unwrap().open;
    if fault == Fault::Crowded && open > 2 {
        notes.lock().unwrap().refused += 1;
        return say(&mut write, "* BYE Too many connections from your address\r\n").await;
    }
    say(&mut write, "* OK [CAPABILITY IMAP4rev1] at your service\r\n").await?;
    if fault == Fault::Drops {
        return None;
    }
    let mut polled = false;
    while let Some(line) = lines.next_line().await.ok().flatten() {
        let mut words = line.split(' ');
        let tag = words.next()?;
        let command = words.collect::<Vec<_>>().join(" ").to_ascii_uppercase();
        let data = if command == "CAPABILITY" {
            "* CAPABILITY IMAP4rev1\r\n".to_owned()
        } else if command.starts_with("SELECT") {
            notes.lock().unwrap().selected.push(command.clone());
            match fault {
                Fault::Floods => loop {
                    say(&mut write, "* FETCH FETCH ((\r\n").await?;
                },
                Fault::Endless => loop {
                    say(&mut write, "* OK and so on").await?;
                },
                Fault::Crowded => "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\n".to_owned(),
                _ => "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 3] x\r\n".to_owned(),
            }
        } else if command.starts_with("UID SEARCH") {
            match fault {
                Fault::Renumbers => "* OK [UIDVALIDITY 8] anew\r\n* SEARCH 1 2\r\n".to_owned(),
                // As many as there can be, time and again.
                Fault::Lies => {
                    let all = ["1:4294967295"; 100].join(",");
                    format!("* ESEARCH (TAG \"{tag}\") UID ALL {all}\r\n* SEARCH 1 2\r\n")
                }
                Fault::Crowded => "* SEARCH\r\n".to_owned(),
                Fault::Grows if polled => "* SEARCH 3\r\n".to_owned(),
                Fault::Grows => "* SEARCH\r\n".to_owned(),
                _ => "* SEARCH 1 2\r\n".to_owned(),
            }
        } else if command == "NOOP" && fault == Fault::Grows && !polled {
            polled = true;
            "* 3 EXISTS\r\n".to_owned()
        } else if command.starts_with("UID FETCH") && fault == Fault::Grows {
            let mail = letter("grown", "x@mail.test").1;
            if command.contains("RFC822.SIZE") {
                format!("* 3 FETCH (UID 3 RFC822.SIZE {})\r\n", mail.len())
            } else {
                format!("* 3 FETCH (UID 3 BODY[] {{{}}}\r\n{mail})\r\n", mail.len())
            }
        } else if command.contains("RFC822.SIZE") {
            "* 1 FETCH (UID 1 RFC822.SIZE 100)\r\n* 2 FETCH (UID 2 RFC822.SIZE 100)\r\n".to_owned()
        } else if command.starts_with("UID FETCH") && fault == Fault::Withholds {
            let mail = letter("given", "x@mail.test").1;
            let given = format!("* 2 FETCH (BODY[] {{{}}}\r\n{mail} UID 2)\r\n", mail.len());
            // Only what was asked for alone, and only the second.
            if command.starts_with("UID FETCH 2 ") {
                given
            } else {
                say(&mut write, &format!("{tag} NO disk error\r\n")).await?;
                continue;
            }
        } else if command.starts_with("UID FETCH") {
            let mail = letter("lie", "x@mail.test").1;
            format!(
                "* 9 FETCH (UID 99 BODY[] {{{0}}}\r\n{mail})\r\n* 1 FETCH (UID 1 BODY[] {{10}}\r\n{mail})\r\n",
                mail.len()
            )
        } else {
            String::new()
        };
        say(&mut write, &format!("{data}{tag} OK done\r\n")).await?;
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_drop_stall_flood_and_lie_are_left_alone_longer_each_time_and_disturb_nobody() {
    let Some(dovecot) = Dovecot::start() else { return };
    let Some(other) = Other::of(dovecot.imap) else { return };
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let faults = [Fault::Drops, Fault::Floods, Fault::Endless, Fault::Lies, Fault::Renumbers, Fault::Stalls];
    let mut fakes = Vec::new();
    let to = NUMBER.split('@').next().unwrap();
    let mut more = account(dovecot.imap, &format!("id = \"good\"\nto = [\"{to}\"]\nbegin = \"all\""));
    for (n, fault) in faults.into_iter().enumerate() {
        let fake = Fake::start(fault).await;
        more += &fake.account(&format!("bad{n}"));
        fakes.push(fake);
    }
    let begun = Instant::now();
    let gateway = Gateway::start(peer.address, host.address, &more).await;
    for n in 0..5 {
        let name = format!("g{n}");
        other.put("INBOX", &[letter(&name, "anna@mail.test")]).await;
        peer.find(&name, |one| one.body().contains(&format!("this is {name}"))).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // After a second, after two, after four, each a quarter sooner at most.
    let most = 1 + (begun.elapsed().as_secs_f64() / 0.75 + 1.0).log2() as usize;
    for (n, fake) in fakes.iter().enumerate() {
        let connections = fake.connections.load(Ordering::Relaxed);
        assert!((1..=most).contains(&connections), "bad{n} was connected to {connections} times");
    }
    let told: Vec<String> = gateway
        .events()
        .iter()
        .filter(|event| event["type"] == "Fault")
        .map(|event| event["detail"].to_string())
        .collect();
    for n in 0..5 {
        let lines = told.iter().filter(|line| line.contains(&format!("bad{n}"))).count();
        assert!((1..=most * 15).contains(&lines), "bad{n} has {lines} lines: {told:#?}");
    }
    // Nothing of what was not asked for went anywhere.
    assert!(!peer.all().iter().any(|one| one.body().contains("this is lie")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_server_does_not_give_out_keeps_no_other_back() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let fake = Fake::start(Fault::Withholds).await;
    let gateway = Gateway::start(peer.address, host.address, &fake.account("half")).await;
    let got = peer.wait_for(1).await;
    assert!(got[0].body().contains("this is given"), "{}", got[0].content);
    eventually("a word about it", || {
        let told = |event: &serde_json::Value| {
            event["detail"].to_string().contains("message 1 could not be fetched")
        };
        gateway.events().iter().any(told).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_mailboxes_than_a_server_takes_connections_are_looked_at_in_turns() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let fake = Fake::start(Fault::Crowded).await;
    let accounts: String =
        (0..4).map(|n| fake.account(&format!("m{n}")) + &format!("mailbox = \"b{n}\"\n")).collect();
    let _gateway = Gateway::start(peer.address, host.address, &accounts).await;
    eventually("a look at each", || {
        let seen = fake.seen.lock().unwrap();
        (0..4).all(|n| seen.selected.iter().any(|command| command.contains(&format!("B{n}")))).then_some(())
    })
    .await;
    // Two came before anything was known of the bound; a place may be given on before the server has counted it free.
    let refused = fake.seen.lock().unwrap().refused;
    assert!((1..=6).contains(&refused), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_idle_is_asked_for_new_messages_and_the_mailbox_opened_anew() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let fake = Fake::start(Fault::Grows).await;
    let account = fake.account("poll") + "reopen = \"1 s\"\n";
    let _gateway = Gateway::start(peer.address, host.address, &account).await;
    let got = peer.wait_for(1).await;
    assert!(got[0].body().contains("this is grown"), "{}", got[0].content);
    eventually("the mailbox opened anew", || (fake.seen.lock().unwrap().selected.len() > 1).then_some(()))
        .await;
    assert_eq!(fake.connections.load(Ordering::Relaxed), 1);
}
