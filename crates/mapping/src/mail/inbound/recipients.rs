//! Recipients and the lists in which they are shown (RFC 4356 §2.1.3.3, Recipient(s) address).

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
};
use cedrat_message::{Address, Blame, MailAddress, Message, Party, Reason, Recipient, Refusal, Role, Shown};
use cedrat_wire_mail::smtp::xtext;

use super::Reader;

impl Reader<'_> {
    /// Roles from the headers; who is in none is blind. The only recipient is shown although blind when
    /// nobody else is: the RFC allows it, and an MMS needs a To.
    pub(super) fn recipients(&self, message: &mut Message) -> Result<(), Refusal> {
        if self.envelope.recipients.is_empty() {
            return Err(Refusal::new(
                Reason::AddressMalformed,
                Blame::Ours,
                "the envelope names no recipient",
            ));
        }
        if let ([only], true) = (self.envelope.recipients.as_slice(), message.shown.is_empty()) {
            message.shown.push(Shown { role: Role::To, party: Party::new(only.address.clone()) });
        }
        let mut roles: BTreeMap<String, Role> = BTreeMap::new();
        for shown in &message.shown {
            roles.entry(key(&shown.party.address)).or_insert(shown.role);
        }
        let role = |recipient: &Recipient| {
            let shown = roles.get(&key(&recipient.address));
            shown.or_else(|| roles.get(&original_key(recipient)?)).copied().unwrap_or(Role::Bcc)
        };
        let recipients = self.envelope.recipients.iter();
        message.recipients =
            recipients.map(|recipient| Recipient { role: role(recipient), ..recipient.clone() }).collect();
        Ok(())
    }
}

/// What two spellings of one address have in common: digits of a number, a mail address without its case.
fn key(address: &Address) -> String {
    match address {
        Address::Number(number) => number.digits().to_string(),
        Address::Mail(mail) => format!("{}@{}", mail.local().to_lowercase(), mail.domain()),
        other => other.to_string(),
    }
}

/// The address as the sender wrote it (ORCPT), when a list or an alias replaced it on the way.
fn original_key(recipient: &Recipient) -> Option<String> {
    let (_, text) = recipient.original.as_deref()?.split_once(';')?;
    MailAddress::parse(&xtext::decode(text)?).ok().map(|mail| key(&Address::Mail(mail)))
}
