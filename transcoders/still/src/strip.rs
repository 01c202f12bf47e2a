//! The same picture without metadata: nothing is decoded unless it must be turned.
//!
//! An orientation would be lost with the metadata that say it. A JPEG is turned losslessly where
//! its size is a multiple of its blocks, otherwise it is written anew at quality 90; a PNG is written
//! anew.

use cedrat_plan::{
    facts::{Detail, Facts},
    format::Format,
    job::{Fault, FaultKind, Made, StillTarget},
    limits::Limits,
};
use turbojpeg::{Transform, TransformOp, Transformer};

use crate::{
    blocks, fit,
    jpeg::{Header, stripped},
    made::made,
    read::admit,
    source::Source,
};

pub(crate) fn strip(octets: &[u8], facts: &Facts, limits: &Limits) -> Result<(Vec<u8>, Made), Fault> {
    let orientation = match &facts.detail {
        Detail::Picture(picture) => picture.orientation,
        _ => 1,
    };
    let broken = || Fault::new(FaultKind::Damaged, "the picture cannot be walked through");
    let unchanged = |octets| made(octets, facts.format, 1.0, 0, Vec::new());
    match facts.format {
        Format::Jpeg => {
            let header = Header::read(octets);
            admit(header.size, limits)?;
            let bare = stripped(octets);
            match turn(orientation) {
                None => Ok(unchanged(bare)),
                Some(op) => turned(&bare, op, header.progressive)
                    .map_or_else(|| anew(octets, facts, limits), |octets| Ok(unchanged(octets))),
            }
        }
        Format::Png if orientation > 1 => anew(octets, facts, limits),
        Format::Png => blocks::stripped_png(octets).map(unchanged).ok_or_else(broken),
        Format::Gif => blocks::stripped_gif(octets).map(unchanged).ok_or_else(broken),
        format => Err(Fault::new(
            FaultKind::Unsupported,
            format!("metadata are not taken out of {}", format.media_type()),
        )),
    }
}

/// What makes a picture of this orientation upright.
const fn turn(orientation: u8) -> Option<TransformOp> {
    match orientation {
        2 => Some(TransformOp::Hflip),
        3 => Some(TransformOp::Rot180),
        4 => Some(TransformOp::Vflip),
        5 => Some(TransformOp::Transpose),
        6 => Some(TransformOp::Rot90),
        7 => Some(TransformOp::Transverse),
        8 => Some(TransformOp::Rot270),
        _ => None,
    }
}

/// Turned block by block; `None` where partial blocks would have to move from the edge.
fn turned(octets: &[u8], op: TransformOp, progressive: bool) -> Option<Vec<u8>> {
    let mut transform = Transform::op(op);
    transform.perfect = true;
    transform.optimize = true;
    transform.progressive = progressive;
    Transformer::new().ok()?.transform_to_vec(&transform, octets).ok()
}

/// Decoded, turned and written again.
fn anew(octets: &[u8], facts: &Facts, limits: &Limits) -> Result<(Vec<u8>, Made), Fault> {
    let target = StillTarget {
        format: facts.format,
        max_width: u32::MAX,
        max_height: u32::MAX,
        max_octets: u64::MAX,
        max_colours: 0,
        progressive: false,
        animated: false,
        keep_metadata: false,
        best: false,
    };
    let source = Source::read(octets, facts, &[target], limits)?;
    match fit::Fitting::new(&source, &target)? {
        fit::Fitting::Jpeg(fitting) => Ok(fitting.same()),
        fitting => fitting.encode(u64::MAX),
    }
}
