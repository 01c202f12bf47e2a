//! The media worker beside this test binary, built once by the Cargo that built this.

use std::{path::PathBuf, process::Command, sync::OnceLock};

/// The program; `None`, with the reason printed, where it cannot be built and need not be.
pub(crate) fn worker() -> Option<PathBuf> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PROGRAM.get_or_init(build) {
        Ok(program) => Some(program.clone()),
        Err(why) => {
            super::skipped(why);
            None
        }
    }
}

fn build() -> Result<PathBuf, String> {
    // TARGET/PROFILE/deps/all-0123456789abcdef
    let own = std::env::current_exe().map_err(|fault| fault.to_string())?;
    let folder = own.ancestors().nth(2).ok_or("this test binary is not where Cargo puts one")?;
    let target = folder.parent().ok_or("no target directory")?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--package", "cedrat-worker", "--profile", profile])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|fault| fault.to_string())?;
    if !built.status.success() {
        return Err(format!("the media worker does not build: {}", String::from_utf8_lossy(&built.stderr)));
    }
    Ok(folder.join(cedrat::workers::PROGRAM))
}
