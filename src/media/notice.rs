//! What people are told: a line in the message for what is left out, a sentence in the loss
//! report for what was changed.

use cedrat_plan::{
    facts::{Detail, Facts},
    job::{Fault, Made, Note},
    plan::Why,
};

/// The line that stands for a part in the message: name, type, size, reason.
pub fn line(name: &str, facts: &Facts, why: Why) -> String {
    format!("[{name} ({}, {}) is left out: {why}]", facts.format.media_type(), size(facts.octets))
}

/// For the loss report: what was left out and why it could not be converted.
pub fn left_out(facts: &Facts, why: Why, fault: Option<&Fault>) -> String {
    let fault = fault.map(|fault| format!("; conversion: {}", fault.detail)).unwrap_or_default();
    format!("{} is left out, a notice stands for it: {why}{fault}.", described(facts))
}

/// For the loss report: what became of a part.
pub fn changed(from: &Facts, made: &Made, why: Why) -> String {
    let notes: String = made.notes.iter().map(|note| format!(" {}", note_sentence(note))).collect();
    format!("{} became {}: {why}.{notes}", described(from), described(&made.facts))
}

/// A sentence for what a conversion did beside its purpose.
pub fn note_sentence(note: &Note) -> String {
    match note {
        Note::Cut { kept_ms, of_ms } => {
            format!("Only the first {} of {} are left.", seconds(*kept_ms), seconds(*of_ms))
        }
        Note::FirstFrame => "Only the first picture of the animation is left.".to_owned(),
        Note::FramesDropped { kept, of } => format!("{kept} of {of} pictures of the animation are left."),
        Note::Damaged => "The file was damaged; what could be read is there.".to_owned(),
        Note::SoundDropped => "The sound could not be kept.".to_owned(),
    }
}

/// `image/jpeg 640x480, 84 kB`.
pub fn described(facts: &Facts) -> String {
    let detail = match &facts.detail {
        Detail::Picture(picture) => {
            let (width, height) = picture.shown();
            format!(" {width}x{height}")
        }
        Detail::Sound(sound) if sound.duration_ms > 0 => format!(" {}", seconds(sound.duration_ms)),
        Detail::Video(video) => {
            let (width, height) = video.shown();
            format!(" {width}x{height} {}", seconds(video.duration_ms))
        }
        Detail::Sound(_) | Detail::Text(_) | Detail::None => String::new(),
    };
    format!("{}{detail}, {}", facts.format.media_type(), size(facts.octets))
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// `812 B`, `84 kB`, `3.4 MB`; kB of 1024 octets, as limits are.
fn size(octets: u64) -> String {
    match octets {
        0..1024 => format!("{octets} B"),
        1024..1_048_576 => format!("{} kB", octets.div_ceil(1024)),
        _ => format!("{}.{} MB", octets >> 20, ((octets & 0xF_FFFF) * 10) >> 20),
    }
}
