//! A client that says exactly what it is told to say.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

pub(crate) struct Script {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
}

impl Script {
    /// Connects and reads the greeting.
    pub(crate) async fn connect(address: SocketAddr) -> (Self, String) {
        let (read, write) = TcpStream::connect(address).await.unwrap().into_split();
        let mut script = Self { read: BufReader::new(read), write };
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

    /// Sends octets without waiting.
    pub(crate) async fn send(&mut self, octets: &[u8]) {
        self.write.write_all(octets).await.unwrap();
    }

    /// One whole reply, its lines joined by `\n`; empty when the connection is closed.
    pub(crate) async fn reply(&mut self) -> String {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            let read =
                tokio::time::timeout(std::time::Duration::from_secs(20), self.read.read_line(&mut line));
            if read.await.expect("a reply within 20 s").unwrap_or(0) == 0 {
                return text;
            }
            text.push_str(line.trim_end());
            if line.as_bytes().get(3) != Some(&b'-') {
                return text;
            }
            text.push('\n');
        }
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
        let read = tokio::time::timeout(std::time::Duration::from_secs(20), self.read.read_to_end(&mut text));
        let _ = read.await.expect("the connection is closed within 20 s");
        String::from_utf8_lossy(&text).into_owned()
    }
}
