//! `cedrat transcode`: one file made fit for a handset, without a gateway.

use std::path::PathBuf;

use cedrat_mapping::Tables;
use cedrat_plan::{
    facts::Claim,
    profile::{Layer, Origin},
};
use serde_json::json;

use super::{Failure, runtime, say};
use crate::{
    config::octets,
    media::{Media, fit, notice},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cedrat transcode --profile video-rich photo.heic photo.jpg
  cedrat transcode --profile image-basic --max-octets 30k clip.mp4 poster.jpg
  cedrat transcode --profile smartphone-600k --uaprof handset.xml note.opus note.amr
  cedrat transcode --list
The report is one line of JSON. A file that fits as it is is copied to the octet.
Octets are those of the result; 300k = 307200. Exit code 1: it cannot be had in this shape, and why.")]
pub(super) struct Args {
    /// Content class or handset family; --list shows them
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    profile: Option<String>,
    /// Most octets of the result, below what the profile allows
    #[arg(long, value_name = "N")]
    max_octets: Option<String>,
    /// UAProf document laid over the profile
    #[arg(long, value_name = "FILE")]
    uaprof: Option<PathBuf>,
    /// Print the names of the profiles
    #[arg(long)]
    list: bool,
    /// What is converted
    #[arg(value_name = "IN", required_unless_present = "list")]
    input: Option<PathBuf>,
    /// Where the result is written; "-" = nowhere, only the report
    #[arg(value_name = "OUT", required_unless_present = "list")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let tables =
        Tables::embedded().map_err(|faults| Failure(faults.iter().map(ToString::to_string).collect()))?;
    if args.list {
        tables.capability_names().for_each(say);
        return Ok(());
    }
    let (Some(name), Some(input), Some(output)) = (&args.profile, &args.input, &args.output) else {
        return Err(Failure::from("--profile, IN and OUT are needed".to_owned()));
    };
    let mut profile = tables.capability(name).cloned().ok_or_else(|| {
        let names: Vec<_> = tables.capability_names().collect();
        format!("there is no profile {name:?}; there are {}", names.join(", "))
    })?;
    if let Some(path) = &args.uaprof {
        let octets = std::fs::read(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
        let document = cedrat_wire_mms::uaprof::read(&octets, &cedrat_wire_mms::uaprof::Limits::default())
            .map_err(|fault| format!("{} is no UAProf document: {fault}", path.display()))?;
        let origin = Origin { layer: Layer::Uaprof, name: path.display().to_string() };
        profile.lay(&origin, tables.uaprof(&document));
    }
    let most = match &args.max_octets {
        Some(text) => Some(octets(text).ok_or_else(|| format!("--max-octets {text:?} is not a size"))?),
        None => None,
    };
    let source = std::fs::read(input).map_err(|fault| format!("{}: {fault}", input.display()))?;
    let file_name = input.file_name().map(|name| name.to_string_lossy().into_owned());
    let runtime = runtime()?;
    let one = runtime.block_on(async {
        let media = Media::alone().await?;
        let claim = Claim { media_type: "", name: file_name.as_deref(), charset: None };
        fit::one(&media, source.into(), &claim, &profile, most)
            .await
            .map_err(|fault| format!("{}: {}", input.display(), fault.detail))
    })?;
    if output.as_os_str() != "-" {
        std::fs::write(output, &one.octets).map_err(|fault| format!("{}: {fault}", output.display()))?;
    }
    let report = json!({
        "profile": name,
        "kept": one.kept,
        "from": one.from,
        "to": one.facts,
        "summary": format!("{} became {}", notice::described(&one.from), notice::described(&one.facts)),
        "why": one.why,
        "notes": one.notes.iter().map(notice::note_sentence).collect::<Vec<_>>(),
        "quality": f64::from(one.quality) / 10_000.0,
        "encodes": one.encodes,
    });
    say(&report.to_string());
    Ok(())
}
