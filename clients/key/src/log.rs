//! What this client handed out: one JSON object a line, only ever appended, and the rate limit that
//! follows from it. A line is on the disk before a private key is used.
//!
//! No subject, no sender, no content, no key.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use cedrat_keyring::wire::{Digest, Time};
use serde::{Deserialize, Serialize};

use crate::{Error, error::file};

/// The milliseconds of an hour.
const HOUR: i64 = 3_600_000;
/// Octets of the log's end in which the last hour is looked for: some thousand lines.
const RECENT: u64 = 1 << 20;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// A private key is about to be used and its result handed out.
    Grant,
    /// The gateway was told that there is no key.
    Refuse,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub time: Time,
    /// Origin of the gateway.
    pub gateway: String,
    /// Its session.
    pub session: String,
    /// Of the encrypted octets.
    pub message_sha256: Digest,
    /// Of the RecipientInfo whose key was used; absent of a refusal.
    pub ri_sha256: Option<Digest>,
    /// Of the consent that was given; absent of a refusal.
    pub consent_sha256: Option<Digest>,
    /// By whom: `user`, or the name of a rule.
    pub by: String,
    /// What.
    pub decision: Decision,
}

/// The log.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens the log, and creates it readable by its owner alone.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        let opened =
            options.read(true).append(true).create(true).mode(0o600).open(path).map_err(file(path))?;
        Ok(Self { path: path.into(), file: opened })
    }

    /// Appends a line, unless it is a grant and there have been `grants_an_hour` in the hour before
    /// it. Several processes may share a log.
    ///
    /// # Errors
    /// [`Error::Policy`] when there were as many; [`Error::Input`] when the log cannot be read or
    /// written, in which case nothing may be handed out.
    pub fn append(&mut self, line: &Line, grants_an_hour: usize) -> Result<(), Error> {
        let path = self.path.clone();
        self.file.lock().map_err(file(&path))?;
        let appended = self.append_locked(line, grants_an_hour);
        self.file.unlock().map_err(file(&path))?;
        appended
    }

    fn append_locked(&mut self, line: &Line, grants_an_hour: usize) -> Result<(), Error> {
        if line.decision == Decision::Grant
            && self.grants_since(Time(after(line.time, -HOUR)))? >= grants_an_hour
        {
            return Err(Error::Policy(format!(
                "there were {grants_an_hour} grants in the last hour; see {}",
                self.path.display()
            )));
        }
        let mut text = serde_json::to_vec(line).map_err(|error| Error::Input(error.to_string()))?;
        text.push(b'\n');
        self.file.write_all(&text).and_then(|()| self.file.sync_data()).map_err(file(&self.path))
    }

    fn grants_since(&mut self, since: Time) -> Result<usize, Error> {
        let path = self.path.clone();
        let mut read = || {
            let length = self.file.seek(SeekFrom::End(0))?;
            self.file.seek(SeekFrom::Start(length.saturating_sub(RECENT)))?;
            let mut text = Vec::new();
            self.file.read_to_end(&mut text)?;
            Ok((length > RECENT, text))
        };
        let (cut, text) = read().map_err(file(&path))?;
        let mut grants = 0;
        // The first line of a cut end is half a line.
        for line in text.split(|c| *c == b'\n').skip(usize::from(cut)).filter(|line| !line.is_empty()) {
            let line: Line = serde_json::from_slice(line)
                .map_err(|error| Error::Input(format!("{}: a damaged line: {error}", path.display())))?;
            grants += usize::from(line.decision == Decision::Grant && line.time > since);
        }
        Ok(grants)
    }
}

fn after(time: Time, millis: i64) -> cedrat_message::Timestamp {
    cedrat_message::Timestamp(time.0.0.saturating_add(millis))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use cedrat_message::Timestamp;

    use super::*;

    fn line(minute: i64, decision: Decision) -> Line {
        Line {
            time: Time(Timestamp(1_790_000_000_000 + minute * 60_000)),
            gateway: "https://gw.example".into(),
            session: "hs_1".into(),
            message_sha256: Digest([1; 32]),
            ri_sha256: None,
            consent_sha256: None,
            by: "user".into(),
            decision,
        }
    }

    #[test]
    fn grants_are_limited_by_the_hour_and_refusals_are_not() {
        let home = tempfile::tempdir().unwrap();
        let mut log = Log::open(&home.path().join("log")).unwrap();
        log.append(&line(0, Decision::Grant), 2).unwrap();
        log.append(&line(1, Decision::Refuse), 2).unwrap();
        log.append(&line(30, Decision::Grant), 2).unwrap();
        assert!(matches!(log.append(&line(59, Decision::Grant), 2), Err(Error::Policy(_))));
        log.append(&line(59, Decision::Refuse), 2).unwrap();
        let mut other_process = Log::open(&home.path().join("log")).unwrap();
        assert!(other_process.append(&line(59, Decision::Grant), 2).is_err());
        other_process.append(&line(60, Decision::Grant), 2).unwrap();
    }

    #[test]
    fn a_log_that_cannot_be_read_grants_nothing() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("log");
        std::fs::write(&path, "{\n").unwrap();
        let mut log = Log::open(&path).unwrap();
        assert!(log.append(&line(0, Decision::Grant), 30).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\n");
    }
}
