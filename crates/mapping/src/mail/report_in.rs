//! Reports that mail brings: DSN (RFC 3464) and MDN (RFC 8098) as RFC 4356 tables 5 and 7 map them.

use cedrat_message::Timestamp;
use cedrat_mime::Message;

use super::{MailEnvelope, MailReading};
use crate::{Inbound, Loss, Tables};

/// The reports of a mail; `None` when it is none and must be read as a message.
pub(super) const fn read(
    _tables: &Tables,
    _mail: &Message,
    _envelope: &MailEnvelope,
    _reading: &MailReading,
    _now: Timestamp,
    _loss: &mut Loss,
) -> Option<Inbound> {
    None
}
