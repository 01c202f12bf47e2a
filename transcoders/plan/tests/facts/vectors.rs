//! Real files, when they are present: the type of each is known, and other programs judge the numbers.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use cedrat_plan::{
    facts::{Detail, Facts, Sound},
    format::Format,
    job::FaultKind,
};

use crate::read;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/media")
}

/// Name, octets, and what `file` says about each; nothing when the vectors are not there.
pub(crate) fn files() -> Vec<(String, Vec<u8>, String)> {
    let Ok(index) = std::fs::read_to_string(folder().join("media-index.tsv")) else {
        println!("skipped: no vectors at {}", folder().display());
        return Vec::new();
    };
    let lines = index.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    lines
        .map(|line| (line[0].to_owned(), std::fs::read(folder().join(line[0])).unwrap(), line[2].to_owned()))
        .collect()
}

/// The format that a description of `file` means; the longer phrases first.
fn described(name: &str, description: &str) -> Format {
    let phrases = [
        ("MPEG ADTS, AAC", Format::Aac),
        ("layer III", Format::Mp3),
        ("PNG image", Format::Png),
        ("HEIF Image", Format::Heic),
        ("AVIF Image", Format::Avif),
        ("QuickTime", Format::Mov),
        ("3GPP2", Format::ThreeG2),
        ("3GPP", Format::ThreeGp),
        (".M4A", Format::Mp4Sound),
        ("ISO Media", Format::Mp4),
        ("Adaptive Multi-Rate", Format::Amr),
        ("PC bitmap", Format::Bmp),
        ("GIF image", Format::Gif),
        ("calendar", Format::ICalendar),
        ("JPEG 2000", Format::Unknown),
        ("JPEG image", Format::Jpeg),
        ("MIDI", Format::Midi),
        ("Ogg data", Format::Ogg),
        ("WAVE audio", Format::Wav),
        ("Web/P", Format::WebP),
        ("RIFF", Format::Qcp),
        ("vCard", Format::VCard),
        ("TIFF image", Format::Tiff),
        ("Scalable Vector", Format::Svg),
        ("EBML", Format::WebM),
    ];
    match name {
        // `file` does not tell the two kinds of AMR apart, nor look at tracks.
        "tika/testAMR-WB.amr" => Format::AmrWb,
        "small/mp4-with-audio.mp4" => Format::Mp4Sound,
        _ => phrases.iter().find(|(phrase, _)| description.contains(phrase)).unwrap().1,
    }
}

#[test]
fn every_file_is_what_it_is() {
    for (name, octets, description) in files() {
        assert_eq!(read(&octets).format, described(&name, &description), "{name}: {description}");
    }
}

#[test]
fn only_files_that_are_broken_have_a_fault() {
    let broken = [
        "file-type/fixture-corrupt.png",
        "file-type/fixture-isom.mp4",
        "file-type/fixture-moov.mov",
        "file-type/fixture.3g2",
        "tika/testMP4_truncated.m4a",
        "small/Mpeg4.mp4",
        "small/gif.gif",
        "small/png-truncated.png",
        "small/wav.wav",
    ];
    for (name, octets, _) in files() {
        let fault = read(&octets).fault.map(|fault| fault.kind);
        let expected = broken.contains(&name.as_str()).then_some(FaultKind::Damaged);
        assert_eq!(fault, expected, "{name}");
    }
}

#[test]
fn places_and_hidden_clips_are_found() {
    for (name, octets, _) in files() {
        let Detail::Picture(picture) = read(&octets).detail else { continue };
        let placed = ["tika/testJPEG_GEO.jpg", "tika/testHEIC_livePhoto.heic"];
        assert_eq!(picture.gps, placed.contains(&name.as_str()), "{name}");
        if name.contains("MotionPhoto") || name.contains("MicroVideo") {
            assert!(picture.metadata, "{name}");
        }
    }
}

/// Output of a program, `None` when it is not installed: at home that is said, in CI it is a failure.
fn judge(program: &str, arguments: &[&str], path: &Path) -> Option<String> {
    match Command::new(program).args(arguments).arg(path).output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{program}: {error}");
            println!("skipped: {program} is not installed");
            None
        }
    }
}

#[test]
fn imagemagick_sees_the_same_pictures() {
    let names = [
        "file-type/fixture.jpg",
        "file-type/fixture.png",
        "file-type/fixture.gif",
        "file-type/fixture.bmp",
        "file-type/fixture.webp",
        "file-type/fixture-little-endian.tif",
        "tika/testJPEG_EXIF.jpg",
        "tika/testJPEG_oddTagComponent.jpg",
        "tika/testGIF.gif",
    ];
    for (name, octets, _) in files().into_iter().filter(|(name, ..)| names.contains(&name.as_str())) {
        let Detail::Picture(picture) = read(&octets).detail else { panic!("{name}") };
        let arguments = ["-format", "%w %h\n"];
        let Some(seen) = judge("identify", &arguments, &folder().join(&name)) else { return };
        assert_eq!(seen.lines().next().unwrap(), format!("{} {}", picture.width, picture.height), "{name}");
    }
}

/// Values that `ffprobe` prints for a key.
fn values<'a>(seen: &'a str, key: &str) -> Vec<&'a str> {
    let fields = seen.split(['\n', '|']);
    fields
        .filter_map(|field| field.strip_prefix(key)?.strip_prefix('='))
        .filter(|value| *value != "N/A")
        .collect()
}

fn sound(facts: &Facts) -> Option<Sound> {
    match &facts.detail {
        Detail::Sound(sound) => Some(*sound),
        Detail::Video(video) => video.sound,
        _ => None,
    }
}

#[test]
fn ffprobe_sees_the_same_clips() {
    // Where it only estimates (AMR, ADTS, QCP) there is nothing to compare.
    let names = [
        "file-type/fixture-imovie.mp4",
        "file-type/fixture.3gp",
        "file-type/fixture2.3gp",
        "file-type/fixture.m4a",
        "file-type/fixture.m4v",
        "file-type/fixture.mp3",
        "file-type/fixture.ogg",
        "file-type/fixture.opus",
        "file-type/fixture.wav",
        "tika/testAMR-WB.amr",
        "tika/testMP4Video.mp4",
        "small/webm.webm",
        "small/mp4-with-audio.mp4",
    ];
    let entries = "format=duration:stream=width,height,sample_rate,channels";
    let arguments = ["-v", "error", "-show_entries", entries, "-of", "compact"];
    for (name, octets, _) in files().into_iter().filter(|(name, ..)| names.contains(&name.as_str())) {
        let Some(seen) = judge("ffprobe", &arguments, &folder().join(&name)) else { return };
        let facts = read(&octets);
        let (size, duration_ms) = match &facts.detail {
            Detail::Video(video) => {
                (vec![video.width.to_string(), video.height.to_string()], video.duration_ms)
            }
            Detail::Sound(sound) => (Vec::new(), sound.duration_ms),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!([values(&seen, "width"), values(&seen, "height")].concat(), size, "{name}");
        if let Some(sound) = sound(&facts) {
            assert_eq!(values(&seen, "sample_rate"), [sound.rate.to_string()], "{name}");
            assert_eq!(values(&seen, "channels"), [sound.channels.to_string()], "{name}");
        }
        // Edit lists take off up to a frame or two.
        let seconds: f64 = values(&seen, "duration").last().unwrap().parse().unwrap();
        let difference = (seconds * 1000.0 - duration_ms as f64).abs();
        assert!(difference < 50.0, "{name}: {seconds} s, {duration_ms} ms");
    }
}
