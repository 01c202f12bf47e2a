//! A container that is read: one demuxer, named by the caller, over one descriptor.

use std::{
    ffi::{CString, c_int},
    fs::File,
};

use cedrat_plan::limits::Limits;
use ffmpeg_next::ffi;

use super::{
    Code, CodecId, Options, Packet, Ratio, check,
    io::{Io, Source, open_nothing},
};

/// What a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    /// Pictures.
    Video,
    /// Sound.
    Sound,
    /// Text, data, attached pictures.
    Other,
}

/// What a container says about one of its streams.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) index: usize,
    pub(crate) medium: Medium,
    pub(crate) codec: CodecId,
    pub(crate) profile: i32,
    pub(crate) level: i32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rate: u32,
    pub(crate) channels: u16,
    /// Unit of its times.
    pub(crate) time_base: Ratio,
    /// Frames a second, as the container says; 0/1 when it does not.
    pub(crate) frame_rate: Ratio,
    /// Width of a pixel by its height; 0/1 when not said.
    pub(crate) aspect: Ratio,
    /// Degrees clockwise: 0, 90, 180, 270.
    pub(crate) rotation: u16,
    pub(crate) extradata: Vec<u8>,
}

/// An open container.
pub(crate) struct Demuxer {
    context: *mut ffi::AVFormatContext,
    // Dropped after the context: fields drop in this order, and `Drop` of `self` runs before both.
    _io: Io<Source>,
    streams: Vec<Stream>,
}

impl Demuxer {
    /// Opens with the demuxer of this name and no other.
    pub(crate) fn open(
        file: File,
        length: u64,
        format: &str,
        codecs: &str,
        look_deeper: bool,
        limits: &Limits,
    ) -> Result<Self, Code> {
        let io = Io::source(file, length)?;
        let name = CString::new(format).map_err(|_| Code::INVALID)?;
        let codecs = CString::new(codecs).map_err(|_| Code::INVALID)?;
        // A name that is no path: nothing may be resolved against it.
        let url = c"part";
        let mut options = Options::new(if format == "mov" {
            &[("enable_drefs", "0"), ("use_absolute_path", "0")]
        } else {
            &[]
        })?;
        // SAFETY: the context is made, filled and handed to `avformat_open_input`, which frees it
        // when it fails; the strings are copied.
        let context = unsafe {
            let mut context = ffi::avformat_alloc_context();
            if context.is_null() {
                return Err(Code::MEMORY);
            }
            (*context).pb = io.as_ptr();
            (*context).flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
            (*context).io_open = Some(open_nothing);
            (*context).max_streams = c_int::try_from(limits.tracks).unwrap_or(c_int::MAX);
            (*context).codec_whitelist = ffi::av_strdup(codecs.as_ptr());
            (*context).protocol_whitelist = ffi::av_strdup(c"none".as_ptr());
            let format = ffi::av_find_input_format(name.as_ptr());
            if format.is_null() {
                ffi::avformat_free_context(context);
                return Err(Code::INVALID);
            }
            check(ffi::avformat_open_input(&raw mut context, url.as_ptr(), format, options.as_mut()))?;
            context
        };
        let mut demuxer = Self { context, _io: io, streams: Vec::new() };
        demuxer.read_streams();
        if look_deeper || demuxer.streams.iter().any(is_vague) || demuxer.streams.is_empty() {
            demuxer.look_deeper(limits)?;
            demuxer.read_streams();
        }
        Ok(demuxer)
    }

    /// Decodes the first packets where the header leaves something open.
    fn look_deeper(&mut self, limits: &Limits) -> Result<(), Code> {
        let pixels = limits.pixels.to_string();
        let mut options = Vec::new();
        for _ in &self.streams {
            options.push(Options::new(&[("max_pixels", &pixels)])?);
        }
        let mut raw: Vec<*mut ffi::AVDictionary> = options.iter().map(|options| options.0).collect();
        // SAFETY: one dictionary for each stream that exists now, as the function wants; it may
        // replace them, so that ours are taken back from `raw`.
        let answer = unsafe { ffi::avformat_find_stream_info(self.context, raw.as_mut_ptr()) };
        for (options, raw) in options.iter_mut().zip(raw) {
            options.0 = raw;
        }
        check(answer).map(|_| ())
    }

    fn read_streams(&mut self) {
        // SAFETY: the context is open, and `streams` holds `nb_streams` pointers.
        let streams = unsafe {
            let context = &*self.context;
            match usize::try_from(context.nb_streams) {
                Ok(count) if count > 0 => std::slice::from_raw_parts(context.streams, count),
                _ => &[],
            }
        };
        self.streams = streams
            .iter()
            .enumerate()
            // SAFETY: each points to a stream with parameters.
            .map(|(index, stream)| unsafe { read_stream(index, *stream) })
            .collect();
    }

    pub(crate) fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Playing time of the whole as the container says, microseconds; 0 = not said.
    pub(crate) fn duration(&self) -> i64 {
        // SAFETY: open.
        super::time(unsafe { (*self.context).duration }).unwrap_or(0).max(0)
    }

    /// Reads only these streams.
    pub(crate) fn keep(&mut self, wanted: &[usize]) {
        for stream in &self.streams {
            if let Some(raw) = self.raw_stream(stream.index) {
                let discard = if wanted.contains(&stream.index) {
                    ffi::AVDiscard::AVDISCARD_DEFAULT
                } else {
                    ffi::AVDiscard::AVDISCARD_ALL
                };
                // SAFETY: a living stream.
                unsafe { (*raw).discard = discard };
            }
        }
    }

    pub(super) fn raw_stream(&self, index: usize) -> Option<*mut ffi::AVStream> {
        // SAFETY: `index` is below the count.
        unsafe {
            let context = &*self.context;
            (index < usize::try_from(context.nb_streams).unwrap_or(0)).then(|| *context.streams.add(index))
        }
    }

    /// The next packet; `None` at the end, also where the rest cannot be read.
    pub(crate) fn read(&mut self, packet: &mut Packet) -> Result<Option<()>, Code> {
        packet.clear();
        // SAFETY: open context, blank packet.
        match check(unsafe { ffi::av_read_frame(self.context, packet.as_ptr()) }) {
            Ok(_) => Ok(Some(())),
            Err(Code::END) => Ok(None),
            Err(code) => Err(code),
        }
    }
}

impl Drop for Demuxer {
    fn drop(&mut self) {
        // SAFETY: ours; the callbacks' state lives on in `_io` until after this.
        unsafe { ffi::avformat_close_input(&raw mut self.context) };
    }
}

/// Whether the header does not say what a decoder needs.
fn is_vague(stream: &Stream) -> bool {
    match stream.medium {
        Medium::Video => stream.width == 0 || stream.height == 0,
        Medium::Sound => stream.rate == 0 || stream.channels == 0,
        Medium::Other => false,
    }
}

/// SAFETY: `stream` points to a living stream.
unsafe fn read_stream(index: usize, stream: *const ffi::AVStream) -> Stream {
    // SAFETY: as said.
    let (stream, parameters) = unsafe { (&*stream, &*(*stream).codecpar) };
    let picture = stream.disposition & (ffi::AV_DISPOSITION_ATTACHED_PIC as c_int) != 0;
    let medium = match parameters.codec_type {
        ffi::AVMediaType::AVMEDIA_TYPE_VIDEO if !picture => Medium::Video,
        ffi::AVMediaType::AVMEDIA_TYPE_AUDIO => Medium::Sound,
        _ => Medium::Other,
    };
    let extradata = match usize::try_from(parameters.extradata_size) {
        // SAFETY: libav keeps so many octets there.
        Ok(size) if size > 0 && !parameters.extradata.is_null() => unsafe {
            std::slice::from_raw_parts(parameters.extradata, size).to_vec()
        },
        _ => Vec::new(),
    };
    Stream {
        index,
        medium,
        codec: parameters.codec_id,
        profile: parameters.profile,
        level: parameters.level,
        width: u32::try_from(parameters.width).unwrap_or(0),
        height: u32::try_from(parameters.height).unwrap_or(0),
        rate: u32::try_from(parameters.sample_rate).unwrap_or(0),
        channels: u16::try_from(parameters.ch_layout.nb_channels).unwrap_or(0),
        time_base: stream.time_base.into(),
        frame_rate: stream.avg_frame_rate.into(),
        aspect: if parameters.sample_aspect_ratio.num > 0 {
            parameters.sample_aspect_ratio.into()
        } else {
            stream.sample_aspect_ratio.into()
        },
        rotation: rotation(stream),
        extradata,
    }
}

/// The display matrix, as far as it is a turn by right angles.
fn rotation(stream: &ffi::AVStream) -> u16 {
    let mut size = 0;
    // SAFETY: a living stream; the matrix has nine 32-bit values when its size says so.
    let angle = unsafe {
        let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX;
        let matrix = ffi::av_stream_get_side_data(stream, kind, &raw mut size);
        if matrix.is_null() || size < 36 { 0.0 } else { ffi::av_display_rotation_get(matrix.cast()) }
    };
    if !angle.is_finite() {
        return 0;
    }
    // libav counts against the clock.
    let quarters = (-angle / 90.0).round().rem_euclid(4.0);
    90 * (quarters as u16 % 4)
}
