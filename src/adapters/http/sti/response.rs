//! A `TranscodingResponse` (OMA STI 1.0) in its envelope, the results as attachments
//! (multipart/related, RFC 2387). Element order is that of the schema; `duration` and
//! `totalDuration` are milliseconds, `duration` in details is seconds.

use cedrat_mime::{Header, Headers, write};
use cedrat_plan::{
    facts::{Detail, Facts, Sound},
    format::Format,
};

use super::{
    codes::ReturnResult,
    run::{JobResult, Output},
    soap,
    xml::Writer,
};
use crate::adapters::http::report::codec;

/// Namespace of STI 1.0.
pub const NAMESPACE: &str = "http://www.openmobilealliance.org/schema/sti/v1_0";

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response<'a> {
    /// Namespace of the request.
    pub namespace: &'a str,
    /// Echoed.
    pub originator: Option<&'a str>,
    /// Echoed.
    pub operation: Option<&'a str>,
    /// The result of the whole.
    pub main: ReturnResult,
    /// Milliseconds.
    pub ms: u64,
    /// The results of the jobs, in their order.
    pub jobs: &'a [JobResult],
}

impl Response<'_> {
    /// Content-Type and octets. `token` makes identifiers and boundary; it must not be guessable.
    pub fn write(&self, token: &str) -> (String, Vec<u8>) {
        let document = self.document(token);
        let outputs: Vec<&Output> = self.jobs.iter().flat_map(|job| &job.outputs).collect();
        if outputs.is_empty() {
            return ("text/xml; charset=utf-8".into(), document.into_bytes());
        }
        let root = format!("response.{token}@cedrat");
        let mut parts = vec![part("text/xml; charset=utf-8", &root, document.into_bytes().into())];
        for (index, output) in outputs.into_iter().enumerate() {
            parts.push(part(&content_type(&output.facts), &cid(index, token), output.octets.clone()));
        }
        let parameters = [("type", "text/xml"), ("start", &format!("<{root}>"))];
        for attempt in 0.. {
            let boundary = format!("{token}.{attempt}");
            match write::multipart("related", &parameters, &boundary, parts.clone()) {
                Ok(whole) => {
                    let header = whole.headers.first("Content-Type").unwrap_or_default().to_owned();
                    return (header, body(whole));
                }
                // Somebody would have to know the token before it is made.
                Err(_) if attempt < 8 => {}
                Err(_) => break,
            }
        }
        let fault = soap::Fault::new(soap::FaultCode::Server, "no boundary could be found for the results");
        ("text/xml; charset=utf-8".into(), fault.write().into_bytes())
    }

    fn document(&self, token: &str) -> String {
        let known = self.namespace.starts_with("http://www.openmobilealliance.org/schema/sti/");
        let namespace = if known { self.namespace } else { NAMESPACE };
        let mut writer = Writer::new();
        writer.open("soap:Envelope", &[("xmlns:soap", soap::NAMESPACE)]);
        writer.open("soap:Body", &[]);
        writer.open("TranscodingResponse", &[("xmlns", namespace)]);
        writer.leaf_if("originatorID", self.originator);
        writer.leaf_if("operationID", self.operation);
        result(&mut writer, "mainReturnResult", &self.main);
        writer.leaf("totalDuration", &self.ms.to_string());
        let mut index = 0;
        for job in self.jobs {
            writer.open("jobResult", &[]);
            writer.leaf("jobID", &job.id);
            result(&mut writer, "mainReturnResult", &job.main);
            if !job.more.is_empty() {
                writer.open("additionalReturnResults", &[]);
                for more in &job.more {
                    result(&mut writer, "returnResult", more);
                }
                writer.close();
            }
            writer.leaf("duration", &job.ms.to_string());
            for made in &job.outputs {
                output(&mut writer, made, &cid(index, token));
                index += 1;
            }
            if let Some(made) = job.outputs.first() {
                properties(&mut writer, "inputMediaProperties", &made.from);
            }
            for made in &job.outputs {
                properties(&mut writer, "outputMediaProperties", &made.facts);
            }
            writer.close();
        }
        writer.finish()
    }
}

/// Content-ID of a result, without brackets.
fn cid(index: usize, token: &str) -> String {
    format!("output.{}.{token}@cedrat", index + 1)
}

fn part(content_type: &str, id: &str, octets: bytes::Bytes) -> write::Part {
    let headers = Headers::from_iter([
        Header::new("Content-Type", content_type),
        Header::new("Content-Transfer-Encoding", "binary"),
        Header::new("Content-ID", format!("<{id}>")),
    ]);
    write::Part::new(headers, octets)
}

/// What follows the header of the whole: HTTP has it apart.
fn body(whole: write::Part) -> Vec<u8> {
    let slices = whole.into_slices();
    let mut octets = Vec::with_capacity(slices.iter().map(bytes::Bytes::len).sum());
    for slice in slices.iter().skip(1) {
        octets.extend_from_slice(slice);
    }
    octets
}

/// `type/subtype`, with the charset of a text.
pub fn content_type(facts: &Facts) -> String {
    let essence = facts.format.media_type();
    match &facts.detail {
        Detail::Text(text) if plain(&text.charset) => format!("{essence}; charset={}", text.charset),
        _ => essence.to_owned(),
    }
}

fn plain(charset: &str) -> bool {
    !charset.is_empty() && charset.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:+".contains(&b))
}

fn result(writer: &mut Writer, name: &'static str, result: &ReturnResult) {
    writer.open(name, &[]);
    writer.leaf("returnCode", &result.code.number().to_string());
    writer.leaf("returnString", &result.text);
    writer.close();
}

fn output(writer: &mut Writer, output: &Output, cid: &str) {
    writer.open("output", &[]);
    writer.leaf("contentType", output.facts.format.media_type());
    if let Detail::Text(text) = &output.facts.detail
        && plain(&text.charset)
    {
        writer.open("contentTypeParams", &[]);
        writer.open("property", &[]);
        writer.leaf("name", "charset");
        writer.leaf("value", &text.charset);
        writer.close();
        writer.close();
    }
    writer.leaf("location", &format!("cid:{cid}"));
    writer.leaf("mediaSize", &output.octets.len().to_string());
    writer.close();
}

fn properties(writer: &mut Writer, name: &'static str, facts: &Facts) {
    let details = match &facts.detail {
        Detail::Picture(_) => "mediaDetailsImage",
        Detail::Sound(_) => "mediaDetailsAudio",
        Detail::Text(_) => "mediaDetailsText",
        Detail::Video(_) => "mediaDetailsVideo",
        Detail::None => return,
    };
    writer.open(name, &[]);
    writer.open("mediaDetails", &[]);
    writer.open(details, &[]);
    writer.leaf("contentType", facts.format.media_type());
    writer.leaf("size", &facts.octets.to_string());
    match &facts.detail {
        Detail::Picture(picture) => {
            let (width, height) = picture.shown();
            writer.leaf("codec", picture_codec(facts.format));
            writer.known("width", width);
            writer.known("height", height);
        }
        Detail::Sound(sound) => {
            writer.leaf("codec", &codec(&sound.codec));
            seconds(writer, sound.duration_ms);
            sound_rest(writer, sound);
        }
        Detail::Video(video) => {
            let (width, height) = video.shown();
            seconds(writer, video.duration_ms);
            writer.open("videoVisualDetails", &[]);
            writer.leaf("codec", &codec(&video.codec));
            writer.known("width", width);
            writer.known("height", height);
            if video.millihertz != 0 {
                writer.leaf("frameRate", &thousandths(u64::from(video.millihertz)));
            }
            writer.close();
            if let Some(sound) = &video.sound {
                writer.open("videoAudioDetails", &[]);
                writer.leaf("codec", &codec(&sound.codec));
                sound_rest(writer, sound);
                writer.close();
            }
        }
        Detail::Text(_) | Detail::None => {}
    }
    for _ in 0..3 {
        writer.close();
    }
}

fn sound_rest(writer: &mut Writer, sound: &Sound) {
    if sound.bit_rate != 0 {
        writer.open("bitRateDetails", &[]);
        writer.leaf("average", &sound.bit_rate.to_string());
        writer.close();
    }
    writer.known("samplingRate", sound.rate);
    match sound.channels {
        0 => {}
        1 => writer.leaf("channels", "Mono"),
        2 => writer.leaf("channels", "Stereo"),
        more => writer.leaf("channels", &more.to_string()),
    }
}

fn seconds(writer: &mut Writer, ms: u64) {
    if ms != 0 {
        writer.leaf("duration", &thousandths(ms));
    }
}

fn thousandths(number: u64) -> String {
    format!("{}.{:03}", number / 1000, number % 1000)
}

/// The codec of a picture is the subtype of its media type.
fn picture_codec(format: Format) -> &'static str {
    format.media_type().split_once('/').map_or("", |(_, subtype)| subtype)
}
