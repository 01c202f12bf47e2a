//! `POST /api/v1/transcode`: media in, media out. What is asked stands in the query, what was done
//! in the header `Cedrat-Report`, or beside the media in a multipart/mixed for whoever accepts that.

use bytes::Bytes;
use cedrat_mime::{ContentType, Header, Headers, write};
use cedrat_plan::{facts::Claim, profile::Profile};
use http_body_util::Full;
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue},
};

use super::{
    auth::Caller,
    core::{Core, One},
    problem::{Code, Problem},
    profiles,
    query::Query,
    record::Record,
    report,
    sti::response::content_type,
    wanted::{self, Wanted},
};

/// Parameters of the query.
pub const PARAMETERS: &[&str] = &["profile", "max_octets", "max_width", "max_height", "type", "name"];
/// Most types in `type`.
const TYPES: usize = 16;
/// Longest file name, characters.
const NAME: usize = 255;
/// The header with the report.
pub const REPORT: &str = "cedrat-report";

/// What is asked, before the media are there.
#[derive(Debug)]
pub struct Asked {
    profile: Profile,
    profile_name: String,
    max_octets: Option<u64>,
    name: Option<String>,
    content_type: ContentType,
    multipart: bool,
}

impl Asked {
    /// Reads query and header.
    ///
    /// # Errors
    /// 400, 403 or 404, before an octet of the media is read.
    pub fn read(
        core: &dyn Core,
        default: &str,
        caller: &Caller<'_>,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let query = Query::read(query, PARAMETERS)?;
        let profile_name = query.text("profile").unwrap_or(default).to_owned();
        let mut profile = profiles::of(core, caller, &profile_name)?;
        let wanted = Wanted {
            types: types(query.text("type"))?,
            width: query.number("max_width")?,
            height: query.number("max_height")?,
            ..Wanted::default()
        };
        wanted.lay(&mut profile, "transcode");
        let claimed = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        Ok(Self {
            profile,
            profile_name,
            max_octets: query.number("max_octets")?,
            name: query.text("name").map(file_name).transpose()?,
            content_type: ContentType::parse(claimed, 16).0,
            multipart: accepts_multipart(headers),
        })
    }

    /// Converts the media.
    ///
    /// # Errors
    /// Why there is no result.
    pub async fn run(
        &self,
        core: &dyn Core,
        octets: Bytes,
        record: &mut Record,
    ) -> Result<Response<Full<Bytes>>, Problem> {
        let claim = Claim {
            media_type: &self.content_type.essence,
            name: self.name.as_deref(),
            charset: self.content_type.parameter("charset"),
        };
        let one = core
            .convert(octets, claim, &self.profile, self.max_octets)
            .await
            .map_err(|fault| Problem::of(&fault))?;
        record.from.push(one.from.format.media_type());
        record.to.push(one.facts.format.media_type());
        record.outcome = if one.kept { "kept" } else { "converted" };
        Ok(if self.multipart { self.mixed(&one)? } else { self.plain(&one) })
    }

    fn plain(&self, one: &One) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(one.octets.clone()));
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: String| {
            // All of them are visible ASCII by how they are made.
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        };
        set(CONTENT_TYPE, content_type(&one.facts));
        set(HeaderName::from_static(REPORT), report::header(one, &self.profile_name));
        if let Some(name) = &self.name {
            set(CONTENT_DISPOSITION, disposition(&renamed(name, one)));
        }
        response
    }

    fn mixed(&self, one: &One) -> Result<Response<Full<Bytes>>, Problem> {
        let report = report::report(one, &self.profile_name).to_string();
        let part = |kind: &str, more: Option<String>, octets: Bytes| {
            let mut headers = Headers::from_iter([
                Header::new("Content-Type", kind),
                Header::new("Content-Transfer-Encoding", "binary"),
            ]);
            if let Some(disposition) = more {
                headers.push(Header::new("Content-Disposition", disposition));
            }
            write::Part::new(headers, octets)
        };
        let name = self.name.as_ref().map(|name| disposition(&renamed(name, one)));
        let parts = vec![
            part("application/json", None, report.into()),
            part(&content_type(&one.facts), name, one.octets.clone()),
        ];
        let whole = write::multipart("mixed", &[], &crate::clock::token(), parts)
            .map_err(|fault| Problem::new(Code::Crashed, format!("the answer cannot be written: {fault}")))?;
        let kind = whole.headers.first("Content-Type").unwrap_or_default().to_owned();
        // The first slice is the header, which HTTP has apart.
        let body: Vec<u8> =
            whole.into_slices().iter().skip(1).flat_map(|slice| slice.iter().copied()).collect();
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = StatusCode::OK;
        if let Ok(value) = HeaderValue::from_str(&kind) {
            response.headers_mut().insert(CONTENT_TYPE, value);
        }
        Ok(response)
    }
}

fn types(text: Option<&str>) -> Result<Vec<String>, Problem> {
    let types: Vec<String> = text
        .unwrap_or_default()
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    if types.len() > TYPES {
        return Err(Problem::new(
            Code::BadRequest,
            format!("type names {} types; {TYPES} are allowed", types.len()),
        ));
    }
    match types.iter().find(|name| !wanted::is_media_type(name)) {
        Some(name) => {
            Err(Problem::new(Code::BadRequest, format!("type={name} is not a media type such as image/jpeg")))
        }
        None => Ok(types),
    }
}

/// A name without path and control characters.
fn file_name(text: &str) -> Result<String, Problem> {
    let name = text.rsplit(['/', '\\']).next().unwrap_or(text).trim();
    if name.is_empty() || name.chars().any(char::is_control) || name.chars().count() > NAME {
        return Err(Problem::new(
            Code::BadRequest,
            format!("name must be a file name of at most {NAME} characters"),
        ));
    }
    Ok(name.to_owned())
}

/// The name with the extension of what the media are now.
fn renamed(name: &str, one: &One) -> String {
    if one.kept || one.from.format == one.facts.format {
        return name.to_owned();
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem });
    format!("{stem}.{}", one.facts.format.extension())
}

/// RFC 6266: quoted where that is enough, as RFC 8187 says where not.
fn disposition(name: &str) -> String {
    if name.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return format!("attachment; filename=\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    let mut value = String::from("attachment; filename*=UTF-8''");
    for octet in name.bytes() {
        if octet.is_ascii_alphanumeric() || b"-_.~".contains(&octet) {
            value.push(char::from(octet));
        } else {
            value.push_str(&format!("%{octet:02X}"));
        }
    }
    value
}

fn accepts_multipart(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let refused = |part: &str| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
            parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/mixed"))
                && !parts.any(refused)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_written_so_that_they_cannot_break_a_header() {
        assert_eq!(disposition("a \"b\".jpg"), "attachment; filename=\"a \\\"b\\\".jpg\"");
        assert_eq!(disposition("é.jpg"), "attachment; filename*=UTF-8''%C3%A9.jpg");
        assert_eq!(file_name("C:\\x\\photo.jpg").as_deref(), Ok("photo.jpg"));
        assert!(file_name("a\r\nb").is_err());
        assert!(file_name("x/").is_err());
    }

    #[test]
    fn a_multipart_is_for_whoever_accepts_one() {
        let accepts = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(value));
            accepts_multipart(&headers)
        };
        assert!(accepts("multipart/mixed") && accepts("image/*, Multipart/Mixed;q=0.5"));
        assert!(!accepts("*/*") && !accepts("multipart/mixed; q=0"));
    }

    #[test]
    fn types_are_read_or_named() {
        assert_eq!(types(Some("image/JPEG, image/gif")).map(|types| types.len()), Ok(2));
        assert!(types(Some("jpeg")).is_err_and(|problem| problem.detail.contains("type=jpeg")));
    }
}
