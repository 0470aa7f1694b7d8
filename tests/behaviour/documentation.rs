//! The documents name files, and files move.

use std::fs;
use std::path::{Path, PathBuf};

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

/// Returns the files with this extension in a folder of the repository and in the folders below it.
fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            files.push(path);
        }
    }
    files
}

/// Returns a text without its blocks of code.
fn without_code(text: &str) -> String {
    let outside = text.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

/// Returns the anchors of a page's headings, as GitHub derives them.
fn anchors(page: &str) -> Vec<String> {
    let page = without_code(page);
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|it| it.is_alphanumeric() || " -_".contains(*it));
        kept.map(|it| if it == ' ' { '-' } else { it }).collect()
    };
    headings.map(anchor).collect()
}

/// Returns the targets of a page's links that do not exist in this repository.
fn broken_links(page: &Path, text: &str) -> Vec<String> {
    let outside = without_code(text);
    let targets = outside.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|it| !it.contains("://") && !it.contains(' '));
    let is_broken = |target: &&str| {
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let file = page.with_file_name("").join(path);
        if anchor.is_empty() || !(path.is_empty() || path.ends_with(".md")) {
            return !file.exists();
        }
        let other = fs::read_to_string(file).unwrap_or_default();
        let linked = if path.is_empty() { text } else { &other };
        !anchors(linked).iter().any(|own| own == anchor)
    };
    local.filter(is_broken).map(str::to_owned).collect()
}

#[test]
fn every_link_between_pages_resolves() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (name, text) in documents() {
        let page = root.join(&name);
        assert_eq!(broken_links(&page, &text), [""; 0], "{name}");
    }
}

/// Returns all documents, each with its path and its text.
fn documents() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let others =
        ["", "auth-core", "auth-store", "auth-session", "auth-jwt", "examples", "tests/fuzz"];
    let others = others.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let others = others.map(|it| it.unwrap().path());
    let others = others.filter(|it| it.extension().is_some_and(|own| own == "md"));
    let pages = files_below(&root.join("docs"), "md").into_iter().chain(others);
    let named = |page: PathBuf| {
        let name = page.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(page).unwrap())
    };
    pages.map(named).collect()
}

/// Returns the blocks of a page, each with its language.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let blocks = text.split("\n```").skip(1).step_by(2);
    blocks.map(|block| block.split_once('\n').unwrap())
}

/// Returns whether a test runs, compiles or compares the blocks of this language on this page.
fn is_tested(page: &str, language: &str) -> bool {
    match (page, language) {
        (_, "mermaid" | "text") => true, // pictures
        // Doc tests of the examples, and of the crate.
        ("README.md", "rust" | "rust,no_run") => true,
        (_, "rust") if page.starts_with("auth-") => true,
        // `every_page_of_the_guide_is_listed_and_run`, `every_ignored_block_of_the_guide_is_a_file_that_is_tested`
        (_, "rust" | "rust,ignore") if page.starts_with("docs/guide/") => true,
        // `examples::oidc`, `tokens::providers`, `remote_keys::page`, and a test below
        ("docs/login-with-a-provider.md" | "docs/providers.md", "rust") => true,
        ("docs/remote-keys.md" | "docs/writing-stores.md", "rust") => true,
        // `quick_start.rs` of the examples
        ("docs/guide/quick-start.md", "rust,no_run" | "sh") => true,
        // `programs`, `every_feature_that_the_documents_enable_exists`, and a test below
        ("README.md" | "docs/guide/quick-start.md", "toml") => true,
        ("docs/guide/several-nodes.md" | "docs/writing-stores.md", "toml") => true,
        ("docs/guide/testing.md", "toml") => true,
        // `guide` of the end-to-end tests
        ("README.md" | "CONTRIBUTING.md" | "examples/README.md" | "tests/fuzz/README.md", "sh") => {
            true
        }
        ("docs/faults.md" | "docs/login-with-a-provider.md", "sh") => true,
        ("docs/guide/grpc.md" | "docs/guide/mcp.md", "sh") => true,
        ("docs/guide/proxies.md", "nginx" | "caddyfile" | "yaml") => true,
        ("docs/guide/spa-and-api.md", "js") => true,
        _ => false,
    }
}

/// A page says so if its blocks need what the tests cannot start.
#[test]
fn every_block_of_the_documents_is_tested() {
    let mut untested = Vec::new();
    for (page, text) in documents() {
        for (language, _) in blocks(&text).filter(|(language, _)| !is_tested(&page, language)) {
            untested.push(format!("{page}: {language}"));
        }
    }
    let nodes = ["dockerfile", "yaml"].map(|it| format!("docs/guide/several-nodes.md: {it}"));
    assert_eq!(untested, nodes);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/guide/several-nodes.md")).unwrap();
    assert!(page.contains("The tests of this project do not run these files."));
}

/// Returns the words of a text, without the fence of a comment.
fn words(text: &str) -> String {
    let lines = text.lines().map(|line| line.split(" #").next().unwrap());
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// With the names of another store, and its own place of the suite.
#[test]
fn the_blocks_for_authors_of_stores_are_those_of_a_workspace_that_runs_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let page = read("docs/writing-stores.md");
    let blocks: Vec<_> = blocks(&page).collect();
    let [("toml", settings), ("rust", program)] = blocks[..] else { panic!("{blocks:?}") };
    let manifest = words(&read("tests/outside/Cargo.toml"));
    let settings = settings.replace("../auth/tests/behaviour", "../behaviour");
    for part in settings.split("\n\n") {
        assert!(manifest.contains(&words(part)), "{part}");
    }
    let compiled = words(&read("tests/outside/tests/behaviour.rs"));
    let program = program.replace("std::process::ExitCode", "ExitCode");
    let program = program.replace("MyStore::open_empty().await", "files::fresh_store()");
    assert!(compiled.ends_with(&words(&program)), "{compiled}");
}

/// The recipes of `just`, which the tests do not have.
#[test]
fn every_recipe_that_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let recipes = fs::read_to_string(root.join("justfile")).unwrap();
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let named: Vec<_> =
        text.split("`just ").skip(1).filter_map(|it| it.split('`').next()).collect();
    assert!(named.len() > 3, "{named:?}");
    for recipe in named {
        let exists = recipes
            .lines()
            .any(|line| line.strip_prefix(recipe).is_some_and(|rest| rest.starts_with([' ', ':'])));
        assert!(exists, "the justfile has no `{recipe}`");
    }
}

#[test]
fn every_page_that_rustdoc_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let crates = ["auth-core", "auth-store", "auth-session", "auth-jwt"];
    let landing = crates.map(|folder| root.join(folder).join("README.md"));
    for page in &landing {
        assert!(
            fs::read_to_string(page).unwrap().contains("`docs/README.md`"),
            "it names the guide"
        );
    }
    let sources =
        crates.iter().flat_map(|folder| files_below(&root.join(folder).join("src"), "rs"));
    for source in sources.chain(landing.clone()) {
        let text = fs::read_to_string(&source).unwrap();
        for page in text.split("`docs/").skip(1).filter_map(|rest| rest.split('`').next()) {
            assert!(root.join("docs").join(page).exists(), "{} names {page}", source.display());
        }
    }
}

/// Returns the features of our crates that a page enables in `Cargo.toml`, each with its crate.
fn enabled_features(text: &str) -> Vec<(&str, &str)> {
    let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let ours = blocks.flat_map(str::lines).filter(|line| line.starts_with("auth-"));
    ours.flat_map(|line| {
        let name = line.split(' ').next().unwrap();
        let features =
            line.split_once("features = [").map_or("", |(_, rest)| rest.split(']').next().unwrap());
        features.split('"').skip(1).step_by(2).map(move |feature| (name, feature))
    })
    .collect()
}

#[test]
fn every_feature_that_the_documents_enable_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pages = files_below(&root.join("docs"), "md").into_iter().chain([root.join("README.md")]);
    let texts: Vec<_> = pages.map(|page| fs::read_to_string(page).unwrap()).collect();
    let features: Vec<_> = texts.iter().flat_map(|text| enabled_features(text)).collect();
    assert!(features.contains(&("auth-jwt", "sign-in")), "{features:?}");
    for (name, feature) in features {
        let manifest = fs::read_to_string(root.join(name).join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains(&format!("\n{feature} = [")),
            "{name} has no feature `{feature}`"
        );
    }
}

#[test]
fn a_broken_link_is_found() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/page.md");
    let text = "# A `b`, c\n\n[a](#a-b-c) [b](stores.md#cost) [c](none.md) [d](stores.md#none)\n\n\
        ```text\n[e](e.md)\n```\n\n[f](#f)";
    assert_eq!(broken_links(&page, text), ["none.md", "stores.md#none", "#f"]);
}

/// A page that is in no list is neither found by readers nor tested.
#[test]
fn every_page_of_the_guide_is_listed_and_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let (index, book) = (read("docs/README.md"), read("docs/SUMMARY.md"));
    let run = read("examples/src/guide.rs");
    let pages = files_below(&root.join("docs/guide"), "md");
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        let name = page.file_name().unwrap().to_str().unwrap();
        for list in [&index, &book] {
            assert!(list.contains(&format!("](guide/{name})")), "{name} is not listed");
        }
        assert!(run.contains(&format!("\"{name}\"")), "{name} is not run");
        // A block that is not run here is compiled elsewhere: see the next test, and `quick_start.rs` of the examples.
        let text = fs::read_to_string(&page).unwrap();
        for block in text.split("\n```rust").skip(1) {
            let quick_start = name == "quick-start.md" && block.starts_with(",no_run\n");
            let is_run = block.starts_with('\n') || block.starts_with(",ignore\n") || quick_start;
            assert!(is_run, "{name} has a block that is not run");
        }
    }
}

/// The programs before a migration need other crates, so a workspace of their own compiles and tests them.
#[test]
fn every_ignored_block_of_the_guide_is_a_file_that_is_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("tests/migration");
    let files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().path().join("src")).collect();
    let files = files.iter().filter(|it| it.is_dir()).flat_map(|it| files_below(it, "rs"));
    let programs = files.filter(|it| !it.ends_with("lib.rs"));
    let mut unseen: Vec<_> = programs.map(|it| fs::read_to_string(it).unwrap()).collect();
    assert!(unseen.len() > 10);
    for page in files_below(&root.join("docs/guide"), "md") {
        let text = fs::read_to_string(&page).unwrap();
        for block in text.split("\n```rust,ignore\n").skip(1) {
            let block = block.split_once("```").unwrap().0;
            let found = unseen.iter().position(|file| file == block);
            let found = found.unwrap_or_else(|| panic!("{}: {block}", page.display()));
            unseen.remove(found);
        }
    }
    assert_eq!(unseen, [""; 0], "no page shows these files");
}
