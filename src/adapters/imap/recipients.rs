//! Who gets a message of a mailbox, and who it is from.
//!
//! A mailbox has no envelope: fixed numbers, the header, or a part of the address that the mail was sent to stand in
//! for it, by what the account says.

use cedrat_message::{Blame, Number, Reason, Refusal};
use cedrat_mime::Headers;
use cedrat_wire_mail::{
    smtp::{Address, Form},
    value::addresses,
};

use crate::config::{
    Mail,
    imap::{Account, Named},
};

/// Who gets a message.
///
/// # Errors
/// `RecipientUnknown` when it names nobody, `AddressMalformed` when what it names is no address.
pub(super) fn recipients(account: &Account, own: &Mail, headers: &Headers) -> Result<Vec<Address>, Refusal> {
    let mut given: Vec<String> =
        account.recipients.iter().map(|number| format!("{number}@{}", own.number_domain)).collect();
    if given.is_empty() {
        given = match &account.named {
            Named::Fields(fields) => in_fields(fields, account.named == Named::default(), own, headers),
            Named::Plus => behind_plus(&account.user, own, headers),
        };
        given.sort_unstable();
        given.dedup();
    }
    if given.is_empty() {
        return Err(Refusal::new(
            Reason::RecipientUnknown,
            Blame::Message,
            "the message names no recipient that is a number here, and the mailbox has no `to`",
        ));
    }
    let parse = |text: &String| {
        Address::parse(text, Form::Mail)
            .map_err(|_| Refusal::new(Reason::AddressMalformed, Blame::Message, format!("recipient {text}")))
    };
    given.iter().map(parse).collect()
}

/// Those at `mail.domains`; in fields that the operator named also bare numbers.
fn in_fields(fields: &[String], usual: bool, own: &Mail, headers: &Headers) -> Vec<String> {
    let mut given = Vec::new();
    for value in fields.iter().flat_map(|name| headers.all(name)).map(|field| field.value()) {
        if !usual {
            let numbers = value.split(',').filter_map(|word| Number::parse(word.trim()).ok());
            given.extend(numbers.map(|number| format!("{number}@{}", own.number_domain)));
        }
        given.extend(addresses(value).iter().filter_map(|mailbox| mailbox.address()).filter(|address| {
            let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
            own.domains.iter().any(|known| known.eq_ignore_ascii_case(domain))
        }));
    }
    given
}

/// The numbers in `user+number@domain`. The domain counts where the account's name has one.
fn behind_plus(user: &str, own: &Mail, headers: &Headers) -> Vec<String> {
    let (name, at) = user.rsplit_once('@').map_or((user, None), |(name, domain)| (name, Some(domain)));
    let number = |address: String| {
        let (local, domain) = address.rsplit_once('@')?;
        let (to, detail) = local.split_once('+')?;
        let ours = to.eq_ignore_ascii_case(name) && at.is_none_or(|at| at.eq_ignore_ascii_case(domain));
        let number = Number::parse(&format!("+{}", detail.trim_start_matches('+'))).ok().filter(|_| ours)?;
        Some(format!("{number}@{}", own.number_domain))
    };
    let fields = ["Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc"];
    let values = fields.iter().flat_map(|name| headers.all(name)).map(|field| field.value());
    values
        .flat_map(|value| addresses(value).iter().filter_map(|one| one.address()).collect::<Vec<_>>())
        .filter_map(number)
        .collect()
}

/// Who a message is from: nobody, when it was delivered with an empty return path, as reports are.
///
/// # Errors
/// `AddressMalformed` when that is no address.
pub(super) fn sender(headers: &Headers) -> Result<Address, Refusal> {
    let path = headers.first("Return-Path").map(|path| path.trim().trim_matches(['<', '>']));
    if path == Some("") {
        return Ok(Address::null());
    }
    let from = ["From", "Sender"].iter().find_map(|name| addresses(headers.first(name)?).first()?.address());
    let given = from.or_else(|| path.map(str::to_owned)).unwrap_or_default();
    Address::parse(&given, Form::Mail).map_err(|_| {
        Refusal::new(Reason::AddressMalformed, Blame::Message, format!("sender {given:?} is no address"))
    })
}
