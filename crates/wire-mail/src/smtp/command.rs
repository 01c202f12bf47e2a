//! Command lines, both directions: verbs of RFC 5321 section 4.1.1 and the parameters of MAIL
//! and RCPT that the extensions add (see [`super::envelope`] for the documents).
//!
//! A parameter is known only when its extension was offered; anything else is 555 5.5.4, a broken
//! value 501 5.5.4 (RFC 5321 section 4.1.1.11). It keeps no state: order is the session's matter.

use super::{
    address::{AddressFault, Form, read_path},
    envelope::{Body, ByMode, DeliverBy, Hold, Mail, Notify, Orcpt, Rcpt, Ret},
    extensions::Extensions,
    reply::Reply,
    xtext,
};
use alloc::string::{String, ToString};
use core::fmt::Write;

/// A command line without its CRLF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Auth {
        mechanism: &'a str,
        initial: Option<&'a str>,
    },
    /// `None`: the size is unreadable, so where the next command starts is unknown.
    Bdat(Option<(u64, bool)>),
    Data,
    Ehlo(&'a str),
    Expn,
    Helo(&'a str),
    Help,
    Lhlo(&'a str),
    Mail(&'a str),
    Noop,
    Quit,
    Rcpt(&'a str),
    Rset,
    StartTls,
    Vrfy,
}

impl<'a> Command<'a> {
    pub(crate) fn parse(line: &'a str) -> Result<Self, Reply> {
        let line = line.trim_end_matches(' ');
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim_start_matches(' ');
        let bare = |command| {
            if rest.is_empty() {
                Ok(command)
            } else {
                Err(Reply::new(501, (5, 5, 4), "No argument is allowed here"))
            }
        };
        let upper = verb.get(..verb.len().min(8)).unwrap_or_default().to_ascii_uppercase();
        // Before anything that could refuse the line: octets follow this one.
        if upper == "BDAT" {
            return Ok(Self::Bdat(bdat(rest)));
        }
        if line.chars().any(char::is_control) {
            return Err(Reply::new(500, (5, 5, 2), "Control characters are not allowed in a command"));
        }
        match upper.as_str() {
            "AUTH" => {
                let (mechanism, initial) =
                    rest.split_once(' ').map_or((rest, None), |(name, text)| (name, Some(text)));
                Ok(Self::Auth { mechanism, initial: initial.map(|text| text.trim_matches(' ')) })
            }
            "DATA" => bare(Self::Data),
            "EHLO" => Ok(Self::Ehlo(rest)),
            "EXPN" => Ok(Self::Expn),
            "HELO" => Ok(Self::Helo(rest)),
            "HELP" => Ok(Self::Help),
            "LHLO" => Ok(Self::Lhlo(rest)),
            "MAIL" => keyword(rest, "FROM:").map(Self::Mail),
            "NOOP" => Ok(Self::Noop),
            "QUIT" => bare(Self::Quit),
            "RCPT" => keyword(rest, "TO:").map(Self::Rcpt),
            "RSET" => bare(Self::Rset),
            "STARTTLS" if verb.len() == 8 => bare(Self::StartTls),
            "VRFY" => Ok(Self::Vrfy),
            "" => Err(Reply::new(500, (5, 5, 2), "Empty command")),
            _ => Err(Reply::new(500, (5, 5, 1), "Unknown command")),
        }
    }
}

fn keyword<'a>(rest: &'a str, keyword: &str) -> Result<&'a str, Reply> {
    match rest.split_at_checked(keyword.len()) {
        Some((word, arguments)) if word.eq_ignore_ascii_case(keyword) => Ok(arguments),
        _ => {
            let mut text = String::from("Expected ");
            text.push_str(keyword);
            text.push_str("<address>");
            Err(Reply::new(501, (5, 5, 2), text))
        }
    }
}

fn bdat(rest: &str) -> Option<(u64, bool)> {
    let mut words = rest.split(' ').filter(|word| !word.is_empty());
    let size = number(words.next()?, 19)?;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return None,
    };
    words.next().is_none().then_some((size, last))
}

/// 1 to `digits` digits and nothing else.
fn number(text: &str, digits: usize) -> Option<u64> {
    let plain = (1..=digits).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Reads what follows `MAIL FROM:`.
pub(crate) fn parse_mail(arguments: &str, offered: &Extensions, form: Form) -> Result<Mail, Reply> {
    let (from, parameters) = read_path(arguments, form).map_err(|fault| bad_address(fault, (5, 1, 7)))?;
    let mut mail = Mail::new(from);
    let mut seen = Seen::default();
    for parameter in parameters.split(' ').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = seen.split(parameter)?;
        let known = match name.as_str() {
            "AUTH" if !offered.auth.is_empty() => {
                mail.auth =
                    value.filter(|text| *text == "<>" || xtext::is_valid(text)).map(ToString::to_string);
                mail.auth.is_some()
            }
            "BODY" if offered.eight_bit_mime || offered.binarymime => {
                let body = [Body::SevenBit, Body::EightBitMime, Body::BinaryMime]
                    .into_iter()
                    .find(|body| value.is_some_and(|value| value.eq_ignore_ascii_case(body.token())));
                mail.body = body.unwrap_or_default();
                body.is_some_and(|body| body != Body::BinaryMime || offered.binarymime)
            }
            "BY" if offered.deliver_by.is_some() => {
                mail.deliver_by = value.and_then(deliver_by);
                let least = offered.deliver_by.unwrap_or(0);
                if mail
                    .deliver_by
                    .is_some_and(|by| by.mode == ByMode::Return && i64::from(by.seconds) < i64::from(least))
                {
                    return Err(Reply::new(555, (5, 5, 4), "The delivery time is below the minimum offered"));
                }
                mail.deliver_by.is_some()
            }
            "ENVID" if offered.dsn => {
                mail.envid = value
                    .filter(|text| (1..=100).contains(&text.len()) && xtext::is_valid(text))
                    .map(ToString::to_string);
                mail.envid.is_some()
            }
            "HOLDFOR" | "HOLDUNTIL" if offered.future_release.is_some() && mail.hold.is_none() => {
                mail.hold = hold(&name, value.unwrap_or_default(), offered);
                mail.hold.is_some()
            }
            "HOLDFOR" | "HOLDUNTIL" if offered.future_release.is_some() => false,
            "MT-PRIORITY" if offered.mt_priority => {
                mail.mt_priority = value
                    .filter(|text| text.len() <= 2 && !text.starts_with('+'))
                    .and_then(|text| text.parse().ok());
                mail.mt_priority.is_some_and(|priority| (-9..=9).contains(&priority))
            }
            "REQUIRETLS" if offered.require_tls => {
                mail.require_tls = true;
                value.is_none()
            }
            "RET" if offered.dsn => {
                mail.ret = [Ret::Full, Ret::Headers]
                    .into_iter()
                    .find(|ret| value.is_some_and(|value| value.eq_ignore_ascii_case(ret.token())));
                mail.ret.is_some()
            }
            "SIZE" if offered.size.is_some() => {
                mail.size = value.and_then(|text| number(text, 20));
                mail.size.is_some()
            }
            "SMTPUTF8" if offered.smtputf8 => {
                mail.smtputf8 = true;
                value.is_none()
            }
            _ => return Err(unknown(&name)),
        };
        if !known {
            return Err(bad_value(&name));
        }
    }
    if mail.from.is_international() && !mail.smtputf8 {
        return Err(needs_smtputf8());
    }
    Ok(mail)
}

/// Reads what follows `RCPT TO:`; `smtputf8` is that of the MAIL command before it.
pub(crate) fn parse_rcpt(
    arguments: &str,
    offered: &Extensions,
    form: Form,
    smtputf8: bool,
) -> Result<Rcpt, Reply> {
    let (address, parameters) = read_path(arguments, form).map_err(|fault| bad_address(fault, (5, 1, 3)))?;
    if address.is_null() && form == Form::Mail {
        return Err(Reply::new(501, (5, 1, 3), "A recipient cannot be empty"));
    }
    let mut rcpt = Rcpt::new(address);
    let mut seen = Seen::default();
    for parameter in parameters.split(' ').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = seen.split(parameter)?;
        let known = match name.as_str() {
            "NOTIFY" if offered.dsn => {
                rcpt.notify = value.and_then(notify);
                rcpt.notify.is_some()
            }
            "ORCPT" if offered.dsn => {
                rcpt.orcpt = value.and_then(orcpt);
                rcpt.orcpt.is_some()
            }
            _ => return Err(unknown(&name)),
        };
        if !known {
            return Err(bad_value(&name));
        }
    }
    if rcpt.address.is_international() && !smtputf8 {
        return Err(needs_smtputf8());
    }
    Ok(rcpt)
}

/// Names that a command has used already; there are few, so a text is enough.
#[derive(Default)]
struct Seen(String);

impl Seen {
    fn split<'a>(&mut self, parameter: &'a str) -> Result<(String, Option<&'a str>), Reply> {
        let (name, value) =
            parameter.split_once('=').map_or((parameter, None), |(name, value)| (name, Some(value)));
        if !name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
            || name.is_empty()
            || name.len() > 32
        {
            return Err(Reply::new(501, (5, 5, 4), "A parameter has no valid name"));
        }
        let name = name.to_ascii_uppercase();
        if self.0.split(' ').any(|seen| seen == name) {
            return Err(bad_value(&name));
        }
        self.0.push(' ');
        self.0.push_str(&name);
        Ok((name, value))
    }
}

fn unknown(name: &str) -> Reply {
    let mut text = String::from("Unsupported parameter ");
    text.push_str(name);
    Reply::new(555, (5, 5, 4), text)
}

fn bad_value(name: &str) -> Reply {
    let mut text = String::from("Invalid or repeated parameter ");
    text.push_str(name);
    Reply::new(501, (5, 5, 4), text)
}

fn needs_smtputf8() -> Reply {
    Reply::new(553, (5, 6, 7), "The address needs SMTPUTF8")
}

fn bad_address(fault: AddressFault, enhanced: (u8, u16, u16)) -> Reply {
    let text = match fault {
        AddressFault::Control => "Control characters are not allowed in an address",
        AddressFault::Domain => "The domain of the address is missing or malformed",
        AddressFault::LocalPart => "The local part of the address is malformed",
        AddressFault::Path => "The address is not in angle brackets",
    };
    Reply::new(501, enhanced, text)
}

fn deliver_by(value: &str) -> Option<DeliverBy> {
    let (seconds, mode) = value.split_once(';')?;
    let digits = seconds.strip_prefix(['-', '+']).unwrap_or(seconds);
    let magnitude = i32::try_from(number(digits, 9)?).ok()?;
    let seconds = if seconds.starts_with('-') { -magnitude } else { magnitude };
    let (mode, trace) = match mode.as_bytes() {
        [mode] => (mode, false),
        [mode, b'T' | b't'] => (mode, true),
        _ => return None,
    };
    let mode = match mode {
        b'N' | b'n' => ByMode::Notify,
        b'R' | b'r' => ByMode::Return,
        _ => return None,
    };
    (mode == ByMode::Notify || seconds > 0).then_some(DeliverBy { seconds, mode, trace })
}

fn hold(name: &str, value: &str, offered: &Extensions) -> Option<Hold> {
    let limits = offered.future_release.as_ref()?;
    if name == "HOLDFOR" {
        let seconds = u32::try_from(number(value, 9)?).ok()?;
        return (1..=limits.max_seconds).contains(&seconds).then_some(Hold::For(seconds));
    }
    // Both are UTC in the same fixed form, so their order is that of the text.
    let moment = utc(value)?;
    let latest = utc(&limits.max_time)?;
    (moment <= latest).then(|| Hold::Until(value.to_string()))
}

/// The part up to the seconds of `2026-11-24T08:00:00Z` or with a fraction before the `Z`.
fn utc(text: &str) -> Option<&str> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let (moment, rest) = text.split_at_checked(SHAPE.len())?;
    let shaped = moment.bytes().zip(SHAPE).all(|(octet, shape)| match shape {
        b'0' => octet.is_ascii_digit(),
        shape => octet == *shape,
    });
    let fraction = rest.strip_suffix('Z')?;
    let fraction_ok = match fraction.strip_prefix('.') {
        Some(digits) => number(digits, 9).is_some(),
        None => fraction.is_empty(),
    };
    let field = |from: usize| moment.get(from..from + 2).and_then(|text| text.parse::<u8>().ok());
    let ranges = (1..=12).contains(&field(5)?)
        && (1..=31).contains(&field(8)?)
        && field(11)? < 24
        && field(14)? < 60
        && field(17)? <= 60;
    (shaped && fraction_ok && ranges).then_some(moment)
}

fn notify(value: &str) -> Option<Notify> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::NEVER);
    }
    let mut notify = Notify::NEVER;
    for word in value.split(',') {
        match word.to_ascii_uppercase().as_str() {
            "DELAY" => notify.delay = true,
            "FAILURE" => notify.failure = true,
            "SUCCESS" => notify.success = true,
            _ => return None,
        }
    }
    Some(notify)
}

/// The escapes of other address types (RFC 6533) are none of this code's business, so the address
/// is checked as xtext only where it must be.
fn orcpt(value: &str) -> Option<Orcpt> {
    let (address_type, address) = value.split_once(';')?;
    let atom = (1..=64).contains(&address_type.len())
        && address_type.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._".contains(&octet));
    let utf8 = address_type.eq_ignore_ascii_case("utf-8");
    (atom && !address.is_empty() && value.len() <= 500 && (utf8 || xtext::is_valid(address)))
        .then(|| Orcpt { address_type: address_type.to_string(), address: address.to_string() })
}

/// Writes a MAIL command with the parameters that `mail` holds; the caller has removed those that
/// the next hop does not know.
pub(crate) fn write_mail(mail: &Mail, offered: &Extensions) -> String {
    let mut line = String::from("MAIL FROM:<");
    line.push_str(mail.from.as_str());
    line.push('>');
    let mut add = |arguments: core::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        let _written = line.write_fmt(arguments);
    };
    if let Some(size) = mail.size {
        add(format_args!(" SIZE={size}"));
    }
    if mail.body != Body::SevenBit || offered.eight_bit_mime {
        add(format_args!(" BODY={}", mail.body.token()));
    }
    if mail.smtputf8 {
        add(format_args!(" SMTPUTF8"));
    }
    if let Some(ret) = mail.ret {
        add(format_args!(" RET={}", ret.token()));
    }
    if let Some(envid) = &mail.envid {
        add(format_args!(" ENVID={envid}"));
    }
    if let Some(by) = mail.deliver_by {
        add(format_args!(" BY={by}"));
    }
    if let Some(priority) = mail.mt_priority {
        add(format_args!(" MT-PRIORITY={priority}"));
    }
    if mail.require_tls {
        add(format_args!(" REQUIRETLS"));
    }
    line.push_str("\r\n");
    line
}

/// Writes a RCPT command; `dsn` says whether the next hop knows its parameters.
pub(crate) fn write_rcpt(rcpt: &Rcpt, dsn: bool) -> String {
    let mut line = String::from("RCPT TO:<");
    line.push_str(rcpt.address.as_str());
    line.push('>');
    if dsn {
        let mut add = |arguments: core::fmt::Arguments<'_>| {
            let _written = line.write_fmt(arguments);
        };
        if let Some(notify) = rcpt.notify {
            add(format_args!(" NOTIFY={notify}"));
        }
        if let Some(orcpt) = &rcpt.orcpt {
            add(format_args!(" ORCPT={orcpt}"));
        }
    }
    line.push_str("\r\n");
    line
}
