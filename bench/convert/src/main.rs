//! Makes one target of one file a number of times in this process, and says what it cost: the
//! CPU time of the best time, and how far the resident memory rose above that of the idle process.
//!
//! usage: convert TARGET.json TIMES IN OUT
//!        convert ladder TARGET.json IN      the ladder of a still

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::fd::AsFd as _,
    process::ExitCode,
};

use cedrat_plan::{
    facts::{self, Claim, Facts},
    job::{Made, StillTarget, Target},
    limits::Limits,
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
        ["ladder", target, input] => ladder(target, input),
        [target, times, input, output] => convert(target, times, input, output),
        _ => Err("usage: convert TARGET.json TIMES IN OUT | convert ladder TARGET.json IN".to_owned()),
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
    let facts = facts::read(&octets, &Claim { media_type: "", name: Some(input), charset: None }, &Limits::default());
    Ok((octets, facts))
}

fn json_file<T: for<'a> serde::Deserialize<'a>>(path: &str) -> Result<T, String> {
    let text = fs::read(path).map_err(|fault| format!("{path}: {fault}"))?;
    serde_json::from_slice(&text).map_err(|fault| format!("{path}: {fault}"))
}

fn ladder(target: &str, input: &str) -> Result<String, String> {
    let target: StillTarget = json_file(target)?;
    let (octets, facts) = read(input)?;
    let prepared = cedrat_still::prepare(&octets, &facts, &target, &Limits::default()).map_err(|fault| fault.detail)?;
    serde_json::to_string(&prepared.ladder()).map_err(|fault| fault.to_string())
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
            let made = cedrat_moving::convert(source.as_fd(), facts, &[target.clone()], &[written.as_fd()], &limits)
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
