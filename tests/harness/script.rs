//! A client that says exactly what it is told to say.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// How long anything may take.
const TIME: Duration = Duration::from_secs(15);

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(crate) struct Script {
    stream: BufReader<Box<dyn Stream>>,
}

impl Script {
    /// Connects and reads nothing.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// Connects and reads the greeting.
    pub(crate) async fn connect(address: SocketAddr) -> (Self, String) {
        let mut script = Self::open(address).await;
        let greeting = script.reply().await;
        (script, greeting)
    }

    /// Connects and says EHLO.
    pub(crate) async fn hello(address: SocketAddr) -> Self {
        let (mut script, greeting) = Self::connect(address).await;
        assert!(greeting.starts_with("220 "), "{greeting}");
        script.say("EHLO client.test").await;
        script
    }

    /// The TLS handshake, with a server that must be `localhost`.
    pub(crate) async fn secure(self, connector: &TlsConnector) -> Self {
        assert_eq!(self.stream.buffer(), b"", "said before the handshake");
        let stream = connector.connect("localhost".try_into().unwrap(), self.stream.into_inner());
        let stream = tokio::time::timeout(TIME, stream).await.expect("a handshake").unwrap();
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// Sends octets without waiting. A connection that is closed already takes them too.
    pub(crate) async fn send(&mut self, octets: &[u8]) {
        if self.stream.write_all(octets).await.is_ok() {
            let _ = self.stream.flush().await;
        }
    }

    /// One line without its end; `None` when the connection is closed.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = tokio::time::timeout(TIME, self.stream.read_line(&mut line)).await;
        let read = read.expect("a reply in time").unwrap_or(0);
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// One whole reply, its lines joined by `\n`; empty when the connection is closed.
    pub(crate) async fn reply(&mut self) -> String {
        let mut text = String::new();
        while let Some(line) = self.line().await {
            text.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
            text.push('\n');
        }
        text
    }

    /// Sends a command and reads its reply.
    pub(crate) async fn say(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n").as_bytes()).await;
        self.reply().await
    }

    /// A whole transaction; the reply to the end of the message, or the first that was not positive.
    pub(crate) async fn message(&mut self, from: &str, to: &[&str], content: &str) -> String {
        self.message_with(
            &format!("MAIL FROM:<{from}>"),
            &to.iter().map(|to| format!("RCPT TO:<{to}>")).collect::<Vec<_>>(),
            content,
        )
        .await
    }

    /// The same with whole commands.
    pub(crate) async fn message_with(&mut self, mail: &str, rcpt: &[String], content: &str) -> String {
        for command in std::iter::once(mail).chain(rcpt.iter().map(String::as_str)) {
            let reply = self.say(command).await;
            if !reply.starts_with('2') {
                self.say("RSET").await;
                return reply;
            }
        }
        let reply = self.say("DATA").await;
        assert!(reply.starts_with("354"), "{reply}");
        self.send(content.replace("\r\n.", "\r\n..").as_bytes()).await;
        self.say(".").await
    }

    /// What is still said until the connection is closed.
    pub(crate) async fn rest(&mut self) -> String {
        let mut text = Vec::new();
        let read = tokio::time::timeout(TIME, self.stream.read_to_end(&mut text));
        let _ = read.await.expect("the connection is closed in time");
        String::from_utf8_lossy(&text).into_owned()
    }
}
