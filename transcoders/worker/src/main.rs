//! `cedrat-transcode`: the process that touches untrusted media, with everything that it can read.

use std::{os::fd::BorrowedFd, process::ExitCode};

use cedrat_plan::{
    facts::Facts,
    job::{Fault, Made, Target},
    limits::Limits,
};
use cedrat_still::Raster;
use cedrat_worker::Moving;

struct Libav;

impl Moving for Libav {
    fn init(&self) {
        cedrat_moving::init();
    }

    fn probe(&self, part: BorrowedFd<'_>, facts: &Facts, limits: &Limits) -> Result<Facts, Fault> {
        cedrat_moving::probe(part, facts, limits)
    }

    fn convert(
        &self,
        part: BorrowedFd<'_>,
        facts: &Facts,
        targets: &[Target],
        outputs: &[BorrowedFd<'_>],
        limits: &Limits,
    ) -> Vec<Result<Made, Fault>> {
        cedrat_moving::convert(part, facts, targets, outputs, limits)
    }

    fn picture(&self, part: BorrowedFd<'_>, facts: &Facts, limits: &Limits) -> Result<Raster, Fault> {
        cedrat_moving::picture(part, facts, limits)
    }
}

fn main() -> ExitCode {
    cedrat_worker::main(&Libav)
}
