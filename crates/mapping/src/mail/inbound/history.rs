//! Resent-* blocks as earlier sendings (RFC 4356 §2.1.3.3, Resending).

use alloc::vec::Vec;
use cedrat_message::{Field, Message, Party, PreviouslySent, Role, Shown, Timestamp};
use cedrat_wire_mail::value;

use super::Reader;
use crate::{Fidelity, mail::resent};

impl Reader<'_> {
    /// Resent blocks: the newest sender's words become those of the message.
    pub(super) fn history(&mut self, message: &mut Message) {
        let blocks = resent::blocks(self.headers);
        let Some((newest, earlier)) = blocks.split_first() else { return };
        let sending = |index: usize, from: &Option<Party>, at: Option<Timestamp>| PreviouslySent {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            by: from.clone(),
            at,
        };
        message.previously_sent.push(sending(0, &message.originator, message.date));
        // The newest stands on top of the mail; an MMS counts up from the oldest.
        for (index, block) in earlier.iter().rev().enumerate() {
            let by = block.from.as_deref().and_then(|from| self.first_party(Field::PreviouslySent, from));
            let at = block.date.as_deref().and_then(value::date).map(Timestamp);
            message.previously_sent.push(sending(index + 1, &by, at));
        }
        message.forward_counter = u32::try_from(blocks.len()).ok();
        message.originator =
            newest.from.as_deref().and_then(|from| self.first_party(Field::Originator, from));
        message.date = newest.date.as_deref().and_then(value::date).map(Timestamp);
        let path = self.envelope.from.clone().map(|path| self.canonical(path));
        message.return_path =
            path.filter(|path| Some(path) != message.originator.as_ref().map(|party| &party.address));
        let mut shown = Vec::new();
        for (list, field, role) in [(&newest.to, Field::To, Role::To), (&newest.cc, Field::Cc, Role::Cc)] {
            let parties = self.parties(field, list.as_deref().unwrap_or_default());
            shown.extend(parties.into_iter().map(|party| Shown { role, party }));
        }
        if !shown.is_empty() {
            message.shown = shown;
            message.recipients.clear();
            // There is a recipient: `people` has refused a mail without.
            let _checked = self.recipients(message).is_ok();
        }
        if let Some(id) = blocks.iter().find_map(|block| block.message_id.as_deref())
            && let Some(id) = value::message_ids(id).into_iter().next()
        {
            message.id = id;
            message.mail_id = None;
        }
        self.loss.push(
            Field::PreviouslySent,
            Fidelity::Lossy,
            "The mail was resent: of its earlier sendings, senders and times are kept, recipients and identifiers are not.",
            None,
        );
    }
}
