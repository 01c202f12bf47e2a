//! A request → the codec that answers it. Stills are mapped and given as octets, everything else
//! goes to [`Moving`] by descriptor; an AVIF picture is decoded there and fitted here.
//!
//! Decides nothing about targets and believes nothing about descriptors.

use std::{collections::BTreeMap, io, os::fd::BorrowedFd};

use cedrat_plan::{
    facts::Facts,
    format::{Format, Kind},
    job::{Fault, FaultKind, Ladder, MAX_TARGETS, Made, Reply, Request, StillTarget, Target},
    limits::Limits,
};
use cedrat_still::{self as still, Prepared};

use crate::{Moving, system::Mapped};

/// Most stills that are kept prepared: more than a message shows on one slide after another.
const MAX_KEPT: usize = 64;

type Result<T> = std::result::Result<T, Fault>;

/// What one worker keeps between requests.
pub(crate) struct Desk<'a> {
    moving: &'a dyn Moving,
    kept: BTreeMap<u16, Prepared>,
}

impl<'a> Desk<'a> {
    /// With nothing kept.
    pub(crate) fn new(moving: &'a dyn Moving) -> Self {
        Self { moving, kept: BTreeMap::new() }
    }

    /// Answers a request; one that is not of the kind that these files fit is a fault.
    pub(crate) fn answer(&mut self, request: Request, files: &[BorrowedFd<'_>]) -> Reply {
        match request {
            Request::Analyse { facts, target, keep, limits } => {
                Reply::Ladder(self.analyse(files, &facts, &target, keep, &limits))
            }
            Request::Convert { facts, targets, limits } => Reply::Made(match files.split_first() {
                Some((part, outputs)) if outputs.len() == targets.len() => {
                    self.convert(*part, outputs, &facts, &targets, &limits)
                }
                _ => targets.iter().map(|_| Err(misused())).collect(),
            }),
            Request::Encode { keep, max_octets } => Reply::Made(vec![self.encode(files, keep, max_octets)]),
            Request::Probe { facts, limits } => Reply::Facts(match files {
                [part] => self.moving.probe(*part, &facts, &limits),
                _ => Err(misused()),
            }),
            Request::SelfTest => Reply::SelfTest(Vec::new()),
        }
    }

    fn analyse(
        &mut self,
        files: &[BorrowedFd<'_>],
        facts: &Facts,
        target: &StillTarget,
        keep: u16,
        limits: &Limits,
    ) -> Result<Ladder> {
        let [part] = files else { return Err(misused()) };
        if self.kept.len() >= MAX_KEPT && !self.kept.contains_key(&keep) {
            return Err(Fault::new(FaultKind::OutOfMemory, "too many pictures are kept prepared"));
        }
        let prepared = still::prepare(map(*part, limits)?.octets(), facts, target, limits)?;
        let ladder = prepared.ladder();
        self.kept.insert(keep, prepared);
        Ok(ladder)
    }

    fn encode(&self, files: &[BorrowedFd<'_>], keep: u16, max_octets: u64) -> Result<Made> {
        let ([output], Some(prepared)) = (files, self.kept.get(&keep)) else { return Err(misused()) };
        let (octets, made) = prepared.encode(max_octets)?;
        write(*output, &octets)?;
        Ok(made)
    }

    fn convert(
        &self,
        part: BorrowedFd<'_>,
        outputs: &[BorrowedFd<'_>],
        facts: &Facts,
        targets: &[Target],
        limits: &Limits,
    ) -> Vec<Result<Made>> {
        if targets.len() > MAX_TARGETS {
            return targets.iter().map(|_| Err(misused())).collect();
        }
        match facts.format.kind() {
            Kind::Picture if facts.format == Format::Avif => {
                let raster = self.moving.picture(part, facts, limits);
                each(targets, outputs, |target| match target {
                    Target::Still(target) | Target::Poster(target) => {
                        still::fit_raster(raster.clone()?, target)
                    }
                    _ => Err(no_picture()),
                })
            }
            Kind::Picture => match map(part, limits) {
                Ok(mapped) => stills(mapped.octets(), outputs, facts, targets, limits),
                Err(fault) => targets.iter().map(|_| Err(fault.clone())).collect(),
            },
            // A still of what moves is its poster.
            _ => {
                let targets: Vec<Target> = targets
                    .iter()
                    .map(|target| match target {
                        Target::Still(still) => Target::Poster(*still),
                        other => other.clone(),
                    })
                    .collect();
                self.moving.convert(part, facts, &targets, outputs, limits)
            }
        }
    }
}

/// All stills of one decode; what is only stripped is not decoded at all.
fn stills(
    octets: &[u8],
    outputs: &[BorrowedFd<'_>],
    facts: &Facts,
    targets: &[Target],
    limits: &Limits,
) -> Vec<Result<Made>> {
    let wanted: Vec<StillTarget> = targets.iter().filter_map(as_still).collect();
    let mut decoded = if wanted.is_empty() {
        Vec::new().into_iter()
    } else {
        still::convert(octets, facts, &wanted, limits).into_iter()
    };
    each(targets, outputs, |target| match target {
        Target::Strip => still::strip(octets, facts, limits),
        other if as_still(other).is_some() => decoded.next().unwrap_or_else(|| Err(misused())),
        _ => Err(no_picture()),
    })
}

fn as_still(target: &Target) -> Option<StillTarget> {
    match target {
        Target::Poster(still) | Target::Still(still) => Some(*still),
        _ => None,
    }
}

fn each(
    targets: &[Target],
    outputs: &[BorrowedFd<'_>],
    mut make: impl FnMut(&Target) -> Result<(Vec<u8>, Made)>,
) -> Vec<Result<Made>> {
    targets
        .iter()
        .zip(outputs)
        .map(|(target, output)| {
            let (octets, made) = make(target)?;
            write(*output, &octets)?;
            Ok(made)
        })
        .collect()
}

fn map(part: BorrowedFd<'_>, limits: &Limits) -> Result<Mapped> {
    let mapped = Mapped::new(part)
        .map_err(|fault| Fault::new(FaultKind::OutOfMemory, format!("the part cannot be mapped: {fault}")))?;
    if mapped.octets().len() as u64 > limits.octets {
        return Err(Fault::new(FaultKind::TooLarge, format!("more than {} octets", limits.octets)));
    }
    Ok(mapped)
}

fn write(output: BorrowedFd<'_>, octets: &[u8]) -> Result<()> {
    let mut done: usize = 0;
    while let Some(rest) = octets.get(done..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pwrite(output, rest, done as u64).map_err(io::Error::from) {
            Ok(0) => return Err(unwritten(&io::Error::from(io::ErrorKind::WriteZero))),
            Ok(count) => done += count,
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            Err(fault) => return Err(unwritten(&fault)),
        }
    }
    Ok(())
}

fn unwritten(fault: &io::Error) -> Fault {
    Fault::new(FaultKind::OutOfMemory, format!("the result cannot be written: {fault}"))
}

fn no_picture() -> Fault {
    Fault::new(FaultKind::Unsupported, "a picture becomes a picture")
}

fn misused() -> Fault {
    Fault::new(FaultKind::Crashed, "the request does not fit its descriptors")
}
