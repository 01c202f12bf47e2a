//! Earlier sendings as Resent-* blocks (RFC 4356 §2.1.3.2, Previously-Sent Information).

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use cedrat_message::{Field, PreviouslySent, Refusal};
use cedrat_mime::Header;
use cedrat_wire_mail::value;

use super::{Writer, identifier::as_local_part, sender_fault};
use crate::{Fidelity, mail::resent};

impl Writer<'_> {
    /// The newest sending on top, the original below (RFC 4356 §2.1.3.2, example).
    pub(super) fn resent(
        &mut self,
        date: &str,
        from: &str,
        shown: (Vec<String>, Vec<String>),
        id: &str,
    ) -> Result<(), Refusal> {
        self.note(Field::PreviouslySent);
        self.loss.push(
            Field::PreviouslySent,
            Fidelity::Synthesized,
            "Recipients and Message-ID of the original are not known: who sent it on is named, an identifier is made.",
            None,
        );
        self.push_resent(Field::Date, date);
        self.push_resent(Field::Originator, from);
        let (to, cc) = shown;
        if to.is_empty() && cc.is_empty() {
            self.push_resent(Field::To, "undisclosed-recipients:;");
        }
        if !to.is_empty() {
            self.push_resent(Field::To, &to.join(", "));
        }
        if !cc.is_empty() {
            self.push_resent(Field::Cc, &cc.join(", "));
        }
        self.push_resent(Field::MessageId, &format!("<{id}>"));

        let mut history: Vec<&PreviouslySent> = self.message.previously_sent.iter().collect();
        history.sort_by_key(|sending| sending.index);
        let (original, later) = match history.split_first() {
            Some((original, later)) => (Some(*original), later),
            None => (None, [].as_slice()),
        };
        // Who sent it on had received it: the best that is known of the original's recipients.
        let first_recipient = match later.iter().find_map(|sending| sending.by.as_ref()) {
            Some(party) => self.mailbox(party).map_err(sender_fault)?,
            None => from.to_owned(),
        };
        for sending in later.iter().rev() {
            if let Some(at) = sending.at {
                self.push_resent(Field::Date, &value::format_date(at.0));
            }
            if let Some(by) = &sending.by {
                let by = self.mailbox(by).map_err(sender_fault)?;
                self.push_resent(Field::Originator, &by);
            }
        }
        let at = original.and_then(|sending| sending.at).map(|at| value::format_date(at.0));
        self.push(Field::Date, at.as_deref().unwrap_or(date));
        let by = original.and_then(|sending| sending.by.as_ref()).map(|party| self.mailbox(party));
        let by = by.transpose().map_err(sender_fault)?;
        self.push(Field::Originator, by.as_deref().unwrap_or(from));
        self.push(Field::To, &first_recipient);
        let made = format!("<original-{}@{}>", as_local_part(id), self.writing.host);
        self.push(Field::MessageId, &made);
        Ok(())
    }

    fn push_resent(&mut self, field: Field, value: &str) {
        let name = resent::resent(self.tables.mail(field).name());
        self.headers.push(Header::new(name, value));
    }
}
