//! The laws of classes and families, the faults of their files, and documents as layers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_macros
)]
extern crate std;

use alloc::{format, string::String, vec::Vec};
use cedrat_plan::{
    format::{Format, SoundCodec, VideoCodec},
    profile::{Counts, Layer, OctetLimit, Size, Unit},
};
use cedrat_wire_mms::uaprof;
use std::{path::Path, println};

use super::octet_limit;
use crate::{Source, Tables};

fn tables() -> Tables {
    Tables::embedded().unwrap()
}

/// What an operator's file is told.
fn faults(path: &str, text: &str) -> Vec<String> {
    Tables::with_operator(&[Source { path, text }])
        .err()
        .unwrap_or_default()
        .iter()
        .map(|fault| format!("{fault}"))
        .collect()
}

#[test]
fn every_class_and_family_says_where_each_value_is_from() {
    let tables = tables();
    assert!(tables.capability_names().count() >= 16);
    for name in [
        "text",
        "image-basic",
        "image-rich",
        "video-basic",
        "video-rich",
        "megapixel",
        "content-basic",
        "content-rich",
    ] {
        assert_eq!(tables.capabilities().find(|it| it.name == name).unwrap().layer, Layer::Class);
    }
    let rich = tables.capability("video-rich").unwrap();
    assert_eq!(rich.max_octets.value.octets, 307_200);
    assert_eq!(format!("{}", rich.max_octets.origin), "class video-rich");
    assert_eq!(format!("{}", rich.types.origin), "class video-basic");
    assert_eq!(format!("{}", rich.adapt.origin), "floor");
    let phone = tables.capability("smartphone-1m").unwrap();
    assert_eq!(format!("{}", phone.max_octets.origin), "family smartphone-1m");
    assert_eq!(format!("{}", phone.progressive_jpeg.origin), "family smartphone-600k");
    assert!(tables.capability("nonsense").is_none());
    assert_eq!(tables.nearest_capability("vidio-rich").as_deref(), Some("video-rich"));
}

#[test]
fn sizes_never_shrink_along_the_ladder_of_classes() {
    let tables = tables();
    let ladder = ["text", "image-basic", "image-rich", "video-basic", "video-rich", "megapixel"];
    let octets = ladder.map(|name| tables.capability(name).unwrap().max_octets.value.binary());
    assert!(octets.is_sorted(), "{octets:?}");
    assert_eq!(octets.map(|octets| octets / 1024), [30, 30, 100, 100, 300, 600]);
}

#[test]
fn what_a_profile_lists_is_canonical_and_what_it_plays_it_takes() {
    let tables = tables();
    for it in tables.capabilities() {
        let profile = &it.profile;
        let types = &profile.types.value;
        for kind in types {
            assert_eq!(tables.media_type(kind), *kind, "{}", it.name);
        }
        let takes = |format: Format| {
            let name = format.media_type();
            types.iter().any(|kind| {
                kind == name
                    || kind == "*/*"
                    || kind.strip_suffix("/*").is_some_and(|all| name.starts_with(all))
            })
        };
        for offer in &profile.sounds.value {
            assert!(takes(offer.format), "{}: {offer}", it.name);
        }
        for offer in &profile.videos.value {
            assert!(takes(offer.format), "{}: {offer}", it.name);
            assert!(
                matches!(offer.codec, VideoCodec::H263 | VideoCodec::Mpeg4 | VideoCodec::H264),
                "{}",
                it.name
            );
            let legal = offer.codec != VideoCodec::H263 || offer.size == Size { width: 176, height: 144 };
            assert!(legal, "{}: {offer}", it.name);
        }
        assert!(takes(Format::Text), "{}", it.name);
    }
}

#[test]
fn every_alias_resolves_once_and_in_any_spelling() {
    let tables = tables();
    for row in tables.media_types() {
        for alias in &row.aliases {
            assert_eq!(tables.media_type(alias), row.canonical);
        }
        assert_eq!(tables.media_type(&row.canonical), row.canonical);
    }
    for format in Format::ALL {
        assert_eq!(tables.media_type(format.media_type()), format.media_type());
    }
    assert_eq!(tables.media_type(" Image/JPG; name=a.jpg"), "image/jpeg");
    assert_eq!(tables.media_type("X/Y"), "x/y");
    for (alias, canonical) in [
        ("audio/mp3", "audio/mpeg"),
        ("audio/mid", "audio/midi"),
        ("video/3gp", "video/3gpp"),
        ("image/wbmp", "image/vnd.wap.wbmp"),
        ("audio/x-amr", "audio/amr"),
    ] {
        assert_eq!(tables.media_type(alias), canonical);
    }
}

#[test]
fn an_octet_limit_says_what_it_counts() {
    let limit = |octets, unit, counts| Some(OctetLimit { octets, unit, counts });
    assert_eq!(octet_limit("300 KiB"), limit(307_200, Unit::Binary, Counts::PartsAndHeaders));
    assert_eq!(octet_limit("600 kB base64"), limit(600_000, Unit::Base64, Counts::PartsAndHeaders));
    assert_eq!(octet_limit("1 MiB whole-message base64"), limit(1 << 20, Unit::Base64, Counts::WholeMessage));
    for text in
        ["", "300", "300 kb", "0 kB", "1 MiB gross", "99999999999999999999 kB", "18446744073709551615 MiB"]
    {
        assert_eq!(octet_limit(text), None, "{text}");
    }
}

#[test]
fn faults_of_an_operators_files_are_told_at_once_with_their_places() {
    let text = "evidence = \"e\"\nbase = \"video-ritch\"\nmax_octets = \"300\"\nmax_still = \"640*480\"\n\
                types = [\"Image/JPEG\", \"image/gif\"]\nsounds = [{ format = \"amr\", codec = \"armr\" }]\n\
                videos = [{ format = \"3gp\", codec = \"h263\" }]\nmax_ocets = 1\nunverified = [\"smil\"]\nvcard = \"5\"\n";
    let told = faults("own/profiles/mine.toml", text);
    for expected in [
        "own/profiles/mine.toml:2:8: there is no `video-ritch` to be laid over (did you mean `video-rich`?)",
        "own/profiles/mine.toml:3:14: `300` is no value of `max_octets` (such as `300 KiB`, `600 kB base64` or `1 MiB binary whole-message`)",
        "own/profiles/mine.toml:4:13: `640*480` is no value of `max_still` (such as `640x480`)",
        "own/profiles/mine.toml:5:10: `Image/JPEG` is not a media type in lower case",
        "own/profiles/mine.toml:6:37: `armr` is no codec here (such as `amr`, `amr-wb`, `aac`, `mp3`, `h263`, `mpeg4`, `h264`)",
        "own/profiles/mine.toml:8:1: `max_ocets` is not a key of this table (did you mean `max_octets`?)",
        "own/profiles/mine.toml:9:15: what is unverified needs a `note` that says so",
    ] {
        assert!(told.iter().any(|fault| fault == expected), "{expected}\nin {told:#?}");
    }
    assert!(
        told.iter().any(|fault| fault.contains(":7:") && fault.contains("`sound` is missing")),
        "{told:#?}"
    );
    assert!(told.iter().any(|fault| fault.contains(":10:9: `5` is no version of `vcard`")), "{told:#?}");
    assert!(faults("own/profiles/mine.toml", "base = \"text\"\n")[0].contains("`evidence` is missing"));
}

#[test]
fn the_laws_of_classes_and_aliases_hold_for_an_operators_files_too() {
    let shrunk = "spec = \"s\"\n[[class]]\nname = \"megapixel\"\nbase = \"video-rich\"\nmax_octets = \"200 KiB\"\n\
                  types = [\"text/plain\"]\n";
    let told = faults("own/content/classes.toml", shrunk);
    assert!(
        told.iter()
            .any(|fault| fault.contains("`max_octets` of `megapixel` is less than that of `video-rich`"))
    );
    assert!(told.iter().any(|fault| fault.contains("`types` of `megapixel` is less")), "{told:#?}");
    let circle =
        "spec = \"s\"\n[[class]]\nname = \"a\"\nbase = \"b\"\n[[class]]\nname = \"b\"\nbase = \"a\"\n";
    assert!(
        faults("own/content/classes.toml", circle).iter().any(|fault| fault.contains("laid over itself"))
    );
    let clash = "evidence = \"e\"\nbase = \"text\"\n";
    assert!(faults("own/profiles/video-rich.toml", clash)[0].contains("of a class and of a family"));
    let alias = |rows: &str| faults("own/content/types.toml", &format!("spec = \"s\"\n{rows}"));
    let row = |canonical: &str, alias: &str| {
        format!("[[type]]\ncanonical = \"{canonical}\"\naliases = [\"{alias}\"]\n")
    };
    assert!(
        alias(&row("image/x", "image/jpg"))
            .iter()
            .any(|fault| fault.contains("already an alias of `image/jpeg`"))
    );
    assert!(
        alias(&row("image/x", "image/jpeg"))
            .iter()
            .any(|fault| fault.contains("is what this program writes"))
    );
    assert!(alias(&row("image/jpg", "image/y")).iter().any(|fault| fault.contains("no canonical name")));
    assert!(alias(&row("image/x", "image/x")).iter().any(|fault| fault.contains("stands here twice")));
    assert!(alias(&row("image/x", "jpeg")).iter().any(|fault| fault.contains("is not a media type")));
    assert!(alias(&row("image/jpeg", "image/jfif")).is_empty(), "a row of the operator replaces ours");
    assert!(faults("own/content/typos.toml", "")[0].contains("is not a table of `content`"));
}

fn document(properties: &str) -> uaprof::Document {
    let text = format!(
        "<rdf:RDF><rdf:Description><c:component><rdf:Description>{properties}</rdf:Description></c:component></rdf:Description></rdf:RDF>"
    );
    uaprof::read(text.as_bytes(), &uaprof::Limits::default()).unwrap()
}

fn bag(name: &str, values: &[&str]) -> String {
    let items: String = values.iter().map(|value| format!("<rdf:li>{value}</rdf:li>")).collect();
    format!("<m:{name}><rdf:Bag>{items}</rdf:Bag></m:{name}>")
}

#[test]
fn a_document_becomes_a_layer_and_says_nothing_that_it_does_not_say() {
    let tables = tables();
    let nothing = tables.uaprof(&document("<p:Vendor>x</p:Vendor>"));
    assert_eq!(nothing, Default::default());
    let properties = [
        "<m:MmsMaxMessageSize>307200</m:MmsMaxMessageSize><m:MmsMaxImageResolution>2048*1536</m:MmsMaxImageResolution>",
        "<p:ScreenSize>240x320</p:ScreenSize><p:BitsPerPixel>16</p:BitsPerPixel>",
        "<m:MmsSuppressContentAdaptation>Yes</m:MmsSuppressContentAdaptation>",
        &bag("MmsCcppAccept", &["image/jpg", "image/JPEG", "audio/x-amr", "audio/mp3", "video/3gp", "application/vnd.wap.multipart.mixed", "junk"]),
        &bag("MmsCcppAccept-Charset", &["US-ASCII", "UTF-8", "ISO-8859-1"]),
    ]
    .concat();
    let said = tables.uaprof(&document(&properties));
    assert_eq!(said.max_octets.unwrap().octets, 307_200);
    assert_eq!(said.max_octets.unwrap().unit, Unit::Binary);
    assert_eq!(said.max_still, Some(Size { width: 2048, height: 1536 }));
    assert_eq!(said.screen, Some(Size { width: 240, height: 320 }));
    assert_eq!(said.colours, Some(65_536));
    assert_eq!(said.adapt, Some(false));
    assert_eq!(said.smil, Some(false));
    assert_eq!(said.types.unwrap(), ["image/jpeg", "audio/amr", "audio/mpeg", "video/3gpp", "text/plain"]);
    assert_eq!(said.charsets.unwrap(), ["utf-8", "us-ascii", "iso-8859-1"]);
    let codecs: Vec<_> = said.sounds.unwrap().iter().map(|offer| offer.codec).collect();
    assert_eq!(codecs, [SoundCodec::Mp3, SoundCodec::Amr]);
    let video = said.videos.unwrap();
    assert_eq!((video.len(), video[0].codec, video[0].format), (1, VideoCodec::H263, Format::ThreeGp));
}

#[test]
fn a_size_that_no_handset_can_mean_becomes_one_that_it_can() {
    let tables = tables();
    let size = |text: &str| {
        let document = document(&format!("<m:MmsMaxMessageSize>{text}</m:MmsMaxMessageSize>"));
        tables.uaprof(&document).max_octets.map(|limit| limit.octets)
    };
    assert_eq!(size("1"), Some(30 * 1024), "a typing error is the floor");
    assert_eq!(size("300K"), Some(300 * 1024));
    assert_eq!(size("1MBout-2MBin"), Some(1 << 20));
    assert_eq!(size("50000"), Some(50_000));
    assert_eq!(size("99999999999"), None);
    assert_eq!(size("99999999999999999999999"), None);
    assert_eq!(size("unlimited"), None);
    let class = document(&bag("MmsContentClass", &["TX", "IB", "MP", "IR", "VB", "VR"]));
    let said = tables.uaprof(&class);
    assert_eq!(said.max_octets.unwrap().octets, 600 * 1024, "the largest class stated");
    assert_eq!(said.max_still, Some(Size { width: 1600, height: 1200 }));
}

#[test]
fn every_published_document_gives_a_profile_that_can_be_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/uaprof");
    if !root.is_dir() {
        println!("skipped: {} is not there", root.display());
        return;
    }
    let tables = tables();
    let (mut seen, mut sized) = (0, 0);
    for folder in ["profiles", "malformed"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let octets = std::fs::read(&path).unwrap();
            let document = uaprof::read(&octets, &uaprof::Limits::default()).unwrap();
            let said = tables.uaprof(&document);
            seen += 1;
            sized += usize::from(said.max_octets.is_some());
            if let Some(limit) = said.max_octets {
                assert!((10_000..=8 << 20).contains(&limit.octets), "{}: {limit}", path.display());
            }
            for kind in said.types.iter().flatten() {
                assert_eq!(tables.media_type(kind), *kind, "{}", path.display());
            }
            assert!(said.sounds.is_none_or(|offers| !offers.is_empty()), "{}", path.display());
        }
    }
    println!("{seen} documents, {sized} with a message size");
    assert!(sized * 10 >= seen * 9, "{sized} of {seen}");
}
