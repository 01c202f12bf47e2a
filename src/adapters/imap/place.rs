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
}

/// Messages that wait to be marked. More than this are marked by whoever looks: the keyword is a service.
const PENDING: usize = 1000;

impl Place {
    pub(super) const fn new(epoch: u32, next: u32) -> Self {
        Self { v: 1, epoch, next, pending: Vec::new() }
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
        Self { next: self.next.max(uid.saturating_add(1)), ..self.clone() }
    }

    /// Forgets that a message waits to be marked.
    pub(super) fn marked(&mut self, uid: u32) {
        self.pending.retain(|pending| *pending != uid);
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
mod tests {
    use super::Place;

    #[test]
    fn a_place_moves_forward_and_remembers_what_is_left_to_do() {
        let mut place = Place::new(7, 5).after(9).after(6);
        assert_eq!((place.next, place.pending.as_slice()), (10, &[9, 6][..]));
        place.marked(9);
        assert_eq!(place.passed(u32::MAX).next, u32::MAX);
        assert_eq!(Place::read(&crate::record::write(&place)), Some(place));
        assert_eq!(Place::read(b"{\"v\":1}"), None);
    }
}
