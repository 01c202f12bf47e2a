//! The structure of a message from its stream of packets (RFC 9580 §10.3): any split of the octets gives
//! the same, and nothing of the encrypted content is kept.

use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::packet::{Length, Tag, header, length};
use super::{Error, Kind, Limits, Pkesk, Protection, Version};

/// Octets that the first part of content must have when others follow (§4.2.1.4).
const FIRST_PARTIAL: u64 = 512;

/// All of a message but its encrypted content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// Session keys that can be read, in their order. Those of another version than the content are among
    /// them, though they cannot open it.
    pub recipients: Vec<Pkesk>,
    /// How the content is protected.
    pub protection: Protection,
    /// The first octets of the content, that say so: what the choice of a cipher is bound to.
    pub head: Vec<u8>,
    /// Size and digest.
    pub summary: Summary,
}

/// What is known when the end was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Octets of all packets up to the end of the encrypted content, without armor.
    pub octets: u64,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
}

impl Structure {
    /// Reads a message that is in memory, without armor; octets after it are ignored.
    ///
    /// # Errors
    /// As [`Survey::update`] and [`Survey::finish`].
    pub fn of(octets: &[u8], limits: Limits) -> Result<Self, Error> {
        let mut survey = Survey::new(limits);
        survey.update(octets)?;
        survey.finish()
    }

    /// The version of session keys that open this content.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.protection.version()
    }
}

impl Protection {
    /// The version of session keys that open such content.
    #[must_use]
    pub const fn version(self) -> Version {
        match self {
            Self::Mdc => Version::V3,
            Self::Aead { .. } => Version::V6,
        }
    }
}

/// Takes the structure of a message from its stream.
#[derive(Debug)]
pub struct Survey {
    limits: Limits,
    state: State,
    at: u64,
    hash: Sha256,
    /// Of the packet before the content that is read what is kept; in content the octets of a length.
    raw: Vec<u8>,
    header_octets: u64,
    packets: usize,
    recipients: Vec<Pkesk>,
    head: Vec<u8>,
    protection: Option<Protection>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Header,
    /// In a packet before the content, so many octets before its end.
    Packet {
        keep: bool,
        left: u64,
    },
    /// In the content, so many octets before the end of this part of it.
    Content {
        left: u64,
        partial: bool,
    },
    /// In content that ends with the input.
    Rest,
    /// Before the length of the next part of the content.
    Length,
    Ended,
    Failed(Error),
}

impl Survey {
    /// Before the first octet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Header,
            at: 0,
            hash: Sha256::new(),
            raw: Vec::new(),
            header_octets: 0,
            packets: 0,
            recipients: Vec::new(),
            head: Vec::new(),
            protection: None,
        }
    }

    /// Takes the next octets; those after the end of the content are ignored.
    ///
    /// # Errors
    /// They are no message that could be decrypted, or pass a limit; again at each later call.
    pub fn update(&mut self, octets: &[u8]) -> Result<(), Error> {
        let mut rest = octets;
        while !rest.is_empty() {
            let step = match self.state {
                State::Failed(error) => return Err(error),
                State::Ended => return Ok(()),
                State::Header => {
                    let octet = self.take(&mut rest, 1);
                    self.raw.extend_from_slice(octet);
                    header(&self.raw).and_then(|read| match read {
                        Some((tag, length)) => self.begin(tag, length),
                        None => Ok(State::Header),
                    })
                }
                State::Packet { keep, left } => {
                    let octets = self.take(&mut rest, left);
                    if keep {
                        self.raw.extend_from_slice(octets);
                    }
                    let left = left.saturating_sub(octets.len() as u64);
                    if left == 0 { self.end_packet(keep) } else { Ok(State::Packet { keep, left }) }
                }
                State::Content { left, partial } => {
                    let octets = self.take(&mut rest, self.most_content(left));
                    let left = left.saturating_sub(octets.len() as u64);
                    self.content(octets).map(|()| match (left, partial) {
                        (0, false) => State::Ended,
                        (0, true) => State::Length,
                        _ => State::Content { left, partial },
                    })
                }
                State::Rest => {
                    let octets = self.take(&mut rest, self.most_content(u64::MAX));
                    self.content(octets).map(|()| State::Rest)
                }
                State::Length => {
                    let octet = self.take(&mut rest, 1);
                    self.raw.extend_from_slice(octet);
                    Ok(match length(&self.raw) {
                        None => State::Length,
                        Some(length) => {
                            self.raw.clear();
                            Self::part(length)
                        }
                    })
                }
            };
            self.state = step.unwrap_or_else(|kind| State::Failed(Error { at: self.at, kind }));
        }
        match self.state {
            State::Failed(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether the end of the content was seen.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// After the last octet.
    ///
    /// # Errors
    /// The end was not seen, or nobody with a public key can open it.
    pub fn finish(self) -> Result<Structure, Error> {
        let error = |kind| Err(Error { at: self.at, kind });
        match (self.state, self.protection) {
            (State::Failed(error), _) => Err(error),
            (State::Ended | State::Rest, Some(_)) if self.recipients.is_empty() => {
                error(Kind::Expected("a session key for a public key"))
            }
            (State::Ended | State::Rest, Some(protection)) => Ok(Structure {
                recipients: self.recipients,
                protection,
                head: self.head,
                summary: Summary { octets: self.at, sha256: self.hash.finalize().into() },
            }),
            _ => error(Kind::Ended),
        }
    }

    /// At most so many octets from the front of the input, counted and in the digest.
    fn take<'a>(&mut self, rest: &mut &'a [u8], most: u64) -> &'a [u8] {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(rest.len());
        let (taken, after) = rest.split_at(most);
        *rest = after;
        self.at = self.at.saturating_add(taken.len() as u64);
        self.hash.update(taken);
        taken
    }

    fn begin(&mut self, tag: Tag, length: Length) -> Result<State, Kind> {
        let keep = match tag {
            Tag::Pkesk => true,
            Tag::Skipped => false,
            Tag::Seipd => {
                self.raw.clear();
                return match length {
                    Length::Partial(octets) if octets < FIRST_PARTIAL => {
                        Err(Kind::Expected("a longer first part of the content"))
                    }
                    length => Ok(Self::part(length)),
                };
            }
            Tag::Sed => return Err(Kind::NoIntegrity),
            Tag::Ocb => return Err(Kind::Unsupported("content that only GnuPG encrypts so (packet 20)")),
            Tag::Other => return Err(Kind::Expected("an encrypted message")),
        };
        let Length::Definite(octets) = length else {
            return Err(Kind::Expected("a packet with a length"));
        };
        self.packets += 1;
        self.header_octets = self.header_octets.saturating_add(octets);
        if self.packets > self.limits.recipients
            || self.header_octets > self.limits.header_octets
            || keep && octets > self.limits.packet_octets
        {
            return Err(Kind::TooLarge);
        }
        if octets == 0 { self.end_packet(keep) } else { Ok(State::Packet { keep, left: octets }) }
    }

    fn end_packet(&mut self, keep: bool) -> Result<State, Kind> {
        let raw = core::mem::take(&mut self.raw);
        if keep {
            match Pkesk::read(&raw) {
                Ok(read) => self.recipients.push(read),
                // For somebody whose key is not of our time.
                Err(Kind::Unsupported(_)) => {}
                Err(kind) => return Err(kind),
            }
        }
        Ok(State::Header)
    }

    /// Octets of the content that are taken at once: one, until it is known how it is protected, so that a fault is
    /// where it is.
    const fn most_content(&self, left: u64) -> u64 {
        if self.protection.is_none() { 1 } else { left }
    }

    fn content(&mut self, octets: &[u8]) -> Result<(), Kind> {
        if self.protection.is_some() {
            return Ok(());
        }
        for octet in octets {
            self.head.push(*octet);
            if self.head.len() == Protection::HEAD_OCTETS || self.head == [1] {
                self.protection = Some(Protection::read(&self.head)?);
                return Ok(());
            }
            if self.head.len() == 1 && self.head != [2] {
                return Err(Kind::Expected("content of version 1 or 2"));
            }
        }
        Ok(())
    }

    fn part(length: Length) -> State {
        match length {
            Length::Definite(0) => State::Ended,
            Length::Definite(left) => State::Content { left, partial: false },
            Length::Partial(left) => State::Content { left, partial: true },
            Length::Rest => State::Rest,
        }
    }
}
