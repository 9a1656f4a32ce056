//! User functions for tests: the text of `tests/modules/*.wat` as modules.

use std::fs;
use std::path::Path;

/// Writes every module into `folder`, as `name.wasm`.
pub fn assemble(folder: &Path) {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("modules");
    for entry in fs::read_dir(modules).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            let bytes = wat::parse_file(&path).unwrap_or_else(|error| panic!("{error}"));
            fs::write(folder.join(path.file_stem().unwrap()).with_extension("wasm"), bytes).unwrap();
        }
    }
}
