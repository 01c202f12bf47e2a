//! A container that is written, into memory.

use std::ffi::CString;

use ffmpeg_next::ffi;

use super::{
    Code, Options, Packet, Parameters, Ratio, check,
    io::{Io, Sink, close_back, open_back},
};

/// A container in the making. Streams first, then `begin`, packets, `finish`.
pub(crate) struct Muxer {
    context: *mut ffi::AVFormatContext,
    io: Io<Sink>,
}

impl Muxer {
    /// With the muxer of this name; what grows beyond `most` octets fails.
    pub(crate) fn new(format: &str, most: u64) -> Result<Self, Code> {
        let io = Io::sink(most)?;
        let name = CString::new(format).map_err(|_| Code::INVALID)?;
        let mut context = std::ptr::null_mut();
        // SAFETY: strings end; the context is freed by `Drop`, and `io` lives until after it.
        unsafe {
            check(ffi::avformat_alloc_output_context2(
                &raw mut context,
                std::ptr::null(),
                name.as_ptr(),
                c"part".as_ptr(),
            ))?;
            (*context).pb = io.as_ptr();
            (*context).opaque = io.opaque();
            (*context).io_open = Some(open_back);
            (*context).io_close2 = Some(close_back);
            (*context).io_close = None;
            // No version of the library and no time of day: the same source gives the same octets.
            (*context).flags |= ffi::AVFMT_FLAG_CUSTOM_IO | ffi::AVFMT_FLAG_BITEXACT;
        }
        Ok(Self { context, io })
    }

    /// Adds a stream whose packets have times in `time_base`, shown turned clockwise.
    pub(crate) fn add(
        &mut self,
        parameters: &Parameters,
        time_base: Ratio,
        rotation: u16,
    ) -> Result<(), Code> {
        // SAFETY: the context is not begun; parameters live.
        unsafe {
            let stream = ffi::avformat_new_stream(self.context, std::ptr::null());
            if stream.is_null() {
                return Err(Code::MEMORY);
            }
            check(ffi::avcodec_parameters_copy((*stream).codecpar, parameters.as_ptr()))?;
            (*stream).time_base = time_base.into();
            (*stream).sample_aspect_ratio = (*parameters.as_ptr()).sample_aspect_ratio;
            if rotation != 0 {
                let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX;
                let matrix = ffi::av_stream_new_side_data(stream, kind, 36);
                if matrix.is_null() {
                    return Err(Code::MEMORY);
                }
                // Clockwise here; `av_display_rotation_get` counts against the clock.
                ffi::av_display_rotation_set(matrix.cast(), f64::from(rotation));
            }
        }
        Ok(())
    }

    /// Writes the header.
    pub(crate) fn begin(&mut self, options: &[(&str, &str)]) -> Result<(), Code> {
        let mut options = Options::new(options)?;
        // SAFETY: streams are there.
        check(unsafe { ffi::avformat_write_header(self.context, options.as_mut()) }).map(|_| ())
    }

    /// Unit in which the muxer wants the times of this stream; known after `begin`.
    pub(crate) fn time_base(&self, stream: usize) -> Ratio {
        // SAFETY: `stream` is below the count.
        unsafe {
            if stream < usize::try_from((*self.context).nb_streams).unwrap_or(0) {
                (**(*self.context).streams.add(stream)).time_base.into()
            } else {
                Ratio::MICROS
            }
        }
    }

    /// Writes a packet where it comes.
    pub(crate) fn write(&mut self, packet: &Packet) -> Result<(), Code> {
        // SAFETY: begun; the muxer takes no ownership.
        check(unsafe { ffi::av_write_frame(self.context, packet.as_ptr()) }).map(|_| ())
    }

    /// Writes the index and returns all octets.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, Code> {
        // SAFETY: begun. The flush leaves nothing in the buffer of the context.
        unsafe {
            check(ffi::av_write_trailer(self.context))?;
            ffi::avio_flush(self.io.as_ptr());
            check((*self.io.as_ptr()).error)?;
        }
        Ok(self.io.take())
    }
}

impl Drop for Muxer {
    fn drop(&mut self) {
        // SAFETY: ours; `pb` is not freed with it, because it is ours too.
        unsafe {
            (*self.context).pb = std::ptr::null_mut();
            ffi::avformat_free_context(self.context);
        }
    }
}
