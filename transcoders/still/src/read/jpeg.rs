//! JPEG through libjpeg-turbo: scaled while it is decoded, in planes where the file has them.
//!
//! A file in red, green and blue or in ink takes the slow way over pixels, scaled all the same.

use std::borrow::Cow;

use cedrat_plan::{
    job::{Fault, FaultKind, Note, StillTarget},
    limits::Limits,
};
use turbojpeg::{
    Colorspace, DecompressHeader, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, YuvImage,
    yuv_pixels_len,
};

use super::{admit, damaged, needed, profile, within};
use crate::{
    colour,
    jpeg::{Header, Scale, scale_of, scans},
    raster::{Layout, Raster},
    source::{Picture, Samples, Source},
};

/// What the decoder leaves where it read nothing.
const NOTHING: u8 = 128;

pub(super) fn read(
    octets: &[u8],
    orientation: u8,
    targets: &[StillTarget],
    limits: &Limits,
) -> Result<Source, Fault> {
    let header = Header::read(octets);
    if header.size == (0, 0) {
        return Err(damaged("no frame header"));
    }
    admit(header.size, limits)?;
    if header.progressive {
        within(u64::from(scans(octets, limits.scans)), u64::from(limits.scans), "scans")?;
    }
    let mut decoder = Decompressor::new().map_err(fault)?;
    decoder.set_scan_limit(limits.scans).map_err(fault)?;
    let info = decoder.read_header(octets).map_err(fault)?;
    let factor = factor(&info, needed(header.size, orientation, targets), targets);
    decoder.set_scaling_factor(factor).map_err(fault)?;
    let size = (factor.scale(info.width), factor.scale(info.height));

    let (picture, result) = match info.colorspace {
        Colorspace::YCbCr | Colorspace::Gray if info.subsamp != Subsamp::Unknown && !info.is_lossless => {
            samples(&mut decoder, octets, &info, size)?
        }
        Colorspace::CMYK | Colorspace::YCCK => {
            let (pixels, result) = pixels(&mut decoder, octets, PixelFormat::CMYK, size);
            (raster(size, colour::ink(&pixels, header.adobe)), result)
        }
        _ => {
            let (pixels, result) = pixels(&mut decoder, octets, PixelFormat::RGB, size);
            (raster(size, pixels), result)
        }
    };
    let mut notes = Vec::new();
    if let Err(error) = result {
        let shown = match &picture {
            Picture::Samples(samples) => &samples.pixels,
            Picture::Raster(raster) => &raster.pixels,
            Picture::Frames(_) => &Vec::new(),
        };
        judge(&error, shown.get(..size.0 * size.1).unwrap_or_default(), &mut notes)?;
    }
    Ok(Source {
        picture,
        size: header.size,
        orientation,
        profile: profile(header.profile.as_deref(), limits),
        exif: header.exif.filter(|exif| exif.len() as u64 <= limits.metadata_octets).map(<[u8]>::to_vec),
        notes,
        finest: header.table_sum.map_or(Scale::FINEST, scale_of).max(Scale::FINEST),
    })
}

/// The smallest of the scales that cost nothing which still has as many pixels as are needed.
fn factor(info: &DecompressHeader, (width, height): (u32, u32), targets: &[StillTarget]) -> ScalingFactor {
    let margin = if targets.iter().any(|target| target.best) { 2 } else { 1 };
    let enough = |factor: &ScalingFactor| {
        factor.scale(info.width) >= margin * width as usize
            && factor.scale(info.height) >= margin * height as usize
    };
    [ScalingFactor::ONE_EIGHTH, ScalingFactor::ONE_QUARTER, ScalingFactor::ONE_HALF]
        .into_iter()
        .filter(|_| !info.is_lossless)
        .find(enough)
        .unwrap_or(ScalingFactor::ONE)
}

fn samples(
    decoder: &mut Decompressor,
    octets: &[u8],
    info: &DecompressHeader,
    size: (usize, usize),
) -> Result<(Picture, turbojpeg::Result<()>), Fault> {
    let subsamp = info.subsamp;
    let length = yuv_pixels_len(size.0, 1, size.1, subsamp).map_err(fault)?;
    let mut pixels = vec![NOTHING; length];
    let image = YuvImage { pixels: &mut pixels[..], width: size.0, align: 1, height: size.1, subsamp };
    let result = decoder.decompress_to_yuv(octets, image);
    let subsampling = (subsamp != Subsamp::Gray).then(|| subsamp.size());
    Ok((Picture::Samples(Samples { pixels, size, subsampling }), result))
}

fn pixels(
    decoder: &mut Decompressor,
    octets: &[u8],
    format: PixelFormat,
    (width, height): (usize, usize),
) -> (Vec<u8>, turbojpeg::Result<()>) {
    let pitch = width * format.size();
    let mut pixels = vec![NOTHING; pitch * height];
    let image = Image { pixels: &mut pixels[..], width, pitch, height, format };
    let result = decoder.decompress(octets, image);
    (pixels, result)
}

fn raster((width, height): (usize, usize), pixels: Vec<u8>) -> Picture {
    Picture::Raster(Raster { width: width as u32, height: height as u32, layout: Layout::Rgb, pixels })
}

/// The decoder reports warnings and failures alike. A picture of which something was read is shown,
/// one of which nothing was is not.
fn judge(error: &turbojpeg::Error, shown: &[u8], notes: &mut Vec<Note>) -> Result<(), Fault> {
    let message = error.to_string();
    if message.contains("more than") && message.contains("scans") {
        return Err(Fault::new(FaultKind::TooLarge, "too many scans"));
    }
    let read = shown.iter().filter(|&&sample| sample != NOTHING).count();
    // An even gray picture has no other sample than a picture that was not read at all; it is only
    // refused when the decoder complained as well.
    if read * 64 < shown.len() {
        return Err(fault_of(message.into()));
    }
    if !message.contains("extraneous bytes") {
        notes.push(Note::Damaged);
    }
    Ok(())
}

fn fault(error: turbojpeg::Error) -> Fault {
    fault_of(error.to_string().into())
}

fn fault_of(message: Cow<'_, str>) -> Fault {
    damaged(format!("not a JPEG that can be read: {message}"))
}
