//! A directory that is gone when the demonstration is.

use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// A directory of our own; removed with everything in it when dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one that nobody else can read.
    pub(super) fn make() -> Result<Self, String> {
        let name = crate::clock::token();
        let path = std::env::temp_dir().join(format!("cedrat-demo-{}", name.get(..8).unwrap_or_default()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|fault| format!("the temporary directory {} cannot be made: {fault}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the temporary directory, where the system removes it.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
