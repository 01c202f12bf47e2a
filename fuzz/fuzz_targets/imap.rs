//! The grammar of IMAP responses: no octets make it panic, any split gives the same pieces, what is read and can be
//! written is read as the same, names of mailboxes come back as they came.
#![no_main]

use cedrat_fuzz::{cuts_and_input, linear, split};
use cedrat_wire_imap::grammar::{
    Excess, Framer, Input, Limits, Mailbox, Names, Piece, Response, SequenceSet, Writer, utf7,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (cuts, input) = cuts_and_input(data);
    let whole = run(std::iter::once(input));
    assert_eq!(whole, run(split(input, cuts)));
    for piece in &whole.0 {
        if let Piece::Frame(frame) = piece {
            for names in [Names::Utf7, Names::Utf8] {
                if let Ok(response) = Response::read(frame, names, &limits()) {
                    again(&response, names);
                }
            }
        }
    }
    name(input);
    linear(input, |large| {
        for piece in run(large.chunks(1500)).0 {
            if let Piece::Frame(frame) = piece {
                drop(Response::read(&frame, Names::Utf7, &limits()));
            }
        }
    });
});

fn limits() -> Limits {
    Limits { literal_octets: 4096, ..Limits::default() }
}

/// Pieces with adjacent chunks joined, and what ended it.
fn run<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Piece>, Option<Excess>) {
    let mut framer = Framer::new(limits());
    let mut input = Input::default();
    let mut found: Vec<Piece> = Vec::new();
    for piece in pieces {
        input.push(piece);
        loop {
            match framer.next(&mut input) {
                Ok(None) => break,
                Ok(Some(Piece::Chunk(octets))) => match found.last_mut() {
                    Some(Piece::Chunk(before)) => *before = [&before[..], &octets[..]].concat().into(),
                    _ => found.push(Piece::Chunk(octets)),
                },
                Ok(Some(piece)) => found.push(piece),
                Err(excess) => return (found, Some(excess)),
            }
        }
    }
    (found, None)
}

/// What is written of a response is read as the same.
fn again(response: &Response, names: Names) {
    let mut writer = Writer::new(names);
    match response {
        // What a list cannot be written with is not written: attributes and the extended data.
        Response::List(list)
            if list.child_info.is_empty() && list.attributes.iter().all(|a| a.is_ascii()) =>
        {
            list.write(&mut writer);
        }
        Response::Esearch(found) => found.write(&mut writer),
        _ => return,
    }
    let octets = writer.into_octets();
    let (pieces, excess) = run(std::iter::once(&octets[..]));
    let [Piece::Frame(frame)] = &pieces[..] else { panic!("{pieces:?} {excess:?}") };
    let read = Response::read(frame, names, &limits()).expect("what is written is read");
    match (response, &read) {
        // A delimiter that is no UTF-8 is shown as another character.
        (Response::List(before), Response::List(after)) => assert_eq!(before.mailbox, after.mailbox),
        _ => assert_eq!(response, &read),
    }
}

fn name(octets: &[u8]) {
    for names in [Names::Utf7, Names::Utf8] {
        let mailbox = Mailbox::from_wire(octets, names);
        if mailbox != Mailbox::inbox() {
            assert_eq!(mailbox.to_wire(names), octets);
        }
    }
    if let Ok(name) = std::str::from_utf8(octets) {
        assert_eq!(utf7::decode(utf7::encode(name).as_bytes()).as_deref(), Some(name));
    }
    let set: SequenceSet = octets.iter().map(|octet| u32::from(*octet)).collect();
    assert_eq!(set.numbers().count() as u64, set.count());
}
