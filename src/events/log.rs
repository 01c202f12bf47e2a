//! The log: one JSON object a line, written by a thread of its own so that a slow disk or pipe
//! never holds up a session. When the reader falls behind by more than [`QUEUE`] lines, lines are
//! dropped and their number is told in the next one that gets through.

use std::{
    io::Write,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use super::{Event, to_json};

/// Lines that may wait to be written.
const QUEUE: usize = 16_384;

enum Line {
    Text(String),
    Flush(SyncSender<()>),
}

/// A log that is being written.
pub struct LogSink {
    sender: Option<SyncSender<Line>>,
    dropped: AtomicU64,
    reveal: bool,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for LogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogSink").field("reveal", &self.reveal).finish_non_exhaustive()
    }
}

impl LogSink {
    /// A log into `out`; whole addresses only with `reveal`.
    pub fn new(out: Box<dyn Write + Send>, reveal: bool) -> Self {
        let (sender, lines) = sync_channel(QUEUE);
        let writer =
            std::thread::Builder::new().name("log".into()).spawn(move || write_lines(out, &lines)).ok();
        Self { sender: Some(sender), dropped: AtomicU64::new(0), reveal, writer: Mutex::new(writer) }
    }

    /// A log that goes nowhere.
    pub fn none() -> Self {
        Self { sender: None, dropped: AtomicU64::new(0), reveal: false, writer: Mutex::new(None) }
    }

    pub(super) fn write(&self, event: &Event) {
        let Some(sender) = &self.sender else { return };
        let Ok(mut value) = to_json(event, self.reveal) else { return };
        if let Some(object) = value.as_object_mut() {
            object.insert("event".into(), event.number().into());
            object.insert("time".into(), crate::clock::now_rfc3339().into());
            if event.is_warning() {
                object.insert("level".into(), "warning".into());
            }
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                object.insert("lines_dropped_before".into(), dropped.into());
            }
        }
        if let Err(TrySendError::Full(_)) = sender.try_send(Line::Text(value.to_string())) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
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

fn write_lines(out: Box<dyn Write + Send>, lines: &Receiver<Line>) {
    let mut out = std::io::BufWriter::with_capacity(64 * 1024, out);
    while let Ok(first) = lines.recv() {
        let mut next = Some(first);
        while let Some(line) = next {
            match line {
                Line::Text(text) => {
                    // A log that cannot be written must not stop the mail.
                    drop(writeln!(out, "{text}"));
                }
                Line::Flush(done) => {
                    drop(out.flush());
                    drop(done);
                }
            }
            next = lines.try_recv().ok();
        }
        drop(out.flush());
    }
}
