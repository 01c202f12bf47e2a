//! The doors of the key handoff (docs/key-handoff.md): sessions that wait, one session, its key,
//! its refusal, what happens, the audit, and the page for browsers.
//!
//! A client is an account of the configuration, known by its token or by the certificate of its connection,
//! and sees its own sessions only:
//! another account's session is as absent as one that never was. What a session is and what a key
//! does is decided in [`crate::handoff`]; nothing here has seen a key in clear.

pub mod describe;
mod events;
mod page;

use std::{sync::Arc, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use cedrat_keyring::session::{Actor, Authentication};
use http_body_util::{Either, Full};
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH},
    http::request::Parts,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub use events::Events;

use super::{
    auth, body,
    core::Core,
    problem::{Code, Problem},
    query::Query,
    record::Record,
    router::{Content, json as as_json},
};
use crate::{
    clock,
    config::http::Http,
    gateway::Gateway,
    handoff::{Account, Accounts, LONGEST_WAIT_S},
};

/// Longest body: a sealed key with its binding takes a kilobyte.
const MOST_OCTETS: u64 = 64 << 10;

/// The certificate that a client presented with its connection: one of the CA of clients, and proved to be
/// its own. An extension of each of its requests.
#[derive(Debug, Clone)]
pub struct Presented(pub Bytes);

/// One door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// What happened, append-only.
    Audit,
    /// No.
    Decline,
    /// What happens, as it does.
    Events,
    /// The sealed key.
    Key,
    /// The page for browsers.
    Page,
    /// What the page is made of: scripts and a style.
    PageFile,
    /// One session.
    Session,
    /// Those of the account.
    Sessions,
    /// Keys of this gateway, suites and bounds.
    WellKnown,
}

impl Door {
    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Audit => "/api/v1/handoff/audit",
            Self::Decline => "/api/v1/handoff/sessions/{name}/decline",
            Self::Events => "/api/v1/handoff/events",
            Self::Key => "/api/v1/handoff/sessions/{name}/key",
            Self::Page => "/handoff",
            Self::PageFile => "/handoff/{name}",
            Self::Session => "/api/v1/handoff/sessions/{name}",
            Self::Sessions => "/api/v1/handoff/sessions",
            Self::WellKnown => "/api/v1/handoff/.well-known",
        }
    }

    /// As in events and metrics.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Audit => "handoff-audit",
            Self::Decline => "handoff-decline",
            Self::Events => "handoff-events",
            Self::Key => "handoff-key",
            Self::Page => "handoff-page",
            Self::PageFile => "handoff-page-file",
            Self::Session => "handoff-session",
            Self::Sessions => "handoff-sessions",
            Self::WellKnown => "handoff-well-known",
        }
    }

    /// As the header Allow says them.
    pub const fn methods(self) -> &'static str {
        match self {
            Self::Decline => "POST",
            Self::Key => "PUT",
            Self::Session => "GET, HEAD, DELETE",
            _ => "GET, HEAD",
        }
    }

    /// Whether anybody may ask: nothing there is about anyone.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Page | Self::PageFile | Self::WellKnown)
    }
}

/// Answers at a door.
///
/// # Errors
/// A refusal.
pub async fn answer(
    core: &dyn Core,
    config: &Http,
    door: Door,
    id: &str,
    parts: &Parts,
    incoming: &mut Option<Incoming>,
    record: &mut Record,
) -> Result<Response<Content>, Problem> {
    let gateway = core.handoff().ok_or_else(|| {
        Problem::new(Code::UnknownPath, "no keys are handed over here; see [handoff] of the configuration")
    })?;
    let settings = gateway.settings();
    let Some(accounts) = settings.handoff.as_ref() else {
        return Err(Problem::new(Code::UnknownPath, "no keys are handed over here"));
    };
    if door.is_open() {
        record.outcome = "ok";
        return open(door, id, accounts);
    }
    let (account, method) = client(accounts, parts)?;
    account.name().clone_into(&mut record.client);
    let by = Actor { account: account.name().to_owned(), method };
    let desk = &gateway.handoff;
    desk.rates().ask(account.name(), accounts.config.max_account_requests, clock::now())?;
    let place = || desk.rates().open(account.name(), accounts.config.max_account_streams);
    let answer = match door {
        Door::Sessions => {
            let asked = Query::read(parts.uri.query().unwrap_or(""), &["state", "wait"])?;
            let wait = asked.text("wait").map_or(Ok(Duration::ZERO), waiting)?;
            let _open = if wait.is_zero() { None } else { Some(place()?) };
            let listed = |found: &[Value]| json!({ "sessions": found });
            let known = |found: &[Value]| is_known(&parts.headers, &tag_of(&listed(found)));
            let listed = listed(&desk.list(account.name(), asked.text("state"), wait, known).await);
            tagged(&parts.headers, &tag_of(&listed), &listed)
        }
        Door::Session if parts.method == Method::DELETE => {
            desk.cancel(&gateway, &by, id).await?;
            let mut gone = Response::new(Full::new(Bytes::new()));
            *gone.status_mut() = StatusCode::NO_CONTENT;
            gone
        }
        Door::Session => session(&gateway, account.name(), id, parts)?,
        Door::Key => {
            let octets = small(core, config, parts, incoming, record).await?;
            let mut accepted = as_json(&desk.grant(&gateway, &by, id, &octets).await?);
            *accepted.status_mut() = StatusCode::ACCEPTED;
            accepted
        }
        Door::Decline => {
            let octets = small(core, config, parts, incoming, record).await?;
            as_json(&desk.decline(&gateway, &by, id, &octets).await?)
        }
        Door::Audit => as_json(&json!({ "entries": desk.audit(account.name())? })),
        Door::Events => {
            let place = place()?;
            record.outcome = "ok";
            let last = parts.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
            return Ok(events::stream(&gateway, account.name(), last, place));
        }
        Door::Page | Door::PageFile | Door::WellKnown => return open(door, id, accounts),
    };
    record.outcome = "ok";
    Ok(answer.map(Either::Left))
}

/// What is the same for everybody.
fn open(door: Door, name: &str, accounts: &Accounts) -> Result<Response<Content>, Problem> {
    if door == Door::WellKnown {
        return Ok(as_json(&accounts.well_known()).map(Either::Left));
    }
    if !accounts.config.page {
        return Err(Problem::new(Code::UnknownPath, "the page is not served here (handoff.page)"));
    }
    page::file(if door == Door::Page { page::PAGE } else { name })
        .ok_or_else(|| Problem::new(Code::UnknownPath, "the page has no such file"))
}

fn session(
    gateway: &Arc<Gateway>,
    account: &str,
    id: &str,
    parts: &Parts,
) -> Result<Response<Full<Bytes>>, Problem> {
    let asked = Query::read(parts.uri.query().unwrap_or(""), &["format"])?;
    match asked.text("format") {
        Some("jws") => {
            let signed = gateway.handoff.signed(gateway, account, id)?;
            let mut response = Response::new(Full::new(Bytes::from(signed)));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/jose"));
            Ok(response)
        }
        None | Some("json") => {
            let (shown, version) = gateway.handoff.show(account, id)?;
            Ok(tagged(&parts.headers, &format!("\"{version}\""), &shown))
        }
        Some(other) => Err(Problem::new(Code::BadRequest, format!("format is json or jws, not {other:.20}"))),
    }
}

/// The entity tag of what has no revision: of its octets.
fn tag_of(shown: &Value) -> String {
    let digest = Sha256::digest(shown.to_string());
    format!("\"{}\"", Base64UrlUnpadded::encode_string(digest.get(..16).unwrap_or_default()))
}

/// Whether the client has what has this tag (RFC 9110 §13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let had = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    had.flat_map(|value| value.split(','))
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == tag || one == "*")
}

/// The answer with its entity tag, or only that it is what the client has.
fn tagged(headers: &HeaderMap, tag: &str, shown: &Value) -> Response<Full<Bytes>> {
    let mut response = as_json(shown);
    if is_known(headers, tag) {
        response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// Who asks, and how that is known: by its token, or else by the certificate of its connection.
fn client<'a>(accounts: &'a Accounts, parts: &Parts) -> Result<(&'a Account, Authentication), Problem> {
    let certificate =
        parts.extensions.get::<Presented>().filter(|_| !parts.headers.contains_key(AUTHORIZATION));
    if let Some(Presented(der)) = certificate {
        let found = accounts.of_certificate(der).map(|account| (account, Authentication::Certificate));
        return found.ok_or_else(|| Problem::new(Code::Unauthorized, "no account names this certificate"));
    }
    let found = auth::holder(&auth::digest(&parts.headers)?, &accounts.all, |account| account.token());
    found
        .map(|account| (account, Authentication::Token))
        .ok_or_else(|| Problem::new(Code::Unauthorized, "no account has this token"))
}

fn waiting(text: &str) -> Result<Duration, Problem> {
    let seconds = text
        .parse()
        .map(|seconds| Duration::from_secs(seconds).min(Duration::from_secs(LONGEST_WAIT_S.into())));
    seconds.map_err(|_| Problem::new(Code::BadRequest, format!("wait={text:.20} is no number of seconds")))
}

/// A body of some kilobytes.
async fn small(
    core: &dyn Core,
    config: &Http,
    parts: &Parts,
    incoming: &mut Option<Incoming>,
    record: &mut Record,
) -> Result<Bytes, Problem> {
    let caller = auth::Caller::bounded(MOST_OCTETS);
    let declared = body::length(&parts.headers, &caller)?;
    let memory = body::memory(core, &caller, declared)?;
    let Some(stream) = incoming.take() else {
        return Err(Problem::new(Code::BadRequest, "there is no body"));
    };
    let patience = Duration::from_millis(config.read_timeout_ms);
    let body = body::read(&caller, memory, stream, &[], patience).await?;
    record.octets_in = body.octets.len() as u64;
    Ok(body.octets)
}
