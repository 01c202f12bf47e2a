//! Response codes: what a program is to understand of a status response (RFC 9051 section 7.1, RFC 5530 and the
//! extensions that define more). Unknown ones are kept as they are.

use super::{Capabilities, Flag, Malformed, Reader, SequenceSet, reader::lossy};
use alloc::{string::String, vec::Vec};

/// What stands in the brackets of a status response. Those that only say what kind of failure it is carry no value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specifications")]
pub enum Code {
    Alert,
    AlreadyExists,
    /// Where an appended message is (RFC 4315).
    AppendUid(AppendUid),
    AuthenticationFailed,
    AuthorizationFailed,
    BadCharset(Vec<String>),
    /// NOTIFY does not know these events (RFC 5465).
    BadEvent,
    /// CATENATE could not follow this URL (RFC 4469).
    BadUrl(String),
    Cannot,
    Capability(Capabilities),
    ClientBug,
    /// What came before is of the mailbox that was selected before (RFC 7162).
    Closed,
    CompressionActive,
    ContactAdmin,
    /// Where copied messages are (RFC 4315).
    CopyUid(CopyUid),
    Corruption,
    Expired,
    ExpungeIssued,
    HasChildren,
    HighestModSeq(u64),
    InUse,
    Limit,
    /// The permanent name of a mailbox (RFC 8474).
    MailboxId(String),
    /// STORE did not touch these, as they had changed (RFC 7162).
    Modified(SequenceSet),
    NoModSeq,
    NonExistent,
    NoPerm,
    NotificationOverflow,
    NotSaved,
    /// Any other, with what followed its name.
    Other(String, String),
    OverQuota,
    Parse,
    PermanentFlags(Vec<Flag>),
    PrivacyRequired,
    ReadOnly,
    ReadWrite,
    Referral(String),
    ServerBug,
    TooBig,
    TryCreate,
    UidNext(u32),
    UidNotSticky,
    UidValidity(u32),
    Unavailable,
    UnknownCte,
    Unseen(u32),
    UseAttr,
}

/// Where an appended message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendUid {
    /// Of the mailbox.
    pub uid_validity: u32,
    /// One for each message.
    pub uids: SequenceSet,
}

/// Where copied messages are: the numbers of both sets in their order are pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyUid {
    /// Of the target mailbox.
    pub uid_validity: u32,
    /// In the source mailbox.
    pub source: SequenceSet,
    /// In the target mailbox.
    pub target: SequenceSet,
}

/// The codes without a value.
const PLAIN: [(&str, Code); 33] = [
    ("ALERT", Code::Alert),
    ("ALREADYEXISTS", Code::AlreadyExists),
    ("AUTHENTICATIONFAILED", Code::AuthenticationFailed),
    ("AUTHORIZATIONFAILED", Code::AuthorizationFailed),
    ("BADEVENT", Code::BadEvent),
    ("CANNOT", Code::Cannot),
    ("CLIENTBUG", Code::ClientBug),
    ("CLOSED", Code::Closed),
    ("COMPRESSIONACTIVE", Code::CompressionActive),
    ("CONTACTADMIN", Code::ContactAdmin),
    ("CORRUPTION", Code::Corruption),
    ("EXPIRED", Code::Expired),
    ("EXPUNGEISSUED", Code::ExpungeIssued),
    ("HASCHILDREN", Code::HasChildren),
    ("INUSE", Code::InUse),
    ("LIMIT", Code::Limit),
    ("NOMODSEQ", Code::NoModSeq),
    ("NONEXISTENT", Code::NonExistent),
    ("NOPERM", Code::NoPerm),
    ("NOTIFICATIONOVERFLOW", Code::NotificationOverflow),
    ("NOTSAVED", Code::NotSaved),
    ("OVERQUOTA", Code::OverQuota),
    ("PARSE", Code::Parse),
    ("PRIVACYREQUIRED", Code::PrivacyRequired),
    ("READ-ONLY", Code::ReadOnly),
    ("READ-WRITE", Code::ReadWrite),
    ("SERVERBUG", Code::ServerBug),
    ("TOOBIG", Code::TooBig),
    ("TRYCREATE", Code::TryCreate),
    ("UIDNOTSTICKY", Code::UidNotSticky),
    ("UNAVAILABLE", Code::Unavailable),
    ("UNKNOWN-CTE", Code::UnknownCte),
    ("USEATTR", Code::UseAttr),
];

impl Code {
    /// Reads what follows an opening bracket, and the closing one.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let name = lossy(reader.code_word()?).to_ascii_uppercase();
        let mut valued = reader.clone();
        if let Ok(code) = Self::read_value(&name, &mut valued)
            && valued.eat(b']')
        {
            *reader = valued;
            return Ok(code);
        }
        let rest = rest_of_code(reader)?;
        if let Some((_, code)) = PLAIN.into_iter().find(|(known, _)| *known == name) {
            return Ok(code);
        }
        Ok(Self::Other(name, rest))
    }

    fn read_value(name: &str, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let spaces = reader.spaces();
        let code = match name {
            "CAPABILITY" => Self::Capability(Capabilities::read(reader)?),
            "BADCHARSET" if !spaces => Self::BadCharset(Vec::new()),
            "BADCHARSET" => Self::BadCharset(reader.list(|reader| Ok(lossy(&reader.astring()?)))?),
            "APPENDUID" => {
                let uid_validity = reader.number()?;
                reader.spaces();
                Self::AppendUid(AppendUid { uid_validity, uids: SequenceSet::read(reader)? })
            }
            "COPYUID" => {
                let uid_validity = reader.number()?;
                reader.spaces();
                let source = SequenceSet::read(reader)?;
                reader.spaces();
                Self::CopyUid(CopyUid { uid_validity, source, target: SequenceSet::read(reader)? })
            }
            "BADURL" => Self::BadUrl(text_of_code(reader)?),
            "REFERRAL" => Self::Referral(text_of_code(reader)?),
            "HIGHESTMODSEQ" => Self::HighestModSeq(reader.number()?),
            "MAILBOXID" => Self::MailboxId(
                reader
                    .list(|reader| Ok(lossy(reader.code_word()?)))?
                    .into_iter()
                    .next()
                    .ok_or(reader.wanted("objectid"))?,
            ),
            "MODIFIED" => Self::Modified(SequenceSet::read(reader)?),
            "PERMANENTFLAGS" => {
                // Keywords may hold brackets: words, not words of a code.
                Self::PermanentFlags(reader.list(|reader| Ok(Flag::from_word(reader.word()?)))?)
            }
            "UIDNEXT" => Self::UidNext(reader.number()?),
            "UIDVALIDITY" => Self::UidValidity(reader.number()?),
            "UNSEEN" => Self::Unseen(reader.number()?),
            _ => return Err(reader.wanted("response code with a value")),
        };
        reader.spaces();
        Ok(code)
    }
}

fn text_of_code(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    if reader.peek() == Some(b'"') {
        return Ok(lossy(&reader.string()?));
    }
    Ok(lossy(reader.take_while(|octet| octet != b']')))
}

/// Up to the bracket that closes, which may not stand in a quoted string before.
fn rest_of_code(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    reader.spaces();
    let mut text = Vec::new();
    loop {
        text.extend_from_slice(reader.take_while(|octet| !matches!(octet, b']' | b'"')));
        if reader.eat(b']') {
            return Ok(lossy(&text));
        }
        let quoted = reader.string()?;
        text.push(b'"');
        text.extend_from_slice(&quoted);
        text.push(b'"');
    }
}
