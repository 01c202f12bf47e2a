//! A UAProf document as a layer of a profile (OMA-UAProf 2.0, `MmsCharacteristics`; where it is
//! silent, `HardwarePlatform` and `SoftwarePlatform`).
//!
//! Only what the document says: nothing is guessed for what it leaves out. A number that no handset
//! can mean is brought to the least that every handset takes.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use cedrat_plan::{
    format::{Format, SoundCodec, VideoCodec},
    profile::{Counts, OctetLimit, Partial, Size, SoundOffer, Unit, VideoOffer},
};
use cedrat_wire_mms::uaprof::Document;

use crate::tables::{Tables, media_types::is_media_type};

/// Below it a message size is a typing error: the smallest limit of any real handset is 30 kB.
const LEAST_OCTETS: u64 = 10_000;
/// Above it a message size is no limit.
const MOST_OCTETS: u64 = 100 << 20;
/// Shortest side of a picture that a handset can mean.
const LEAST_SIDE: u32 = 16;
/// Most types that are taken.
const MOST_TYPES: usize = 200;
/// `MmsContentClass` and the class it means, from the largest to the smallest.
const CLASSES: [(&str, &str); 8] = [
    ("CR", "content-rich"),
    ("MP", "megapixel"),
    ("CB", "content-basic"),
    ("VR", "video-rich"),
    ("VB", "video-basic"),
    ("IR", "image-rich"),
    ("IB", "image-basic"),
    ("TX", "text"),
];

impl Tables {
    /// What a document says of the handset, as the layer [`cedrat_plan::profile::Layer::Uaprof`].
    /// Sizes are binary octets, as on MM1.
    #[must_use]
    pub fn uaprof(&self, document: &Document) -> Partial {
        let class = CLASSES.iter().find(|(short, _)| {
            document.values("MmsContentClass").iter().any(|said| said.eq_ignore_ascii_case(short))
        });
        let class = class.and_then(|(_, name)| self.capability(name));
        let max_octets = document
            .value("MmsMaxMessageSize")
            .and_then(|text| self.message_size(text))
            .or_else(|| class.map(|class| class.max_octets.value));
        let max_still = document
            .value("MmsMaxImageResolution")
            .and_then(size)
            .or_else(|| class.map(|class| class.max_still.value));
        let screen = document.value("ScreenSize").and_then(size);
        let types = self.accepted(document);
        Partial {
            max_octets,
            max_still,
            screen,
            colours: colours(document),
            charsets: charsets(document),
            sounds: types.as_deref().map(sounds),
            videos: types.as_deref().map(|types| videos(types, screen, max_octets)),
            smil: types.as_deref().map(|types| {
                types.iter().any(|kind| kind == "application/smil" || kind == "*/*")
                    || document.property("MmsSmilBaseSet").is_some()
            }),
            adapt: document
                .value("MmsSuppressContentAdaptation")
                .or_else(|| document.value("MmsSuppressedContentAdaptation"))
                .filter(|said| said.eq_ignore_ascii_case("yes"))
                .map(|_| false),
            types,
            ..Partial::default()
        }
    }

    /// `307200`, and with it `300K`, `1MBout-2MBin`; what is too small to be meant is the floor's.
    fn message_size(&self, text: &str) -> Option<OctetLimit> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at_checked(end)?;
        let scale = match unit.trim_start().bytes().next().map(|unit| unit.to_ascii_lowercase()) {
            Some(b'k') => 1 << 10,
            Some(b'm') => 1 << 20,
            _ => 1,
        };
        let octets = digits.parse::<u64>().ok()?.checked_mul(scale)?;
        let limit = |octets| OctetLimit { octets, unit: Unit::Binary, counts: Counts::PartsAndHeaders };
        match octets {
            0..LEAST_OCTETS => Some(self.floor().max_octets.value),
            LEAST_OCTETS..=MOST_OCTETS => Some(limit(octets)),
            _ => None,
        }
    }

    /// The media types, canonical, in the order of the document; `text/plain` always, because every
    /// client reads it. Wrappers of WAP say nothing about content.
    fn accepted(&self, document: &Document) -> Option<Vec<String>> {
        let said = [document.values("MmsCcppAccept"), document.values("CcppAccept")]
            .into_iter()
            .find(|values| !values.is_empty())?;
        let mut types: Vec<String> = Vec::new();
        for value in said.iter().take(MOST_TYPES) {
            let name = self.media_type(value);
            let wildcard = name.strip_suffix("/*").is_some_and(|kind| kind != "application");
            if (is_media_type(&name) || wildcard)
                && !name.starts_with("application/vnd.wap.m")
                && !name.starts_with("multipart/")
                && !types.iter().any(|known| *known == name)
            {
                types.push(name.into_owned());
            }
        }
        if !types.iter().any(|kind| kind == "text/plain") {
            types.push("text/plain".to_owned());
        }
        Some(types)
    }
}

/// `640x480`, also with `X`, `*` or `×` and with blanks.
fn size(text: &str) -> Option<Size> {
    let (width, height) = text.split_once(['x', 'X', '*', '\u{d7}'])?;
    let side = |text: &str| text.trim().parse().ok().filter(|side| (LEAST_SIDE..=65_535).contains(side));
    Some(Size { width: side(width)?, height: side(height)? })
}

fn colours(document: &Document) -> Option<u32> {
    let bits: u32 = document.value("BitsPerPixel")?.parse().ok().filter(|bits| (1..=64).contains(bits))?;
    Some(1 << bits.min(24))
}

/// IANA names in lower case, UTF-8 first: it carries everything.
fn charsets(document: &Document) -> Option<Vec<String>> {
    let said = [document.values("MmsCcppAcceptCharSet"), document.values("CcppAcceptCharSet")]
        .into_iter()
        .find(|values| !values.is_empty())?;
    let mut charsets: Vec<String> = Vec::new();
    for value in said {
        let name = value.trim().to_ascii_lowercase();
        let name = match name.as_str() {
            "utf8" => "utf-8".to_owned(),
            "ascii" | "usascii" => "us-ascii".to_owned(),
            _ => name,
        };
        let legal = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b'*');
        if legal && !charsets.contains(&name) {
            charsets.push(name);
        }
    }
    charsets.sort_by_key(|name| name != "utf-8");
    (!charsets.is_empty()).then_some(charsets)
}

fn takes(types: &[String], name: &str) -> bool {
    let kind = name.split('/').next().unwrap_or_default();
    types.iter().any(|known| {
        known == name || known == "*/*" || known.strip_suffix("/*").is_some_and(|wild| wild == kind)
    })
}

/// Sound, the richest first; AMR alone is what a list without any of these still means, because no
/// MMS client is without it (TS 26.140 §4.2).
fn sounds(types: &[String]) -> Vec<SoundOffer> {
    let offer = |format, codec, max_rate, max_channels| SoundOffer { format, codec, max_rate, max_channels };
    let offers = [
        ("audio/mp4", offer(Format::Mp4Sound, SoundCodec::Aac, 48_000, 2)),
        ("audio/aac", offer(Format::Aac, SoundCodec::Aac, 48_000, 2)),
        ("audio/mpeg", offer(Format::Mp3, SoundCodec::Mp3, 48_000, 2)),
        ("audio/amr-wb", offer(Format::AmrWb, SoundCodec::AmrWb, 16_000, 1)),
        ("audio/amr", offer(Format::Amr, SoundCodec::Amr, 8_000, 1)),
        ("audio/3gpp", offer(Format::ThreeGpSound, SoundCodec::Amr, 8_000, 1)),
    ];
    let mut taken: Vec<_> =
        offers.iter().filter(|(name, _)| takes(types, name)).map(|(_, offer)| *offer).collect();
    if taken.is_empty() {
        taken.push(offer(Format::Amr, SoundCodec::Amr, 8_000, 1));
    }
    taken
}

/// Video, the richest first. A document names containers but no picture size, so that is taken from
/// screen and message size: a handset of the QCIF days has a small screen and takes 300 kB.
fn videos(types: &[String], screen: Option<Size>, octets: Option<OctetLimit>) -> Vec<VideoOffer> {
    let longer = screen.map_or(0, |screen| screen.width.max(screen.height));
    let roomy = octets.is_some_and(|limit| limit.octets >= 500_000);
    let offer = |format, codec, sound, level, (width, height), fps: u32| VideoOffer {
        format,
        codec,
        sound,
        level,
        size: Size { width, height },
        max_millihertz: fps * 1000,
        max_bit_rate: 0,
    };
    let mp4 = takes(types, "video/mp4");
    let three_gp = takes(types, "video/3gpp");
    let h264 = takes(types, "video/h264");
    let mut offers = Vec::new();
    if mp4 && (h264 || longer >= 480) {
        let (level, size) = if longer >= 480 && roomy { (30, (640, 480)) } else { (13, (320, 240)) };
        offers.push(offer(Format::Mp4, VideoCodec::H264, SoundCodec::Aac, level, size, 30));
    }
    if mp4 && longer >= 320 {
        offers.push(offer(Format::Mp4, VideoCodec::Mpeg4, SoundCodec::Aac, 0, (320, 240), 15));
    }
    if three_gp {
        offers.push(offer(Format::ThreeGp, VideoCodec::H263, SoundCodec::Amr, 0, (176, 144), 15));
    }
    if takes(types, "video/3gpp2") {
        offers.push(offer(Format::ThreeG2, VideoCodec::Mpeg4, SoundCodec::Aac, 0, (176, 144), 15));
    }
    offers
}
