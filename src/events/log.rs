//! The log and the charging records: lines of JSON, written by a thread of its own so that a slow
//! disk or pipe never holds up a session. When it falls behind by more than [`QUEUE`] lines, log
//! lines are dropped and their number is told in the next one that gets through.

use std::{
    io::Write,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{Event, to_line};

/// Lines that may wait to be written.
const QUEUE: usize = 16_384;

/// How long lines are gathered for one write. The writer sleeps meanwhile, so that a line costs its
/// sender no wake-up.
const GATHER: Duration = Duration::from_millis(20);

/// Where a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Cdr,
    Log,
}

enum Line {
    Text(Output, String),
    Flush(SyncSender<()>),
}

/// Where lines go while they are being written.
pub(super) struct LogSink {
    sender: Option<SyncSender<Line>>,
    dropped: AtomicU64,
    has_log: bool,
    reveal: bool,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for LogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogSink").field("reveal", &self.reveal).finish_non_exhaustive()
    }
}

type Out = Box<dyn Write + Send>;

impl LogSink {
    /// A log and a file of records, each where it is wanted; whole addresses in the log only with
    /// `reveal`.
    pub(super) fn new(log: Option<Out>, cdr: Option<Out>, reveal: bool) -> Self {
        let has_log = log.is_some();
        if log.is_none() && cdr.is_none() {
            return Self {
                sender: None,
                dropped: AtomicU64::new(0),
                has_log,
                reveal,
                writer: Mutex::new(None),
            };
        }
        let (sender, lines) = sync_channel(QUEUE);
        let writer =
            std::thread::Builder::new().name("log".into()).spawn(move || write_lines(log, cdr, &lines)).ok();
        Self { sender: Some(sender), dropped: AtomicU64::new(0), has_log, reveal, writer: Mutex::new(writer) }
    }

    /// `redacted` is the line that it would be, where that was made already.
    pub(super) fn tell(&self, event: &Event, time: &str, redacted: Option<String>) {
        let (true, Some(sender)) = (self.has_log, &self.sender) else { return };
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        let mut more = String::new();
        if event.is_warning() {
            more.push_str("\"level\":\"warning\",");
        }
        if dropped > 0 {
            more.push_str(&format!("\"lines_dropped_before\":{dropped},"));
        }
        let made = redacted.filter(|_| !self.reveal && more.is_empty());
        let Some(line) = made.or_else(|| to_line(event, self.reveal, time, &more)) else { return };
        if let Err(TrySendError::Full(_)) = sender.try_send(Line::Text(Output::Log, line)) {
            self.dropped.fetch_add(dropped + 1, Ordering::Relaxed);
        }
    }

    /// Writes a line that must not be dropped; waits when the writer is behind.
    pub(super) fn write_to(&self, output: Output, line: String) {
        if let Some(sender) = &self.sender {
            // The writer ends only with the sender.
            drop(sender.send(Line::Text(output, line)));
        }
    }

    pub(super) fn flush(&self) {
        let Some(sender) = &self.sender else { return };
        let (done, wait) = sync_channel(1);
        if sender.send(Line::Flush(done)).is_ok() {
            // The writer drops `done` when it has written; the error that this gives says just that.
            wait.recv().unwrap_or(());
        }
    }
}

impl Drop for LogSink {
    fn drop(&mut self) {
        self.sender = None;
        let writer = self.writer.lock().map(|mut writer| writer.take()).unwrap_or_default();
        if let Some(writer) = writer {
            drop(writer.join());
        }
    }
}

fn write_lines(log: Option<Out>, cdr: Option<Out>, lines: &Receiver<Line>) {
    let open = |out: Option<Out>| {
        std::io::BufWriter::with_capacity(64 * 1024, out.unwrap_or_else(|| Box::new(std::io::sink())))
    };
    let (mut log, mut cdr) = (open(log), open(cdr));
    let mut quiet = 0;
    loop {
        let mut wrote = false;
        let ended = loop {
            match lines.try_recv() {
                // A log that cannot be written must not stop the mail.
                Ok(Line::Text(Output::Log, text)) => drop(writeln!(log, "{text}")),
                Ok(Line::Text(Output::Cdr, text)) => drop(writeln!(cdr, "{text}")),
                Ok(Line::Flush(done)) => {
                    drop((log.flush(), cdr.flush()));
                    drop(done);
                }
                Err(TryRecvError::Empty) => break false,
                Err(TryRecvError::Disconnected) => break true,
            }
            wrote = true;
        };
        if wrote {
            drop((log.flush(), cdr.flush()));
        }
        if ended {
            return;
        }
        // Gather while lines come; after a quiet second wait for the next one without a clock.
        quiet = if wrote { 0 } else { quiet + 1 };
        if quiet < 50 {
            std::thread::sleep(GATHER);
        } else {
            match lines.recv_timeout(Duration::from_secs(3600)) {
                Ok(Line::Text(Output::Log, text)) => drop(writeln!(log, "{text}")),
                Ok(Line::Text(Output::Cdr, text)) => drop(writeln!(cdr, "{text}")),
                Ok(Line::Flush(done)) => drop(done),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            }
            drop((log.flush(), cdr.flush()));
            quiet = 0;
        }
    }
}
