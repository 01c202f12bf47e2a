//! Mail sink of the benchmarks: accepts every message, keeps none, and prints the running count.
//!
//! smtp-sink of Postfix reads octet by octet and needs more CPU time for a large message than the programs measured;
//! on two cores it would be the bottleneck. This one reads line by line. One thread per connection.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static MESSAGES: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!(
            "usage: sink HOST:PORT    prints `mesg=N` whenever the count has changed, at most 100 times a second"
        );
        return ExitCode::from(2);
    };
    match TcpListener::bind(&address).and_then(|listener| serve(&listener)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("sink: {address}: {fault}");
            ExitCode::from(1)
        }
    }
}

fn serve(listener: &TcpListener) -> io::Result<()> {
    std::thread::spawn(report);
    loop {
        let (stream, _) = listener.accept()?;
        // A connection that breaks off is the business of the program measured.
        std::thread::spawn(move || session(&stream).unwrap_or_default());
    }
}

fn report() {
    let mut shown = u64::MAX;
    loop {
        let messages = MESSAGES.load(Ordering::Relaxed);
        if messages != shown {
            println!("mesg={messages}");
            shown = messages;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn session(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::with_capacity(1 << 16, stream);
    let mut output = stream;
    let mut line = Vec::with_capacity(1024);
    // Replies wait while the client has already sent more, as PIPELINING allows.
    let mut replies = Vec::with_capacity(1024);
    replies.extend(b"220 sink.test ESMTP\r\n");
    loop {
        if input.buffer().is_empty() {
            output.write_all(&replies)?;
            replies.clear();
        }
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let verb: Vec<u8> = line.iter().take(4).map(u8::to_ascii_uppercase).collect();
        match verb.as_slice() {
            b"EHLO" => {
                replies.extend(b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE\r\n250 ENHANCEDSTATUSCODES\r\n");
            }
            b"DATA" => {
                replies.extend(b"354 go on\r\n");
                output.write_all(&replies)?;
                replies.clear();
                swallow(&mut input, &mut line)?;
                MESSAGES.fetch_add(1, Ordering::Relaxed);
                replies.extend(b"250 2.0.0 taken\r\n");
            }
            b"QUIT" => {
                replies.extend(b"221 2.0.0 bye\r\n");
                return output.write_all(&replies);
            }
            _ => replies.extend(b"250 2.0.0 ok\r\n"),
        }
    }
}

/// Reads up to and with the line that is a single dot.
fn swallow(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    loop {
        line.clear();
        if input.read_until(b'\n', line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.as_slice() == b".\r\n" {
            return Ok(());
        }
    }
}
