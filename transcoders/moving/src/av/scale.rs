//! Pictures of any size and pixel format to the size and format that is wanted.

use std::ffi::c_int;

use ffmpeg_next::ffi;

use super::{Code, Frame, PixelFormat, check};

/// How pixels are weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// Mean over the area that a pixel covers: fast for large reductions.
    Area,
    /// Sharper, for everything else.
    Bicubic,
}

/// A scaler to one size and format; it follows the source when that changes.
pub(crate) struct Scaler {
    context: *mut ffi::SwsContext,
    source: (c_int, c_int, c_int, c_int, c_int),
    format: PixelFormat,
    width: u32,
    height: u32,
    kernel: Kernel,
}

impl Scaler {
    pub(crate) fn new(format: PixelFormat, width: u32, height: u32, kernel: Kernel) -> Self {
        Self { context: std::ptr::null_mut(), source: (0, 0, 0, 0, 0), format, width, height, kernel }
    }

    /// A new frame of the wanted size and format.
    pub(crate) fn run(&mut self, frame: &Frame) -> Result<Frame, Code> {
        self.follow(frame)?;
        let scaled = Frame::picture(self.format, self.width, self.height)?;
        let (from, to) = (frame.raw(), scaled.raw());
        // SAFETY: the context was made for size and format of `from`; `to` has those of `self`.
        check(unsafe {
            ffi::sws_scale(
                self.context,
                from.data.as_ptr().cast(),
                from.linesize.as_ptr(),
                0,
                from.height,
                to.data.as_ptr(),
                to.linesize.as_ptr(),
            )
        })?;
        Ok(scaled)
    }

    fn follow(&mut self, frame: &Frame) -> Result<(), Code> {
        let raw = frame.raw();
        let source = (raw.width, raw.height, raw.format, raw.color_range as c_int, raw.colorspace as c_int);
        if !self.context.is_null() && self.source == source {
            return Ok(());
        }
        if raw.width <= 0 || raw.height <= 0 || raw.format < 0 {
            return Err(Code::INVALID);
        }
        let kernel = match self.kernel {
            Kernel::Area => ffi::SWS_AREA,
            Kernel::Bicubic => ffi::SWS_BICUBIC,
        };
        let rgb = self.format == PixelFormat::AV_PIX_FMT_RGB24;
        let full = raw.color_range == ffi::AVColorRange::AVCOL_RANGE_JPEG || is_full(raw.format);
        // SAFETY: the old context is ours or null; the format of a decoded frame is a value of the
        // enumeration that libav was built with.
        unsafe {
            ffi::sws_freeContext(self.context);
            self.context = ffi::sws_getContext(
                raw.width,
                raw.height,
                std::mem::transmute::<c_int, PixelFormat>(raw.format),
                c_int::try_from(self.width).map_err(|_| Code::INVALID)?,
                c_int::try_from(self.height).map_err(|_| Code::INVALID)?,
                self.format,
                kernel | if rgb { ffi::SWS_ACCURATE_RND | ffi::SWS_FULL_CHR_H_INT } else { 0 },
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null(),
            );
            if self.context.is_null() {
                return Err(Code::INVALID);
            }
            // Between luma and chroma formats the matrix stays as it is and is only named in the
            // output: converting it costs more than the scaling.
            let table = ffi::sws_getCoefficients(matrix(raw));
            let _refused_for_rgb_sources = ffi::sws_setColorspaceDetails(
                self.context,
                table,
                c_int::from(full),
                table,
                c_int::from(rgb),
                0,
                1 << 16,
                1 << 16,
            );
        }
        self.source = source;
        Ok(())
    }
}

impl Drop for Scaler {
    fn drop(&mut self) {
        // SAFETY: ours, or null.
        unsafe { ffi::sws_freeContext(self.context) };
    }
}

/// Formats whose samples use the whole range without saying so.
fn is_full(format: c_int) -> bool {
    [
        PixelFormat::AV_PIX_FMT_YUVJ420P,
        PixelFormat::AV_PIX_FMT_YUVJ422P,
        PixelFormat::AV_PIX_FMT_YUVJ444P,
        PixelFormat::AV_PIX_FMT_YUVJ440P,
        PixelFormat::AV_PIX_FMT_YUVJ411P,
    ]
    .iter()
    .any(|full| *full as c_int == format)
}

/// The matrix that the frame names; by size when it names none, as players do.
fn matrix(frame: &ffi::AVFrame) -> c_int {
    use ffi::AVColorSpace as Space;
    match frame.colorspace {
        Space::AVCOL_SPC_BT709 => ffi::SWS_CS_ITU709,
        Space::AVCOL_SPC_BT2020_NCL | Space::AVCOL_SPC_BT2020_CL => ffi::SWS_CS_BT2020,
        Space::AVCOL_SPC_UNSPECIFIED if frame.height >= 720 => ffi::SWS_CS_ITU709,
        _ => ffi::SWS_CS_DEFAULT,
    }
}
