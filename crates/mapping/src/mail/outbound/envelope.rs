//! What the SMTP envelope of a mail says, and what RFC 4356 §2.1.3.2 refuses before there is one.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::{
    Blame, Class, Field, Notify, Origin, Reason, Recipient, Refusal, ReplyChargingKind, Visibility, When,
};
use cedrat_wire_mail::smtp::xtext;

use super::{Writer, recipient_fault, sender_fault};
use crate::{SubmissionRecipient, mail::address};

/// Longest ENVID that a server must take (RFC 3461 §4.4).
const MAX_ENVID: usize = 100;

impl Writer<'_> {
    pub(super) fn refuse_what_mail_cannot_keep(&mut self) -> Result<(), Refusal> {
        if self.message.sender_visibility == Some(Visibility::Hide) {
            return Err(refused(
                Reason::SenderHidden,
                "X-Mms-Sender-Visibility: Hide cannot be kept in mail",
            ));
        }
        if let Some(charging) = &self.message.reply_charging {
            let uses = matches!(
                charging.kind,
                Some(ReplyChargingKind::Accepted | ReplyChargingKind::AcceptedTextOnly)
            );
            if uses || charging.id.is_some() {
                return Err(refused(Reason::ReplyChargingRefused, "the message uses a reply-charging grant"));
            }
        }
        Ok(())
    }

    /// MAIL FROM; null for everything that a machine made, because of the risk of loops.
    pub(super) fn return_path(&mut self) -> Result<String, Refusal> {
        if self.is_automatic() {
            return Ok(String::new());
        }
        let originator = self.message.originator.as_ref().map(|party| &party.address);
        let envelope = self.message.return_path.as_ref();
        // The envelope of MM4 may name the peer's own system, which knows no DSN.
        let path = if self.message.origin == Origin::Mm4 {
            originator.or(envelope)
        } else {
            envelope.or(originator)
        };
        match path {
            Some(path) => {
                address::mail_form(path, self.writing).map(|it| it.to_string()).map_err(sender_fault)
            }
            None => Ok(String::new()),
        }
    }

    pub(super) fn is_automatic(&self) -> bool {
        self.message.automatic || self.message.class == Some(Class::Auto)
    }

    pub(super) fn recipients(
        &mut self,
        recipients: &[Recipient],
    ) -> Result<Vec<SubmissionRecipient>, Refusal> {
        let mut list = Vec::with_capacity(recipients.len());
        for (index, recipient) in recipients.iter().enumerate() {
            let mail =
                address::mail_form(&recipient.address, self.writing).map_err(recipient_fault)?.to_string();
            let notify = self.notify(recipient);
            let orcpt = recipient.original.clone().filter(|_| self.writing.dsn);
            let orcpt = orcpt.or_else(|| notify.map(|_| format!("rfc822;{}", xtext::encode(&mail))));
            list.push(SubmissionRecipient { address: mail, index, notify, orcpt });
        }
        if list.is_empty() {
            return Err(Refusal::new(Reason::AddressMalformed, Blame::Ours, "a mail needs a recipient"));
        }
        Ok(list)
    }

    /// The recipient's own request, else that of the message.
    fn notify(&mut self, recipient: &Recipient) -> Option<Notify> {
        if !self.writing.dsn {
            return None;
        }
        if recipient.notify.is_some() {
            return recipient.notify;
        }
        let relay = self.message.relay_delivery_report == Some(true);
        match self.message.delivery_report {
            Some(true) => Some(Notify { success: true, failure: true, ..Notify::default() }),
            _ if relay => Some(Notify { success: true, failure: true, ..Notify::default() }),
            Some(false) => Some(Notify { never: true, ..Notify::default() }),
            None => None,
        }
    }

    /// The time left, which each system on the way counts down (RFC 2852).
    pub(super) fn deliver_by(&mut self) -> Result<Option<(i64, char)>, Refusal> {
        let Some(expiry) = self.message.expiry else { return Ok(None) };
        self.note(Field::Expiry);
        let seconds = match expiry {
            When::After(seconds) => seconds,
            When::At(at) => at.seconds_since(self.now),
        };
        if seconds == 0 {
            return Err(Refusal::new(
                Reason::Expired,
                Blame::Message,
                "the expiry time of the message is over",
            ));
        }
        // RFC 2852 §4 gives by-time nine digits.
        Ok(Some((i64::try_from(seconds).unwrap_or(i64::MAX).min(999_999_999), 'R')))
    }

    pub(super) fn envelope_id(&self) -> Option<String> {
        let made = || (!self.message.id.is_empty()).then(|| xtext::encode(&self.message.id));
        self.message.envelope_id.clone().or_else(made).filter(|id| id.len() <= MAX_ENVID)
    }
}

fn refused(reason: Reason, detail: &str) -> Refusal {
    Refusal::new(reason, Blame::Message, detail)
}
