//! The client side of one SMTP connection (RFC 5321), one command at a time. No TLS, no AUTH, no PIPELINING.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longer than any server waits before it gives up itself.
const REPLY_TIMEOUT: Duration = Duration::from_secs(300);

pub struct Session {
    stream: TcpStream,
    replies: BufReader<TcpStream>,
}

impl Session {
    /// Connects and says EHLO.
    pub fn open(to: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        let mut session = Self { replies: BufReader::new(stream.try_clone()?), stream };
        session.expect('2')?;
        session.command("EHLO mms.peer.test\r\n", '2')?;
        Ok(session)
    }

    /// Sends one message; the time from its last octet to the reply, or the refusing reply.
    pub fn send(&mut self, from: &str, rcpt: &str, octets: &[u8]) -> io::Result<Result<Duration, String>> {
        for (command, class) in [
            (format!("MAIL FROM:<{from}>\r\n"), '2'),
            (format!("RCPT TO:<{rcpt}>\r\n"), '2'),
            ("DATA\r\n".into(), '3'),
        ] {
            self.stream.write_all(command.as_bytes())?;
            let reply = self.reply()?;
            if !reply.starts_with(class) {
                self.command("RSET\r\n", '2')?;
                return Ok(Err(reply));
            }
        }
        self.stream.write_all(octets)?;
        self.stream.write_all(b".\r\n")?;
        let sent = Instant::now();
        let reply = self.reply()?;
        Ok(if reply.starts_with('2') { Ok(sent.elapsed()) } else { Err(reply) })
    }

    pub fn quit(mut self) -> io::Result<()> {
        self.command("QUIT\r\n", '2')
    }

    fn command(&mut self, command: &str, class: char) -> io::Result<()> {
        self.stream.write_all(command.as_bytes())?;
        self.expect(class)
    }

    fn expect(&mut self, class: char) -> io::Result<()> {
        let reply = self.reply()?;
        if reply.starts_with(class) { Ok(()) } else { Err(io::Error::other(reply)) }
    }

    /// The last line of the next reply.
    fn reply(&mut self) -> io::Result<String> {
        loop {
            let mut line = String::new();
            if self.replies.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.trim_end().to_string());
            }
        }
    }
}
