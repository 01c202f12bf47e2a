//! The process that opens one encrypted message: content key and plaintext are in its memory and
//! nowhere else, and end with it.
//!
//! It is this program started anew for each granted session (`cedrat open`, which nobody else has
//! a use for): it reads the content key, a [`Job`] and the encrypted part of a mail from its standard input, verifies the
//! content before it decrypts it (RFC 5083; docs/key-handoff.md), has its media converted by workers
//! of its own, encrypts the result to the recipient again and writes it to its standard output. It
//! has no listener, no store and no log.

mod cms;
mod convert;
mod frame;
mod job;
mod openpgp;
mod shut;
mod sign;
mod signature;

use std::{
    io::{Read, Write},
    time::Duration,
};

use bytes::Bytes;
use cedrat_keyring::{Cek, wire::Format};
use cedrat_mapping::{
    Interface, Loss, Tables,
    mail::{MailReading, MailWriting},
};
use cedrat_message::{Address, PartKind, Timestamp};
use cedrat_mime::Headers;
use cedrat_plan::profile::{Profile, Unit};
use zeroize::Zeroizing;

pub use frame::{header, length};
pub use job::{Job, Policy, Said, Within, WorkerSettings};
pub use sign::Signatory;

use crate::{
    events::Events,
    media::Media,
    workers::{self, Workers},
};

/// Times that the content is made fit; what does not fit then goes as it is.
const ATTEMPTS: u32 = 3;
/// Headers of the mail and of the encryption, to begin with; the first measure corrects it.
const FRAME: u64 = 4_000;

/// Octets that are read, or given to a cipher, at once.
const PIECE: usize = 64 << 10;

/// Does one job. The exit code says nothing: what was said on standard output counts.
///
/// # Errors
/// When the gateway is gone.
pub fn run() -> std::io::Result<()> {
    shut::shut();
    let mut input = std::io::stdin();
    let mut output = std::io::stdout().lock();
    let key = key(&mut input)?;
    let job: Job = frame::read(&mut input)?;
    let outer = header_of(&mut input, &job.within)?;
    let sealed = match job.format {
        Format::Openpgp => Sealed::Openpgp(openpgp::Sealed::read(&mut input, &job.within)?),
        Format::CmsAuthEnveloped | Format::CmsEnveloped => {
            Sealed::Cms(Box::new(cms::Sealed::read(&mut input, &job.within)?))
        }
    };
    let (said, octets) = work(key, &job, outer, sealed, &mut output)?;
    frame::write(&mut output, &said)?;
    output.write_all(&octets)?;
    output.flush()
}

/// The content key: its length and then its octets, before everything else and in no frame, so that
/// no reader of frames has held it.
fn key(input: &mut impl std::io::Read) -> std::io::Result<Cek> {
    let mut length = [0; 1];
    input.read_exact(&mut length)?;
    let mut octets = Zeroizing::new([0; 32]);
    let octets = octets
        .get_mut(..usize::from(length[0]))
        .ok_or_else(|| std::io::Error::other("no content key is that long"))?;
    input.read_exact(octets)?;
    Cek::new(octets).ok_or_else(|| std::io::Error::other("no content key is that long"))
}

/// Gives so many octets of the input to `take`, a piece at a time.
fn in_pieces(input: &mut impl Read, octets: u64, mut take: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut piece = Vec::with_capacity(PIECE);
    let mut left = octets;
    while left > 0 {
        piece.clear();
        let read = input.take(left.min(PIECE as u64)).read_to_end(&mut piece)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        left -= read as u64;
        take(&piece);
    }
    Ok(())
}

/// The encrypted part of a mail.
enum Sealed {
    Cms(Box<cms::Sealed>),
    Openpgp(openpgp::Sealed),
}

/// The last word of a job, and the octets that follow it.
type Last = (Said, Bytes);

fn last(said: Said) -> Last {
    (said, Bytes::new())
}

fn failed(why: impl Into<String>) -> Last {
    last(Said::Failed { why: why.into() })
}

/// The header of the mail.
fn header_of(input: &mut impl std::io::Read, within: &Within) -> std::io::Result<Headers> {
    let mut head = Vec::new();
    input.take(within.head).read_to_end(&mut head)?;
    // It was read once already.
    let read = Headers::parse(&head.into(), &cedrat_mime::Limits::default());
    Ok(read.map(|(headers, _)| headers).unwrap_or_default())
}

fn work(
    key: Cek,
    job: &Job,
    outer: Headers,
    sealed: Sealed,
    output: &mut impl Write,
) -> std::io::Result<Last> {
    let decrypted = match sealed {
        Sealed::Cms(sealed) => {
            let decrypted = sealed.decrypt(&key, &job.sha256);
            decrypted.map(|(entity, proven)| Opened { outer, entity, proven, signed: false })
        }
        Sealed::Openpgp(sealed) => {
            let decrypted = sealed.decrypt(&key, &job.sha256);
            decrypted.map(|(entity, signed)| Opened { outer, entity, proven: true, signed })
        }
    };
    let opened = match decrypted {
        Ok(opened) => opened,
        Err(said) => return Ok(last(said)),
    };
    drop(key);
    frame::write(output, &Said::Verified)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(convert(job, opened)))
}

/// A message that was decrypted.
struct Opened {
    /// The header of the mail.
    outer: Headers,
    /// The MIME entity that was encrypted.
    entity: Zeroizing<Vec<u8>>,
    /// Whether it is proved to be what the sender encrypted.
    proven: bool,
    /// Whether a signature stood around it that is gone, and was not judged.
    signed: bool,
}

async fn convert(job: &Job, opened: Opened) -> Last {
    let unproven = !opened.proven && !job.policy.trust_cbc;
    let Opened { outer, entity, signed, .. } = opened;
    // Wiped when its last piece is gone.
    let unsigned = match signature::unsigned(Bytes::from_owner(entity), signed, &outer, job, unproven) {
        Ok(unsigned) => unsigned,
        Err(why) => return failed(why),
    };
    let signature::Unsigned { content, finding, original, sign } = unsigned;
    let tables = match tables(job) {
        Ok(tables) => tables,
        Err(why) => return failed(why),
    };
    let Ok(recipient) = Address::parse(&job.recipient) else { return failed("the recipient has no address") };
    let mut reading = MailReading::new(Vec::new(), format!("{}@{}", job.id, job.host));
    reading.refuse_sensitivity = false;
    let mut message = match convert::read(&content, &tables, &outer, recipient, &reading, Timestamp(job.now))
    {
        Ok(message) => message,
        Err(refusal) => return failed(refusal.detail.for_operator()),
    };
    if unproven {
        message.content.parts.retain(|part| part.kind != PartKind::Alternative);
    }
    if let Some(finding) = &finding {
        finding.tell(&mut message);
    }
    // Its parts are what is needed from here on.
    drop(content);
    // The gateway has looked at what the kernel gives them. A program that this message does not need would
    // only take memory.
    let workers = Workers::on_demand(settings(&job.workers), Events::new(None, false, None));
    let media = Media::new(workers, None);
    let writing = MailWriting::new(&job.host, &job.number_domain, &job.id);
    let mut profile = job.profile.clone();
    profile.max_octets.value.octets = profile.max_octets.value.octets / 4 * 3;
    let wish =
        convert::Wish { media: &media, profile: &profile, may: &job.policy.may, unproven, writing: &writing };
    let mut frame_octets = FRAME.saturating_add(original.as_ref().map_or(0, |it| it.len() as u64));
    let mut attempt = 1;
    loop {
        let mut loss = Loss::outbound(Interface::Mail);
        let made = match convert::make(&message, &wish, frame_octets, &mut loss).await {
            Ok(made) => made,
            Err(refusal) => return failed(refusal.detail.for_operator()),
        };
        let made = match signature::finish(made, &finding, original.as_ref(), sign, &outer, job) {
            Ok(made) => Zeroizing::new(made),
            Err(why) => return failed(why),
        };
        let mail = match cms::close(&outer, &made, job) {
            Ok(mail) => mail,
            Err(why) => return failed(why),
        };
        let over = over(&job.profile, mail.len() as u64);
        if over == 0 || attempt == ATTEMPTS {
            let changes = loss.entries.iter().map(|entry| entry.note.clone()).collect();
            let signature = finding.as_ref().and_then(signature::Finding::overall);
            return (Said::Done { octets: mail.len() as u64, changes, signature }, mail.into());
        }
        attempt += 1;
        frame_octets = frame_octets.saturating_add(over).saturating_add(64);
    }
}

/// Octets that the encrypted mail has too many: all of it counts, whatever the limit counts in a
/// message that can be looked into.
fn over(profile: &Profile, octets: u64) -> u64 {
    let limit = profile.max_octets.value;
    let counted = match limit.unit {
        Unit::Base64 => octets,
        Unit::Binary => octets / 4 * 3,
    };
    counted.saturating_sub(limit.octets)
}

fn tables(job: &Job) -> Result<Tables, String> {
    crate::config::tables::load(job.mappings.as_deref())
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

fn settings(given: &WorkerSettings) -> workers::Settings {
    let mut settings = workers::Settings::new(given.program.clone());
    // One message at a time, and its parts one after another.
    settings.workers = 1;
    settings.spares = 0;
    settings.best_effort = given.best_effort;
    settings.deadline = Duration::from_millis(given.deadlines_ms.0);
    settings.video_deadline = Duration::from_millis(given.deadlines_ms.1);
    settings.memory = given.memory;
    settings.environment.clone_from(&given.environment);
    settings
}
