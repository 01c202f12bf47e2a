//! `cedrat-transcode-still`: the same process for still pictures alone. Nothing here names
//! `cedrat_moving`, which is what keeps libav out of it.

use std::{os::fd::BorrowedFd, process::ExitCode};

use cedrat_plan::{
    facts::Facts,
    job::{Fault, FaultKind, Made, Target},
    limits::Limits,
};
use cedrat_still::Raster;
use cedrat_worker::Moving;

struct Absent;

fn absent() -> Fault {
    Fault::new(FaultKind::Unsupported, "this worker makes stills only")
}

impl Moving for Absent {
    fn init(&self) {}

    fn probe(&self, _: BorrowedFd<'_>, _: &Facts, _: &Limits) -> Result<Facts, Fault> {
        Err(absent())
    }

    fn convert(
        &self,
        _: BorrowedFd<'_>,
        _: &Facts,
        targets: &[Target],
        _: &[BorrowedFd<'_>],
        _: &Limits,
    ) -> Vec<Result<Made, Fault>> {
        targets.iter().map(|_| Err(absent())).collect()
    }

    fn picture(&self, _: BorrowedFd<'_>, _: &Facts, _: &Limits) -> Result<Raster, Fault> {
        Err(absent())
    }
}

fn main() -> ExitCode {
    cedrat_worker::main(&Absent)
}
