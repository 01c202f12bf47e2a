//! Refusals as RFC 9457 problem details: a closed list of codes, each with its status and its
//! remedy; what went wrong here and now is the detail. The list is part of the OpenAPI description,
//! and `type` points into it.

use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};

use cedrat_plan::job::{Fault, FaultKind};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $token:literal, $status:literal, $title:literal, $hint:literal;)*) => {
        /// What kind of refusal. Tokens are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As in `code`, events and metrics.
            pub const fn token(self) -> &'static str {
                match self { $(Self::$name => $token,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The same for every refusal of this kind.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What would help.
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)* }
            }
        }
    };
}

codes! {
    /// The content is encrypted in a way that the policy does not open.
    AlgorithmRefused = "algorithm-refused", 403, "This way of encryption is not opened here",
        "see detail; the policy is handoff.cbc and handoff.triple_des";
    /// The query or the body cannot be read.
    BadRequest = "bad-request", 400, "The request cannot be read",
        "compare it with /api/v1/openapi.json";
    /// Beyond `max_requests`, or no memory is left.
    Busy = "busy", 503, "Too many requests at once",
        "try again after the seconds of Retry-After; the bounds are http.max_requests and limits.max_octets_in_flight";
    /// The grant asks for more than was offered.
    ConsentInsufficient = "consent-insufficient", 403, "The consent does not cover what is needed",
        "send the digest of the consent of the session, or decline";
    /// The worker died.
    Crashed = "crashed", 500, "The converter failed on this media",
        "the request may be repeated once; media that fail again are a defect worth a report";
    /// Another profile than this client's.
    Forbidden = "forbidden", 403, "This client may not use this profile",
        "name a profile of GET /api/v1/profiles, or let http.client.profiles allow it";
    /// Another body was sent before.
    IdempotencyMismatch = "idempotency-mismatch", 422, "Another key was sent for this session before",
        "the first one counts; GET the session";
    /// The key does not open the content. One answer, whatever the reason.
    KeyNotUsable = "key-not-usable", 422, "The key cannot be used",
        "unwrap the key of the recipient named in the session, and seal it again";
    /// The media are larger than the client may send.
    Large = "too-large", 413, "The request has too many octets",
        "send less, or raise http.max_octets or http.client.max_octets";
    /// Neither Content-Length nor Transfer-Encoding.
    LengthRequired = "length-required", 411, "The request does not say how long it is",
        "send Content-Length, or Transfer-Encoding: chunked";
    /// The path is there, the method is not.
    Method = "method-not-allowed", 405, "This path does not take this method",
        "use the method of the header Allow";
    /// The recipient of the message is not of this account.
    RecipientNotOwned = "recipient-not-owned", 403, "This recipient is not of your account",
        "name an index of `recipients` that is yours";
    /// It was not sealed to this session.
    SealInvalid = "seal-invalid", 422, "The seal cannot be opened",
        "seal to the public key of this session, bound to exactly its members (docs/key-handoff.md)";
    /// The session is over, or at work.
    SessionClosed = "session-closed", 409, "The session takes no key now",
        "see state; one key is used once";
    /// Its time is over.
    SessionExpired = "session-expired", 410, "The session has expired",
        "the message went its way without a key";
    /// There is none, or it is another account's.
    SessionNotFound = "session-not-found", 404, "There is no such session",
        "GET /api/v1/handoff/sessions lists those of your account";
    /// The client took too long.
    Slow = "request-timeout", 408, "The request did not arrive in time",
        "send it faster, or raise http.read_timeout";
    /// Too many keys that did not fit.
    TooManyAttempts = "too-many-attempts", 429, "Too many attempts",
        "try again after the seconds of Retry-After";
    /// An account asks too often, or holds too many streams.
    TooManyRequests = "too-many-requests", 429, "Too many requests of this account",
        "try again after the seconds of Retry-After; the bounds are handoff.max_account_requests and handoff.max_account_streams";
    /// No token, or one that nobody has.
    Unauthorized = "unauthorized", 401, "A token is missing or not known",
        "send the header Authorization: Bearer TOKEN with a token of an [[http.client]], or of a [[handoff.account]] for its sessions, or connect with a certificate that it names";
    /// Not converted: damaged, encrypted, beyond a bound, cannot fit.
    Unconvertible = "unconvertible", 422, "These media cannot be converted as asked",
        "see kind and detail; cannot-fit asks for a larger max_octets, the others for other media";
    /// No worker, or not in time.
    Unavailable = "unavailable", 503, "The converter is not available in time",
        "try again after the seconds of Retry-After";
    /// Nothing is at this path.
    UnknownPath = "unknown-path", 404, "Nothing is at this path",
        "use a path of /api/v1/openapi.json";
    /// There is no profile of that name.
    UnknownProfile = "unknown-profile", 404, "There is no profile of this name",
        "name one of the member profiles";
    /// A format or codec that is not read, or a target that is not written.
    Unsupported = "unsupported", 415, "These media are of a kind that is not converted",
        "see detail; ask for a type that is written, or send media of a kind that is read";
}

/// Seconds in Retry-After where nothing better is known.
const RETRY: u64 = 2;

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Of what kind.
    pub code: Code,
    /// What went wrong, with the thing and its place.
    pub detail: String,
    /// Further members.
    more: Vec<(&'static str, serde_json::Value)>,
    allow: Option<&'static str>,
    /// Seconds after which it may go better; 0 = the usual ones of such a refusal.
    after: u64,
}

impl Problem {
    /// A refusal.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), more: Vec::new(), allow: None, after: 0 }
    }

    /// With a further member.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    /// It may go better after so many seconds.
    #[must_use]
    pub const fn after(mut self, seconds: u64) -> Self {
        self.after = seconds;
        self
    }

    /// The path takes only these methods.
    pub fn method(allow: &'static str, detail: impl Into<String>) -> Self {
        Self { allow: Some(allow), ..Self::new(Code::Method, detail) }
    }

    /// What a conversion failed of.
    pub fn of(fault: &Fault) -> Self {
        let code = match fault.kind {
            FaultKind::Unsupported => Code::Unsupported,
            FaultKind::CannotFit
            | FaultKind::Damaged
            | FaultKind::Encrypted
            | FaultKind::OutOfMemory
            | FaultKind::TooLarge => Code::Unconvertible,
            FaultKind::NoWorker | FaultKind::TooSlow => Code::Unavailable,
            FaultKind::Crashed => Code::Crashed,
        };
        Self::new(code, fault.detail.clone()).with("kind", super::report::kind(fault.kind))
    }

    /// As `application/problem+json`.
    pub fn json(&self) -> serde_json::Value {
        let mut json = serde_json::json!({
            "type": format!("/api/v1/openapi.json#/x-problems/{}", self.code.token()),
            "title": self.code.title(),
            "status": self.code.status(),
            "detail": self.detail,
            "code": self.code.token(),
            "hint": self.code.hint(),
        });
        if let Some(members) = json.as_object_mut() {
            for (name, value) in &self.more {
                members.insert((*name).to_owned(), value.clone());
            }
        }
        json
    }

    /// The answer.
    pub fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.json().to_string())));
        *response.status_mut() =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.code {
            Code::Busy | Code::TooManyAttempts | Code::TooManyRequests | Code::Unavailable => {
                let seconds = if self.after == 0 { RETRY } else { self.after };
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            Code::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"cedrat\""));
            }
            _ => {}
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_of_a_class_that_fits() {
        let mut tokens: Vec<_> = Code::ALL.iter().map(|code| code.token()).collect();
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| (400..600).contains(&code.status()) && !code.hint().is_empty()));
    }

    #[test]
    fn a_problem_names_thing_place_and_remedy() {
        let problem = Problem::of(&Fault::new(FaultKind::CannotFit, "600 octets are too few for a JPEG"));
        let json = problem.json();
        assert_eq!(json["status"], 422);
        assert_eq!(json["kind"], "cannot-fit");
        assert_eq!(json["detail"], "600 octets are too few for a JPEG");
        assert_eq!(json["type"], "/api/v1/openapi.json#/x-problems/unconvertible");
        let later = Problem::of(&Fault::new(FaultKind::NoWorker, "none")).response();
        assert_eq!(later.status(), 503);
        assert_eq!(later.headers()[RETRY_AFTER], "2");
    }
}
