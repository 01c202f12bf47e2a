//! The audit: one line of JSON for each entry, appended and synced before the answer to what caused
//! it, chained by digests so that a line that was changed or left out shows.
//!
//! A file of this node under the data directory, not rows of the queue: it outlives what it speaks
//! of, it is read with a text tool, and whoever may change the database cannot thereby change it.

use std::{
    collections::{BTreeMap, VecDeque},
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
    /// Where the next line begins.
    end: u64,
    lines: Lines,
}

/// Where the last lines of each account begin, so that they are found without reading the rest.
#[derive(Debug, Default)]
struct Lines(BTreeMap<String, VecDeque<u64>>);

impl Lines {
    fn add(&mut self, account: &str, at: u64) {
        let lines = match self.0.get_mut(account) {
            Some(lines) => lines,
            None => self.0.entry(account.to_owned()).or_default(),
        };
        lines.push_back(at);
        if lines.len() > MOST {
            lines.pop_front();
        }
    }
}

impl Audit {
    /// Opens the file, or begins one.
    ///
    /// # Errors
    /// When it cannot be written, or its chain is broken: at which line.
    pub fn open(directory: &Path) -> Result<Self, String> {
        let path = directory.join("handoff-audit.jsonl");
        let fault = |why: String| format!("the audit {} cannot be used: {why}", path.display());
        let unusable = |why: std::io::Error| fault(why.to_string());
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(unusable)?;
        let mut reader = BufReader::new(File::open(&path).map_err(unusable)?);
        let mut inner = Inner { file, last: Digest([0; 32]), end: 0, lines: Lines::default() };
        let mut line = String::new();
        for number in 1.. {
            line.clear();
            let octets = reader.read_line(&mut line).map_err(unusable)?;
            if octets == 0 {
                break;
            }
            match serde_json::from_str::<Line>(&line) {
                Ok(read) => {
                    inner.last = verify_chain(inner.last, [(&read.entry, &read.chain)])
                        .map_err(|_| fault(format!("line {number} does not follow the one before it")))?;
                    inner.lines.add(&read.entry.account, inner.end);
                    inner.end += octets as u64;
                }
                // A line without its end was being written when the machine stopped: what it spoke of
                // was not answered.
                Err(_) if !line.ends_with('\n') => {
                    inner.file.set_len(inner.end).map_err(unusable)?;
                    break;
                }
                Err(why) => return Err(fault(format!("line {number}: {why}"))),
            }
        }
        Ok(Self { path, inner: Mutex::new(inner) })
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
        let mut begin = Vec::new();
        let mut last = inner.last;
        for entry in entries {
            begin.push((&entry.account, octets.len() as u64));
            last = entry.chained(&last).map_err(|_| fault("a number is too large".to_owned()))?;
            let line = Line { entry: entry.clone(), chain: last };
            serde_json::to_writer(&mut octets, &line).map_err(|why| fault(why.to_string()))?;
            octets.push(b'\n');
        }
        let kept = inner.file.write_all(&octets).and_then(|()| inner.file.sync_data());
        if let Err(why) = kept {
            // Half a line would be the end of the chain for whoever opens it next.
            drop(inner.file.set_len(inner.end));
            return Err(fault(why.to_string()));
        }
        inner.last = last;
        for (account, at) in begin {
            let at = inner.end + at;
            inner.lines.add(account, at);
        }
        inner.end += octets.len() as u64;
        Ok(())
    }

    /// The last lines about an account.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(&self, account: &str) -> std::io::Result<Vec<Line>> {
        let places: Vec<u64> = {
            let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.lines.0.get(account).map(|places| places.iter().copied().collect()).unwrap_or_default()
        };
        let mut reader = BufReader::new(File::open(&self.path)?);
        let (mut lines, mut at, mut text) = (Vec::new(), 0_u64, String::new());
        for place in places {
            // Within the buffer it is no call of the system.
            reader.seek_relative(i64::try_from(place.saturating_sub(at)).unwrap_or(i64::MAX))?;
            text.clear();
            at = place + reader.read_line(&mut text)? as u64;
            lines.push(serde_json::from_str(&text)?);
        }
        Ok(lines)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
