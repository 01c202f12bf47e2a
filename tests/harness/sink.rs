//! An SMTP or LMTP server that records what it gets and answers as it is told.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// One message with its envelope, commands as they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) content: String,
    /// The content as it came.
    pub(crate) octets: Vec<u8>,
}

impl Received {
    /// The value of a header, folding undone.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self
            .content
            .split("\r\n\r\n")
            .next()
            .unwrap_or_default()
            .replace("\r\n ", " ")
            .replace("\r\n\t", " ");
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    pub(crate) fn body(&self) -> &str {
        self.content.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

type Verdict = dyn Fn(&str) -> Option<String> + Send + Sync;

pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sink {
    /// Takes everything.
    pub(crate) async fn start() -> Self {
        Self::judging(|_| None).await
    }

    /// Answers the end of a message with what `verdict` says of its content; `None` = taken.
    pub(crate) async fn judging_content(
        verdict: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self::with(Arc::new(|_| None), Arc::new(verdict)).await
    }

    /// Answers a command (`RCPT TO:<...>`, `.` for the end of a message) with what `verdict` says;
    /// `None` = the usual positive answer, `Some("")` = the connection is dropped.
    pub(crate) async fn judging(verdict: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::with(Arc::new(verdict), Arc::new(|_| None)).await
    }

    async fn with(commands: Arc<Verdict>, contents: Arc<Verdict>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let all = received.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, all.clone(), commands.clone(), contents.clone()));
            }
        });
        Self { address, received, task }
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until `count` messages are there and returns them.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        super::eventually(&format!("{count} messages at the sink"), || {
            let all = self.all();
            (all.len() >= count).then_some(all)
        })
        .await
    }

    /// Waits for a message that fits.
    pub(crate) async fn find(&self, what: &str, fits: impl Fn(&Received) -> bool) -> Received {
        super::eventually(what, || self.all().into_iter().find(|one| fits(one))).await
    }
}

async fn converse(
    stream: TcpStream,
    received: Arc<Mutex<Vec<Received>>>,
    verdict: Arc<Verdict>,
    of_content: Arc<Verdict>,
) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    let mut lmtp = false;
    let mut current = Received::default();
    if write.write_all(b"220 sink.test\r\n").await.is_err() {
        return;
    }
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let command = String::from_utf8_lossy(&line).trim_end().to_owned();
        let verb = command.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let said = verdict(&command);
        if said.as_deref() == Some("") {
            return;
        }
        let refused = said.is_some();
        let mut answer = said.map(|text| text + "\r\n");
        match verb.as_str() {
            "EHLO" | "LHLO" => {
                lmtp = verb == "LHLO";
                answer = answer.or(Some(
                    "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE\r\n250 DSN\r\n".into(),
                ));
            }
            "MAIL" if !refused => current = Received { from: command.clone(), ..Received::default() },
            "RCPT" if !refused => current.to.push(command.clone()),
            "DATA" if !refused && !current.to.is_empty() => {
                let _ = write.write_all(b"354 go on\r\n").await;
                let mut content = Vec::new();
                loop {
                    let mut line = Vec::new();
                    if lines.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 {
                        return;
                    }
                    if line == b".\r\n" {
                        break;
                    }
                    content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                }
                current.content = String::from_utf8_lossy(&content).into_owned();
                current.octets = content;
                let said = verdict(".").or_else(|| of_content(&current.content));
                if said.as_deref() == Some("") {
                    return;
                }
                let count = if lmtp { current.to.len() } else { 1 };
                if said.as_ref().is_none_or(|text| text.starts_with('2')) {
                    received.lock().unwrap().push(std::mem::take(&mut current));
                }
                answer =
                    Some(format!("{}\r\n", said.unwrap_or_else(|| "250 2.0.0 taken".into())).repeat(count));
            }
            "DATA" => answer = answer.or(Some("554 5.5.1 no recipients\r\n".into())),
            "RSET" => current = Received::default(),
            "QUIT" => {
                let _ = write.write_all(b"221 bye\r\n").await;
                return;
            }
            _ => {}
        }
        let answer = answer.unwrap_or_else(|| "250 2.0.0 ok\r\n".into());
        if write.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
