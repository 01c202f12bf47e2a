use cedrat_keyring::{
    session::{Actor, Authentication, Event, Outcome, State},
    signed::Overall,
    wire::{Integrity, Time},
};
use cedrat_message::Timestamp;

use super::*;

fn entry(account: &str, number: i64) -> Entry {
    Entry {
        time: Time(Timestamp(number * 1000)),
        session: format!("hs_{number}"),
        account: account.to_owned(),
        actor: Actor { account: account.to_owned(), method: Authentication::Token },
        event: Event::Work,
        from: Some(State::Transcoding),
        to: State::Done,
        outcome: Outcome::Done,
        message_sha256: Digest([1; 32]),
        ri_sha256: None,
        algorithms: Vec::new(),
        integrity: Integrity::Aead,
        consent_sha256: Digest([2; 32]),
        octets_in: 1,
        octets_out: 2,
        signature: (number % 2 == 0).then_some(Overall::Verified),
    }
}

fn sessions(audit: &Audit, account: &str) -> Vec<String> {
    audit.of(account).unwrap().into_iter().map(|line| line.entry.session).collect()
}

#[test]
fn an_account_sees_its_own_lines_in_order_before_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::open(directory.path()).unwrap();
    audit.note(&[entry("alice", 1), entry("bob", 2), entry("alice", 3)]).unwrap();
    audit.note(&[entry("bob", 4)]).unwrap();
    assert_eq!(sessions(&audit, "alice"), ["hs_1", "hs_3"]);
    drop(audit);
    let audit = Audit::open(directory.path()).unwrap();
    audit.note(&[entry("alice", 5)]).unwrap();
    assert_eq!(sessions(&audit, "alice"), ["hs_1", "hs_3", "hs_5"]);
    assert_eq!(sessions(&audit, "bob"), ["hs_2", "hs_4"]);
    assert_eq!(sessions(&audit, "carol"), [""; 0]);
}

#[test]
fn half_a_last_line_is_forgotten_and_a_changed_one_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("handoff-audit.jsonl");
    Audit::open(directory.path()).unwrap().note(&[entry("alice", 1), entry("alice", 2)]).unwrap();
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{}", whole.get(..100).unwrap())).unwrap();
    let audit = Audit::open(directory.path()).unwrap();
    audit.note(&[entry("alice", 3)]).unwrap();
    assert_eq!(sessions(&audit, "alice"), ["hs_1", "hs_2", "hs_3"]);
    drop(audit);
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap().replace("hs_2", "hs_9")).unwrap();
    assert!(Audit::open(directory.path()).unwrap_err().contains("line 2 does not follow"));
}

#[test]
fn an_entry_that_cannot_be_written_is_a_fault_and_the_chain_goes_on_without_it() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::open(directory.path()).unwrap();
    audit.note(&[entry("alice", 1)]).unwrap();
    let path = directory.path().join("handoff-audit.jsonl");
    let may_not_write = File::open(&path).unwrap();
    let good = std::mem::replace(&mut audit.inner.lock().unwrap().file, may_not_write);
    let fault = audit.note(&[entry("alice", 2)]).unwrap_err();
    assert!(fault.contains("handoff-audit.jsonl cannot be written"), "{fault}");
    assert_eq!(sessions(&audit, "alice"), ["hs_1"]);
    audit.inner.lock().unwrap().file = good;
    audit.note(&[entry("alice", 3)]).unwrap();
    drop(audit);
    assert_eq!(sessions(&Audit::open(directory.path()).unwrap(), "alice"), ["hs_1", "hs_3"]);
}

#[test]
fn only_the_last_lines_of_an_account_are_told() {
    let mut lines = Lines::default();
    for at in 0..MOST as u64 + 7 {
        lines.add("alice", at);
    }
    let places = lines.0.get("alice").unwrap();
    assert_eq!((places.len(), places.front()), (MOST, Some(&7)));
}
