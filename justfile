# List the recipes
[private]
default:
    @{{ just_executable() }} --list --unsorted

# Check the formatting and run Clippy, with warnings denied
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings

# Run the tests that need no service, or those whose names contain the filter
test *filter:
    cargo test --workspace --locked {{ filter }}

# Install the services and run all tests, or those whose names contain the filter
test-all *filter:
    tests/run {{ filter }}

# Run all benchmarks, or only one: `just bench --bench jwt`
bench *arguments:
    cargo bench --manifest-path tests/benches/Cargo.toml {{ arguments }}

# Build the documentation of the crates, with warnings denied
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --locked
