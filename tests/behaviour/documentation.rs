//! The documents name files, and files move.

use std::fs;
use std::path::Path;

/// Returns the paths in backticks or link targets that look like files of this repository.
fn named_files(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let linked = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let is_file = |path: &&str| {
        let known = [
            "auth-core/",
            "auth-store/",
            "auth-session/",
            "auth-jwt/",
            "docs/",
            "examples/",
            "tests/",
            ".ci/",
        ];
        path.contains('/') && known.iter().any(|folder| path.starts_with(folder))
    };
    quoted.chain(linked).map(|path| path.split(' ').next().unwrap()).filter(is_file).collect()
}

#[test]
fn every_file_that_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for document in ["docs/architecture.md", "README.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let files = named_files(&text);
        assert!(document == "SECURITY.md" || files.len() > 3, "{document} names files: {files:?}");
        for file in files {
            assert!(root.join(file).exists(), "{document} names `{file}`, which does not exist");
        }
    }
}

#[test]
fn files_are_found_in_backticks_and_in_links() {
    let text =
        "see `auth-core/src/lib.rs`, [this](docs/faults.md#redis), `tests/run sec_38`, `a/b`";
    assert_eq!(named_files(text), ["auth-core/src/lib.rs", "tests/run", "docs/faults.md"]);
}
