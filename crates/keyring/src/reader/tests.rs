use alloc::vec;

use proptest::prelude::*;

use super::*;

const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const AES_256_GCM: &[u8] =
    b"\x30\x1e\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2e\x30\x11\x04\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x02\x01\x10";
const AES_128_CBC: &[u8] =
    b"\x30\x1d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x02\x04\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f";
const RECIPIENT: &[u8] = b"\x30\x03\x02\x01\x00";

/// An element of definite length, or of indefinite.
fn element_of(tag: u8, parts: &[&[u8]], indefinite: bool) -> Vec<u8> {
    let value = parts.concat();
    if indefinite {
        return [&[tag, 0x80], value.as_slice(), &[0, 0]].concat();
    }
    let length = u32::try_from(value.len()).unwrap().to_be_bytes();
    let header = match value.len() {
        0..=127 => vec![tag, length[3]],
        128..=255 => vec![tag, 0x81, length[3]],
        256..=65535 => vec![tag, 0x82, length[2], length[3]],
        _ => [&[tag, 0x84], length.as_slice()].concat(),
    };
    [header, value].concat()
}

/// A message and how it is written.
#[derive(Debug, Clone)]
struct Made {
    format: Format,
    /// Which elements are of indefinite length, a bit each.
    indefinite: u32,
    originator_info: Option<Vec<u8>>,
    recipients: Vec<Vec<u8>>,
    ciphertext: Vec<u8>,
    /// Octets of the segments of the content, over and over; none: it is primitive.
    segments: Vec<usize>,
    auth_attributes: Option<Vec<u8>>,
    unprotected_attributes: Option<Vec<u8>>,
}

impl Made {
    fn simple(format: Format) -> Self {
        Self {
            format,
            indefinite: 0,
            originator_info: None,
            recipients: vec![RECIPIENT.to_vec()],
            ciphertext: (0..40).collect(),
            segments: vec![],
            auth_attributes: None,
            unprotected_attributes: None,
        }
    }

    fn is(&self, bit: u32) -> bool {
        self.indefinite & (1 << bit) != 0
    }

    fn content(&self) -> Vec<u8> {
        if self.segments.is_empty() {
            return element_of(tag::CONTEXT_0, &[&self.ciphertext], false);
        }
        let mut segments = vec![];
        let mut rest = self.ciphertext.as_slice();
        for (index, length) in self.segments.iter().cycle().enumerate() {
            let (segment, after) = rest.split_at((*length).min(rest.len()));
            let segment = element_of(tag::OCTET_STRING, &[segment], false);
            // Now and then a segment of segments.
            segments.push(match index % 3 {
                2 => element_of(tag::OCTET_STRING_OF_SEGMENTS, &[&segment], self.is(5)),
                _ => segment,
            });
            rest = after;
            if rest.is_empty() || index == 2000 {
                break;
            }
        }
        element_of(tag::CONSTRUCTED_0, &[&segments.concat()], self.is(4))
    }

    fn octets(&self) -> Vec<u8> {
        let aead = self.format == Format::AuthEnveloped;
        let algorithm = if aead { AES_256_GCM } else { AES_128_CBC };
        let recipients = element_of(tag::SET, &[&self.recipients.concat()], self.is(2));
        let content = element_of(tag::SEQUENCE, &[DATA, algorithm, &self.content()], self.is(3));
        let mut parts: Vec<&[u8]> = vec![&[tag::INTEGER, 1, 0]];
        parts.extend(self.originator_info.as_deref());
        parts.extend([recipients.as_slice(), &content]);
        let mac = element_of(tag::OCTET_STRING, &[&[7; 16]], false);
        if aead {
            parts.extend(self.auth_attributes.as_deref());
            parts.push(&mac);
        }
        parts.extend(self.unprotected_attributes.as_deref());
        let enveloped = element_of(tag::SEQUENCE, &parts, self.is(1));
        let content = element_of(tag::CONSTRUCTED_0, &[&enveloped], self.is(0));
        let content_type = element_of(tag::OBJECT_IDENTIFIER, &[self.format.oid().as_bytes()], false);
        element_of(tag::SEQUENCE, &[&content_type, &content], self.is(6))
    }

    fn events(&self) -> Vec<Seen> {
        let aead = self.format == Format::AuthEnveloped;
        let algorithm = if aead { AES_256_GCM } else { AES_128_CBC };
        let encryption = ContentEncryption::decode(algorithm.to_vec()).unwrap();
        let mut events = vec![Seen::Event(Event::Format(self.format, 0))];
        events.extend(self.originator_info.clone().map(|it| Seen::Event(Event::OriginatorInfo(it))));
        events.extend(self.recipients.iter().map(|it| Seen::Event(Event::Recipient(it.clone()))));
        events.push(Seen::Event(Event::Encryption(Oid::new_unwrap("1.2.840.113549.1.7.1"), encryption)));
        if !self.ciphertext.is_empty() {
            events.push(Seen::Ciphertext(self.ciphertext.clone()));
        }
        if aead {
            events.extend(self.auth_attributes.clone().map(|it| Seen::Event(Event::AuthAttributes(it))));
            events.push(Seen::Event(Event::Mac(vec![7; 16])));
        }
        let unprotected = self.unprotected_attributes.clone();
        events.extend(unprotected.map(|it| Seen::Event(Event::UnprotectedAttributes(it))));
        events.push(Seen::Event(Event::End));
        events
    }
}

/// An event, with the ciphertext joined.
#[derive(Debug, PartialEq)]
enum Seen {
    Event(Event<'static>),
    Ciphertext(Vec<u8>),
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: &Limits) -> (Vec<Seen>, Result<Summary, Error>) {
    let mut reader = Reader::new(limits.clone());
    let mut seen = vec![];
    for mut piece in pieces {
        while let Ok(Some(event)) = reader.next(&mut piece) {
            let event = match event {
                Event::Ciphertext(octets) => {
                    assert!(!octets.is_empty());
                    if let Some(Seen::Ciphertext(before)) = seen.last_mut() {
                        before.extend_from_slice(octets);
                    } else {
                        seen.push(Seen::Ciphertext(octets.to_vec()));
                    }
                    continue;
                }
                Event::Format(format, version) => Event::Format(format, version),
                Event::OriginatorInfo(octets) => Event::OriginatorInfo(octets),
                Event::Recipient(octets) => Event::Recipient(octets),
                Event::Encryption(content_type, encryption) => Event::Encryption(content_type, encryption),
                Event::AuthAttributes(octets) => Event::AuthAttributes(octets),
                Event::Mac(octets) => Event::Mac(octets),
                Event::UnprotectedAttributes(octets) => Event::UnprotectedAttributes(octets),
                Event::End => Event::End,
            };
            seen.push(Seen::Event(event));
        }
    }
    (seen, reader.finish())
}

/// Pieces whose lengths come from `cuts`, over and over.
fn split<'a>(octets: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = octets;
    let mut cuts = cuts.iter().copied().chain([1]).cycle();
    core::iter::from_fn(move || {
        (!rest.is_empty()).then_some(())?;
        let (piece, after) = rest.split_at(cuts.next()?.clamp(1, rest.len()));
        rest = after;
        Some(piece)
    })
}

fn refused(octets: &[u8]) -> (u64, Kind) {
    let (whole, in_pieces) =
        (read([octets].into_iter(), &Limits::default()), read(octets.chunks(1), &Limits::default()));
    assert_eq!(whole, in_pieces);
    let error = whole.1.unwrap_err();
    (error.at, error.kind)
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}

/// Elements that are kept, of definite and indefinite lengths.
fn kept(tag: u8) -> impl Strategy<Value = Vec<u8>> {
    (anything(), any::<bool>(), any::<bool>()).prop_map(move |(octets, outer, inner)| {
        let inside = element_of(tag::SEQUENCE, &[&element_of(tag::OCTET_STRING, &[&octets], false)], inner);
        element_of(tag, &[&inside, &inside], outer)
    })
}

fn made() -> impl Strategy<Value = Made> {
    let recipient = prop::sample::select(vec![0x30_u8, 0xA1, 0xA2, 0xA3, 0xA4]).prop_flat_map(kept);
    let format = prop_oneof![Just(Format::Enveloped), Just(Format::AuthEnveloped)];
    format.prop_flat_map(move |format| {
        let unprotected = if format == Format::AuthEnveloped { 0xA2 } else { 0xA1 };
        let aead = format == Format::AuthEnveloped;
        (
            any::<u32>(),
            prop::option::of(kept(0xA0)),
            prop::collection::vec(recipient.clone(), 1..5),
            prop::collection::vec(any::<u8>(), 0..300),
            prop::collection::vec(0_usize..30, 0..5),
            prop::option::of(kept(0xA1)).prop_map(move |it| it.filter(|_| aead)),
            prop::option::of(kept(unprotected)),
        )
            .prop_map(move |made| Made {
                format,
                indefinite: made.0,
                originator_info: made.1,
                recipients: made.2,
                ciphertext: made.3,
                segments: if made.4.iter().all(|octets| *octets == 0) { vec![] } else { made.4 },
                auth_attributes: made.5,
                unprotected_attributes: made.6,
            })
    })
}

proptest! {
    #[test]
    fn every_form_is_read_as_it_was_written_however_it_is_split(
        made in made(), cuts in prop::collection::vec(1_usize..50, 0..8)) {
        let octets = made.octets();
        let (events, summary) = read(split(&octets, &cuts), &Limits::default());
        prop_assert_eq!(&events, &made.events());
        let summary = summary.unwrap();
        prop_assert_eq!(summary.octets, octets.len() as u64);
        prop_assert_eq!(summary.sha256, <[u8; 32]>::from(Sha256::digest(&octets)));
        prop_assert_eq!(summary.ciphertext_octets, made.ciphertext.len() as u64);
        let content = summary.content.start as usize..summary.content.end as usize;
        prop_assert_eq!(&octets[content], &made.content());
        let structure = Structure::of(&octets, Limits::default()).unwrap();
        prop_assert_eq!(structure.recipients, made.recipients);
        prop_assert_eq!(structure.mac.is_some(), made.format == Format::AuthEnveloped);
    }

    #[test]
    fn a_damaged_message_gives_the_same_events_however_it_is_split(
        made in made(), at in any::<prop::sample::Index>(), octet: u8,
        cuts in prop::collection::vec(1_usize..50, 0..8)) {
        let mut octets = made.octets();
        let at = at.index(octets.len());
        octets[at] = octet;
        let whole = read([octets.as_slice()].into_iter(), &Limits::default());
        prop_assert_eq!(whole, read(split(&octets, &cuts), &Limits::default()));
    }

    #[test]
    fn no_octets_break_the_reader(octets in prop::collection::vec(
        prop_oneof![Just(0x30_u8), Just(0x80), Just(0), Just(0xA0), Just(0x24), any::<u8>()], 0..100)) {
        refused(&octets);
        prop_assert!(content_type(&octets).is_none_or(|_| octets[0] == tag::SEQUENCE));
        prop_assert!(ContentEncryption::decode(octets.clone()).is_none_or(|it| it.der == octets));
    }
}

#[test]
fn a_message_cut_anywhere_is_not_whole() {
    for (indefinite, segments) in [(0, vec![]), (0x7F, vec![]), (0x7F, vec![7, 20]), (0, vec![7])] {
        let attributes = Some(element_of(0xA2, &[RECIPIENT], indefinite > 0));
        let made = Made {
            indefinite,
            segments,
            unprotected_attributes: attributes,
            auth_attributes: Some(element_of(0xA1, &[RECIPIENT], false)),
            ..Made::simple(Format::AuthEnveloped)
        };
        let octets = made.octets();
        for end in 0..octets.len() {
            let (at, kind) = refused(&octets[..end]);
            assert_eq!(at, end as u64);
            assert!(matches!(kind, Kind::Truncated(_)), "{kind:?} at {end}");
        }
    }
}

#[test]
fn a_mac_in_segments_is_joined() {
    let octets = Made { indefinite: 0x7F, ..Made::simple(Format::AuthEnveloped) }.octets();
    let mac = element_of(tag::OCTET_STRING, &[&[7; 16]], false);
    let at = octets.windows(mac.len()).position(|window| window == mac).unwrap();
    let half = element_of(tag::OCTET_STRING, &[&[7; 8]], false);
    for indefinite in [false, true] {
        let segments = element_of(tag::OCTET_STRING_OF_SEGMENTS, &[&half, &half], indefinite);
        let octets = [&octets[..at], &segments, &octets[at + mac.len()..]].concat();
        assert_eq!(Structure::of(&octets, Limits::default()).unwrap().mac, Some(vec![7; 16]));
    }
}

#[test]
fn what_follows_a_message_is_left_alone() {
    for indefinite in [0, 0x7F] {
        let octets = Made { indefinite, ..Made::simple(Format::Enveloped) }.octets();
        let followed = [octets.as_slice(), b"\r\n-- \r\na list"].concat();
        let mut reader = Reader::new(Limits::default());
        let mut rest = followed.as_slice();
        while reader.next(&mut rest).unwrap() != Some(Event::End) {}
        assert_eq!(rest, b"\r\n-- \r\na list");
        assert_eq!(reader.next(&mut rest), Ok(None));
        assert_eq!(reader.finish().unwrap().octets, octets.len() as u64);
        assert_eq!(Structure::of(&followed, Limits::default()), Structure::of(&octets, Limits::default()));
    }
}

#[test]
fn a_content_type_is_told_from_the_first_octets() {
    for indefinite in [0, 0x7F] {
        let octets = Made { indefinite, ..Made::simple(Format::AuthEnveloped) }.octets();
        assert_eq!(content_type(&octets[..30]).and_then(Format::of), Some(Format::AuthEnveloped));
    }
    assert_eq!(content_type(b"Content-Type: text/plain"), None);
    assert_eq!(content_type(b""), None);
}

#[test]
fn other_content_and_content_elsewhere_are_refused_by_name() {
    let signed = element_of(
        tag::SEQUENCE,
        &[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", b"\xA0\x02\x30\x00"],
        false,
    );
    let (at, kind) = refused(&signed);
    assert_eq!((at, kind), (2, Kind::OtherContentType(Oid::new_unwrap("1.2.840.113549.1.7.2"))));

    let whole = Made::simple(Format::Enveloped);
    let content = whole.content();
    let octets = whole.octets();
    let detached = &octets[..octets.len() - content.len()];
    // The lengths around it are cut as well.
    let mut detached = detached.to_vec();
    for (at, octet) in octets.iter().enumerate().take(50) {
        let encloses = usize::from(*octet) == octets.len() - at - 1 && matches!(octets[at - 1], 0x30 | 0xA0);
        if encloses {
            detached[at] -= content.len() as u8;
        }
    }
    assert_eq!(refused(&detached), (detached.len() as u64, Kind::Detached));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    assert_eq!(refused(b"hello"), (0, Kind::Expected(Field::ContentInfo)));
    assert_eq!(refused(b"\x30\x05\x06\x09"), (2, Kind::BeyondEnclosing));
    assert_eq!(refused(b"\x30\x00"), (2, Kind::Expected(Field::ContentType)));
    assert_eq!(refused(b"\x30\x85\x00\x00\x00\x00\x01"), (0, Kind::LengthOfLength));
    assert_eq!(refused(b"\x30\xFF"), (0, Kind::LengthOfLength));
    assert_eq!(refused(b"\x3F\x81"), (0, Kind::TagNumber));
    assert_eq!(refused(b"\x30\x80\x06\x80"), (2, Kind::IndefinitePrimitive));
    assert_eq!(refused(b"\x30\x10\x00\x00"), (2, Kind::EndOfContents));
    assert_eq!(refused(b"\x30\x80\x00\x01"), (2, Kind::EndOfContents));
    assert_eq!(refused(b"\x00\x00"), (0, Kind::EndOfContents));
    let nobody = Made { recipients: vec![], ..Made::simple(Format::Enveloped) }.octets();
    assert_eq!(refused(&nobody).1, Kind::Expected(Field::RecipientInfo));
    let stranger = Made { recipients: vec![vec![0xA5, 0]], ..Made::simple(Format::Enveloped) }.octets();
    assert_eq!(refused(&stranger).1, Kind::Expected(Field::RecipientInfo));
    // An element of indefinite length in one that ends before it does.
    assert_eq!(
        refused(b"\x30\x11\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xA0\x80\x30\x80\x02\x01\x00"),
        (17, Kind::BeyondEnclosing)
    );
}

#[test]
fn limits_hold() {
    let limits = Limits { depth: 12, element_octets: 1000, header_octets: 4000, recipients: 20 };
    let judged = |made: &Made| read([made.octets().as_slice()].into_iter(), &limits).1.map_err(|it| it.kind);
    let base = Made::simple(Format::Enveloped);
    let recipients = |recipients| Made { recipients, ..base.clone() };
    assert!(judged(&recipients(vec![RECIPIENT.to_vec(); 20])).is_ok());
    assert_eq!(judged(&recipients(vec![RECIPIENT.to_vec(); 21])), Err(Kind::TooManyRecipients));
    let of = |octets: usize, indefinite| {
        element_of(0x30, &[&element_of(4, &[&vec![1; octets]], false)], indefinite)
    };
    assert!(judged(&recipients(vec![of(990, false)])).is_ok());
    for indefinite in [true, false] {
        assert_eq!(judged(&recipients(vec![of(1000, indefinite)])), Err(Kind::TooLarge));
        assert_eq!(judged(&recipients(vec![of(900, indefinite); 5])), Err(Kind::TooLarge));
    }
    let nested =
        |levels| (0..levels).fold(RECIPIENT.to_vec(), |inside, _| element_of(0x30, &[&inside], true));
    assert!(judged(&recipients(vec![nested(12)])).is_ok());
    assert_eq!(judged(&recipients(vec![nested(13)])), Err(Kind::TooDeep));
    let segments = Made { segments: vec![3], indefinite: 0x7F, ..base }.octets();
    let in_content = segments.windows(2).rposition(|pair| pair == [0xA0, 0x80]).unwrap() + 2;
    let deeper = [tag::OCTET_STRING_OF_SEGMENTS, 0x80].repeat(20);
    let hostile = [&segments[..in_content], deeper.as_slice()].concat();
    let judged = read([hostile.as_slice()].into_iter(), &limits).1;
    assert_eq!(judged.unwrap_err().kind, Kind::TooDeep);
}

#[test]
fn a_claim_of_four_gigabytes_is_refused_or_taken_as_it_comes() {
    let start = Made { indefinite: 0x7F, ..Made::simple(Format::Enveloped) }.octets();
    let claim = [0x84, 0xFF, 0xFF, 0xFF, 0xFF];
    let set = start.windows(2).position(|pair| pair == [tag::SET, 0x80]).unwrap() + 2;
    let recipient = [&start[..set], &[0x30], claim.as_slice()].concat();
    assert_eq!(refused(&recipient), (set as u64, Kind::TooLarge));
    let content = start.windows(2).rposition(|pair| pair == [tag::CONTEXT_0, 40]).unwrap();
    let content = [&start[..=content], claim.as_slice(), &[7; 1000]].concat();
    assert_eq!(refused(&content), (content.len() as u64, Kind::Truncated(Field::End)));
}
