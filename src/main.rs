//! Arguments → one verb.

use std::process::ExitCode;

fn main() -> ExitCode {
    cedrat::cli::main()
}
