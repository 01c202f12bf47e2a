//! A request as a person reads it. Whatever a sender or a gateway wrote is made harmless first: no
//! character of it may move the cursor, hide a word or turn the direction of a line.

use cedrat_keyring::{
    consent::{Consent, Output, Signature},
    wire::{self, Integrity},
};

use crate::address::Address;

/// Where the digest of the message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestSource {
    /// Computed from the user's own copy.
    OwnCopy,
    /// The gateway says so.
    Gateway,
}

/// Text of somebody else on one line: controls, format characters and what turns the direction of
/// writing become `\u{…}`; cut at 200 characters.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == 200 {
            out.push('…');
            break;
        }
        let harmless = !c.is_control()
            && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
        if harmless {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    out
}

/// What is asked for, in full.
#[must_use]
pub fn request(gateway: &Address, session: &wire::Session, digest: DigestSource) -> String {
    let message = &session.message;
    let header = |value: &Option<String>| value.as_deref().map_or("(not readable)".into(), plain);
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        out.push_str(&format!("{name:<10} {value}\n"));
    };
    line("Gateway", &gateway.to_string());
    line("Session", &format!("{}, until {}", plain(&session.id), session.expires));
    line("From", &format!("{}  (as the message says; not proved)", header(&message.from)));
    line("Subject", &header(&message.subject));
    line("Date", &header(&message.date));
    line("Size", &size(message.size));
    line("Encrypted", &encryption(session));
    let source = match digest {
        DigestSource::OwnCopy => "computed from your copy",
        DigestSource::Gateway => "digest supplied by the gateway",
    };
    line("SHA-256", &format!("{}  ({source})", message.sha256));
    for text in consent(&session.consent) {
        line("Asked", &text);
    }
    out
}

/// A consent, a line for each thing that it allows.
#[must_use]
pub fn consent(consent: &Consent) -> Vec<String> {
    let parts: Vec<_> = consent.parts.iter().map(|pattern| plain(pattern.text())).collect();
    let device =
        consent.device.as_deref().map_or_else(String::new, |device| format!(" for {}", plain(device)));
    let parts = if parts.is_empty() { "nothing".into() } else { parts.join(", ") };
    let mut lines = vec![format!("convert {parts}{device}")];
    lines.push(
        match consent.output {
            Output::MailCleartext => "send the result on IN CLEAR, as mail",
            Output::MmsCleartext => "send the result on IN CLEAR, as a multimedia message",
            Output::Reencrypt => "encrypt the result for you again",
        }
        .into(),
    );
    lines.push(
        match consent.signature {
            Signature::GatewaySign => "a signature is checked and replaced by the gateway's own",
            Signature::KeepOriginal => "signed content is attached as it is",
            Signature::Refuse => "signed content is left as it is",
            Signature::VerifyAndStrip => "a signature is checked and removed",
        }
        .into(),
    );
    if consent.keep_original {
        lines.push("keep the encrypted message".into());
    }
    lines
}

fn encryption(session: &wire::Session) -> String {
    let name = plain(&session.message.content_alg.name);
    match session.message.integrity {
        Integrity::Aead | Integrity::Mdc => name,
        Integrity::None => format!("{name}, WITHOUT PROTECTION AGAINST CHANGES"),
    }
}

fn size(octets: u64) -> String {
    match octets {
        0..10_000 => format!("{octets} octets"),
        10_000..10_000_000 => format!("{} kB", octets / 1000),
        _ => format!("{} MB", octets / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_sender_writes_reaches_the_terminal_as_a_command() {
        assert_eq!(plain("Zoë <zoe@sender.example>"), "Zoë <zoe@sender.example>");
        assert_eq!(plain("a\u{1b}[2Kb\r\nc\u{9b}"), "a\\u{1b}[2Kb\\u{d}\\u{a}c\\u{9b}");
        assert_eq!(plain("gpj\u{202e}exe"), "gpj\\u{202e}exe");
        assert_eq!(plain(&"x".repeat(300)).chars().count(), 201);
    }
}
