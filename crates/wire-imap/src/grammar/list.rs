//! What servers say about mailboxes: LIST and LSUB (RFC 9051 section 7.3.1, RFC 3348, RFC 6154, RFC 5258), STATUS
//! (RFC 9051 section 7.3.4, RFC 7162, RFC 7889, RFC 8474) and NAMESPACE (RFC 2342).

use super::{Mailbox, Malformed, Names, Reader, Writer, reader::lossy};
use alloc::{string::String, vec::Vec};

/// One mailbox of a LIST or LSUB response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// `\Noselect`, `\HasChildren`, `\Sent`: as the server spells them, with the backslash.
    pub attributes: Vec<String>,
    /// What separates levels of names; `None` when there are no levels.
    pub delimiter: Option<char>,
    /// Its name.
    pub mailbox: Mailbox,
    /// The name that was asked for or that it had before (RFC 9051 section 6.3.9.7).
    pub old_name: Option<Mailbox>,
    /// Which children would have matched, such as SUBSCRIBED (RFC 5258).
    pub child_info: Vec<String>,
}

impl List {
    /// Whether the server gave it this attribute, such as `\Sent`.
    #[must_use]
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|given| given.eq_ignore_ascii_case(attribute))
    }

    /// Whether it can be selected.
    #[must_use]
    pub fn is_selectable(&self) -> bool {
        !self.has("\\Noselect") && !self.has("\\NonExistent")
    }

    pub(super) fn read(reader: &mut Reader<'_>, names: Names) -> Result<Self, Malformed> {
        let attributes = reader.list(|reader| Ok(lossy(reader.word()?)))?;
        reader.spaces();
        let delimiter = reader.nstring()?.and_then(|text| lossy(&text).chars().next());
        reader.spaces();
        let mut list = Self {
            attributes,
            delimiter,
            mailbox: Mailbox::read(reader, names)?,
            old_name: None,
            child_info: Vec::new(),
        };
        reader.spaces();
        if reader.peek() == Some(b'(') {
            reader.open()?;
            while !reader.close() {
                let tag = lossy(&reader.astring()?).to_ascii_uppercase();
                reader.spaces();
                match tag.as_str() {
                    "CHILDINFO" => list.child_info = reader.list(|reader| Ok(lossy(&reader.astring()?)))?,
                    "OLDNAME" => {
                        list.old_name =
                            reader.list(|reader| Mailbox::read(reader, names))?.into_iter().next();
                    }
                    _ => drop(reader.value()?),
                }
                reader.spaces();
                if reader.is_at_end() {
                    return Err(reader.wanted("end of list"));
                }
            }
        }
        Ok(list)
    }

    /// Writes the response.
    pub fn write(&self, writer: &mut Writer) {
        writer.raw("* LIST ").list(&self.attributes, |writer, attribute| {
            writer.raw(attribute);
        });
        writer.raw(" ");
        match self.delimiter {
            Some(delimiter) => writer.string(delimiter.encode_utf8(&mut [0; 4]).as_bytes()),
            None => writer.raw("NIL"),
        };
        writer.raw(" ").mailbox(&self.mailbox);
        if let Some(old_name) = &self.old_name {
            writer.raw(" (\"OLDNAME\" (").mailbox(old_name).raw("))");
        }
    }
}

/// A STATUS response. What was not in it is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specifications")]
pub struct MailboxStatus {
    pub mailbox: Mailbox,
    pub messages: Option<u32>,
    pub uid_next: Option<u32>,
    pub uid_validity: Option<u32>,
    pub unseen: Option<u32>,
    pub deleted: Option<u32>,
    /// All messages together, in octets.
    pub size: Option<u64>,
    pub highest_mod_seq: Option<u64>,
    /// The greatest message that this mailbox takes; `Some(None)` when there is no limit.
    pub append_limit: Option<Option<u64>>,
    pub mailbox_id: Option<String>,
}

impl MailboxStatus {
    /// Of a mailbox about which nothing is known.
    #[must_use]
    pub const fn new(mailbox: Mailbox) -> Self {
        Self {
            mailbox,
            messages: None,
            uid_next: None,
            uid_validity: None,
            unseen: None,
            deleted: None,
            size: None,
            highest_mod_seq: None,
            append_limit: None,
            mailbox_id: None,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, names: Names) -> Result<Self, Malformed> {
        let mut status = Self::new(Mailbox::read(reader, names)?);
        reader.spaces();
        reader.list(|reader| {
            let name = lossy(reader.word()?).to_ascii_uppercase();
            reader.spaces();
            reader.or_skip(|reader| {
                match name.as_str() {
                    "MESSAGES" => status.messages = Some(reader.number()?),
                    "UIDNEXT" => status.uid_next = Some(reader.number()?),
                    "UIDVALIDITY" => status.uid_validity = Some(reader.number()?),
                    "UNSEEN" => status.unseen = Some(reader.number()?),
                    "DELETED" => status.deleted = Some(reader.number()?),
                    "SIZE" => status.size = Some(reader.number()?),
                    "HIGHESTMODSEQ" => status.highest_mod_seq = Some(reader.number()?),
                    "APPENDLIMIT" => status.append_limit = Some(reader.value()?.number()),
                    "MAILBOXID" => {
                        let ids = reader.list(|reader| Ok(lossy(reader.word()?)))?;
                        status.mailbox_id = ids.into_iter().next();
                    }
                    _ => drop(reader.value()?),
                }
                Ok(())
            })
        })?;
        Ok(status)
    }
}

/// A NAMESPACE response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Namespaces {
    /// Of the user.
    pub personal: Vec<Namespace>,
    /// Of other users.
    pub other: Vec<Namespace>,
    /// Of everybody.
    pub shared: Vec<Namespace>,
}

/// Where mailboxes of a kind begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// What their names begin with.
    pub prefix: Mailbox,
    /// What separates levels.
    pub delimiter: Option<char>,
}

impl Namespaces {
    pub(super) fn read(reader: &mut Reader<'_>, names: Names) -> Result<Self, Malformed> {
        let mut of_kind = || {
            reader.spaces();
            reader.list(|reader| {
                reader.open()?;
                reader.spaces();
                let prefix = Mailbox::read(reader, names)?;
                reader.spaces();
                let delimiter = reader.nstring()?.and_then(|text| lossy(&text).chars().next());
                reader.spaces();
                // Extensions of a namespace mean nothing here.
                while !reader.close() {
                    reader.value()?;
                    reader.spaces();
                }
                Ok(Namespace { prefix, delimiter })
            })
        };
        Ok(Self { personal: of_kind()?, other: of_kind()?, shared: of_kind()? })
    }
}
