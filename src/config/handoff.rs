//! `[handoff]`: whose encrypted mail may be converted with whose consent, and what becomes of it
//! without. What a session is and how a key is handed over is in docs/key-handoff.md.
//!
//! Tokens are digested as they are read. Certificates and the signing key are read as files here
//! and understood where they are used (`crate::gateway::Settings`).

use std::{collections::BTreeSet, path::PathBuf};

use cedrat_keyring::consent::{Output, Pattern, Signature};
use cedrat_message::Address;
use sha2::{Digest as _, Sha256};

use super::{
    load::secret,
    media::DocumentUrl,
    read::{Source, Table},
};

/// Shortest token, characters: 32 hexadecimal digits are 128 bits.
const TOKEN: usize = 32;

/// Key handoff.
#[derive(Debug, Clone)]
pub struct Handoff {
    /// PKCS#8 PEM of the P-256 key that signs sessions; clients pin it.
    pub signing_key: PathBuf,
    /// Name of that key in sessions.
    pub key_name: String,
    /// How long a message waits for its key.
    pub wait_ms: u64,
    /// What becomes of a message whose key does not come.
    pub without_key: WithoutKey,
    /// Where a notice sends the reader, when it is one.
    pub notice_url: Option<String>,
    /// Content that proves nothing about itself (EFAIL).
    pub cbc: Cbc,
    /// Whether Triple DES, of old mail, is opened at all.
    pub triple_des: bool,
    /// What becomes of a signature, which conversion breaks.
    pub signature: Signature,
    /// Certificates and key, PEM, that converted content is signed with when `signature` is the gateway's.
    pub signatory: Option<(PathBuf, PathBuf)>,
    /// How the result travels.
    pub output: Output,
    /// Media types that are asked for, such as `image/*`.
    pub convert: Vec<Pattern>,
    /// Sessions that wait at once, over all accounts.
    pub max_sessions: usize,
    /// Sessions of one account that wait at once.
    pub max_account_sessions: usize,
    /// Requests of one account in a minute.
    pub max_account_requests: u32,
    /// Event streams, and lists that wait, of one account at once.
    pub max_account_streams: usize,
    /// Whether the page for browsers is served.
    pub page: bool,
    /// Whose mail.
    pub accounts: Vec<Account>,
}

/// One whose client may hand over keys.
#[derive(Debug, Clone)]
pub struct Account {
    /// Name in sessions and in the audit.
    pub name: String,
    /// Numbers and e-mail addresses at which it receives.
    pub addresses: Vec<Address>,
    /// Certificates (PEM) that its mail is encrypted to; the first is encrypted to again.
    pub certificates: Vec<PathBuf>,
    /// SHA-256 of its client's token.
    pub token: Option<[u8; 32]>,
    /// SHA-256 of the certificates that its client may connect with.
    pub login_certificates: Vec<[u8; 32]>,
    /// Whether its client may connect with any certificate of the CA that was issued to one of its addresses.
    pub login_by_address: bool,
    /// Who is told of a new session: an address of the operator's choice, never of a peer's.
    pub webhook: Option<Webhook>,
    /// Whether results are written for old clients (EnvelopedData, AES-256-CBC).
    pub old_client: bool,
}

/// Where a new session is told.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where to.
    pub url: DocumentUrl,
    /// Key of the HMAC-SHA256 over the body.
    pub secret: super::Secret,
}

/// What becomes of a message whose key does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutKey {
    /// A text that says so is delivered.
    Notice,
    /// It is refused; the sender learns that the recipient's policy does not take it.
    Refuse,
    /// It is delivered as it came.
    Untouched,
}

/// What is done with content in cipher block chaining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cbc {
    /// As content with a tag.
    Allow,
    /// Media are made anew, text is plain, nothing passes as it is.
    Quarantine,
    /// It is not opened.
    Refuse,
}

pub(super) fn read(table: Table<'_, '_>) -> Option<Handoff> {
    if !table.is_present() {
        table.finish();
        return None;
    }
    let number = |key, default: usize| {
        table.number(key).map_or(default, |at| usize::try_from(at.value).unwrap_or(default).max(1))
    };
    let mut convert = Vec::new();
    for at in table.texts("convert") {
        match Pattern::new(&at.value) {
            Some(pattern) => convert.push(pattern),
            None => table.fault_at(at.at, format!("{:?} is no media type such as \"image/*\"", at.value)),
        }
    }
    if convert.is_empty() {
        convert.extend(["image/*", "audio/*", "video/*"].into_iter().filter_map(Pattern::new));
    }
    let signing_key = PathBuf::from(table.required("signing_key", "\"/etc/cedrat/handoff.pem\"").value);
    let key_name = table.text("key_name").map_or_else(|| "gw-1".to_owned(), |at| at.value);
    let accounts = accounts(&table);
    if accounts.is_empty() {
        table.fault(
            "`handoff` has no account; add [[handoff.account]] with `addresses`, `certificates` and `token`",
        );
    }
    let signature = table
        .token(
            "signature",
            &[
                ("gateway-sign", Signature::GatewaySign),
                ("keep-original", Signature::KeepOriginal),
                ("refuse", Signature::Refuse),
                ("verify-and-strip", Signature::VerifyAndStrip),
            ],
        )
        .unwrap_or(Signature::VerifyAndStrip);
    let handoff = Handoff {
        signatory: signatory(&table, signature),
        signing_key,
        key_name,
        wait_ms: table.span_ms("wait").map_or(4 * 3_600_000, |at| at.value),
        without_key: table
            .token(
                "without_key",
                &[
                    ("notice", WithoutKey::Notice),
                    ("refuse", WithoutKey::Refuse),
                    ("untouched", WithoutKey::Untouched),
                ],
            )
            .unwrap_or(WithoutKey::Untouched),
        notice_url: table.text("notice_url").map(|at| at.value),
        cbc: table
            .token("cbc", &[("allow", Cbc::Allow), ("quarantine", Cbc::Quarantine), ("refuse", Cbc::Refuse)])
            .unwrap_or(Cbc::Quarantine),
        triple_des: table.flag("triple_des").unwrap_or(false),
        signature,
        output: table
            .token("output", &[("mms-cleartext", Output::MmsCleartext), ("reencrypt", Output::Reencrypt)])
            .unwrap_or(Output::Reencrypt),
        convert,
        max_sessions: number("max_sessions", 1000),
        max_account_sessions: number("max_account_sessions", 50),
        max_account_requests: u32::try_from(number("max_account_requests", 600)).unwrap_or(u32::MAX),
        max_account_streams: number("max_account_streams", 8),
        page: table.flag("page").unwrap_or(true),
        accounts,
    };
    table.finish();
    Some(handoff)
}

fn signatory(table: &Table<'_, '_>, signature: Signature) -> Option<(PathBuf, PathBuf)> {
    let path = |key| table.text(key).map(|at| PathBuf::from(at.value));
    let both = (path("smime_certificate"), path("smime_key"));
    match (signature, both) {
        (Signature::GatewaySign, (Some(certificate), Some(key))) => Some((certificate, key)),
        (Signature::GatewaySign, _) => {
            table.fault("`signature = \"gateway-sign\"` needs `smime_certificate` and `smime_key`, PEM files of the gateway's own");
            None
        }
        (_, (None, None)) => None,
        _ => {
            table.fault("`smime_certificate` and `smime_key` are for `signature = \"gateway-sign\"` alone");
            None
        }
    }
}

fn accounts(table: &Table<'_, '_>) -> Vec<Account> {
    let mut names = BTreeSet::new();
    let mut addresses_seen = BTreeSet::new();
    let mut tokens = BTreeSet::new();
    let mut accounts = Vec::new();
    for entry in table.tables("account") {
        let name = entry.required("name", "\"alice\"");
        if !name.value.is_empty() && !names.insert(name.value.clone()) {
            entry.fault_at(name.at, format!("there are two accounts named {:?}", name.value));
        }
        let mut addresses = Vec::new();
        for at in entry.texts("addresses") {
            match Address::parse(&at.value) {
                Ok(address) if addresses_seen.insert(address.to_string()) => addresses.push(address),
                Ok(_) => entry.fault_at(at.at, format!("{:?} belongs to two accounts", at.value)),
                Err(fault) => entry.fault_at(at.at, format!("{:?} is no address: {fault}", at.value)),
            }
        }
        if addresses.is_empty() {
            entry.fault(format!(
                "the account {:?} has no `addresses`; for example [\"+447700900001\", \"alice@example.test\"]",
                name.value
            ));
        }
        let certificates: Vec<PathBuf> =
            entry.texts("certificates").into_iter().map(|at| PathBuf::from(at.value)).collect();
        if certificates.is_empty() {
            entry.fault(format!(
                "the account {:?} has no `certificates`; its mail is recognised by them",
                name.value
            ));
        }
        let token = token(&entry, &name.value);
        let login_certificates = fingerprints(&entry);
        let login_by_address = entry.flag("login_by_address").unwrap_or(false);
        let by_certificate = login_by_address || !login_certificates.is_empty();
        if token.is_none() && !by_certificate {
            entry.fault(format!(
                "the account {:?} has no `token` and no `login_certificates`, so no client can answer for it; for example token = {{ file = \"/path\" }}",
                name.value
            ));
        }
        if token.is_some_and(|token| !tokens.insert(token)) {
            entry.fault(format!("the account {:?} has the token of another one", name.value));
        }
        let webhook = webhook(&entry);
        let old_client = entry.flag("old_client").unwrap_or(false);
        entry.finish();
        accounts.push(Account {
            name: name.value,
            addresses,
            certificates,
            token,
            login_certificates,
            login_by_address,
            webhook,
            old_client,
        });
    }
    accounts
}

fn token(entry: &Table<'_, '_>, name: &str) -> Option<[u8; 32]> {
    let token = secret(entry, "token");
    if token.as_ref().is_some_and(|token| token.expose().len() < TOKEN) {
        entry.fault(format!(
            "the token of the account {name:?} can be guessed: it has fewer than {TOKEN} characters; make one with `openssl rand -hex 32`"
        ));
    }
    token.map(|token| Sha256::digest(token.expose().as_bytes()).into())
}

/// SHA-256 fingerprints as `openssl x509 -fingerprint -sha256` writes them, with or without colons.
fn fingerprints(entry: &Table<'_, '_>) -> Vec<[u8; 32]> {
    let mut read = Vec::new();
    for at in entry.texts("login_certificates") {
        let digits: String = at.value.chars().filter(|c| *c != ':').collect();
        let octets = (0..64).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
        let octets: Option<Vec<u8>> = octets.collect();
        match octets.filter(|_| digits.len() == 64).and_then(|octets| <[u8; 32]>::try_from(octets).ok()) {
            Some(fingerprint) => read.push(fingerprint),
            None => entry.fault_at(
                at.at,
                format!(
                    "{:?} is no SHA-256; see `openssl x509 -noout -fingerprint -sha256 -in FILE`",
                    at.value
                ),
            ),
        }
    }
    read
}

fn webhook(entry: &Table<'_, '_>) -> Option<Webhook> {
    let url = entry.parsed("webhook", |text| text.parse::<DocumentUrl>())?;
    let secret = secret(entry, "webhook_secret");
    if secret.is_none() {
        entry.fault_at(url.at, "`webhook` needs a `webhook_secret`, by which the receiver knows who calls");
    }
    Some(Webhook { url: url.value, secret: secret? })
}

/// Checks against the other sections.
pub(super) fn check(handoff: Option<&Handoff>, config: &super::Config, source: &Source<'_>) {
    let Some(handoff) = handoff else { return };
    let by_certificate =
        handoff.accounts.iter().find(|it| it.login_by_address || !it.login_certificates.is_empty());
    let has_ca = config.http.client_authority.is_some()
        || config.tls.as_ref().is_some_and(|tls| tls.clients.is_some());
    if let Some(account) = by_certificate.filter(|_| !(config.http.tls && has_ca)) {
        source.fault_of_all(format!(
            "the client of the account {:?} connects with a certificate, which nobody looks at; set `http.tls = true` and `http.client_ca`",
            account.name
        ));
    }
    if config.http.listen.is_empty() {
        source.fault_of_all("`handoff` needs a door for its clients; set `http.listen`");
    }
    if config.conversion.workers.is_none() {
        source.fault_of_all(
            "`handoff` converts media, but no media are converted here; set `media.enabled = true`",
        );
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use toml::de::DeTable;

    use super::*;

    fn read_text(text: &str) -> (Option<Handoff>, Vec<String>) {
        let source = Source::new("c.toml", text, BTreeMap::new());
        let parsed = DeTable::parse(text).unwrap();
        let top = Table::top(&source, parsed.get_ref());
        let handoff = read(top.table("handoff"));
        top.finish();
        (handoff, source.into_faults().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_account_says_who_it_is_and_how_it_is_known() {
        let (handoff, faults) = read_text(
            "[handoff]\nsigning_key = \"k.pem\"\n[[handoff.account]]\nname = \"alice\"\n\
             addresses = [\"+447700900001\", \"alice@example.test\"]\ncertificates = [\"a.pem\"]\n\
             token = \"0123456789abcdef0123456789abcdef\"\n",
        );
        assert!(faults.is_empty(), "{faults:?}");
        let handoff = handoff.unwrap();
        assert_eq!((handoff.wait_ms, handoff.cbc), (14_400_000, Cbc::Quarantine));
        assert_eq!(handoff.accounts.len(), 1);
        assert!(!format!("{handoff:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn a_gateway_that_signs_has_a_certificate_and_one_that_does_not_has_none() {
        let faults = |more: &str| {
            let (_, faults) = read_text(&format!("[handoff]\nsigning_key = \"k.pem\"\n{more}"));
            faults.join("\n")
        };
        let files = "smime_certificate = \"c.pem\"\nsmime_key = \"k.pem\"\n";
        assert!(!faults(&format!("signature = \"gateway-sign\"\n{files}")).contains("smime"));
        assert!(faults("signature = \"gateway-sign\"\nsmime_key = \"k.pem\"").contains("needs `smime_cert"));
        assert!(faults(files).contains("are for `signature"));
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let (_, faults) = read_text(
            "[handoff]\n[[handoff.account]]\nname = \"a\"\naddresses = [\"alice@\"]\ntoken = \"short\"\n\
             [[handoff.account]]\nname = \"a\"\nwebhook = \"http://hooks.example/\"\n",
        );
        let all = faults.join("\n");
        for words in [
            "signing_key",
            "is no address",
            "can be guessed",
            "has no `certificates`",
            "two accounts named",
            "has no `token`",
            "needs a `webhook_secret`",
        ] {
            assert!(all.contains(words), "{words}: {all}");
        }
    }
}
