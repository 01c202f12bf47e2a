//! The audit: one line of JSON for each entry, appended and synced before the answer to what caused
//! it, chained by digests so that a line that was changed or left out shows.
//!
//! A file of this node under the data directory, not rows of the queue: it outlives what it speaks
//! of, it is read with a text tool, and whoever may change the database cannot thereby change it.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cedrat_keyring::{
    session::{Entry, verify_chain},
    wire::Digest,
};
use serde::{Deserialize, Serialize};

/// Lines that are answered at once.
const MOST: usize = 1000;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    /// What happened.
    pub entry: Entry,
    /// Digest of the chain up to here.
    pub chain: Digest,
}

/// The file.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    last: Digest,
}

impl Audit {
    /// Opens the file, or begins one.
    ///
    /// # Errors
    /// When it cannot be written, or its chain is broken: at which line.
    pub fn open(directory: &Path) -> Result<Self, String> {
        let path = directory.join("handoff-audit.jsonl");
        let fault = |why: String| format!("the audit {} cannot be used: {why}", path.display());
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(|why| fault(why.to_string()))?;
        let mut lines = Vec::new();
        for (at, line) in text(&path).map_err(|why| fault(why.to_string()))?.into_iter().enumerate() {
            match serde_json::from_str::<Line>(&line.0) {
                Ok(read) => lines.push(read),
                // A line without its end was being written when the machine stopped: what it spoke of
                // was not answered.
                Err(_) if !line.1 => {
                    let end: usize = lines.len();
                    cut(&path, end).map_err(|why| fault(why.to_string()))?;
                }
                Err(why) => return Err(fault(format!("line {}: {why}", at + 1))),
            }
        }
        let chain = lines.iter().map(|line| (&line.entry, &line.chain));
        let last = verify_chain(Digest([0; 32]), chain)
            .map_err(|at| fault(format!("line {} does not follow the one before it", at + 1)))?;
        file.flush().map_err(|why| fault(why.to_string()))?;
        Ok(Self { path, inner: Mutex::new(Inner { file, last }) })
    }

    /// Appends entries and syncs them.
    ///
    /// # Errors
    /// When they could not be kept; what caused them must not go on.
    pub fn note(&self, entries: &[Entry]) -> Result<(), String> {
        if entries.is_empty() {
            return Ok(());
        }
        let fault = |why: String| format!("the audit {} cannot be written: {why}", self.path.display());
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut octets = Vec::new();
        let mut last = inner.last;
        for entry in entries {
            last = entry.chained(&last).map_err(|_| fault("a number is too large".to_owned()))?;
            let line = Line { entry: entry.clone(), chain: last };
            serde_json::to_writer(&mut octets, &line).map_err(|why| fault(why.to_string()))?;
            octets.push(b'\n');
        }
        inner.file.write_all(&octets).map_err(|why| fault(why.to_string()))?;
        inner.file.sync_data().map_err(|why| fault(why.to_string()))?;
        inner.last = last;
        Ok(())
    }

    /// The last lines about an account.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(&self, account: &str) -> std::io::Result<Vec<Line>> {
        let mut lines: Vec<Line> = text(&self.path)?
            .into_iter()
            .filter_map(|(line, _)| serde_json::from_str::<Line>(&line).ok())
            .filter(|line| line.entry.account == account)
            .collect();
        let surplus = lines.len().saturating_sub(MOST);
        lines.drain(..surplus);
        Ok(lines)
    }
}

/// Lines, each with whether it is ended.
fn text(path: &Path) -> std::io::Result<Vec<(String, bool)>> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(lines);
        }
        let ended = line.ends_with('\n');
        lines.push((line.trim_end().to_owned(), ended));
    }
}

/// Keeps the first so many lines.
fn cut(path: &Path, keep: usize) -> std::io::Result<()> {
    let octets: u64 = text(path)?.iter().take(keep).map(|(line, _)| line.len() as u64 + 1).sum();
    OpenOptions::new().write(true).open(path)?.set_len(octets)
}
