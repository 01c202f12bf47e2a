//! The systems around a gateway that may die at any moment: senders that offer a message again until it is
//! acknowledged, and a sink that misbehaves. Blocking, one thread each, so that neither shares the gateway's code.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::harness::forward;

/// Message-IDs under which each token arrived.
pub(super) type Arrivals = BTreeMap<String, Vec<String>>;

/// A number below `below`; the same row of numbers in every run with the same seed.
#[derive(Debug)]
pub(super) struct Lot(AtomicU64);

impl Lot {
    pub(super) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(super) fn draw(&self, below: u64) -> u64 {
        // SplitMix64.
        let mut mixed = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// One connection of a sender.
pub(super) struct Client(BufReader<TcpStream>);

impl Client {
    pub(super) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut client = Self(BufReader::new(stream));
        client.reply()?;
        client.say("EHLO load.test")?;
        Ok(client)
    }

    fn reply(&mut self) -> io::Result<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.trim_end().to_owned());
            }
        }
    }

    fn say(&mut self, command: &str) -> io::Result<String> {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
        self.reply()
    }

    /// Offers a message; the reply to its end, or the first that was not positive.
    pub(super) fn offer(&mut self, token: &str, to: &str, octets: usize) -> io::Result<String> {
        let mail = "MAIL FROM:<+15550120001/TYPE=PLMN@mmsc.load.test>";
        for command in [mail, &format!("RCPT TO:<{to}>"), "DATA"] {
            let reply = self.say(command)?;
            if !reply.starts_with(['2', '3']) {
                self.say("RSET")?;
                return Ok(reply);
            }
        }
        let filling = format!("{}\r\n", "x".repeat(70)).repeat(octets / 72);
        let text = format!("token={token};\r\n{filling}");
        let message = forward(token, "+15550120001", to, "", &text);
        self.0.get_mut().write_all(message.as_bytes())?;
        self.say(".")
    }
}

/// Sessions that send until they are stopped. Ports are taken in turn after every fault, so that
/// what one node did not acknowledge is offered to the other.
pub(super) struct Load {
    acknowledged: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(super) fn start(ports: &[u16], sessions: usize) -> Self {
        let (acknowledged, stop) = (Arc::default(), Arc::default());
        let threads = (0..sessions)
            .map(|session| {
                let (ports, acknowledged, stop) =
                    (ports.to_vec(), Arc::clone(&acknowledged), Arc::clone(&stop));
                std::thread::spawn(move || send(session, &ports, &acknowledged, &stop))
            })
            .collect();
        Self { acknowledged, stop, threads }
    }

    /// How many are acknowledged so far.
    pub(super) fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Stops after the messages that are under way; the acknowledged tokens.
    pub(super) fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        std::mem::take(&mut *self.acknowledged.lock().unwrap())
    }
}

fn send(session: usize, ports: &[u16], acknowledged: &Mutex<Vec<String>>, stop: &AtomicBool) {
    let (mut at, mut number, mut client) = (session, 0, None);
    while !stop.load(Ordering::Relaxed) {
        let token = format!("s{session}n{number}");
        // Every tenth body is a blob.
        let octets = if number % 10 == 9 { 80_000 } else { 2_000 };
        let port = ports[at % ports.len()];
        let offered = match client.take() {
            Some(client) => Ok(client),
            None => Client::connect(port),
        };
        let reply = offered.and_then(|mut open| {
            let reply = open.offer(&token, "anna@mail.test", octets)?;
            client = Some(open);
            Ok(reply)
        });
        match reply {
            Ok(reply) if reply.starts_with("250") => {
                acknowledged.lock().unwrap().push(token);
                number += 1;
            }
            Ok(reply) => {
                assert!(reply.starts_with('4'), "{token}: {reply}");
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(_) => {
                at += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Takes messages and notes what came.
pub(super) struct Sink {
    pub(super) port: u16,
    state: Arc<State>,
}

struct State {
    arrivals: Mutex<Arrivals>,
    /// Of a hundred messages so many are answered 451, lost after the dot, answered late.
    faults: [AtomicU32; 3],
    /// Milliseconds before every answer.
    pace: AtomicU64,
    lot: Lot,
}

impl Sink {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            arrivals: Mutex::default(),
            faults: Default::default(),
            pace: AtomicU64::new(0),
            lot: Lot::new(1),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A connection that breaks off is the subject of these tests, not their failure.
                std::thread::spawn(move || converse(&stream, &state).unwrap_or_default());
            }
        });
        Self { port, state }
    }

    /// So many of a hundred messages are answered 451, lost after the dot, answered late.
    pub(super) fn misbehave(&self, percent: [u32; 3]) {
        for (fault, percent) in self.state.faults.iter().zip(percent) {
            fault.store(percent, Ordering::Relaxed);
        }
    }

    /// Every answer takes so long.
    pub(super) fn pace(&self, pause: Duration) {
        self.state.pace.store(pause.as_millis() as u64, Ordering::Relaxed);
    }

    pub(super) fn arrivals(&self) -> Arrivals {
        self.state.arrivals.lock().unwrap().clone()
    }
}

fn converse(stream: &TcpStream, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut lines, mut out) = (BufReader::new(stream), stream);
    out.write_all(b"220 sink.test\r\n")?;
    loop {
        let mut command = String::new();
        if lines.read_line(&mut command)? == 0 {
            return Ok(());
        }
        let answer: &[u8] = match command.get(..4).unwrap_or_default() {
            "EHLO" => b"250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                let mut content = String::new();
                while !content.ends_with("\r\n.\r\n") {
                    if lines.read_line(&mut content)? == 0 {
                        return Ok(());
                    }
                }
                match take(&content, state) {
                    Some(answer) => answer,
                    None => return Ok(()),
                }
            }
            "QUIT" => return out.write_all(b"221 bye\r\n"),
            _ => b"250 ok\r\n",
        };
        out.write_all(answer)?;
    }
}

/// The answer to a message; `None` = the connection is lost, and the message was taken.
fn take(content: &str, state: &State) -> Option<&'static [u8]> {
    std::thread::sleep(Duration::from_millis(state.pace.load(Ordering::Relaxed)));
    let [later, lost, slow] = [0, 1, 2].map(|at| u64::from(state.faults[at].load(Ordering::Relaxed)));
    let lot = state.lot.draw(100);
    if lot < later {
        return Some(b"451 4.3.0 later\r\n");
    }
    let token = between(content, "token=", ";").to_owned();
    let id = between(content, "\nMessage-ID:", "\r\n").trim().to_owned();
    assert!(!token.is_empty() && !id.is_empty(), "{content}");
    state.arrivals.lock().unwrap().entry(token).or_default().push(id);
    if lot < later + lost {
        return None;
    }
    if lot < later + lost + slow {
        std::thread::sleep(Duration::from_millis(50 + state.lot.draw(200)));
    }
    Some(b"250 2.0.0 taken\r\n")
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let rest = text.split_once(begin).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or("", |(found, _)| found)
}
