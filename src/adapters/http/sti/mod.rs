//! `POST /sti`: the Standard Transcoding Interface of OMA (STI 1.0), SOAP 1.1 with attachments.
//!
//! Shaped after OMA-SUP-XSD_STI-V1_0-20070515-A; docs/http-api.md says what is and is not followed.
//! A request is answered with a `TranscodingResponse` whenever it is one, whatever became of its
//! jobs; a SOAP fault is for what is no STI at all. Sources are attachments, named by `cid:`:
//! nothing is fetched on a peer's word, and results go nowhere but into the answer.

pub mod codes;
pub mod request;
pub mod response;
pub mod run;
pub mod soap;
pub mod xml;

use std::time::Instant;

use bytes::Bytes;
use cedrat_mime::{ContentType, Limits, Message, entity::bare_id};
use http_body_util::Full;
use hyper::{HeaderMap, StatusCode, header::CONTENT_TYPE};

// `request` is also compiled by a fuzz target, which has it beside this one.
use super::wanted;
use super::{auth::Caller, core::Core, record::Record};
use crate::config::http::Http;
use codes::{Code, ReturnResult, main_of};
use response::Response;
use run::{Attachments, JobResult, Run};
use soap::{Fault, FaultCode};

/// How the request is packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// The envelope alone.
    Bare,
    /// multipart/related, with this header in front.
    Related(Vec<u8>),
}

impl Shape {
    /// What Content-Type says.
    ///
    /// # Errors
    /// A fault when it is neither.
    pub fn of(headers: &HeaderMap) -> Result<Self, Fault> {
        let value = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        let (content_type, _) = ContentType::parse(value, 16);
        match content_type.essence.as_str() {
            "text/xml" | "application/xml" => Ok(Self::Bare),
            "multipart/related" => Ok(Self::Related([b"Content-Type: ", value, b"\r\n\r\n"].concat())),
            "application/soap+xml" => Err(Fault::new(
                FaultCode::VersionMismatch,
                "application/soap+xml is SOAP 1.2; send SOAP 1.1 as text/xml or multipart/related",
            )),
            other => Err(Fault::new(
                FaultCode::Client,
                format!(
                    "Content-Type is {other:?}; send text/xml, or multipart/related with type=\"text/xml\""
                ),
            )),
        }
    }

    /// Octets that the reader wants in front of the body.
    pub fn before(&self) -> &[u8] {
        match self {
            Self::Bare => &[],
            Self::Related(header) => header,
        }
    }
}

/// A SOAP fault as an HTTP answer (SOAP 1.1 §6.2: always 500).
pub fn fault(fault: &Fault, record: &mut Record) -> hyper::Response<Full<Bytes>> {
    record.outcome = fault.code.token();
    answer(StatusCode::INTERNAL_SERVER_ERROR, "text/xml; charset=utf-8", fault.write().into_bytes())
}

/// Answers a request.
pub async fn serve(
    core: &dyn Core,
    config: &Http,
    caller: &Caller<'_>,
    shape: &Shape,
    octets: &Bytes,
    record: &mut Record,
) -> hyper::Response<Full<Bytes>> {
    match served(core, config, caller, shape, octets, record).await {
        Ok(answer) => answer,
        Err(found) => fault(&found, record),
    }
}

async fn served(
    core: &dyn Core,
    config: &Http,
    caller: &Caller<'_>,
    shape: &Shape,
    octets: &Bytes,
    record: &mut Record,
) -> Result<hyper::Response<Full<Bytes>>, Fault> {
    let begin = Instant::now();
    let message = match shape {
        Shape::Bare => None,
        Shape::Related(_) => Some(walk(octets, config.max_jobs)?),
    };
    let (envelope, attachments) = match &message {
        None => (octets.clone(), Attachments::new()),
        Some(message) => root(message)?,
    };
    let element = soap::open(&envelope, &xml::Limits::default())?;
    let Some(request) = request::read(&element, config.max_jobs) else {
        return Err(Fault::new(
            FaultCode::Client,
            format!("the Body holds {}, which is no TranscodingRequest", element.name),
        ));
    };
    let (main, jobs) = match &request.jobs {
        Ok(jobs) => {
            let run = Run { core, config, caller, attachments: &attachments };
            let done = run.jobs(jobs).await;
            (main_result(&done), done)
        }
        Err(result) => (result.clone(), Vec::new()),
    };
    note(record, main.code, &jobs);
    let response = Response {
        namespace: &request.namespace,
        originator: request.originator.as_deref(),
        operation: request.operation.as_deref(),
        main,
        ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
        jobs: &jobs,
    };
    let (content_type, octets) = response.write(&crate::clock::token());
    Ok(answer(StatusCode::OK, &content_type, octets))
}

/// What is to be said of the whole: of a job that failed alone, what is said of it.
fn main_result(jobs: &[JobResult]) -> ReturnResult {
    let code = main_of(jobs.iter().map(|job| job.main.code));
    match jobs {
        [job] if !code.is_success() => job.main.clone(),
        _ => code.into(),
    }
}

fn note(record: &mut Record, code: Code, jobs: &[JobResult]) {
    record.outcome = code.token();
    record.jobs = jobs.len() as u64;
    for output in jobs.iter().flat_map(|job| &job.outputs) {
        record.from.push(output.from.format.media_type());
        record.to.push(output.facts.format.media_type());
    }
}

/// Takes the multipart apart. Attachments beyond the jobs help nobody, so the bound is theirs.
fn walk(octets: &Bytes, max_jobs: usize) -> Result<Message, Fault> {
    let limits = Limits {
        depth: 4,
        header_octets: 64 << 10,
        headers: 64,
        headers_in_all: 2_000,
        line_octets: 8 << 10,
        parameters: 16,
        parts: max_jobs.saturating_mul(2).saturating_add(8),
    };
    cedrat_mime::walk(octets, &limits).map_err(|error| {
        Fault::new(FaultCode::Client, format!("the multipart cannot be read within its bounds: {error}"))
    })
}

/// The envelope, and the other parts by their Content-ID.
fn root(message: &Message) -> Result<(Bytes, Attachments<'_>), Fault> {
    let whole = message.root();
    if whole.damage.is_some() {
        return Err(Fault::new(
            FaultCode::Client,
            "the multipart is cut: a boundary is missing or its closing delimiter is not there",
        ));
    }
    let start = whole.content_type.parameter("start").map(bare_id);
    let named = message.children(whole).find(|node| start.is_some() && node.content_id.as_deref() == start);
    let Some(root) = named.or_else(|| message.children(whole).next().filter(|_| start.is_none())) else {
        return Err(Fault::new(FaultCode::Client, "no part has the Content-ID that `start` names"));
    };
    let mut attachments = Attachments::new();
    for node in message.children(whole).filter(|node| !std::ptr::eq(*node, root)) {
        if let Some(id) = node.content_id.as_deref() {
            // Of two with one identifier the first is meant.
            attachments.entry(id).or_insert(node);
        }
    }
    Ok((root.decoded().octets, attachments))
}

fn answer(status: StatusCode, content_type: &str, octets: Vec<u8>) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::new(Full::new(Bytes::from(octets)));
    *response.status_mut() = status;
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}
