//! One picture of a video, or the picture of an AVIF file, as pixels.

use cedrat_plan::job::{Fault, FaultKind};
use cedrat_still::{Layout, Raster};

use crate::{
    av::{Frame, Kernel, PixelFormat, Scaler, Skip},
    canvas::{self, Plane},
    geometry,
    source::{Flow, Source, out_of_memory},
};

/// Pictures that are tried for one that is not dark.
const TRIED: u32 = 100;
/// Mean luma below which a picture is dark: 16 % of the way from black to white.
const DARK: u64 = 16 + 219 * 16 / 100;

/// The first picture that is not nearly black; when all that are tried are, the lightest of them.
pub(crate) fn light(source: &Source<'_>) -> Result<Raster, Fault> {
    let track = source
        .video
        .as_ref()
        .ok_or_else(|| Fault::new(FaultKind::Unsupported, "there is no picture in it"))?;
    let shown = geometry::square((track.stream.width, track.stream.height), track.stream.aspect.value());
    let (mut tried, mut lightest, mut kept) = (0, 0, None);
    let mut small = Scaler::new(PixelFormat::AV_PIX_FMT_GRAY8, 32, 32, Kernel::Area);
    // The first picture that decodes is enough: damage behind it does not matter.
    let _damaged = source.decode(track, Skip::default(), |frame, _| {
        tried += 1;
        let luma = small.run(frame).map(|small| mean(&small)).unwrap_or(0);
        if kept.is_none() || luma > lightest {
            lightest = luma;
            kept = Some(frame.share().map_err(out_of_memory)?);
        }
        Ok(if luma > DARK || tried >= TRIED { Flow::Stop } else { Flow::Go })
    })?;
    let frame = kept.ok_or_else(|| Fault::new(FaultKind::Damaged, "no picture can be decoded"))?;
    // A decoder may find another size than the container said.
    let said = (frame.width(), frame.height()) == (track.stream.width, track.stream.height);
    let size = if said { shown } else { (frame.width(), frame.height()) };
    raster(&frame, size, track.stream.rotation)
}

fn mean(gray: &Frame) -> u64 {
    let (octets, stride) = gray.plane(0, 32, 32);
    if stride == 0 {
        return 0;
    }
    let sum: u64 =
        octets.chunks(stride).flat_map(|row| row.iter().take(32)).map(|luma| u64::from(*luma)).sum();
    sum / (32 * 32)
}

/// RGB, turned as it is shown.
fn raster(frame: &Frame, size: geometry::Size, rotation: u16) -> Result<Raster, Fault> {
    let mut scaler = Scaler::new(PixelFormat::AV_PIX_FMT_RGB24, size.0, size.1, Kernel::Bicubic);
    let rgb = scaler
        .run(frame)
        .map_err(|code| code.fault(FaultKind::Unsupported, "the pixels cannot be converted"))?;
    let (columns, rows) = (size.0 as usize, size.1 as usize);
    let (width, height) = canvas::before_turn(size, rotation);
    let (octets, stride) = rgb.plane(0, rows, columns * 3);
    let mut pixels = vec![0; columns * rows * 3];
    canvas::turn(&Plane { octets, stride, columns, rows }, rotation, 3, &mut pixels, width as usize * 3);
    Ok(Raster { width, height, layout: Layout::Rgb, pixels })
}
