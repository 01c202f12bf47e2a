//! What telephones and cameras make: a photograph of twelve megapixels, a voice note and a video
//! clip, drawn and spoken by the media worker while the rest of the demonstration runs.
//!
//! They come over pipes, so that no file is written; dropped, the processes end.

use std::process::Stdio;

use tokio::{process::Command, task::JoinSet};

use crate::{simulate::sample::Attachment, workers};

/// What the worker calls them, and the names that they are sent under.
const SAMPLES: [(&str, &str); 3] = [("photo", "photo.jpg"), ("voice", "voice.m4a"), ("clip", "clip.mp4")];

/// Samples that are being made.
pub(super) struct Samples(JoinSet<Result<(usize, Attachment), String>>);

impl Samples {
    /// Begins to make them; `None` without the program that does.
    pub(super) fn begin() -> Option<Self> {
        let program = workers::find()?;
        let mut making = JoinSet::new();
        for (index, (sample, name)) in SAMPLES.into_iter().enumerate() {
            let mut command = Command::new(&program);
            command.args(["sample", sample, "/dev/stdout"]).stdin(Stdio::null()).kill_on_drop(true);
            making.spawn(async move {
                let output = command.output().await.map_err(|fault| fault.to_string())?;
                if output.status.success() {
                    Ok((index, Attachment::named(name, output.stdout.into())))
                } else {
                    let why = String::from_utf8_lossy(&output.stderr);
                    Err(format!("the sample {name} could not be made: {}", why.trim()))
                }
            });
        }
        Some(Self(making))
    }

    /// All of them, when they are made.
    ///
    /// # Errors
    /// Why one is not.
    pub(super) async fn made(mut self) -> Result<Vec<Attachment>, String> {
        let mut made = Vec::new();
        while let Some(joined) = self.0.join_next().await {
            made.push(joined.map_err(|fault| fault.to_string())??);
        }
        made.sort_by_key(|(index, _)| *index);
        Ok(made.into_iter().map(|(_, sample)| sample).collect())
    }
}
