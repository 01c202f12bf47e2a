//! Media made from nothing, for demonstrations and tests: a photograph of twelve megapixels, a
//! spoken note and a clip, as a telephone would send them. Nothing here is art, but it has what
//! makes real media hard: grain, gradients, texture, pauses, movement.
//!
//! The same octets every time. Runs outside of the sandbox: it reads nothing from anybody.

mod avi;
mod scene;
mod voice;

use std::{fs, io::Write as _, os::fd::AsFd as _, path::Path};

use cedrat_plan::{
    facts::{self, Claim, Facts},
    format::{Format, SoundCodec, VideoCodec},
    job::{SoundTarget, StillTarget, Target, VideoTarget},
    limits::Limits,
};
use cedrat_still::{Layout, Raster};
use rustix::fs::{MemfdFlags, memfd_create};

use crate::Moving;

/// Pixels of the photograph.
const PHOTO: (u32, u32) = (4000, 3000);
/// Pixels of the clip.
const CLIP: (u32, u32) = (1280, 720);
/// Pixels of what the camera of the clip pans over.
const WIDE: (u32, u32) = (1920, 800);
/// Pictures a second of the clip.
const RATE: u32 = 15;
/// Seconds of the clip.
const SECONDS: u32 = 5;
/// Seconds of the note.
const SPOKEN: u32 = 8;

/// Writes a sample into a file.
///
/// # Errors
/// The name is none, or the file cannot be written.
pub(crate) fn write(name: &str, path: &Path, moving: &dyn Moving) -> Result<(), String> {
    let octets = match name {
        "photo" => photo()?,
        "voice" => voice_note(moving)?,
        "clip" => clip(moving)?,
        _ => return Err(format!("there is no sample {name:?}; there are photo, voice and clip")),
    };
    fs::write(path, octets).map_err(|fault| format!("{}: {fault}", path.display()))
}

fn photo() -> Result<Vec<u8>, String> {
    let (width, height) = PHOTO;
    jpeg(PHOTO, scene::draw(width, height), 16 << 20)
}

fn jpeg((width, height): (u32, u32), pixels: Vec<u8>, max_octets: u64) -> Result<Vec<u8>, String> {
    let raster = Raster { width, height, layout: Layout::Rgb, pixels };
    let target = StillTarget {
        format: Format::Jpeg,
        max_width: width,
        max_height: height,
        max_octets,
        max_colours: 0,
        progressive: false,
        animated: false,
        keep_metadata: false,
        best: false,
    };
    cedrat_still::fit_raster(raster, &target).map(|(octets, _)| octets).map_err(|fault| fault.detail)
}

/// AAC in MP4, as telephones record it.
fn voice_note(moving: &dyn Moving) -> Result<Vec<u8>, String> {
    let wave = avi::wave(&voice::speak(SPOKEN), voice::RATE);
    convert(
        moving,
        &wave,
        &Target::Sound(SoundTarget {
            format: Format::Mp4Sound,
            codec: SoundCodec::Aac,
            max_rate: 44_100,
            max_channels: 1,
            max_bit_rate: 96_000,
            max_duration_ms: 0,
            max_octets: 4 << 20,
            may_cut: false,
        }),
    )
}

/// H.264 and AAC in MP4.
fn clip(moving: &dyn Moving) -> Result<Vec<u8>, String> {
    let (width, height) = CLIP;
    let view = scene::draw(WIDE.0, WIDE.1);
    let frames = (0..RATE * SECONDS)
        .map(|number| {
            let sway = (number as f32 * 0.07).sin() * 0.5 + 0.5;
            let left = (number * (WIDE.0 - width) / (RATE * SECONDS)) as usize;
            let top = (sway * (WIDE.1 - height) as f32) as usize;
            jpeg(CLIP, scene::look(&view, WIDE.0 as usize, (left, top), CLIP, number), 1 << 20)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let movie = avi::movie((width, height), RATE, &frames, &voice::speak(SECONDS), voice::RATE);
    convert(
        moving,
        &movie,
        &Target::Video(VideoTarget {
            format: Format::Mp4,
            codec: VideoCodec::H264,
            level: 31,
            max_width: width,
            max_height: height,
            max_millihertz: RATE * 1000,
            max_bit_rate: 0,
            sound: Some(SoundCodec::Aac),
            max_octets: 3 << 20,
            max_duration_ms: 0,
            may_cut: false,
        }),
    )
}

fn convert(moving: &dyn Moving, octets: &[u8], target: &Target) -> Result<Vec<u8>, String> {
    let io = |fault: std::io::Error| fault.to_string();
    let limits = Limits::default();
    let facts: Facts = facts::read(octets, &Claim { media_type: "", name: None, charset: None }, &limits);
    let mut input =
        fs::File::from(memfd_create("sample", MemfdFlags::CLOEXEC).map_err(|fault| io(fault.into()))?);
    input.write_all(octets).map_err(io)?;
    let output = fs::File::from(memfd_create("made", MemfdFlags::CLOEXEC).map_err(|fault| io(fault.into()))?);
    moving.init();
    let targets = [target.clone()];
    let made = moving.convert(input.as_fd(), &facts, &targets, &[output.as_fd()], &limits).pop();
    made.ok_or("nothing was made")?.map_err(|fault| fault.detail)?;
    let mut result = vec![0; usize::try_from(output.metadata().map_err(io)?.len()).unwrap_or(0)];
    std::os::unix::fs::FileExt::read_exact_at(&output, &mut result, 0).map_err(io)?;
    Ok(result)
}
