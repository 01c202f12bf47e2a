//! The keys of `[media]` about who converts: the worker program, how many, how it is shut in, and
//! how long and large a job may be. What handsets take is in [`super::media`].

use std::{path::PathBuf, time::Duration};

use super::read::Table;
use crate::workers::{self, Settings};

/// Who converts media.
#[derive(Debug, Clone)]
pub struct Conversion {
    /// The workers; `None` where nothing is converted.
    pub workers: Option<Settings>,
    /// Most octets of results that are kept with the blobs.
    pub cache: u64,
}

/// Reads the keys. The program is looked for where nothing is said; that there is none is a fault
/// only when conversion is asked for.
pub(super) fn read(table: &Table<'_, '_>) -> Conversion {
    let enabled = table.flag("enabled");
    let named = table.text("worker");
    let mut settings = Settings::new(PathBuf::new());
    if let Some(number) = table.number("workers") {
        if !(1..=1024).contains(&number.value) {
            table.fault_at(number.at, "`media.workers` is from 1 to 1024: conversions at the same time");
        }
        settings.workers = u32::try_from(number.value).unwrap_or(settings.workers);
    }
    settings.best_effort =
        table.token("sandbox", &[("require", false), ("best-effort", true)]).unwrap_or(false);
    let span = |key, default| table.span_ms(key).map_or(default, |at| Duration::from_millis(at.value));
    settings.deadline = span("deadline", settings.deadline);
    settings.video_deadline = span("video_deadline", settings.video_deadline);
    if let Some(memory) = table.octets("memory") {
        if memory.value < 256 << 20 {
            table.fault_at(
                memory.at,
                "`media.memory` is at least 256 MB: the libraries alone take a third of it",
            );
        }
        settings.memory = memory.value;
    }
    let cache = table.octets("cache").map_or(256 << 20, |at| at.value);
    let program = named.as_ref().map(|at| PathBuf::from(&at.value)).or_else(workers::find);
    let workers = match (enabled, program) {
        (Some(false), _) => None,
        (_, Some(program)) => Some(Settings { program, ..settings }),
        (Some(true), None) => {
            table.fault(format!(
                "`media.enabled` needs the program {}, which is neither beside this one nor on the PATH; \
                 install it or name it with `media.worker`",
                workers::PROGRAM
            ));
            None
        }
        (None, None) => None,
    };
    if let (Some(named), Some(workers)) = (&named, &workers)
        && !workers.program.is_file()
    {
        table.fault_at(named.at, format!("`media.worker` {:?} is no file", named.value));
    }
    Conversion { workers, cache }
}
