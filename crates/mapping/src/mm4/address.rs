//! Addresses of MM4 and of the canonical message (TS 23.140 §8.4.5.1).
//!
//! The syntax is `cedrat_wire_mms::address`; here a shape becomes a kind of address. Numbers are not
//! normalised: that is the business of the peer's number rules.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use cedrat_message::{Address, AddressFault, Number, Party};
use cedrat_wire_mail::value;
use cedrat_wire_mms::address::{AddressKind, MmsAddress};

/// Who an MM4 address means; a number keeps neither type nor domain.
pub(super) fn read(mms: &MmsAddress) -> Result<Address, AddressFault> {
    match (&mms.kind, &mms.domain) {
        _ if mms.is_number() => Number::parse(&mms.local).map(Address::Number),
        (AddressKind::Ipv4 | AddressKind::Ipv6, _) => {
            mms.local.parse().map(Address::Ip).map_err(|_| AddressFault::Syntax)
        }
        (AddressKind::Mail | AddressKind::Unspecified, Some(domain)) => {
            cedrat_message::MailAddress::new(&mms.local, domain).map(Address::Mail)
        }
        _ => Address::name(&mms.local),
    }
}

/// The same with the name shown beside it.
pub(super) fn read_party(mms: &MmsAddress) -> Result<Party, AddressFault> {
    let display = mms.display.as_deref().map(value::unstructured).filter(|name| !name.is_empty());
    Ok(Party { address: read(mms)?, display })
}

/// The MM4 form of an address.
pub(super) fn write(address: &Address) -> MmsAddress {
    let plain = |local: String, kind| MmsAddress { local, kind, domain: None, display: None };
    match address {
        Address::Ip(ip) if ip.is_ipv4() => plain(ip.to_string(), AddressKind::Ipv4),
        Address::Ip(ip) => plain(ip.to_string(), AddressKind::Ipv6),
        Address::Mail(mail) => MmsAddress::mail(mail.local(), mail.domain()),
        Address::Name(name) => plain(name.clone(), AddressKind::Unspecified),
        Address::Number(number) => MmsAddress::plmn(number.to_string()),
    }
}

/// What two addresses of the same party have in common: of a number its digits, because peers show a
/// number with and without `+` in one message.
pub(super) fn key(address: &Address) -> String {
    match address {
        Address::Number(number) => number.digits().to_owned(),
        other => other.to_string(),
    }
}
