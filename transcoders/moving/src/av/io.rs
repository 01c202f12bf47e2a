//! Octets for libav: a part that is read at any place, and a growing buffer that is written and
//! read back at any place. Neither needs a path, so neither needs a file system.

use std::{
    ffi::{c_int, c_void},
    fs::File,
    os::unix::fs::FileExt,
};

use ffmpeg_next::ffi;

use super::Code;

/// Octets that libav asks for at once.
const BUFFER: usize = 64 * 1024;
/// `whence` of a seek.
const SET: c_int = 0;
const CURRENT: c_int = 1;
const END: c_int = 2;

/// An `AVIOContext` over `T`, which stands still in memory as long as it lives.
pub(super) struct Io<T> {
    context: *mut ffi::AVIOContext,
    // Reached by callbacks through the pointer in `context`: never touched while libav runs.
    inner: *mut T,
}

impl<T> Io<T> {
    fn new(
        inner: T,
        read: Option<unsafe extern "C" fn(*mut c_void, *mut u8, c_int) -> c_int>,
        write: Option<unsafe extern "C" fn(*mut c_void, *mut u8, c_int) -> c_int>,
        seek: unsafe extern "C" fn(*mut c_void, i64, c_int) -> i64,
    ) -> Result<Self, Code> {
        let inner = Box::into_raw(Box::new(inner));
        // SAFETY: the buffer comes from libav's allocator and passes to the context, which is freed
        // with its buffer in `drop`; `inner` outlives the context.
        let context = unsafe {
            let buffer = ffi::av_malloc(BUFFER);
            if buffer.is_null() {
                std::ptr::null_mut()
            } else {
                let context = ffi::avio_alloc_context(
                    buffer.cast(),
                    BUFFER as c_int,
                    c_int::from(write.is_some()),
                    inner.cast(),
                    read,
                    write,
                    Some(seek),
                );
                if context.is_null() {
                    ffi::av_free(buffer);
                }
                context
            }
        };
        if context.is_null() {
            // SAFETY: made above, and nobody else has it.
            drop(unsafe { Box::from_raw(inner) });
            return Err(Code::MEMORY);
        }
        Ok(Self { context, inner })
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::AVIOContext {
        self.context
    }
}

impl<T> Drop for Io<T> {
    fn drop(&mut self) {
        // SAFETY: both were made in `new` and are freed only here; the format context that used
        // them is gone, because its owner drops it first.
        unsafe {
            ffi::av_freep((&raw mut (*self.context).buffer).cast());
            ffi::avio_context_free(&raw mut self.context);
            drop(Box::from_raw(self.inner));
        }
    }
}

/// A part, read by position: the offset of the descriptor stays where it is.
pub(super) struct Source {
    file: File,
    position: u64,
    length: u64,
}

impl Io<Source> {
    /// Over a descriptor that the caller keeps open as well.
    pub(super) fn source(file: File, length: u64) -> Result<Self, Code> {
        Self::new(Source { file, position: 0, length }, Some(read_source), None, seek_source)
    }
}

/// SAFETY of the callbacks: libav passes the pointer given to `avio_alloc_context`, which is the
/// boxed `T` of a living [`Io`], a buffer of `length` octets, and never runs two at once.
unsafe extern "C" fn read_source(opaque: *mut c_void, buffer: *mut u8, length: c_int) -> c_int {
    let Ok(length) = usize::try_from(length) else { return ffi::AVERROR(ffi::EINVAL) };
    // SAFETY: see above; the buffer may hold old octets, which is fine for octets.
    let (source, buffer) =
        unsafe { (&mut *opaque.cast::<Source>(), std::slice::from_raw_parts_mut(buffer, length)) };
    loop {
        return match source.file.read_at(buffer, source.position) {
            Ok(0) => ffi::AVERROR_EOF,
            Ok(octets) => {
                source.position = source.position.saturating_add(octets as u64);
                octets as c_int
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => ffi::AVERROR(ffi::EIO),
        };
    }
}

unsafe extern "C" fn seek_source(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: as for `read_source`.
    let source = unsafe { &mut *opaque.cast::<Source>() };
    seek(&mut source.position, source.length, offset, whence)
}

fn seek(position: &mut u64, length: u64, offset: i64, whence: c_int) -> i64 {
    let base = match whence & !ffi::AVSEEK_FORCE {
        ffi::AVSEEK_SIZE => return i64::try_from(length).unwrap_or(i64::MAX),
        SET => 0,
        CURRENT => *position,
        END => length,
        _ => return i64::from(ffi::AVERROR(ffi::EINVAL)),
    };
    match base.checked_add_signed(offset).and_then(|to| i64::try_from(to).ok()) {
        Some(to) => {
            *position = to.unsigned_abs();
            to
        }
        None => i64::from(ffi::AVERROR(ffi::EINVAL)),
    }
}

/// A file that grows in memory up to a bound.
pub(super) struct Sink {
    octets: Vec<u8>,
    position: u64,
    most: u64,
    // Where a second context reads while the first still writes: moving the index to the front.
    reading: u64,
}

impl Io<Sink> {
    /// Empty; a write beyond `most` octets fails.
    pub(super) fn sink(most: u64) -> Result<Self, Code> {
        let sink = Sink { octets: Vec::new(), position: 0, most, reading: 0 };
        Self::new(sink, None, Some(write_sink), seek_sink)
    }

    /// What was written, once libav has flushed it; the sink is empty afterwards.
    pub(super) fn take(&mut self) -> Vec<u8> {
        // SAFETY: no callback runs now: `self` is borrowed whole, and libav was not called.
        std::mem::take(unsafe { &mut (*self.inner).octets })
    }

    /// What `io_open` needs to read the same octets again.
    pub(super) fn opaque(&self) -> *mut c_void {
        self.inner.cast()
    }
}

unsafe extern "C" fn write_sink(opaque: *mut c_void, buffer: *mut u8, length: c_int) -> c_int {
    let Ok(octets) = usize::try_from(length) else { return ffi::AVERROR(ffi::EINVAL) };
    // SAFETY: as for `read_source`.
    let (sink, buffer) = unsafe { (&mut *opaque.cast::<Sink>(), std::slice::from_raw_parts(buffer, octets)) };
    let end = sink.position.saturating_add(octets as u64);
    let (Ok(from), Ok(to)) = (usize::try_from(sink.position), usize::try_from(end)) else {
        return ffi::AVERROR(ffi::ENOSPC);
    };
    if end > sink.most {
        return ffi::AVERROR(ffi::ENOSPC);
    }
    if sink.octets.len() < to {
        sink.octets.resize(to, 0);
    }
    if let Some(place) = sink.octets.get_mut(from..to) {
        place.copy_from_slice(buffer);
    }
    sink.position = end;
    length
}

unsafe extern "C" fn seek_sink(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: as for `read_source`.
    let sink = unsafe { &mut *opaque.cast::<Sink>() };
    let length = sink.octets.len() as u64;
    seek(&mut sink.position, length, offset, whence)
}

unsafe extern "C" fn read_back(opaque: *mut c_void, buffer: *mut u8, length: c_int) -> c_int {
    let Ok(length) = usize::try_from(length) else { return ffi::AVERROR(ffi::EINVAL) };
    // SAFETY: as for `read_source`.
    let (sink, buffer) =
        unsafe { (&mut *opaque.cast::<Sink>(), std::slice::from_raw_parts_mut(buffer, length)) };
    let rest = usize::try_from(sink.reading).ok().and_then(|from| sink.octets.get(from..)).unwrap_or(&[]);
    let octets = rest.len().min(buffer.len());
    match (buffer.get_mut(..octets), rest.get(..octets)) {
        (Some(to), Some(from)) if octets > 0 => to.copy_from_slice(from),
        _ => return ffi::AVERROR_EOF,
    }
    sink.reading += octets as u64;
    octets as c_int
}

unsafe extern "C" fn seek_back(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: as for `read_source`.
    let sink = unsafe { &mut *opaque.cast::<Sink>() };
    let length = sink.octets.len() as u64;
    seek(&mut sink.reading, length, offset, whence)
}

/// `io_open` of a muxer: it may read back what it wrote, and nothing else.
pub(super) unsafe extern "C" fn open_back(
    context: *mut ffi::AVFormatContext,
    io: *mut *mut ffi::AVIOContext,
    _url: *const std::ffi::c_char,
    flags: c_int,
    _options: *mut *mut ffi::AVDictionary,
) -> c_int {
    if flags & ffi::AVIO_FLAG_WRITE != 0 {
        return ffi::AVERROR(ffi::EPERM);
    }
    // SAFETY: `opaque` of the context is the sink of the muxer that owns it (see `Muxer::new`).
    unsafe {
        let sink = (*context).opaque;
        (*sink.cast::<Sink>()).reading = 0;
        let buffer = ffi::av_malloc(BUFFER);
        if buffer.is_null() {
            return ffi::AVERROR(ffi::ENOMEM);
        }
        let back = ffi::avio_alloc_context(
            buffer.cast(),
            BUFFER as c_int,
            0,
            sink,
            Some(read_back),
            None,
            Some(seek_back),
        );
        if back.is_null() {
            ffi::av_free(buffer);
            return ffi::AVERROR(ffi::ENOMEM);
        }
        *io = back;
    }
    0
}

/// `io_close2` of a muxer.
pub(super) unsafe extern "C" fn close_back(
    _context: *mut ffi::AVFormatContext,
    mut io: *mut ffi::AVIOContext,
) -> c_int {
    // SAFETY: made by `open_back`, closed once.
    unsafe {
        ffi::av_freep((&raw mut (*io).buffer).cast());
        ffi::avio_context_free(&raw mut io);
    }
    0
}

/// `io_open` of a demuxer: a part refers to nothing outside itself.
pub(super) unsafe extern "C" fn open_nothing(
    _context: *mut ffi::AVFormatContext,
    _io: *mut *mut ffi::AVIOContext,
    _url: *const std::ffi::c_char,
    _flags: c_int,
    _options: *mut *mut ffi::AVDictionary,
) -> c_int {
    ffi::AVERROR(ffi::EPERM)
}
