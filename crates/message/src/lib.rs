//! The canonical message: what a message means, whatever system it came from or goes to.
//!
//! Protocols never meet each other here: every mapping translates between one protocol's PDU and
//! these types. The crate holds no wire syntax, no table and no decision, and it touches nothing:
//! `no_std` is a proof of that, not a target.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod address;
mod content;
mod field;
mod message;
mod reason;
mod report;
mod time;

pub use address::{Address, AddressFault, MailAddress, Number, Party};
pub use content::{Body, Content, Disposition, Original, Part, PartKind, Structure, TransferEncoding};
pub use field::Field;
pub use message::{
    Class, Message, Notify, Origin, PreviouslySent, Priority, Recipient, ReplyCharging, ReplyChargingKind,
    Role, Shown, UnknownField, Visibility,
};
pub use reason::{Blame, Detail, Permanence, Reason, Refusal};
pub use report::{DeliveryReport, DeliveryStatus, ForwardResult, ReadReport, ReadStatus, Report};
pub use time::{Timestamp, When};
