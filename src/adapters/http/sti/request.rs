//! A `TranscodingRequest` (OMA STI 1.0, schema of 2007-05-15): jobs, each with one source and
//! targets, each with a profile, parameters, or both.
//!
//! Lenient: namespaces of the elements are not compared, a job may have several targets, `charset`
//! may stand beside the parameters of a text. What cannot be followed is listed, not dropped in
//! silence. What is wrong with one job is that job's fault and leaves the others alone.
//!
//! Not here: `multipart` (whole messages go through MM4 or mail), `policyRef`, synthetic sound.

use super::{
    codes::{Code, ReturnResult},
    wanted::{self, Wanted},
    xml::Element,
};

/// Longest identifier that is echoed, characters.
const IDENTIFIER: usize = 256;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Namespace of the request, in which it is answered.
    pub namespace: String,
    /// Who asks, to be echoed.
    pub originator: Option<String>,
    /// Which operation, to be echoed.
    pub operation: Option<String>,
    /// The jobs, where what is wrong with one stands in its place; or what is wrong with the whole,
    /// which is answered with the identifiers all the same.
    pub jobs: Result<Vec<Job>, ReturnResult>,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Unique in the request.
    pub id: String,
    /// Where the media are.
    pub source: Result<Source, ReturnResult>,
    /// What they shall become.
    pub targets: Vec<Result<Target, ReturnResult>>,
}

/// Where media are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Content-ID of the attachment, without brackets.
    pub cid: String,
    /// What they are said to be.
    pub content_type: Option<String>,
    /// The parameter `charset` of that.
    pub charset: Option<String>,
}

/// What media shall become.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// Name of a profile.
    pub profile: Option<String>,
    /// What is wanted beyond it.
    pub wanted: Wanted,
    /// Parameters that are not followed.
    pub ignored: Vec<String>,
}

/// Reads a request; `None` when the element is none.
pub fn read(root: &Element, max_jobs: usize) -> Option<Request> {
    (root.name == "TranscodingRequest").then(|| Request {
        namespace: root.namespace.clone(),
        originator: identifier(root, "originatorID"),
        operation: identifier(root, "operationID"),
        jobs: jobs(root, max_jobs),
    })
}

fn jobs(root: &Element, max_jobs: usize) -> Result<Vec<Job>, ReturnResult> {
    let whole = |code: Code, text: String| Err(ReturnResult::new(code, text));
    let jobs = || root.all("transcodingJob");
    let asked: usize = jobs().map(|job| job.all("target").count().max(1)).sum();
    if asked > max_jobs {
        let text = format!("{asked} targets are asked for; one request may have {max_jobs} (http.max_jobs)");
        return whole(Code::TooManyJobs, text);
    }
    let mut identifiers = Vec::new();
    for job in jobs() {
        let Some(id) = identifier(job, "jobID") else {
            return whole(Code::JobIdentifier, "a transcodingJob has no jobID".into());
        };
        if identifiers.contains(&id) {
            return whole(Code::JobIdentifier, format!("the jobID {id} is there twice"));
        }
        identifiers.push(id);
    }
    if identifiers.is_empty() {
        return whole(Code::BadRequest, "the request has no transcodingJob".into());
    }
    let read = |(job, id)| Job { id, source: source(job), targets: targets(job) };
    Ok(jobs().zip(identifiers).map(read).collect())
}

fn identifier(element: &Element, name: &str) -> Option<String> {
    element.text_of(name).map(|text| text.chars().take(IDENTIFIER).collect())
}

/// What of a peer's text is repeated to it.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

fn source(job: &Element) -> Result<Source, ReturnResult> {
    let Some(source) = job.child("source") else {
        return Err(ReturnResult::new(Code::BadRequest, "the job has no source"));
    };
    let Some(location) = source.text_of("location") else {
        return Err(ReturnResult::new(Code::BadRequest, "the source has no location"));
    };
    let scheme = location.get(..4).unwrap_or("");
    let cid = location.get(4..).filter(|_| scheme.eq_ignore_ascii_case("cid:")).and_then(unescape);
    let Some(cid) = cid.filter(|cid| !cid.is_empty()) else {
        return Err(ReturnResult::new(
            Code::LocationRefused,
            format!("{}: {}", short(location), Code::LocationRefused.text()),
        ));
    };
    Ok(Source {
        cid,
        content_type: source.text_of("contentType").map(str::to_ascii_lowercase),
        charset: property(source, "contentTypeParams", "charset"),
    })
}

/// `%XX` of a `cid:` URL (RFC 2392).
fn unescape(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet == b'%' {
            let digit = |octet: Option<u8>| char::from(octet?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            octets.push(u8::try_from(value).ok()?);
        } else {
            octets.push(octet);
        }
    }
    String::from_utf8(octets).ok()
}

/// A property of a list: `<property><name>N</name><value>V</value></property>`, or with both as
/// attributes.
fn property(element: &Element, list: &str, name: &str) -> Option<String> {
    let said = |property: &Element, what: &str| {
        property
            .text_of(what)
            .map(str::to_owned)
            .or_else(|| property.attribute(what).map(|attribute| attribute.value.trim().to_owned()))
    };
    element
        .child(list)?
        .children
        .iter()
        .find(|property| said(property, "name").is_some_and(|found| found.eq_ignore_ascii_case(name)))
        .and_then(|found| said(found, "value"))
}

fn targets(job: &Element) -> Vec<Result<Target, ReturnResult>> {
    let targets: Vec<_> = job.all("target").map(target).collect();
    if targets.is_empty() {
        return vec![Err(ReturnResult::new(Code::NoProfile, "the job has no target"))];
    }
    targets
}

fn target(element: &Element) -> Result<Target, ReturnResult> {
    if element.child("externalLocation").is_some() {
        return Err(Code::MediaSaving.into());
    }
    let profile = element.text_of("profileID").map(str::to_owned);
    let params = element.child("transcodingParams");
    if profile.is_none() && params.is_none() {
        return Err(Code::NoProfile.into());
    }
    let mut reading = Reading { target: Target { profile, ..Target::default() } };
    for name in ["applicationType", "policyRef"] {
        reading.ignore_if(element, name);
    }
    reading.size_limit(element, "applicationSizeLimit")?;
    if let Some(params) = params {
        reading.params(params)?;
    }
    Ok(reading.target)
}

/// A target while it is read.
struct Reading {
    target: Target,
}

/// Parameters of which the standard has one for each kind of media.
const COMMON: [&str; 4] = ["contentType", "contentTypeParams", "sizeLimit", "extensionData"];

impl Reading {
    fn params(&mut self, params: &Element) -> Result<(), ReturnResult> {
        self.common(params)?;
        for kind in &params.children {
            match kind.name.as_str() {
                "image" => self.image(kind)?,
                "audio" => self.audio(kind)?,
                "video" => self.video(kind)?,
                "text" => self.text(kind)?,
                name if COMMON.contains(&name) => {}
                name => self.ignore(name),
            }
        }
        Ok(())
    }

    /// What every kind of media has, and the parameters themselves.
    fn common(&mut self, element: &Element) -> Result<(), ReturnResult> {
        if let Some(content_type) = element.text_of("contentType") {
            let name = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
            if !wanted::is_media_type(&name) {
                return Err(bad("contentType", content_type, "a media type such as image/jpeg"));
            }
            self.target.wanted.types = vec![name];
        }
        if let Some(charset) = property(element, "contentTypeParams", "charset") {
            self.charset(&charset)?;
        }
        self.ignore_if(element, "extensionData");
        self.size_limit(element, "sizeLimit")
    }

    fn image(&mut self, image: &Element) -> Result<(), ReturnResult> {
        self.common(image)?;
        self.size(image)?;
        if let Some(codec) = image.text_of("codec") {
            // Pictures have one codec for a type, so a codec is another name of the type.
            let name = codec.to_ascii_lowercase();
            let name =
                if name.contains('/') { name } else { format!("image/{}", name.replace("jpg", "jpeg")) };
            if !wanted::is_media_type(&name) {
                return Err(bad("codec", codec, "a codec such as jpeg"));
            }
            if self.target.wanted.types.is_empty() {
                self.target.wanted.types = vec![name];
            }
        }
        if let Some(depth) =
            image.child("colorScheme").map(|scheme| number(scheme, "depth")).transpose()?.flatten()
            && depth <= 8
        {
            self.target.wanted.colours = Some(1 << depth);
        }
        self.rest(image, &["width", "height", "codec", "colorScheme"]);
        Ok(())
    }

    fn audio(&mut self, audio: &Element) -> Result<(), ReturnResult> {
        self.common(audio)?;
        self.target.wanted.sound = sound(audio)?;
        self.target.wanted.rate = number(audio, "samplingRate")?;
        self.target.wanted.channels = channels(audio)?;
        self.rest(audio, &["codec", "samplingRate", "channels"]);
        Ok(())
    }

    /// The picture may be in `videoVisual` as in the schema, or stand in `video` itself.
    fn video(&mut self, video: &Element) -> Result<(), ReturnResult> {
        self.common(video)?;
        let visual = video.child("videoVisual").unwrap_or(video);
        if let Some(codec) = visual.text_of("codec") {
            let Some(found) = wanted::video_codec(codec) else {
                return Err(unsupported("video", codec, "H263, MPEG4 or H264"));
            };
            self.target.wanted.video = Some(found);
        }
        self.size(visual)?;
        self.target.wanted.bit_rate = number(visual, "bitRate")?;
        if let Some(rate) = visual.text_of("frameRate") {
            let wanted = "a number of frames a second";
            let rate: f64 = rate.parse().map_err(|_| bad("frameRate", rate, wanted))?;
            if !(0.001..=1000.0).contains(&rate) {
                return Err(bad("frameRate", &rate.to_string(), wanted));
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0.001 to 1000")]
            let millihertz = (rate * 1000.0) as u32;
            self.target.wanted.millihertz = Some(millihertz);
        }
        let picture = ["codec", "width", "height", "bitRate", "frameRate"];
        if std::ptr::eq(visual, video) {
            self.rest(video, &["videoAudio", "codec", "width", "height", "bitRate", "frameRate"]);
        } else {
            self.rest(video, &["videoVisual", "videoAudio"]);
            self.rest(visual, &picture);
        }
        if let Some(audio) = video.child("videoAudio") {
            self.target.wanted.video_sound = sound(audio)?;
            self.rest(audio, &["codec"]);
        }
        Ok(())
    }

    fn text(&mut self, text: &Element) -> Result<(), ReturnResult> {
        self.common(text)?;
        if let Some(charset) = text.text_of("charset") {
            self.charset(charset)?;
        }
        self.rest(text, &["charset"]);
        Ok(())
    }

    fn charset(&mut self, charset: &str) -> Result<(), ReturnResult> {
        let plain = charset.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:+".contains(&b));
        if !plain || charset.len() > 40 {
            return Err(bad("charset", charset, "the name of a charset such as utf-8"));
        }
        self.target.wanted.charset = Some(charset.to_ascii_lowercase());
        Ok(())
    }

    fn size(&mut self, element: &Element) -> Result<(), ReturnResult> {
        self.target.wanted.width = number(element, "width")?;
        self.target.wanted.height = number(element, "height")?;
        Ok(())
    }

    /// The tightest of all limits holds. A negative one or `unbounded` is none.
    fn size_limit(&mut self, element: &Element, name: &str) -> Result<(), ReturnResult> {
        let Some(text) = element.text_of(name) else { return Ok(()) };
        if text.starts_with('-') || text.eq_ignore_ascii_case("unbounded") {
            return Ok(());
        }
        let octets: u64 = text.parse().map_err(|_| bad(name, text, "a number of octets"))?;
        let octets = self.target.wanted.octets.map_or(octets, |other| other.min(octets));
        self.target.wanted.octets = Some(octets);
        Ok(())
    }

    fn ignore(&mut self, name: &str) {
        let name = short(name);
        if !self.target.ignored.contains(&name) {
            self.target.ignored.push(name);
        }
    }

    fn ignore_if(&mut self, element: &Element, name: &str) {
        if element.child(name).is_some() {
            self.ignore(name);
        }
    }

    /// Notes what was not followed.
    fn rest(&mut self, element: &Element, followed: &[&str]) {
        for child in &element.children {
            let name = child.name.as_str();
            if !followed.contains(&name) && !COMMON.contains(&name) {
                self.ignore(name);
            }
        }
    }
}

fn sound(audio: &Element) -> Result<Option<cedrat_plan::format::SoundCodec>, ReturnResult> {
    let Some(codec) = audio.text_of("codec") else { return Ok(None) };
    let found = wanted::sound_codec(codec);
    found.map(Some).ok_or_else(|| unsupported("sound", codec, "AMR, AMR-WB, AAC or MP3"))
}

fn channels(audio: &Element) -> Result<Option<u16>, ReturnResult> {
    let Some(text) = audio.text_of("channels") else { return Ok(None) };
    match text.to_ascii_lowercase().as_str() {
        "mono" => Ok(Some(1)),
        "stereo" => Ok(Some(2)),
        other => match other.parse() {
            Ok(channels) if channels > 0 => Ok(Some(channels)),
            _ => Err(bad("channels", text, "Mono, Stereo or a number")),
        },
    }
}

/// A number; 0 says nothing.
fn number(element: &Element, name: &str) -> Result<Option<u32>, ReturnResult> {
    let Some(text) = element.text_of(name) else { return Ok(None) };
    let number: u32 = text.parse().map_err(|_| bad(name, text, "a whole number"))?;
    Ok((number > 0).then_some(number))
}

fn bad(name: &str, found: &str, wanted: &str) -> ReturnResult {
    ReturnResult::new(Code::BadParameter, format!("{name} must be {wanted}, not {:?}", short(found)))
}

fn unsupported(what: &str, found: &str, written: &str) -> ReturnResult {
    ReturnResult::new(
        Code::Unsupported,
        format!("the {what} codec {:?} is not written here; {written} are", short(found)),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use cedrat_plan::format::{SoundCodec, VideoCodec};

    use super::{super::xml, *};

    fn whole(jobs: &str) -> Request {
        let text = format!(
            "<TranscodingRequest xmlns='http://www.openmobilealliance.org/schema/sti/v1_0'>\
             <originatorID>mmsc-1</originatorID><operationID>op 7</operationID>{jobs}</TranscodingRequest>"
        );
        read(&xml::read(text.as_bytes(), &xml::Limits::default()).unwrap(), 4).unwrap()
    }

    fn parse(jobs: &str) -> Result<Vec<Job>, Code> {
        whole(jobs).jobs.map_err(|result| result.code)
    }

    fn job(id: &str, location: &str, targets: &str) -> String {
        format!(
            "<transcodingJob><jobID>{id}</jobID><source><contentType>image/jpeg</contentType>\
             <location>{location}</location></source>{targets}</transcodingJob>"
        )
    }

    fn target_of(params: &str) -> Result<Target, ReturnResult> {
        let target = format!("<target><transcodingParams>{params}</transcodingParams></target>");
        parse(&job("1", "cid:a@b", &target)).unwrap()[0].targets[0].clone()
    }

    #[test]
    fn a_request_is_read_with_its_jobs() {
        let request = whole(&job(
            "j1",
            "cid:pic%40gw.test",
            "<target><profileID>image-basic</profileID></target><target><profileID>image-rich</profileID></target>",
        ));
        assert_eq!(request.originator.as_deref(), Some("mmsc-1"));
        assert_eq!(request.operation.as_deref(), Some("op 7"));
        let job = &request.jobs.unwrap()[0];
        assert_eq!(job.source.as_ref().unwrap().cid, "pic@gw.test");
        assert_eq!(job.targets[1].as_ref().unwrap().profile.as_deref(), Some("image-rich"));
    }

    #[test]
    fn a_location_elsewhere_is_refused_and_leaves_other_jobs_alone() {
        let target = "<target><profileID>p</profileID></target>";
        let jobs = parse(&format!(
            "{}{}",
            job("1", "http://169.254.169.254/latest", target),
            job("2", "cid:a@b", target)
        ))
        .unwrap();
        let refused = jobs[0].source.clone().unwrap_err();
        assert_eq!(refused.code, Code::LocationRefused);
        assert!(refused.text.contains("never fetched"));
        assert!(jobs[1].source.is_ok());
        for location in ["file:///etc/passwd", "https://a.test/", "cid:", "cid:%zz", "é"] {
            let jobs = parse(&job("1", location, target)).unwrap();
            assert_eq!(jobs[0].source.clone().unwrap_err().code, Code::LocationRefused, "{location}");
        }
    }

    #[test]
    fn parameters_of_every_kind_become_what_is_wanted() {
        let image = target_of(
            "<image><contentType>image/gif</contentType><sizeLimit>30000</sizeLimit><width>128</width>\
             <height>96</height><resizeDirective>Crop</resizeDirective></image><sizeLimit>40000</sizeLimit>",
        )
        .unwrap();
        assert_eq!(image.wanted.types, ["image/gif"]);
        assert_eq!((image.wanted.width, image.wanted.octets), (Some(128), Some(30_000)));
        assert_eq!(image.ignored, ["resizeDirective"]);
        let audio = target_of(
            "<audio><codec>AMR</codec><bitRate>12200</bitRate><samplingRate>8000</samplingRate><channels>Mono</channels></audio>",
        )
        .unwrap();
        assert_eq!(audio.wanted.sound, Some(SoundCodec::Amr));
        assert_eq!((audio.wanted.rate, audio.wanted.channels), (Some(8_000), Some(1)));
        assert_eq!(audio.ignored, ["bitRate"]);
        let video = target_of(
            "<video><contentType>video/3gpp</contentType><videoVisual><codec>H263</codec><frameRate>7.5</frameRate>\
             <width>176</width></videoVisual><videoAudio><codec>AMR</codec></videoAudio></video>",
        )
        .unwrap();
        assert_eq!(video.wanted.video, Some(VideoCodec::H263));
        assert_eq!((video.wanted.millihertz, video.wanted.video_sound), (Some(7_500), Some(SoundCodec::Amr)));
        let text = target_of(
            "<text><contentType>text/plain</contentType><contentTypeParams><property><name>charset</name>\
             <value>UTF-8</value></property></contentTypeParams></text>",
        )
        .unwrap();
        assert_eq!(text.wanted.charset.as_deref(), Some("utf-8"));
    }

    #[test]
    fn what_is_wrong_with_a_parameter_is_said() {
        let code = |params: &str| target_of(params).unwrap_err();
        assert_eq!(code("<sizeLimit>many</sizeLimit>").code, Code::BadParameter);
        assert_eq!(code("<image><width>-1</width></image>").code, Code::BadParameter);
        assert_eq!(code("<video><frameRate>NaN</frameRate></video>").code, Code::BadParameter);
        assert_eq!(code("<image><contentType>jpeg</contentType></image>").code, Code::BadParameter);
        let evrc = code("<audio><codec>EVRC</codec></audio>");
        assert_eq!(evrc.code, Code::Unsupported);
        assert!(evrc.text.contains("AMR-WB"));
        assert_eq!(target_of("<sizeLimit>unbounded</sizeLimit>").unwrap().wanted.octets, None);
    }

    #[test]
    fn what_is_wrong_with_the_whole_keeps_what_must_be_echoed() {
        let target = "<target><profileID>p</profileID></target>";
        let twice = whole(&format!("{0}{0}", job("1", "cid:a", target)));
        assert_eq!(twice.operation.as_deref(), Some("op 7"));
        assert_eq!(twice.jobs.unwrap_err().code, Code::JobIdentifier);
        assert_eq!(parse(&job("1", "cid:a", &target.repeat(5))), Err(Code::TooManyJobs));
        assert_eq!(parse(""), Err(Code::BadRequest));
        assert_eq!(parse("<transcodingJob/>"), Err(Code::JobIdentifier));
        assert_eq!(read(&Element { name: "other".into(), ..Element::default() }, 4), None);
        let jobs = parse(&job("1", "cid:a", "")).unwrap();
        assert_eq!(jobs[0].targets[0].clone().unwrap_err().code, Code::NoProfile);
        let elsewhere = "<target><externalLocation>http://a.test/</externalLocation></target>";
        let jobs = parse(&job("1", "cid:a", elsewhere)).unwrap();
        assert_eq!(jobs[0].targets[0].clone().unwrap_err().code, Code::MediaSaving);
    }
}
