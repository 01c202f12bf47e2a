//! Mapping tables of the operator: the files of one directory, over the built-in ones.

use std::path::Path;

use cedrat_mapping::{Source, Tables};

use super::Fault;

/// Folders of mapping tables.
const FOLDERS: [&str; 6] = ["fields", "status", "address", "quirks", "content", "profiles"];

/// The built-in tables, with those below `directory` over them.
///
/// # Errors
/// Every fault of a file.
pub fn load(directory: Option<&Path>) -> Result<Tables, Vec<Fault>> {
    let (sources, faults) = directory.map_or_else(Default::default, read);
    if faults.is_empty() { compile(&sources, None) } else { Err(faults) }
}

/// Path and text of every table below `directory`.
pub(super) fn read(directory: &Path) -> (Vec<(String, String)>, Vec<Fault>) {
    let mut sources = Vec::new();
    let mut faults = Vec::new();
    let mut found = false;
    for folder in FOLDERS {
        let Ok(entries) = std::fs::read_dir(directory.join(folder)) else { continue };
        found = true;
        let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
        paths.sort();
        for path in paths {
            match std::fs::read_to_string(&path) {
                Ok(text) => sources.push((path.display().to_string(), text)),
                Err(fault) => faults.push(of_file(&path, &format!("cannot be read: {fault}"))),
            }
        }
    }
    if !found {
        faults.push(of_file(
            directory,
            "holds none of the folders fields, status, address, quirks, content and profiles; `mappings` names the folder above them",
        ));
    }
    (sources, faults)
}

fn of_file(path: &Path, message: &str) -> Fault {
    Fault { path: path.display().to_string(), line: 0, column: 0, message: message.to_owned() }
}

/// The built-in tables with these over them, and one more profile.
pub(super) fn compile(
    sources: &[(String, String)],
    profile: Option<&(String, String)>,
) -> Result<Tables, Vec<Fault>> {
    let all: Vec<Source<'_>> =
        sources.iter().chain(profile).map(|(path, text)| Source { path, text }).collect();
    Tables::with_operator(&all).map_err(|found| {
        found
            .into_iter()
            .map(|one| Fault {
                path: one.path.clone(),
                line: one.line,
                column: one.column,
                message: match &one.hint {
                    Some(hint) => format!("{}; {hint}", one.message),
                    None => one.message.clone(),
                },
            })
            .collect()
    })
}
