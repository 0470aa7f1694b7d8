//! Programs outside of the workspace: those of the README build with the dependencies that it names, and
//! mistakes do not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A new project, whose dependencies on the crates of this workspace are met by the workspace.
struct Project(PathBuf);

impl Project {
    fn new(name: &str, dependencies: &str, program: &str) -> Self {
        let project = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs").join(name));
        fs::create_dir_all(project.0.join("src")).unwrap();
        let mut manifest =
            format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[workspace]\n\n");
        manifest.push_str(dependencies);
        // The profile of the workspace, so that crates which are built for it need not be built again.
        manifest.push_str("\n[profile.dev]\ndebug = \"line-tables-only\"\n\n[patch.crates-io]\n");
        for member in ["auth-core", "auth-store", "auth-session", "auth-jwt"] {
            let path = workspace().join(member);
            manifest.push_str(&format!("{member} = {{ path = {path:?} }}\n"));
        }
        project.write("Cargo.toml", &manifest);
        project.write("src/main.rs", program);
        fs::copy(workspace().join("Cargo.lock"), project.0.join("Cargo.lock")).unwrap();
        project
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.0.join(file), text).unwrap();
    }

    /// Checks the project without the network. Returns the compiler's errors if it does not compile.
    fn check(&self) -> Result<(), String> {
        self.check_with(&[])
    }

    fn check_with(&self, options: &[&str]) -> Result<(), String> {
        let output = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--quiet"])
            .args(options)
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap())
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        if output.status.success() { Ok(()) } else { Err(errors) }
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns the first code blocks of a page in this language, whether or not rustdoc runs them.
fn code_blocks<const N: usize>(page: &str, language: &str) -> [String; N] {
    let text = fs::read_to_string(workspace().join(page)).unwrap();
    let text = text.replace("```rust,no_run\n", "```rust\n");
    let start = format!("```{language}\n");
    let mut blocks = text.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap());
    [(); N].map(|()| blocks.next().unwrap().to_owned())
}

#[test]
fn the_programs_of_the_readme_compile_with_one_dependency_of_ours() {
    let [sessions, tokens] = code_blocks("README.md", "toml");
    let [program, function] = code_blocks("README.md", "rust");
    Project::new("sessions", &sessions, &program).check().unwrap();

    // The same program with the other dependency and the other function, as the README says.
    let line =
        |text: &str, of: &str| text.lines().find(|it| it.starts_with(of)).unwrap().to_owned();
    let dependencies =
        sessions.replace(&line(&sessions, "auth-session"), &line(&tokens, "auth-jwt"));
    let by_tokens = program
        .replace("auth_session", "auth_jwt")
        .replace("SessionAuth::new(MemoryStore::new())", "auth([7; 32]).unwrap()")
        .replace(" MemoryStore,", "")
        .replace(" SessionAuth,", "");
    let by_tokens = format!("{by_tokens}\n{function}");
    Project::new("tokens", &dependencies, &by_tokens).check().unwrap();

    // Without the feature, the compiler names it: for the import, and for the method with another store.
    let without = dependencies.replace("\"sign-in\"", "");
    let import = Project::new("import", &without, &by_tokens).check().unwrap_err();
    assert!(import.contains("gated behind the `sign-in` feature"), "{import}");
    let method = by_tokens
        .replace(", MemoryStore}", "}")
        .replace("JwtSignIn, ", "")
        .replace("JwtSignIn", "JwtAuth")
        .replace("MemoryStore::new()", "\"another store\"");
    let method = Project::new("method", &without, &method).check().unwrap_err();
    assert!(method.contains("needs the feature `sign-in` of auth-jwt"), "{method}");
}

#[test]
fn the_quick_start_compiles_with_the_dependencies_that_it_names() {
    let [dependencies] = code_blocks("docs/guide/quick-start.md", "toml");
    let [program] = code_blocks("docs/guide/quick-start.md", "rust");
    Project::new("quick-start", &dependencies, &program).check().unwrap();
}

/// After an intended change, copy the lines that the failed test prints to `errors.txt`.
#[test]
fn mistakes_are_compile_errors() {
    let [sessions, tokens] = code_blocks("README.md", "toml");
    let tokens = tokens.replace("[dependencies]", "");
    let ours = "auth-core = \"0.1\"\nauth-store = \"0.1\"\nhttp = \"1\"\n";
    let project = Project::new("mistakes", &format!("{sessions}{tokens}{ours}"), "fn main() {}");
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("behaviour/compile_fail");
    let copies = project.0.join("src/bin");
    let _ = fs::remove_dir_all(&copies); // it may have a program that is gone
    fs::create_dir(&copies).unwrap();
    for file in fs::read_dir(&programs).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copies.join(file.file_name())).unwrap();
    }

    // In the short format, an error is one line: place, code, message and what is at the place.
    let output = project.check_with(&["--bins", "--keep-going", "--message-format=short"]);
    let output = output.unwrap_err();
    let lines = output.lines().filter(|line| line.contains(": error"));
    let mut errors: Vec<_> = lines.filter_map(|line| line.strip_prefix("src/bin/")).collect();
    errors.sort_unstable();
    let expected = fs::read_to_string(programs.join("errors.txt")).unwrap();
    assert_eq!(errors.join("\n"), expected.trim_end(), "{output}");
}
