//! The body of a request: its length is judged before it is read, its memory taken before it
//! comes, and it must be there in time.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::{HeaderMap, body::Incoming, header};

use super::{
    auth::Caller,
    core::{Core, Memory},
    problem::{Code, Problem},
};

/// Octets that are still read of a request that is refused before its body, so that a client that
/// is not yet done sending sees the answer and not a broken connection.
const DRAIN: usize = 256 * 1024;
/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_millis(500);

/// A body that is there, and the memory that it takes.
pub struct Body {
    /// `before` and then the octets of the request.
    pub octets: Bytes,
    /// Held until the answer is made.
    pub memory: Memory,
}

/// What the header says of the length; `None` = chunked.
///
/// # Errors
/// 411 when it says nothing, 413 when it is more than the caller may send.
pub fn length(headers: &HeaderMap, caller: &Caller<'_>) -> Result<Option<u64>, Problem> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.trim().parse::<u64>().ok());
    if declared.is_none() && !headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Problem::new(
            Code::LengthRequired,
            "there is neither Content-Length nor Transfer-Encoding",
        ));
    }
    match declared {
        Some(octets) if octets > caller.max_octets() => Err(large(caller, Some(octets))),
        declared => Ok(declared),
    }
}

/// Takes memory for what is declared, or for the most that may come.
///
/// # Errors
/// 503 when there is none.
pub fn memory(core: &dyn Core, caller: &Caller<'_>, declared: Option<u64>) -> Result<Memory, Problem> {
    let most = declared.unwrap_or(caller.max_octets());
    core.memory(most)
        .ok_or_else(|| Problem::new(Code::Busy, format!("there is no memory for {most} octets now")))
}

/// Reads the body behind `before`, which the reader of a MIME message wants in front of it. The
/// buffer grows with what comes, not with what is declared.
///
/// # Errors
/// 408, 413, and 400 when the connection ends within the body.
pub async fn read(
    caller: &Caller<'_>,
    memory: Memory,
    mut incoming: Incoming,
    before: &[u8],
    patience: Duration,
) -> Result<Body, Problem> {
    let mut octets = BytesMut::from(before);
    let reading = async {
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|_| {
                Problem::new(Code::BadRequest, "the connection ended before the body was complete")
            })?;
            let Some(data) = frame.data_ref() else { continue };
            if (octets.len() - before.len() + data.len()) as u64 > caller.max_octets() {
                return Err(large(caller, None));
            }
            octets.put_slice(data);
        }
        Ok(())
    };
    match tokio::time::timeout(patience, reading).await {
        Ok(done) => done?,
        Err(_) => {
            return Err(Problem::new(
                Code::Slow,
                format!("the body was not there after {} s", patience.as_secs_f32()),
            ));
        }
    }
    Ok(Body { octets: octets.freeze(), memory })
}

/// Reads away what a refused client may still be sending.
pub async fn drain(mut incoming: Incoming) {
    let reading = async {
        let mut left = DRAIN;
        while let Some(Ok(frame)) = incoming.frame().await {
            let octets = frame.data_ref().map_or(0, Bytes::len);
            left = left.saturating_sub(octets);
            if left == 0 {
                break;
            }
        }
    };
    // Whether it came to its end does not matter.
    drop(tokio::time::timeout(DRAIN_TIME, reading).await);
}

fn large(caller: &Caller<'_>, octets: Option<u64>) -> Problem {
    let most = caller.max_octets();
    let detail = match octets {
        Some(octets) => format!("the body has {octets} octets; {most} are allowed"),
        None => format!("the body has more than {most} octets"),
    };
    Problem::new(Code::Large, detail).with("limit", most)
}
