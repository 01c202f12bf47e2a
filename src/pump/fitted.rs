//! A message written for one destination so that it fits the handsets there: adapted, written,
//! measured, and adapted again with less room when the measure says so.

use cedrat_mapping::{Interface, Loss, Submission};
use cedrat_message::{Address, Message, Origin, Refusal};
use cedrat_plan::profile::{Counts, Profile, Unit};

use super::Loaded;
use crate::{
    config::{Peer, PeerProtocol},
    gateway::{Gateway, Settings},
    media::adapt::{self, For, Provenance, Towards},
};

/// Headers of a message and what closes it, to begin with; the first measure corrects it.
const FRAME: u64 = 1_500;
/// Times that a message is written. What does not fit then is sent as it is, or refused by
/// `out_max_octets`.
const ATTEMPTS: u32 = 3;
/// Profiles of other recipients that a conversion is made for beside its own.
const MOST_OTHERS: usize = 7;

/// Writes a message with `write`, adapted to the handset of `recipient`.
pub(super) async fn fitted(
    gateway: &Gateway,
    settings: &Settings,
    peer: &Peer,
    loaded: &Loaded,
    message: &Message,
    recipient: &Address,
    write: impl Fn(&Message) -> Result<(Submission, Loss), Refusal>,
) -> Result<(Submission, Loss), Refusal> {
    let Some(media) = gateway.media.get() else { return write(message) };
    let profile = settings.profiles.effective(peer, recipient);
    let transit = message.origin == Origin::Mm4 && peer.protocol == PeerProtocol::Mm4;
    let guessed = transit && !settings.profiles.is_stated(peer, recipient);
    if takes_all(&profile, message) || guessed && !is_over(peer, message) {
        return write(message);
    }
    let (towards, interface) = match peer.protocol {
        PeerProtocol::Mm4 => (Towards::Mms, Interface::Mm4),
        PeerProtocol::Imap | PeerProtocol::Mail | PeerProtocol::Lmtp => (Towards::Mail, Interface::Mail),
    };
    let others = others(settings, peer, loaded, recipient);
    let mut frame_octets = FRAME;
    let mut attempt = 1;
    loop {
        let mut changes = Loss::outbound(interface);
        let whom =
            For { profile: &profile, others: &others, towards, frame_octets, provenance: Provenance::Open };
        let adapted = adapt::adapt(media, message, &whom, &mut changes).await;
        let (submission, mut loss) = write(adapted.as_ref().unwrap_or(message))?;
        loss.entries.splice(0..0, changes.entries);
        let over = excess(&profile, &submission);
        if over == 0 || attempt == ATTEMPTS || adapted.is_none() && attempt > 1 {
            return Ok((submission, loss));
        }
        attempt += 1;
        frame_octets = frame_octets.saturating_add(over).saturating_add(64);
    }
}

/// Whether nothing can have to be changed: every type is taken, and the octets are few enough.
fn takes_all(profile: &Profile, message: &Message) -> bool {
    profile.types.value.iter().any(|kind| kind == "*/*")
        && octets(message) <= profile.max_octets.value.binary()
}

/// Whether a message is larger than the peer takes.
fn is_over(peer: &Peer, message: &Message) -> bool {
    peer.out_max_octets.is_some_and(|most| octets(message) > most)
}

/// Octets of a message as it travels, headers as they usually are.
fn octets(message: &Message) -> u64 {
    const PART_HEADER: usize = 512;
    let parts = message.content.parts.iter();
    FRAME + parts.map(|part| part.body.encoded.len() + PART_HEADER).sum::<usize>() as u64
}

/// Octets that a message has too many, counted as the limit counts; 0 where only the parts count,
/// which the plan knows exactly.
fn excess(profile: &Profile, submission: &Submission) -> u64 {
    let limit = profile.max_octets.value;
    let whole = submission.content.len() as u64;
    let counted = match (limit.unit, limit.counts) {
        (Unit::Base64, Counts::WholeMessage) => whole,
        (Unit::Base64, Counts::PartsAndHeaders) => {
            let end = submission.content.windows(4).position(|octets| octets == b"\r\n\r\n");
            whole.saturating_sub(end.map_or(0, |end| end as u64 + 4))
        }
        (Unit::Base64, Counts::Parts) | (Unit::Binary, _) => 0,
    };
    counted.saturating_sub(limit.octets)
}

/// Profiles of the other recipients of the message at this peer.
fn others(settings: &Settings, peer: &Peer, loaded: &Loaded, recipient: &Address) -> Vec<Profile> {
    let own = settings.profiles.rule(peer, recipient);
    let mut rules = vec![own];
    let mut profiles = Vec::new();
    for to in &loaded.envelope.to {
        let Ok(address) = Address::parse(&to.address) else { continue };
        let rule = settings.profiles.rule(peer, &address);
        if profiles.len() < MOST_OTHERS && !rules.contains(&rule) {
            rules.push(rule);
            profiles.push(settings.profiles.effective(peer, &address));
        }
    }
    profiles
}
