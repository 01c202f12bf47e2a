//! The one bitstream filter that is needed: AAC in ADTS frames becomes AAC as MP4 holds it.

use ffmpeg_next::ffi;

use super::{Code, Packet, Parameters, check};

/// Strips the ADTS headers of all packets and puts what they said into the parameters.
pub(crate) fn adts_to_asc(
    parameters: &Parameters,
    packets: Vec<Packet>,
) -> Result<(Parameters, Vec<Packet>), Code> {
    let mut filter = Filter(std::ptr::null_mut());
    // SAFETY: the filter is made, given parameters, initialised, and freed by `Drop`.
    unsafe {
        let kind = ffi::av_bsf_get_by_name(c"aac_adtstoasc".as_ptr());
        if kind.is_null() {
            return Err(Code::INVALID);
        }
        check(ffi::av_bsf_alloc(kind, &raw mut filter.0))?;
        check(ffi::avcodec_parameters_copy((*filter.0).par_in, parameters.as_ptr()))?;
        check(ffi::av_bsf_init(filter.0))?;
    }
    let mut filtered = Vec::with_capacity(packets.len());
    for packet in packets {
        let out = Packet::new()?;
        // SAFETY: initialised; the filter takes the content of `packet` and fills `out`.
        unsafe {
            check(ffi::av_bsf_send_packet(filter.0, packet.as_ptr()))?;
            match check(ffi::av_bsf_receive_packet(filter.0, out.as_ptr())) {
                Ok(_) => filtered.push(out),
                Err(Code::AGAIN) => {}
                Err(code) => return Err(code),
            }
        }
    }
    // What ADTS said arrives with the first packet, as side data: the muxer takes it from there.
    Ok((filter.output()?, filtered))
}

struct Filter(*mut ffi::AVBSFContext);

impl Filter {
    fn output(&self) -> Result<Parameters, Code> {
        // SAFETY: initialised.
        unsafe { Parameters::copy_of((*self.0).par_out) }
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        // SAFETY: ours, or null.
        unsafe { ffi::av_bsf_free(&raw mut self.0) };
    }
}
