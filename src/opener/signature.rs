//! The signature over decrypted content: judged on the octets that were signed, taken away before
//! conversion breaks it, and said to the reader (docs/key-handoff.md, "Signatures").
//!
//! What a signature proves is in `cedrat_keyring::signed`; no chain of certificates is looked at,
//! here or there, and the words say so. They go into the content, not into the header of the mail:
//! who signed was encrypted, and stays it.

use bytes::Bytes;
use cedrat_keyring::{
    consent::Signature as Policy,
    signed::{self, Judged, Limits, Overall, Status, Verdict, Weakness},
    wire::Format,
};
use cedrat_message::{Message, Timestamp};
use cedrat_mime::{
    Header, Headers,
    write::{self, Part},
};

use zeroize::Zeroizing;

use super::{Job, convert};
use crate::media::adapt;

/// Characters of a name that are shown.
const NAME: usize = 100;
/// What a message takes at most that is attached as it was signed: so many parts of a hundred of what
/// the handset takes, so that there is room for what it is to show.
const ORIGINAL_PERCENT: u64 = 50;

/// Content without its signature.
pub(super) struct Unsigned {
    /// The entity that is converted.
    pub(super) content: Bytes,
    /// What is to be said of the signature; none = there was none.
    pub(super) finding: Option<Finding>,
    /// The entity as it was signed, when it is to be attached.
    pub(super) original: Option<Bytes>,
    /// Whether the gateway signs what it makes.
    pub(super) sign: bool,
}

/// What is to be said of a signature.
pub(super) struct Finding {
    /// Sentences for the reader.
    lines: Vec<String>,
    /// `resinfo` of Authentication-Results (RFC 8601 §2.2), without the name of who says it; none where
    /// RFC 7281 has no word.
    results: Vec<String>,
    /// For the gateway: the worst of them.
    overall: Option<Overall>,
}

/// Takes the signature away as the policy says. `enclosed` is content that a signature of OpenPGP enclosed, which
/// went with the encryption; `unproven` is content of which nothing but the
/// signature could prove that it is what was sent; none of it passes as it came.
pub(super) fn unsigned(
    entity: Bytes,
    enclosed: bool,
    outer: &Headers,
    job: &Job,
    unproven: bool,
) -> Result<Unsigned, String> {
    // What cannot be walked has its refusal when it is read.
    let Ok(message) = cedrat_mime::walk(&entity, &cedrat_mime::Limits::default()) else {
        return Ok(Unsigned { content: entity, finding: None, original: None, sign: false });
    };
    let found = signed::of_message(&message, &Limits::default());
    if !enclosed && found.is_none() && !signed::holds_signatures(&message) {
        return Ok(Unsigned { content: entity, finding: None, original: None, sign: false });
    }
    match job.policy.signature {
        Policy::Refuse => {
            return Err("the content is signed and is not converted (handoff.signature)".to_owned());
        }
        Policy::GatewaySign | Policy::KeepOriginal | Policy::VerifyAndStrip => {}
    }
    let mut finding = Finding { lines: Vec::new(), results: Vec::new(), overall: None };
    if enclosed {
        finding.judge(&Judged::NotSmime, "");
    }
    let is_whole = found.is_some() || !enclosed;
    let content = match found {
        None if enclosed => entity.clone(),
        None => {
            finding.came_to(Overall::InPart);
            finding
                .say("A part of this message was signed. That was not checked, and does not hold any more.");
            finding.result("neutral", "a part is signed, and was not checked", None);
            entity.clone()
        }
        Some(found) => {
            finding.judge(&found.judged, outer.first("From").unwrap_or_default());
            found.content.ok_or("what is signed cannot be taken out of its signature")?
        }
    };
    let mut original = None;
    if job.policy.signature == Policy::KeepOriginal {
        let most = job.profile.max_octets.value.octets / 100 * ORIGINAL_PERCENT;
        if !is_whole {
            finding.say("It cannot be attached as it was signed.");
        } else if unproven {
            finding.say("It is not attached as it was signed, because nothing else protected it.");
        } else if job.certificate.is_none() && !entity.is_ascii() {
            finding.say("It cannot be attached as it was signed where nothing is encrypted.");
        } else if entity.len() as u64 > most {
            finding.say("It is too large to be attached as it was signed.");
        } else {
            finding.say("It is attached as it was signed.");
            original = Some(entity);
        }
    }
    let sign = job.policy.signature == Policy::GatewaySign && {
        let (signs, says) = gateway_signs(&finding, outer.first("From").unwrap_or_default(), job);
        finding.say(says);
        signs
    };
    Ok(Unsigned { content, finding: Some(finding), original, sign })
}

/// Whether the gateway signs what it makes of the content, and what it says of that.
fn gateway_signs(finding: &Finding, from: &str, job: &Job) -> (bool, &'static str) {
    match &job.signatory {
        // Its signature must not make right what was wrong.
        _ if finding.overall != Some(Overall::Verified) => {
            (false, "The gateway does not sign it in its place.")
        }
        _ if job.certificate.is_none() => (false, "The gateway does not sign what is not encrypted."),
        _ if job.format == Format::Openpgp => (false, "The gateway does not sign OpenPGP messages."),
        Some(signatory) if !signatory.is_in(from) => (
            true,
            "What you read was converted after that, and the signature on it is the gateway's, not the sender's.",
        ),
        _ => (false, "The gateway does not sign in the sender's name."),
    }
}

impl Finding {
    fn say(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    fn result(&mut self, result: &'static str, why: &str, identifier: Option<&str>) {
        let identifier = identifier.filter(|it| is_plain_address(it));
        let identifier = identifier.map(|it| format!(" body.smime-identifier={it}")).unwrap_or_default();
        self.results.push(format!("smime={result} ({why}){identifier}"));
    }

    fn came_to(&mut self, one: Overall) {
        self.overall = self.overall.max(Some(one));
    }

    fn judge(&mut self, judged: &Judged, from: &str) {
        match judged {
            Judged::NotSmime => {
                self.came_to(Overall::Unjudged);
                self.say("This message was signed, but not with S/MIME. That was not checked, and does not hold any more.");
            }
            Judged::Unreadable(fault) => {
                self.came_to(Overall::Unjudged);
                self.say("This message was signed, but its signature could not be read.");
                self.result("permerror", &fault.to_string(), None);
            }
            Judged::Verdicts(verdicts) if verdicts.is_empty() => {
                self.came_to(Overall::Unjudged);
                self.say("This message looks signed, but nobody signed it.");
                self.result("neutral", "no signer", None);
            }
            Judged::Verdicts(verdicts) => verdicts.iter().for_each(|verdict| self.verdict(verdict, from)),
        }
    }

    fn verdict(&mut self, verdict: &Verdict, from: &str) {
        let signer = verdict.signer.as_ref();
        let address = signer.and_then(|it| it.addresses().first()).map(String::as_str);
        let is_sender = signer.is_some_and(|it| {
            it.addresses().iter().any(|address| address.eq_ignore_ascii_case(mailbox(from)))
        });
        let who = signer.and_then(|it| it.common_name().or(address)).map_or_else(
            || "Somebody".to_owned(),
            |name| match address {
                Some(address) if address != name => format!("{} <{}>", shown(name), shown(address)),
                _ => shown(name),
            },
        );
        let when = verdict.signing_time.map(|at| at.saturating_mul(1000)).map(cedrat_wire_mms::date::rfc3339);
        let when = when.and_then(|at| at.get(..10).map(|day| format!(" on {day}"))).unwrap_or_default();
        let (says, why) = match verdict.status {
            Status::Right if is_sender => (
                "The signature was right before this message was converted. Whether the certificate is \
                 genuine was not checked.",
                "certificate not validated",
            ),
            Status::Right => (
                "The signature was right before this message was converted, but the certificate is not one \
                 of the sender's address. Whether it is genuine was not checked.",
                "signer is not the sender, certificate not validated",
            ),
            Status::Weak(Weakness::Sha1) => ("The signature proves little: it is made with SHA-1.", "SHA-1"),
            Status::Weak(Weakness::ShortKey) => {
                ("The signature proves little: the key is too short.", "short key")
            }
            Status::Weak(Weakness::KeyUsage) => {
                ("The signature proves little: the key is not meant for signatures.", "key usage")
            }
            Status::Changed => (
                "THE SIGNATURE IS WRONG: this is not the message that was signed.",
                "content differs from what was signed",
            ),
            Status::Wrong => (
                "THE SIGNATURE IS WRONG: it was not made with the key of the certificate.",
                "wrong signature",
            ),
            Status::NoCertificate => {
                ("It could not be checked: the certificate did not come with it.", "no certificate")
            }
            Status::UnknownAlgorithm => {
                ("It could not be checked: its algorithm is not known here.", "unknown algorithm")
            }
        };
        self.lines.push(format!("Signed by {who}{when}. {says}"));
        let result = match verdict.status {
            Status::Right if !is_sender => "policy",
            status => status.result(),
        };
        self.result(result, why, address);
        self.came_to(verdict.status.into());
    }

    /// What all signatures come to together.
    pub(super) const fn overall(&self) -> Option<Overall> {
        self.overall
    }

    /// Says it at the end of the content.
    pub(super) fn tell(&self, message: &mut Message) {
        let lines: Vec<_> = self.lines.iter().map(|line| format!("[{line}]")).collect();
        message.content.parts.push(adapt::notice_part(&lines));
    }

    /// The header of the content.
    fn header(&self, host: &str) -> Option<Header> {
        (!self.results.is_empty())
            .then(|| Header::new("Authentication-Results", format!("{host}; {}", self.results.join("; "))))
    }
}

/// The converted entity with what is said of the signature in its header, with the one that was signed when that is
/// attached, and signed by the gateway when it is to be.
pub(super) fn finish(
    entity: Vec<u8>,
    unsigned: &Option<Finding>,
    original: Option<&Bytes>,
    sign: bool,
    outer: &Headers,
    job: &Job,
) -> Result<Vec<u8>, String> {
    let header = unsigned.as_ref().and_then(|finding| finding.header(&job.host));
    let entity = match original {
        None => entity,
        Some(original) => attach(entity, original, outer, job)?,
    };
    let entity = match job.signatory.as_ref().filter(|_| sign) {
        None => entity,
        Some(signatory) => {
            let entity = Zeroizing::new(entity);
            signatory.sign(&entity, Timestamp(job.now), &format!("by-gateway-{}", job.id))?
        }
    };
    let Some(header) = header else { return Ok(entity) };
    let mut out = Vec::with_capacity(entity.len() + 512);
    Headers::from_iter([header]).encode(&mut out);
    out.extend_from_slice(&entity);
    Ok(out)
}

/// `multipart/mixed` of the entity and a message as its sender signed it.
fn attach(entity: Vec<u8>, original: &Bytes, outer: &Headers, job: &Job) -> Result<Vec<u8>, String> {
    let entity = Bytes::from(entity);
    let (headers, end) =
        Headers::parse(&entity, &cedrat_mime::Limits::default()).map_err(|fault| fault.to_string())?;
    let converted = Part::new(headers, entity.slice(end.min(entity.len())..));
    let mut whole = Vec::with_capacity(original.len() + 4096);
    convert::outer(outer).encode(&mut whole);
    Headers::from_iter([Header::new("MIME-Version", "1.0")]).encode(&mut whole);
    whole.extend_from_slice(original);
    let headers = Headers::from_iter([
        write::content_type("message/rfc822", &[]),
        // Encoding would change what was signed (RFC 2046 §5.2.1 allows none); a content that is
        // encrypted as a whole may be binary.
        Header::new("Content-Transfer-Encoding", if whole.is_ascii() { "7bit" } else { "binary" }),
        write::disposition("attachment", &[("filename", "signed.eml")]),
    ]);
    let signed = Part::new(headers, whole);
    let boundary = format!("signed-{}", job.id);
    write::multipart("mixed", &[], &boundary, vec![converted, signed])
        .map(Part::into_octets)
        .map_err(|fault| fault.to_string())
}

/// The address in a From field: what is in its last angle brackets, or all of it.
fn mailbox(from: &str) -> &str {
    let address =
        from.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(address, _)| address);
    address.unwrap_or(from).trim()
}

/// A name of a certificate as it may be shown: short, without controls and changes of direction.
fn shown(name: &str) -> String {
    let turns =
        |c: &char| matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    name.chars().filter(|c| !c.is_control() && !turns(c) && !"<>[]".contains(*c)).take(NAME).collect()
}

/// Whether an address can stand in a header without quotes.
fn is_plain_address(address: &str) -> bool {
    let octet = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&c);
    address.len() <= 254
        && address.split_once('@').is_some_and(|(local, domain)| {
            [local, domain].iter().all(|it| !it.is_empty() && it.bytes().all(octet))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_certificate_says_cannot_change_the_line_or_the_header_that_it_stands_in() {
        assert_eq!(shown("Alice\r\nSubject: x]\u{202E}[<y>"), "AliceSubject: xy");
        assert_eq!(shown(&"a".repeat(300)).len(), NAME);
        for address in
            ["a b@c.example", "a@c.example; smime=pass", "\"a\"@c.example", "a@", "@b", "a", "a@b\r\nX: y"]
        {
            assert!(!is_plain_address(address), "{address}");
        }
        assert!(is_plain_address("alice.o'hara+x@mail.example"));
    }

    #[test]
    fn the_address_of_a_sender_is_not_the_one_in_the_name() {
        assert_eq!(mailbox("\"<alice@example.test>\" <mallory@example.test>"), "mallory@example.test");
        assert_eq!(mailbox(" alice@example.test "), "alice@example.test");
    }
}
