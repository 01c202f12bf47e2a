//! Makes one target of one file a number of times in this process, and says what it cost: the
//! CPU time of the best time, and how far the resident memory rose above that of the idle process.
//!
//! usage: convert TARGET.json TIMES IN OUT
//!        convert share WIDTH HEIGHT OCTETS IN... OUT...   pictures that share their octets

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::fd::AsFd as _,
    process::ExitCode,
};

use cedrat_plan::{
    facts::{self, Claim, Facts},
    job::{Made, Target},
    limits::Limits,
    plan::{Action, Frame, Part, Role, Transfer, plan},
    profile::{Counts, Layer, OctetLimit, Origin, Partial, Profile, Size, Unit},
};
use rustix::{
    fs::{MemfdFlags, memfd_create},
    time::{ClockId, clock_gettime},
};
use serde_json::json;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = match words.as_slice() {
        ["share", width, height, octets, files @ ..] => share(width, height, octets, files),
        [target, times, input, output] => convert(target, times, input, output),
        _ => Err("usage: convert TARGET.json TIMES IN OUT | convert share WIDTH HEIGHT OCTETS IN... OUT..."
            .to_owned()),
    };
    match told {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("convert: {fault}");
            ExitCode::from(1)
        }
    }
}

fn read(input: &str) -> Result<(Vec<u8>, Facts), String> {
    let octets = fs::read(input).map_err(|fault| format!("{input}: {fault}"))?;
    let facts =
        facts::read(&octets, &Claim { media_type: "", name: Some(input), charset: None }, &Limits::default());
    Ok((octets, facts))
}

fn json_file<T: for<'a> serde::Deserialize<'a>>(path: &str) -> Result<T, String> {
    let text = fs::read(path).map_err(|fault| format!("{path}: {fault}"))?;
    serde_json::from_slice(&text).map_err(|fault| format!("{path}: {fault}"))
}

/// Pictures of one message, in the order in which the gateway does it: planned, analysed, shared, written.
fn share(width: &str, height: &str, octets: &str, files: &[&str]) -> Result<String, String> {
    let number = |text: &str| text.parse::<u32>().map_err(|_| format!("{text:?} is no number"));
    let (inputs, outputs) = files.split_at(files.len() / 2);
    let profile = profile(number(width)?, number(height)?, u64::from(number(octets)?))?;
    let read = inputs.iter().map(|input| read(input)).collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<Part<'_>> = read
        .iter()
        .map(|(_, facts)| Part {
            facts,
            header_octets: 0,
            role: Role::Media,
            sealed: false,
            anew: false,
            required: false,
            transfer: Transfer::Binary,
        })
        .collect();
    let plan = plan(&parts, &profile, &Frame::default());
    let mut prepared = Vec::new();
    for (index, (octets, facts)) in read.iter().enumerate() {
        let target = plan.analysis(index).ok_or("a picture that does not compete")?;
        prepared.push(
            cedrat_still::prepare(octets, facts, &target, &Limits::default())
                .map_err(|fault| fault.detail)?,
        );
    }
    let ladders: Vec<_> = prepared.iter().map(cedrat_still::Prepared::ladder).enumerate().collect();
    let plan = plan.share(&ladders);
    let mut sizes = Vec::new();
    for ((action, prepared), output) in plan.actions.iter().zip(&prepared).zip(outputs) {
        let Action::Convert(steps) = action else { return Err(format!("{action:?}")) };
        let most = steps.first().and_then(|step| step.target.max_octets()).ok_or("a step without a limit")?;
        let (octets, _) = prepared.encode(most).map_err(|fault| fault.detail)?;
        sizes.push(octets.len());
        fs::write(output, octets).map_err(|fault| format!("{output}: {fault}"))?;
    }
    Ok(json!({ "octets": sizes }).to_string())
}

/// A handset that takes JPEG up to this size, and so many octets.
fn profile(width: u32, height: u32, octets: u64) -> Result<Profile, String> {
    let size = Size { width, height };
    let says = Partial {
        max_octets: Some(OctetLimit { octets, unit: Unit::Binary, counts: Counts::Parts }),
        max_still: Some(size),
        screen: Some(size),
        colours: Some(1 << 24),
        types: Some(vec!["image/jpeg".to_owned()]),
        charsets: Some(vec!["utf-8".to_owned()]),
        sounds: Some(Vec::new()),
        videos: Some(Vec::new()),
        progressive_jpeg: Some(false),
        animated_gif: Some(false),
        smil: Some(false),
        max_slides: Some(0),
        max_parts: Some(0),
        max_duration_ms: Some(0),
        vcard: Some(String::new()),
        vcalendar: Some(String::new()),
        keep_metadata: Some(false),
        adapt: Some(true),
    };
    Profile::of(&Origin { layer: Layer::Route, name: "bench".to_owned() }, says)
        .map_err(|what| format!("the profile does not say {what}"))
}

fn convert(target: &str, times: &str, input: &str, output: &str) -> Result<String, String> {
    let target: Target = json_file(target)?;
    let times: u32 = times.parse().map_err(|_| format!("{times:?} is not a number"))?;
    cedrat_moving::init();
    let idle = memory()?;
    let (octets, facts) = read(input)?;
    let mut best = f64::INFINITY;
    let mut last = None;
    for _ in 0..times.max(1) {
        let begin = cpu();
        let made = make(&octets, &facts, &target)?;
        best = best.min(cpu() - begin);
        last = Some(made);
    }
    let peak = memory()?;
    let (octets, made) = last.ok_or("nothing was made")?;
    fs::write(output, &octets).map_err(|fault| format!("{output}: {fault}"))?;
    Ok(json!({
        "cpu_ms": best * 1000.0,
        "octets": octets.len(),
        "quality": f64::from(made.quality) / 10_000.0,
        "encodes": made.encodes,
        "notes": made.notes,
        "detail": made.facts.detail,
        "peak_kb_above_idle": peak.saturating_sub(idle),
    })
    .to_string())
}

fn make(octets: &[u8], facts: &Facts, target: &Target) -> Result<(Vec<u8>, Made), String> {
    let limits = Limits::default();
    let nothing = || "no result".to_owned();
    match target {
        Target::Still(still) if facts.format != cedrat_plan::format::Format::Avif => {
            let made = cedrat_still::convert(octets, facts, &[*still], &limits).pop().ok_or_else(nothing)?;
            made.map_err(|fault| fault.detail)
        }
        Target::Strip => cedrat_still::strip(octets, facts, &limits).map_err(|fault| fault.detail),
        _ => {
            let mut source = memory_file(octets).map_err(|fault| fault.to_string())?;
            let mut written = memory_file(&[]).map_err(|fault| fault.to_string())?;
            source.seek(SeekFrom::Start(0)).map_err(|fault| fault.to_string())?;
            let made = cedrat_moving::convert(
                source.as_fd(),
                facts,
                std::slice::from_ref(target),
                &[written.as_fd()],
                &limits,
            )
            .pop()
            .ok_or_else(nothing)?
            .map_err(|fault| fault.detail)?;
            let mut octets = Vec::new();
            written.seek(SeekFrom::Start(0)).map_err(|fault| fault.to_string())?;
            written.read_to_end(&mut octets).map_err(|fault| fault.to_string())?;
            Ok((octets, made))
        }
    }
}

fn memory_file(octets: &[u8]) -> std::io::Result<fs::File> {
    let mut file = fs::File::from(memfd_create("bench", MemfdFlags::CLOEXEC)?);
    file.write_all(octets)?;
    Ok(file)
}

/// CPU seconds of this process.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Most resident memory so far, kB.
fn memory() -> Result<u64, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|fault| fault.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    line.trim().trim_end_matches(" kB").trim().parse().map_err(|_| "VmHWM is not a number".to_owned())
}
