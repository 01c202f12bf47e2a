//! An encoder: frames in, packets out, one thread.

use std::ffi::{CString, c_int};

use ffmpeg_next::ffi;

use super::{Code, Demuxer, Frame, Options, Packet, PixelFormat, Ratio, check};

/// How pictures are coded.
#[derive(Clone, Copy)]
pub(crate) struct VideoSpec<'a> {
    /// libav's name of the encoder.
    pub(crate) encoder: &'a str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Frames a second.
    pub(crate) rate: Ratio,
    /// Most frames from one whole picture to the next.
    pub(crate) group: u32,
    /// Bits a second; `None` = the caller gives a quantiser with each frame.
    pub(crate) bit_rate: Option<u64>,
    /// Profile and level of MPEG-4 Visual.
    pub(crate) profile: Option<(i32, i32)>,
    /// Colours as the frames of the source have them.
    pub(crate) like: Option<&'a Frame>,
    /// Options of the encoder.
    pub(crate) options: &'a [(&'a str, &'a str)],
}

/// How sound is coded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SoundSpec<'a> {
    /// libav's name of the encoder.
    pub(crate) encoder: &'a str,
    /// Samples a second.
    pub(crate) rate: u32,
    pub(crate) channels: u16,
    /// Bits a second.
    pub(crate) bit_rate: u32,
    /// Options of the encoder.
    pub(crate) options: &'a [(&'a str, &'a str)],
}

/// An open encoder.
pub(crate) struct Encoder(*mut ffi::AVCodecContext);

impl Encoder {
    pub(crate) fn video(spec: &VideoSpec<'_>) -> Result<Self, Code> {
        let (encoder, codec) = Self::alloc(spec.encoder)?;
        let mut options = Options::new(spec.options)?;
        // SAFETY: a fresh context of this codec.
        unsafe {
            let context = &mut *encoder.0;
            context.width = c_int::try_from(spec.width).map_err(|_| Code::INVALID)?;
            context.height = c_int::try_from(spec.height).map_err(|_| Code::INVALID)?;
            context.pix_fmt = PixelFormat::AV_PIX_FMT_YUV420P;
            context.time_base = Ratio::new(spec.rate.den, spec.rate.num).into();
            context.framerate = spec.rate.into();
            context.sample_aspect_ratio = Ratio::new(1, 1).into();
            context.gop_size = c_int::try_from(spec.group).unwrap_or(c_int::MAX);
            context.max_b_frames = 0;
            if let Some(bits) = spec.bit_rate {
                context.bit_rate = i64::try_from(bits).unwrap_or(i64::MAX);
            } else {
                context.flags |= ffi::AV_CODEC_FLAG_QSCALE as c_int;
            }
            if let Some((profile, level)) = spec.profile {
                context.profile = profile;
                context.level = level;
            }
            if let Some(frame) = spec.like {
                let frame = frame.raw();
                context.colorspace = frame.colorspace;
                context.color_primaries = frame.color_primaries;
                context.color_trc = frame.color_trc;
            }
            context.color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
            Self::open(encoder, codec, &mut options)
        }
    }

    pub(crate) fn sound(spec: &SoundSpec<'_>) -> Result<Self, Code> {
        let (encoder, codec) = Self::alloc(spec.encoder)?;
        let mut options = Options::new(spec.options)?;
        // SAFETY: a fresh context of this codec; `sample_fmts` of a codec ends with -1 or is null.
        unsafe {
            let context = &mut *encoder.0;
            context.sample_rate = c_int::try_from(spec.rate).map_err(|_| Code::INVALID)?;
            ffi::av_channel_layout_default(&raw mut context.ch_layout, c_int::from(spec.channels));
            context.sample_fmt = if (*codec).sample_fmts.is_null() {
                ffi::AVSampleFormat::AV_SAMPLE_FMT_S16
            } else {
                *(*codec).sample_fmts
            };
            context.bit_rate = i64::from(spec.bit_rate);
            context.time_base = Ratio::new(1, context.sample_rate).into();
            Self::open(encoder, codec, &mut options)
        }
    }

    fn alloc(name: &str) -> Result<(Self, *const ffi::AVCodec), Code> {
        let name = CString::new(name).map_err(|_| Code::INVALID)?;
        // SAFETY: a string that ends; codecs are static.
        unsafe {
            let codec = ffi::avcodec_find_encoder_by_name(name.as_ptr());
            if codec.is_null() {
                return Err(Code(ffi::AVERROR_ENCODER_NOT_FOUND));
            }
            let encoder = Self(ffi::avcodec_alloc_context3(codec));
            if encoder.0.is_null() { Err(Code::MEMORY) } else { Ok((encoder, codec)) }
        }
    }

    /// SAFETY: the context is of this codec, and not open yet.
    unsafe fn open(encoder: Self, codec: *const ffi::AVCodec, options: &mut Options) -> Result<Self, Code> {
        // SAFETY: as said.
        unsafe {
            let context = &mut *encoder.0;
            context.thread_count = 1;
            // Containers of the MP4 family want headers apart; the others read them in the stream.
            context.flags |= ffi::AV_CODEC_FLAG_GLOBAL_HEADER as c_int;
            context.flags |= ffi::AV_CODEC_FLAG_BITEXACT as c_int;
            check(ffi::avcodec_open2(encoder.0, codec, options.as_mut()))?;
        }
        Ok(encoder)
    }

    /// Gives a frame, or `None` for the end.
    pub(crate) fn send(&mut self, frame: Option<&Frame>) -> Result<(), Code> {
        let frame = frame.map_or(std::ptr::null_mut(), Frame::as_ptr);
        // SAFETY: an open encoder.
        check(unsafe { ffi::avcodec_send_frame(self.0, frame) }).map(|_| ())
    }

    /// The next packet, if one is ready.
    pub(crate) fn receive(&mut self) -> Result<Option<Packet>, Code> {
        let packet = Packet::new()?;
        // SAFETY: an open encoder, a blank packet.
        match check(unsafe { ffi::avcodec_receive_packet(self.0, packet.as_ptr()) }) {
            Ok(_) => Ok(Some(packet)),
            Err(Code::END | Code::AGAIN) => Ok(None),
            Err(code) => Err(code),
        }
    }

    /// Another rate from the next frame on, bits a second; libx264 follows it.
    pub(crate) fn set_bit_rate(&mut self, bits: u64) {
        // SAFETY: open; the encoder reads the field before each frame.
        unsafe { (*self.0).bit_rate = i64::try_from(bits).unwrap_or(i64::MAX) };
    }

    /// Samples of one channel that a frame must have; 0 = any number.
    pub(crate) fn frame_samples(&self) -> usize {
        // SAFETY: open.
        usize::try_from(unsafe { (*self.0).frame_size }).unwrap_or(0)
    }

    pub(super) fn sample_format(&self) -> ffi::AVSampleFormat {
        // SAFETY: open.
        unsafe { (*self.0).sample_fmt }
    }

    /// Samples that the encoder puts before the first.
    pub(crate) fn lead(&self) -> i64 {
        // SAFETY: open.
        i64::from(unsafe { (*self.0).initial_padding })
    }

    /// What a container must know.
    pub(crate) fn parameters(&self) -> Result<Parameters, Code> {
        let parameters = Parameters::new()?;
        // SAFETY: both live.
        check(unsafe { ffi::avcodec_parameters_from_context(parameters.0, self.0) })?;
        Ok(parameters)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { ffi::avcodec_free_context(&raw mut self.0) };
    }
}

/// What a container must know about a stream.
pub(crate) struct Parameters(*mut ffi::AVCodecParameters);

impl Parameters {
    fn new() -> Result<Self, Code> {
        // SAFETY: no precondition.
        let parameters = unsafe { ffi::avcodec_parameters_alloc() };
        if parameters.is_null() { Err(Code::MEMORY) } else { Ok(Self(parameters)) }
    }

    /// Of a stream that is copied.
    pub(crate) fn of(demuxer: &Demuxer, stream: usize) -> Result<Self, Code> {
        let stream = demuxer.raw_stream(stream).ok_or(Code::INVALID)?;
        let parameters = Self::new()?;
        // SAFETY: both live.
        check(unsafe { ffi::avcodec_parameters_copy(parameters.0, (*stream).codecpar) })?;
        // SAFETY: ours. The tag of the old container means nothing in the new one.
        unsafe { (*parameters.0).codec_tag = 0 };
        Ok(parameters)
    }

    /// SAFETY: `other` points to parameters.
    pub(super) unsafe fn copy_of(other: *const ffi::AVCodecParameters) -> Result<Self, Code> {
        let parameters = Self::new()?;
        // SAFETY: both live.
        check(unsafe { ffi::avcodec_parameters_copy(parameters.0, other) })?;
        Ok(parameters)
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::AVCodecParameters {
        self.0
    }
}

impl Drop for Parameters {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { ffi::avcodec_parameters_free(&raw mut self.0) };
    }
}
