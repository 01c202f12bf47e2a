//! `docs/mappings.md` is what the tables render to; `UPDATE=1 cargo test -p cedrat-mapping` writes it.

use std::{env, fs, path::Path};

use cedrat_mapping::Tables;

#[test]
fn the_reference_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/mappings.md");
    let page = Tables::embedded().unwrap().render_markdown();
    if env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/mappings.md is stale: UPDATE=1 cargo test -p cedrat-mapping");
}

#[test]
fn every_table_of_the_folder_is_compiled_in() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../mappings");
    let mut embedded: Vec<_> =
        Tables::embedded_sources().iter().map(|source| source.path.to_owned()).collect();
    let mut present = Vec::new();
    for folder in fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        for file in fs::read_dir(&folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let folder = folder.file_name().unwrap().to_str().unwrap();
            present.push(format!("mappings/{folder}/{name}"));
        }
    }
    embedded.sort();
    present.sort();
    assert_eq!(embedded, present);
}
