//! An opener, seen from the gateway: started for one granted session, given the job and the mail,
//! heard, and killed when its time is over.
//!
//! It is this program again, so that there is one thing to install. What it says is believed as far
//! as it is one of the few things that it can say.

use std::{path::PathBuf, process::Stdio, time::Duration};

use bytes::Bytes;
use cedrat_keyring::Cek;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    opener::{self, Job, Said, Within},
    store::KeptBody,
};

/// How long an opener may take from its start to its last word; then the key is gone
/// (docs/key-handoff.md).
pub const DEADLINE: Duration = Duration::from_secs(120);

/// A mail may grow by notices and by the armour of the encryption, not by more than this.
const GROWTH: u64 = 1 << 20;

/// Octets of the mail that are in the memory of this process at once.
const PIECE: u64 = 1 << 20;

/// An opener at work. Dropped, it is killed.
#[derive(Debug)]
pub struct Opening {
    process: Child,
    output: ChildStdout,
    most: u64,
}

impl Opening {
    /// Starts one and gives it its job.
    ///
    /// # Errors
    /// Why none can be had here.
    pub async fn start(program: &PathBuf, key: Cek, job: &Job, mail: &KeptBody) -> Result<Self, String> {
        let fault = |why: std::io::Error| format!("the opener {} cannot be used: {why}", program.display());
        let mut process = Command::new(program)
            .arg("open")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(fault)?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(fault(std::io::Error::other("it has no pipes")));
        };
        let opening = Self { process, output, most: job.within.octets / 4 * 5 + job.within.head + GROWTH };
        give(input, key, job, mail).await.map_err(fault)?;
        Ok(opening)
    }

    /// What it says next, and the octets after its last word.
    ///
    /// # Errors
    /// When it ended without one.
    pub async fn hear(&mut self) -> Result<(Said, Bytes), String> {
        let heard = self.frame().await;
        match heard {
            Ok(said) => Ok(said),
            Err(why) => {
                let end = tokio::time::timeout(Duration::from_secs(1), self.process.wait()).await;
                let end = end.ok().and_then(Result::ok).map_or_else(String::new, |end| format!("; {end}"));
                Err(format!("the opener ended without a word: {why}{end}"))
            }
        }
    }

    async fn frame(&mut self) -> std::io::Result<(Said, Bytes)> {
        let mut header = [0; 4];
        self.output.read_exact(&mut header).await?;
        let mut octets = vec![0; opener::length(header)?];
        self.output.read_exact(&mut octets).await?;
        let said: Said = serde_json::from_slice(&octets)?;
        let Said::Done { octets, .. } = &said else { return Ok((said, Bytes::new())) };
        if *octets > self.most {
            return Err(std::io::Error::other("it made the mail larger than it may be"));
        }
        let mut mail = vec![0; usize::try_from(*octets).unwrap_or(0)];
        self.output.read_exact(&mut mail).await?;
        Ok((said, mail.into()))
    }
}

/// The key goes first and is gone here before anything else is written.
async fn give(mut input: ChildStdin, key: Cek, job: &Job, mail: &KeptBody) -> std::io::Result<()> {
    let length = u8::try_from(key.octets().len()).map_err(std::io::Error::other)?;
    input.write_all(&[length]).await?;
    input.write_all(key.octets()).await?;
    drop(key);
    let octets = serde_json::to_vec(job)?;
    input.write_all(&opener::header(&octets)?).await?;
    input.write_all(&octets).await?;
    let Within { head, start, octets, .. } = job.within;
    for whole in [0..head, start..start.saturating_add(octets)] {
        let mut at = whole.start;
        while at < whole.end {
            let piece = mail.piece(at..whole.end.min(at + PIECE)).await.map_err(std::io::Error::other)?;
            if piece.is_empty() {
                return Err(std::io::Error::other("the stored message is shorter than it was"));
            }
            input.write_all(&piece).await?;
            at += piece.len() as u64;
        }
    }
    input.shutdown().await
}

/// The program that openers are: this one, or, beside a test, the gateway's.
pub fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    if own.file_stem().is_some_and(|name| name == "cedrat") {
        return own;
    }
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join("cedrat"));
    beside.into_iter().find(|path| path.is_file()).unwrap_or(own)
}
