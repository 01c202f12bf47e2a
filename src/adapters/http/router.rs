//! Which door a request goes to, and what every request passes on the way: who asks, how long it
//! is, whether there is room for it.

use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::{
    HeaderMap, Method, Request, Response,
    body::{Body as _, Bytes, Incoming},
    header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, EXPECT, HeaderValue},
};

use super::{
    Front,
    auth::{self, Caller},
    body,
    handoff::{self, Door},
    openapi,
    problem::{Code, Problem},
    profiles, query,
    record::Record,
    sti,
    transcode::Asked,
};
use crate::config::http::Http;

/// What is answered: all of it, or events as they come.
pub type Content = Either<Full<Bytes>, handoff::Events>;

/// A door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Keys handed over.
    Handoff(Door),
    /// The description of all of them.
    OpenApi,
    /// One profile.
    Profile,
    /// The names of profiles.
    Profiles,
    /// OMA STI.
    Sti,
    /// Media in, media out.
    Transcode,
}

impl Operation {
    /// All, by path.
    pub const ALL: &'static [Self] = &[
        Self::OpenApi,
        Self::Profiles,
        Self::Profile,
        Self::Transcode,
        Self::Sti,
        Self::Handoff(Door::WellKnown),
        Self::Handoff(Door::Sessions),
        Self::Handoff(Door::Session),
        Self::Handoff(Door::Key),
        Self::Handoff(Door::Decline),
        Self::Handoff(Door::Events),
        Self::Handoff(Door::Audit),
        Self::Handoff(Door::Page),
        Self::Handoff(Door::PageFile),
    ];

    /// Where it is; `{name}` stands for one segment.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Handoff(door) => door.path(),
            Self::OpenApi => "/api/v1/openapi.json",
            Self::Profile => "/api/v1/profiles/{name}",
            Self::Profiles => "/api/v1/profiles",
            Self::Sti => "/sti",
            Self::Transcode => "/api/v1/transcode",
        }
    }

    /// As in events and metrics.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Handoff(door) => door.token(),
            Self::OpenApi => "openapi",
            Self::Profile => "profile",
            Self::Profiles => "profiles",
            Self::Sti => "sti",
            Self::Transcode => "transcode",
        }
    }

    /// Whether anybody may ask.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Handoff(door) => door.is_open(),
            Self::OpenApi => true,
            Self::Profile | Self::Profiles | Self::Sti | Self::Transcode => false,
        }
    }

    /// The methods that it takes, as the header Allow says them.
    pub const fn methods(self) -> &'static str {
        match self {
            Self::Handoff(door) => door.methods(),
            Self::OpenApi | Self::Profile | Self::Profiles => "GET, HEAD",
            Self::Sti | Self::Transcode => "POST",
        }
    }

    /// The door at a path, and the segment that `{name}` stands for.
    pub fn at(path: &str) -> Option<(Self, Option<String>)> {
        Self::ALL.iter().find_map(|operation| match operation.path().split_once("{name}") {
            None => (operation.path() == path).then_some((*operation, None)),
            Some((start, end)) => {
                let segment = path.strip_prefix(start)?.strip_suffix(end)?;
                let is_one = !segment.is_empty() && !segment.contains('/');
                is_one.then_some((*operation, Some(query::unescape(segment)?)))
            }
        })
    }
}

/// Answers a request, whatever it is.
pub async fn answer(front: &Front, request: Request<Incoming>) -> Response<Content> {
    let config = front.core.config();
    let mut record = Record::new(front.events.clone());
    let (parts, incoming) = request.into_parts();
    let mut incoming = Some(incoming);
    let answered = answered(front, &config, &parts, &mut incoming, &mut record).await;
    let mut response = answered.unwrap_or_else(|problem| {
        record.outcome = problem.code.token();
        problem.response().map(Content::Left)
    });
    if let Some(incoming) = incoming.filter(|incoming| !incoming.is_end_stream()) {
        // Refused before the body: who waits for a 100 sends none, whoever does not is let finish a
        // little, and the connection ends because where the next request begins is not known.
        if !parts.headers.contains_key(EXPECT) {
            body::drain(incoming).await;
        }
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    record.status = response.status().as_u16();
    record.octets_out = response.body().size_hint().exact().unwrap_or(0);
    response
}

async fn answered(
    front: &Front,
    config: &Http,
    parts: &hyper::http::request::Parts,
    incoming: &mut Option<Incoming>,
    record: &mut Record,
) -> Result<Response<Content>, Problem> {
    let path = parts.uri.path();
    let Some((operation, name)) = Operation::at(path) else {
        let paths: Vec<_> = Operation::ALL.iter().map(|operation| operation.path()).collect();
        let shown: String = path.chars().take(80).collect();
        return Err(Problem::new(
            Code::UnknownPath,
            format!("nothing is at {shown}; there are {}", paths.join(", ")),
        ));
    };
    record.operation = operation.token();
    method(operation, &parts.method)?;
    if operation == Operation::OpenApi {
        record.outcome = "ok";
        return Ok(json(&openapi::description()).map(Content::Left));
    }
    if let Operation::Handoff(door) = operation {
        let id = name.unwrap_or_default();
        return handoff::answer(front.core.as_ref(), config, door, &id, parts, incoming, record).await;
    }
    let caller = auth::caller(config, &parts.headers)?;
    caller.name().clone_into(&mut record.client);
    let core = front.core.as_ref();
    let answer = match operation {
        Operation::Handoff(_) | Operation::OpenApi | Operation::Profiles => {
            record.outcome = "ok";
            Ok(json(&profiles::list(core, &caller, &config.profile)))
        }
        Operation::Profile => {
            let found = profiles::one(core, &caller, name.as_deref().unwrap_or_default())?;
            record.outcome = "ok";
            Ok(json(&found))
        }
        Operation::Transcode => {
            let query = parts.uri.query().unwrap_or("");
            let asked = Asked::read(core, &config.profile, &caller, query, &parts.headers)?;
            let (body, _place) = taken(front, config, &caller, &parts.headers, incoming, &[], record).await?;
            let memory = body.memory;
            let answer = in_time(config, asked.run(core, body.octets, record)).await?;
            drop(memory);
            answer
        }
        Operation::Sti => {
            let shape = match sti::Shape::of(&parts.headers) {
                Ok(shape) => shape,
                Err(fault) => return Ok(sti::fault(&fault, record).map(Content::Left)),
            };
            let before = shape.before();
            let (body, _place) =
                taken(front, config, &caller, &parts.headers, incoming, before, record).await?;
            in_time(config, sti::serve(core, config, &caller, &shape, &body.octets, record)).await
        }
    };
    answer.map(|response| response.map(Content::Left))
}

fn method(operation: Operation, method: &Method) -> Result<(), Problem> {
    let allow = operation.methods();
    if allow.split(", ").any(|one| one == method.as_str()) {
        return Ok(());
    }
    Err(Problem::method(allow, format!("{} takes {allow}, not {method}", operation.path())))
}

/// A place among the requests, and the body.
async fn taken(
    front: &Front,
    config: &Http,
    caller: &Caller<'_>,
    headers: &HeaderMap,
    incoming: &mut Option<Incoming>,
    before: &[u8],
    record: &mut Record,
) -> Result<(body::Body, tokio::sync::OwnedSemaphorePermit), Problem> {
    let declared = body::length(headers, caller)?;
    let Ok(place) = front.requests.clone().try_acquire_owned() else {
        return Err(Problem::new(
            Code::Busy,
            format!("{} requests are at work (http.max_requests)", config.max_requests),
        ));
    };
    let memory = body::memory(front.core.as_ref(), caller, declared)?;
    let Some(stream) = incoming.take() else {
        return Err(Problem::new(Code::BadRequest, "there is no body"));
    };
    let patience = Duration::from_millis(config.read_timeout_ms);
    let body = body::read(caller, memory, stream, before, patience).await?;
    record.octets_in = (body.octets.len() - before.len()) as u64;
    Ok((body, place))
}

/// Gives up on what takes longer than anybody waits for an answer.
async fn in_time<T>(config: &Http, work: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(Duration::from_millis(config.deadline_ms), work).await.map_err(|_| {
        Problem::new(
            Code::Unavailable,
            format!("there was no result after {} ms (http.deadline)", config.deadline_ms),
        )
    })
}

pub(super) fn json(value: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_door_is_at_its_path_and_nowhere_else() {
        for operation in Operation::ALL {
            let path = operation.path().replace("{name}", "image%20basic");
            let found = Operation::at(&path);
            assert_eq!(found.as_ref().map(|found| found.0), Some(*operation), "{path}");
        }
        assert_eq!(Operation::at("/api/v1/profiles/a%20b").and_then(|found| found.1).as_deref(), Some("a b"));
        for path in ["/", "/sti/", "/api/v1/profiles/", "/api/v1/profiles/a/b", "/api/v2/transcode", "//sti"]
        {
            assert_eq!(Operation::at(path), None, "{path}");
        }
    }
}
