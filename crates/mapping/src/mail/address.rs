//! Canonical addresses as Internet mail carries them, and back (RFC 4356 §2.1.3.2 Recipient(s) address,
//! Sender address).
//!
//! A number becomes the local part of an address at the gateway's number domain, so nothing without a
//! domain ever leaves; an address at that domain becomes the number again. Domains beyond ASCII are
//! written in IDNA. Not here: routing, and aliases of mail senders.

use alloc::string::{String, ToString};
use cedrat_message::{Address, AddressFault, MailAddress, Number, Party};
use cedrat_wire_mail::value;

use super::MailWriting;

/// The address as mail carries it.
///
/// # Errors
/// A local part beyond ASCII (RFC 4356: must be refused), a domain that IDNA does not allow, lengths, an
/// IP address.
pub(super) fn mail_form(address: &Address, writing: &MailWriting) -> Result<MailAddress, AddressFault> {
    match address {
        Address::Mail(mail) if mail.is_ascii() => Ok(mail.clone()),
        Address::Mail(mail) if mail.local().is_ascii() => {
            let domain = idna::domain_to_ascii(mail.domain()).map_err(|_| AddressFault::Character)?;
            MailAddress::new(mail.local(), &domain)
        }
        Address::Mail(_) => Err(AddressFault::Character),
        Address::Number(number) => MailAddress::new(&number.to_string(), &writing.number_domain),
        Address::Ip(_) => Err(AddressFault::Syntax),
        // What is shown is the name; an answer reaches whoever runs the gateway.
        Address::Name(_) => MailAddress::new("postmaster", &writing.number_domain),
    }
}

/// A canonical address from a mail address: a number at one of the number domains is that number.
pub(super) fn canonical_form(mail: MailAddress, number_domains: &[String]) -> Address {
    if number_domains.iter().any(|domain| domain.eq_ignore_ascii_case(mail.domain())) {
        let local = mail.local();
        let local = local
            .split_once("/TYPE=")
            .or_else(|| local.split_once("/type="))
            .map_or(local, |(number, _)| number);
        if let Ok(number) = Number::parse(local) {
            return Address::Number(number);
        }
    }
    Address::Mail(mail)
}

/// A mailbox as it stands in a header: `Name <local@domain>`, the name as encoded words where it must be.
pub(super) fn mailbox(party: &Party, writing: &MailWriting) -> Result<String, AddressFault> {
    let address = mail_form(&party.address, writing)?.to_string();
    let display = match (&party.display, &party.address) {
        (Some(display), _) => Some(display.trim()),
        (None, Address::Name(name)) => Some(name.as_str()),
        (None, _) => None,
    };
    Ok(value::encode_mailbox(display.filter(|display| !display.is_empty()), &address))
}
