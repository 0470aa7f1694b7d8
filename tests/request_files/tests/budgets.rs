//! Compares what each kind of request costs with its budget in `budgets.txt`, and runs the layer under
//! valgrind.
//!
//! Both counts are the same on every machine: allocations, and the instructions of the code of these crates,
//! in a debug build, without those of the standard library, the allocator and the cryptography, which depend
//! on the processor. A change that makes a request do more work shows here before it shows in a time.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::fmt::Write as _;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_auth-request-files");
const BUDGETS: &str = include_str!("../budgets.txt");
/// How far the instructions may be from their budget, in hundredths.
const TOLERANCE: u64 = 2;

/// What one request costs.
struct Cost<'a> {
    request: &'a str,
    instructions: u64,
    allocations: u64,
    bytes: u64,
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(output: &[u8]) -> &str {
    std::str::from_utf8(output).unwrap()
}

/// Reads `name instructions allocations bytes`.
fn budget(line: &str) -> Cost<'_> {
    let [request, numbers @ ..] = &line.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("an empty line")
    };
    let numbers: Vec<u64> = numbers.iter().map(|number| number.parse().unwrap()).collect();
    let [instructions, allocations, bytes] = numbers[..] else { panic!("{line}") };
    Cost { request, instructions, allocations, bytes }
}

/// Sends a request of this kind under callgrind.
fn measure(request: &str) -> Cost<'_> {
    let folder = std::env::temp_dir().join(format!("auth-budgets-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let profile = folder.join(request);
    let output = run(Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no"])
        .args(["--toggle-collect=auth_request_files::measured", "--compress-strings=no"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .args([PROGRAM, request]));
    let instructions = own_instructions(&std::fs::read_to_string(&profile).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
    let counted = text(&output.stdout).trim().split_once(' ').unwrap();
    let (allocations, bytes) = (counted.0.parse().unwrap(), counted.1.parse().unwrap());
    Cost { request, instructions, allocations, bytes }
}

/// Adds up the instructions of the functions whose names contain one of ours, without those of what they call.
fn own_instructions(profile: &str) -> u64 {
    let (mut is_own, mut sum) = (false, 0);
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some(function) = line.strip_prefix("fn=") {
            let crates = ["auth_core::", "auth_store::", "auth_session::", "auth_jwt::"];
            is_own = crates.iter().any(|name| function.contains(name));
        } else if line.starts_with("calls=") {
            lines.next(); // the cost of the called function
        } else if is_own && let Some((_, cost)) = line.split_once(' ') {
            sum += cost.parse::<u64>().unwrap_or(0);
        }
    }
    sum
}

/// Returns the version of the compiler, without its commit.
fn compiler() -> String {
    let output = run(Command::new("rustc").arg("--version"));
    text(&output.stdout).split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn each_request_costs_what_its_budget_says() {
    let (header, lines) = BUDGETS.split_once('\n').unwrap();
    // Another compiler makes other instructions of the same code.
    let same_compiler = header.contains(&compiler());
    let budgets = lines.lines().filter(|line| !line.starts_with('#')).map(budget);
    let (mut table, mut deviations) = (String::new(), String::new());
    for budget in budgets {
        let cost = measure(budget.request);
        let Cost { request, instructions, allocations, bytes } = cost;
        writeln!(table, "{request} {instructions} {allocations} {bytes}").unwrap();
        let difference = instructions.abs_diff(budget.instructions);
        if same_compiler && difference * 100 > budget.instructions * TOLERANCE {
            let expected = budget.instructions;
            writeln!(deviations, "{request}: {instructions} instructions instead of {expected}")
                .unwrap();
        }
        if (allocations, bytes) != (budget.allocations, budget.bytes) {
            let expected = (budget.allocations, budget.bytes);
            writeln!(
                deviations,
                "{request}: {allocations} allocations of {bytes} bytes instead of {expected:?}"
            )
            .unwrap();
        }
    }
    assert!(
        deviations.is_empty(),
        "{deviations}If the change is worth it, or saves something, the new budgets are:\n# {}\n{table}",
        compiler()
    );
}

/// Regression: the coarse clock crashed under valgrind.
#[test]
fn the_layer_runs_under_valgrind() {
    for request in ["cookie", "token"] {
        run(Command::new("valgrind").args(["--quiet", "--error-exitcode=1", PROGRAM, request]));
    }
}
