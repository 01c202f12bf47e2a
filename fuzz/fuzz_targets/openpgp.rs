//! OpenPGP messages: any octets, with armor or without, any split gives the same, in linear time; what is kept was
//! there.
#![no_main]

use cedrat_fuzz::{cuts_and_input, linear, split};
use cedrat_keyring::openpgp::{Armor, Error, Limits, Pkesk, Protection, Structure, Survey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (cuts, input) = cuts_and_input(data);
    let whole = read(input.chunks(4096));
    assert_eq!(whole, read(split(input, cuts)));
    if let (octets, Ok(structure)) = &whole {
        check(octets, structure);
    }
    linear(input, |large| {
        let _ = read(large.chunks(4096));
    });
});

/// The packets, and their structure; of what is none only why.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Result<Structure, Error>) {
    let mut armor = Armor::new(Limits::default());
    let mut packets = Vec::new();
    let mut taken = Ok(());
    for piece in pieces {
        taken = taken.and_then(|()| armor.update(piece, &mut packets));
    }
    if let Err(fault) = taken.and_then(|()| armor.finish(&mut packets)) {
        return (Vec::new(), Err(fault));
    }
    let mut survey = Survey::new(Limits::default());
    let taken = packets.chunks(7).try_for_each(|piece| survey.update(piece));
    assert_eq!(taken.and_then(|()| survey.finish()), Structure::of(&packets, Limits::default()));
    let structure = Structure::of(&packets, Limits::default());
    (packets, structure)
}

fn check(packets: &[u8], structure: &Structure) {
    assert!((1..=Limits::default().recipients).contains(&structure.recipients.len()));
    assert!(structure.summary.octets <= packets.len() as u64);
    assert_eq!(Protection::read(&structure.head), Ok(structure.protection));
    assert!(!structure.protection.kinds().is_empty());
    for pkesk in &structure.recipients {
        assert!(packets.windows(pkesk.raw().len()).any(|window| window == pkesk.raw()));
        assert_eq!(Pkesk::read(pkesk.raw()).as_ref(), Ok(pkesk));
    }
    // What follows it changes nothing.
    let end = structure.summary.octets as usize;
    assert_eq!(Structure::of(&packets[..end], Limits::default()).as_ref(), Ok(structure));
}
