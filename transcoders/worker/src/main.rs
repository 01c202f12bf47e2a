//! `cedrat-transcode`: the process that touches untrusted media. Arguments → one verb.

use std::process::ExitCode;

fn main() -> ExitCode {
    cedrat_worker::main()
}
