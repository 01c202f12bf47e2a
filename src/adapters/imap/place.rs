//! How far a mailbox has been read, as it is stored.

use serde::{Deserialize, Serialize};

use crate::{
    config::imap::Account,
    record,
    store::{Millis, Position},
};

/// The place in one mailbox. UIDs mean nothing in another epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) v: u8,
    /// UIDVALIDITY; 0 when the server gives none.
    pub(super) epoch: u32,
    /// The least UID that was not looked at.
    pub(super) next: u32,
    /// Taken, but not known to be marked, moved or removed.
    pub(super) pending: Vec<u32>,
    /// Refused for good with this reason, but not known to be put aside.
    #[serde(default)]
    pub(super) aside: Vec<(u32, String)>,
    /// Passed over because the server did not give them out; looked at again with the next connection.
    #[serde(default)]
    pub(super) later: Vec<u32>,
    /// There was another epoch before: what has the keyword was taken then.
    #[serde(default)]
    pub(super) renumbered: bool,
    /// The first look, seconds since 1970, when what was there then is not taken: in another epoch the internal date
    /// tells which messages those are.
    #[serde(default)]
    pub(super) since: Option<i64>,
}

/// Messages that wait to be marked. More than this are marked by whoever looks: the keyword is a service.
const PENDING: usize = 1000;

/// Messages that the server does not give out, before it is left alone.
const LATER: usize = 100;

impl Place {
    pub(super) const fn new(epoch: u32, next: u32) -> Self {
        Self {
            v: 1,
            epoch,
            next,
            pending: Vec::new(),
            aside: Vec::new(),
            later: Vec::new(),
            renumbered: false,
            since: None,
        }
    }

    /// The place at the beginning of another epoch.
    pub(super) fn anew(&self, epoch: u32) -> Self {
        Self { renumbered: true, since: self.since, ..Self::new(epoch, 1) }
    }

    /// Whether a message was there before the first look, as far as its internal date tells.
    pub(super) fn is_older(&self, internal_date: Option<i64>) -> bool {
        self.renumbered && self.since.zip(internal_date).is_some_and(|(since, date)| date < since)
    }

    /// The place after this message, which was taken.
    pub(super) fn after(&self, uid: u32) -> Self {
        let mut after = self.passed(uid);
        if after.pending.len() < PENDING && !after.pending.contains(&uid) {
            after.pending.push(uid);
        }
        after
    }

    /// The place after this message, with which nothing is to be done.
    pub(super) fn passed(&self, uid: u32) -> Self {
        let mut passed = Self { next: self.next.max(uid.saturating_add(1)), ..self.clone() };
        passed.later.retain(|later| *later != uid);
        passed
    }

    /// The place after this message, which is refused for good.
    pub(super) fn refused(&self, uid: u32, reason: &str) -> Self {
        let mut refused = self.passed(uid);
        if refused.aside.len() < PENDING {
            refused.aside.push((uid, reason.to_owned()));
        }
        refused
    }

    /// The place after this message, which the server does not give out now; `None` when there are too many.
    pub(super) fn postponed(&self, uid: u32) -> Option<Self> {
        let mut postponed = self.passed(uid);
        postponed.later.push(uid);
        (postponed.later.len() <= LATER).then_some(postponed)
    }

    /// Forgets that messages wait to be marked or put aside.
    pub(super) fn settled(&mut self, uids: &[u32]) {
        self.pending.retain(|pending| !uids.contains(pending));
        self.aside.retain(|(aside, _)| !uids.contains(aside));
    }

    pub(super) fn source(account: &Account) -> String {
        format!("imap/{}/{}", account.id, account.mailbox)
    }

    pub(super) fn position(&self, account: &Account, at: Millis) -> Position {
        Position { source: Self::source(account), at, data: record::write(self) }
    }

    /// `None` when it is of another version of this program.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        record::read(data).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_moves_forward_and_remembers_what_is_left_to_do() {
        let mut place = Place::new(7, 5).after(9).after(6).refused(10, "unsupported");
        assert_eq!((place.next, place.pending.as_slice()), (11, &[9, 6][..]));
        assert_eq!(Place::read(&crate::record::write(&place)), Some(place.clone()));
        place.settled(&[9, 6, 10]);
        assert!(place.pending.is_empty() && place.aside.is_empty());
        assert_eq!(place.passed(u32::MAX).next, u32::MAX);
        assert_eq!(Place::read(b"{\"v\":1}"), None);
    }

    #[test]
    fn what_the_server_does_not_give_out_is_remembered_until_it_was_taken() {
        let place = Place::new(7, 5).postponed(5).unwrap().after(6);
        assert_eq!((place.next, place.later.as_slice()), (7, &[5][..]));
        assert!(place.after(5).later.is_empty());
        let mut full = place;
        for uid in 0..99 {
            full = full.postponed(1000 + uid).unwrap();
        }
        assert_eq!(full.postponed(9), None);
    }

    #[test]
    fn what_was_there_at_the_first_look_is_known_by_its_date_in_another_epoch() {
        let first = Place { since: Some(1000), ..Place::new(7, 5) };
        assert!(!first.is_older(Some(1)));
        let anew = first.after(9).anew(8);
        assert_eq!((anew.epoch, anew.next), (8, 1));
        assert!(anew.is_older(Some(999)) && !anew.is_older(Some(1000)) && !anew.is_older(None));
        assert!(!Place::new(7, 5).anew(8).is_older(Some(1)));
    }

    #[test]
    fn a_place_of_the_first_version_is_read() {
        let place = Place::read(br#"{"v":1,"epoch":7,"next":5,"pending":[3]}"#).unwrap();
        assert_eq!((place.next, place.pending, place.aside, place.later), (5, vec![3], vec![], vec![]));
    }
}
