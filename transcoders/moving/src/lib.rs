//! Sound and moving picture through libav. The only crate that links it.
//!
//! Everything works on descriptors that the caller opened: nothing here opens a file, a socket or
//! a second input. One thread, one job at a time; what libav logs reaches nobody. Still pictures
//! are only handed over as pixels, text and presentation are not handled here.
#![deny(unsafe_op_in_unsafe_fn)]

mod amr;
mod av;
mod canvas;
mod coder;
mod container;
mod geometry;
mod picture;
mod rate;
mod remux;
mod report;
mod shape;
mod slots;
mod sound;
mod source;
mod video;

use std::os::fd::BorrowedFd;

use cedrat_plan::{
    facts::Facts,
    job::{Fault, FaultKind, Made, StillTarget, Target, VideoTarget},
    limits::Limits,
};
use cedrat_still::Raster;

use source::Source;

/// Prepares libav and silences its log. Called once, before the process forks.
pub fn init() {
    av::init();
}

/// Opens container and codecs and says what is in them; nothing is decoded.
///
/// # Errors
/// When the container cannot be read or is beyond a limit.
pub fn probe(input: BorrowedFd<'_>, facts: &Facts, limits: &Limits) -> Result<Facts, Fault> {
    let source = Source::open(input, facts, limits)?;
    Ok(report::refine(facts, &source))
}

/// Makes the targets, in their order, each into the output of the same index. The videos among
/// them cost one decode, so do the posters.
///
/// Each fails for itself: [`FaultKind::CannotFit`] when no rate, size or permitted cut fits,
/// [`FaultKind::Damaged`] when less than half and less than a second decodes,
/// [`FaultKind::Unsupported`] when a codec or container is not read or written here.
pub fn convert(
    input: BorrowedFd<'_>,
    facts: &Facts,
    targets: &[Target],
    outputs: &[BorrowedFd<'_>],
    limits: &Limits,
) -> Vec<Result<Made, Fault>> {
    let source = match Source::open(input, facts, limits) {
        Ok(source) => source,
        Err(fault) => return targets.iter().map(|_| Err(fault.clone())).collect(),
    };
    let videos: Vec<&VideoTarget> = targets
        .iter()
        .filter_map(|target| match target {
            Target::Video(video) => Some(video),
            _ => None,
        })
        .collect();
    let mut videos =
        if videos.is_empty() { Vec::new() } else { video::convert(&source, &videos) }.into_iter();
    let mut poster = None;
    let mut results = Vec::with_capacity(targets.len());
    let mut outputs = outputs.iter();
    for target in targets {
        let output = outputs.next();
        let made = match target {
            Target::Video(video) => match videos.next() {
                Some(made) => made.map(|made| (made, video.format)),
                None => Err(Fault::new(FaultKind::Unsupported, "no video was made")),
            },
            Target::Sound(target) => sound::convert(&source, target).map(|made| (made, target.format)),
            Target::Remux(target) => remux::convert(&source, target).map(|made| (made, target.format)),
            Target::Poster(target) | Target::Still(target) => {
                let raster = poster.get_or_insert_with(|| picture::light(&source));
                results.push(still(raster, target).and_then(|(octets, made)| {
                    report::put(output, &octets)?;
                    Ok(made)
                }));
                continue;
            }
            Target::Strip => Err(Fault::new(FaultKind::Unsupported, "only still pictures are stripped")),
        };
        results.push(made.and_then(|(made, format)| {
            report::put(output, &made.octets)?;
            Ok(report::made(made, format, limits))
        }));
    }
    results
}

/// The picture that stands for a video, or the picture of an AVIF file.
///
/// # Errors
/// When nothing can be decoded, or the picture is beyond a limit.
pub fn picture(input: BorrowedFd<'_>, facts: &Facts, limits: &Limits) -> Result<Raster, Fault> {
    picture::light(&Source::open(input, facts, limits)?)
}

fn still(raster: &Result<Raster, Fault>, target: &StillTarget) -> Result<(Vec<u8>, Made), Fault> {
    match raster {
        Ok(raster) => cedrat_still::fit_raster(raster.clone(), target),
        Err(fault) => Err(fault.clone()),
    }
}
