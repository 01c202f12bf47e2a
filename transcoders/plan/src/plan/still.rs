//! Ways for a picture: kept, stripped, encoded again.
//!
//! Without an analysis, quality is what is usual at so many bits per pixel; see [`USUAL`].

use alloc::{vec, vec::Vec};

use super::{
    Why,
    steps::{Point, WHOLE, Way},
    types,
};
use crate::{
    facts::{Colour, Detail, Facts, Picture},
    format::Format,
    job::{Ladder, StillTarget, Target},
    profile::{Profile, Size},
};

/// SSIM of luma (ten-thousandths) of a baseline JPEG 4:2:0 at hundredths of a bit per pixel: means
/// of photographs scaled to 640x480, 1280x960 and 1600x1200. Above 600 (about quality 92) nothing
/// is gained that an eye sees. Below 20 the worker takes fewer pixels, what is left is a guess;
/// what matters is that the curve rises and bends like the real ones.
const USUAL: [(u64, u16); 14] = [
    (5, 3000),
    (10, 4500),
    (15, 5500),
    (20, 6200),
    (30, 7000),
    (50, 7900),
    (75, 8450),
    (100, 8800),
    (150, 9200),
    (200, 9450),
    (300, 9650),
    (400, 9750),
    (500, 9830),
    (600, 9900),
];
/// The bits per pixel (hundredths) of a camera's JPEG with usual content. One that holds more is
/// busier, and needs more here too.
const USUAL_SOURCE: u64 = 280;
/// The smallest picture in which something can be recognised, some 100 pixels across, and its
/// quality.
const THUMBNAIL: Point = Point::new(1_500, 1_000);
/// What a thumbnail below the first rung of a ladder is worth: never chosen while rungs fit.
const LAST_CHANCE: u16 = 100;
/// What one picture is worth where an animation could move: so many times less.
const FROZEN: u16 = 5;
/// Most rungs of a ladder that are looked at; between them lies a line.
const MAX_RUNGS: usize = 32;
/// A drawing of more pixels than this compresses like a photograph.
const DRAWING_PIXELS: u64 = 1_000_000;

/// The ways for a picture, best first; none = the handset can show nothing of it.
pub(super) fn ways(facts: &Facts, profile: &Profile) -> Vec<Way> {
    let Detail::Picture(picture) = facts.detail else {
        return blind(facts, profile);
    };
    let mut ways = Vec::new();
    let reason = match unfit(facts, &picture, profile) {
        Some(reason) => reason,
        None => match unclean(facts.format, &picture, profile) {
            // A broken file is shown as far as it goes; taking it apart would lose it.
            Some(Why::Metadata) if facts.fault.is_some() => {
                ways.push(Way::keep(facts));
                Why::TooLarge
            }
            None => {
                ways.push(Way::keep(facts));
                Why::TooLarge
            }
            Some(reason) => {
                if matches!(facts.format, Format::Gif | Format::Jpeg | Format::Png) {
                    ways.push(Way::same(Target::Strip, reason, facts.octets));
                } else if reason == Why::Metadata {
                    ways.push(Way::keep(facts));
                }
                reason
            }
        },
    };
    // SVG is never rendered: it is a program.
    if facts.format == Format::Svg {
        return ways;
    }
    ways.extend(encodings(facts, &picture, profile, reason));
    ways
}

/// A picture whose header says nothing.
fn blind(facts: &Facts, profile: &Profile) -> Vec<Way> {
    let unknown = Picture {
        width: profile.max_still.value.width.max(1),
        height: profile.max_still.value.height.max(1),
        orientation: 1,
        colour: Colour::Rgb,
        alpha: false,
        progressive: false,
        frames: 1,
        duration_ms: 0,
        metadata: false,
        gps: false,
    };
    if types::accepts(profile, facts.format) {
        let mut ways = vec![Way::keep(facts)];
        if facts.format != Format::Svg {
            ways.extend(encodings(facts, &unknown, profile, Why::TooLarge));
        }
        ways
    } else if facts.format == Format::Svg {
        Vec::new()
    } else {
        encodings(facts, &unknown, profile, Why::TypeNotTaken)
    }
}

/// Why the picture as coded is not shown.
fn unfit(facts: &Facts, picture: &Picture, profile: &Profile) -> Option<Why> {
    let anything = types::anything(profile);
    if !types::accepts(profile, facts.format) {
        Some(Why::TypeNotTaken)
    } else if !types::within(picture.shown(), profile.max_still.value) {
        Some(Why::TooManyPixels)
    } else if facts.format == Format::Jpeg && picture.progressive && !profile.progressive_jpeg.value {
        Some(Why::Progressive)
    } else if picture.frames > 1 && facts.format == Format::Gif && !profile.animated_gif.value {
        Some(Why::Animated)
    } else if picture.colour == Colour::Cmyk && !anything {
        Some(Why::Colours)
    } else {
        None
    }
}

/// What beside the picture itself must not travel.
fn unclean(format: Format, picture: &Picture, profile: &Profile) -> Option<Why> {
    let kept = profile.keep_metadata.value;
    // A mail client turns the picture itself; and what holds its place must be opened anyway.
    let turned = picture.orientation > 1 && !(types::anything(profile) && kept);
    if picture.gps && !kept {
        Some(Why::Place)
    } else if turned && matches!(format, Format::Jpeg | Format::Png | Format::Tiff | Format::WebP) {
        Some(Why::Orientation)
    } else if picture.metadata && !kept {
        Some(Why::Metadata)
    } else {
        None
    }
}

/// The formats that it could become, and their curves.
fn encodings(facts: &Facts, picture: &Picture, profile: &Profile, why: Why) -> Vec<Way> {
    let shown = picture.shown();
    let (width, height) = fitted(shown, profile.max_still.value);
    let pixels = u64::from(width) * u64::from(height);
    let animated = picture.frames > 1 && profile.animated_gif.value;
    let base = StillTarget {
        format: Format::Jpeg,
        max_width: profile.max_still.value.width,
        max_height: profile.max_still.value.height,
        max_octets: 0,
        max_colours: 0,
        progressive: false,
        animated: false,
        keep_metadata: profile.keep_metadata.value,
        best: false,
    };
    let mut ways = Vec::new();
    for format in candidates(facts.format, picture, profile, pixels) {
        let colours = match format {
            Format::Gif => profile.colours.value.min(256),
            Format::Png => profile.colours.value,
            _ => 0,
        };
        let moves = animated && format == Format::Gif;
        let target = StillTarget { format, max_colours: colours, animated: moves, ..base };
        let mut points = if format == Format::Jpeg {
            photograph(facts, picture, pixels)
        } else {
            drawing(facts, picture, format, pixels, moves)
        };
        if animated && !moves {
            points.iter_mut().for_each(|point| point.quality /= FROZEN);
        }
        ways.push(Way::made(Target::Still(target), why, points));
    }
    ways
}

/// Formats that the handset takes, best first for this picture. A photograph becomes JPEG or, where
/// that is not taken, the next best; black and white is for black and white, or the last resort.
fn candidates(source: Format, picture: &Picture, profile: &Profile, pixels: u64) -> Vec<Format> {
    let few = matches!(picture.colour, Colour::Bilevel | Colour::Palette)
        || (picture.alpha || picture.colour == Colour::Gray) && source == Format::Png;
    let drawing = few && pixels <= DRAWING_PIXELS;
    let moves = picture.frames > 1 && profile.animated_gif.value;
    let order = if matches!(profile.colours.value, 1 | 2) {
        [Format::Wbmp, Format::Gif, Format::Png, Format::Jpeg]
    } else if moves || drawing && source == Format::Gif {
        [Format::Gif, Format::Png, Format::Jpeg, Format::Wbmp]
    } else if drawing {
        [Format::Png, Format::Gif, Format::Jpeg, Format::Wbmp]
    } else {
        [Format::Jpeg, Format::Png, Format::Gif, Format::Wbmp]
    };
    let taken = order.into_iter().filter(|format| types::accepts(profile, *format));
    let most = if drawing || moves { 3 } else { 1 };
    let mut taken: Vec<Format> = taken.take(most).collect();
    if taken.len() > 1 && taken.last() == Some(&Format::Wbmp) {
        taken.pop();
    }
    taken
}

/// What is usual for a photograph, adjusted by what its source holds per pixel.
fn photograph(facts: &Facts, picture: &Picture, pixels: u64) -> Vec<Point> {
    let stored = (u64::from(picture.width) * u64::from(picture.height)).max(1);
    let per_pixel = facts.octets.saturating_mul(800) / stored;
    // Half of the way from usual to what the source says, within a factor of two.
    let busy = if facts.format == Format::Jpeg && picture.frames == 1 {
        (per_pixel.clamp(USUAL_SOURCE / 3, USUAL_SOURCE * 3) + USUAL_SOURCE) / 2
    } else {
        USUAL_SOURCE
    };
    // Written again at its own size, it never needs more than it had, but for the better tables of
    // a progressive file.
    let most = if stored == pixels && facts.format == Format::Jpeg {
        facts.octets.saturating_add(facts.octets / 8).saturating_add(600)
    } else {
        u64::MAX
    };
    let mut points = Vec::with_capacity(USUAL.len() + 1);
    for (bits, quality) in USUAL {
        let octets = 600 + pixels.saturating_mul(bits) / 800 * busy / USUAL_SOURCE;
        if points.is_empty() && octets > THUMBNAIL.octets {
            points.push(THUMBNAIL);
        }
        if octets < most {
            points.push(Point::on_line(octets, quality));
        }
    }
    if most < u64::MAX {
        points.push(Point::on_line(most, 9_900));
    }
    points
}

/// The rungs of an analysis as a curve; `None` = it has none. Below its first rung there is still
/// the chance of a thumbnail: better than a notice.
pub(super) fn measured(ladder: &Ladder) -> Option<Vec<Point>> {
    let rungs = &ladder.rungs;
    let every = rungs.len().div_ceil(MAX_RUNGS).max(1);
    let (first, last) = (rungs.first()?, rungs.len() - 1);
    let mut points: Vec<Point> = Vec::with_capacity(MAX_RUNGS + 2);
    if first.octets > THUMBNAIL.octets {
        points.push(Point { quality: LAST_CHANCE.min(first.quality / 2), ..THUMBNAIL });
    }
    for (index, rung) in rungs.iter().enumerate() {
        let (octets, quality) = (rung.octets, rung.quality.min(WHOLE));
        let better = points.last().is_none_or(|point| octets > point.octets && quality > point.quality);
        if better && (index % every == 0 || index == last) {
            points.push(Point { smooth: index > 0, ..Point::new(octets, quality) });
        }
    }
    Some(points)
}

/// What a drawing may take losslessly, and how it falls when colours and pixels go.
fn drawing(facts: &Facts, picture: &Picture, format: Format, pixels: u64, moves: bool) -> Vec<Point> {
    let stored = (u64::from(picture.width) * u64::from(picture.height)).max(1);
    let frames = u64::from(picture.frames.max(1));
    let first = if moves { facts.octets } else { facts.octets / frames };
    let compressed = matches!(facts.format, Format::Gif | Format::Png);
    let full = match format {
        Format::Wbmp => pixels / 8 + 8,
        // A drawing that is scaled gets soft edges, hence the half more.
        _ if compressed && stored == pixels => first,
        _ if compressed => (first.saturating_mul(pixels) / stored).saturating_mul(3) / 2,
        _ => pixels.saturating_mul(if format == Format::Gif { 1 } else { 2 }),
    }
    .clamp(200, u64::MAX / 2);
    let at = |octets: u64, quality: u16| Point::on_line(octets.max(67), quality);
    // Black and white of anything but black and white is hardly the picture.
    let top = match format {
        Format::Wbmp if picture.colour != Colour::Bilevel => 2_000,
        Format::Gif if matches!(picture.colour, Colour::Rgb | Colour::Ycc { .. }) => 8_000,
        _ => WHOLE - 100,
    };
    vec![
        at(full / 16, top / 10),
        at(full / 8 + 1, top / 4),
        at(full / 4 + 2, top / 2),
        at(full / 2 + 3, top - top / 4),
        at(full + 4, top),
    ]
}

/// What shows a video that cannot be played: a picture of at most 640x480, and a line that says so.
/// Worth less than any video.
pub(super) fn poster(shown: (u32, u32), profile: &Profile, why: Why) -> Option<Way> {
    let format = [Format::Jpeg, Format::Png, Format::Gif]
        .into_iter()
        .find(|format| types::accepts(profile, *format))?;
    let most = profile.max_still.value;
    let size = Size { width: most.width.min(640), height: most.height.min(480) };
    let (width, height) = fitted(shown, size);
    let pixels = u64::from(width) * u64::from(height);
    let target = StillTarget {
        format,
        max_width: size.width,
        max_height: size.height,
        max_octets: 0,
        max_colours: if format == Format::Gif { profile.colours.value.min(256) } else { 0 },
        progressive: false,
        animated: false,
        keep_metadata: false,
        best: false,
    };
    let points = vec![
        Point { quality: 150, ..THUMBNAIL },
        Point::on_line(THUMBNAIL.octets + 1 + pixels / 16, 600),
        Point::on_line(THUMBNAIL.octets + 2 + pixels / 8, 900),
    ];
    Some(Way::made(Target::Poster(target), why, points))
}

/// Pixels of a picture in a box, never more than it has.
fn fitted((width, height): (u32, u32), most: Size) -> (u32, u32) {
    let (width, height) = (u64::from(width.max(1)), u64::from(height.max(1)));
    let (across, down) = (u64::from(most.width.max(1)), u64::from(most.height.max(1)));
    let (width, height) = if width <= across && height <= down {
        (width, height)
    } else if width * down >= height * across {
        (across, (height * across / width).max(1))
    } else {
        ((width * down / height).max(1), down)
    };
    (u32::try_from(width).unwrap_or(u32::MAX), u32::try_from(height).unwrap_or(u32::MAX))
}
