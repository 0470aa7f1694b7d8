# The published crates, with the features that need neither a service nor SQLite.
packages := "--package auth-core --package auth-store --package auth-session --package auth-jwt"
features := "--features auth-core/axum,auth-store/axum,auth-store/conformance,auth-store/metrics,auth-store/near-cache,auth-session/axum,auth-jwt/sign-in,auth-jwt/testing"

# List the recipes
[private]
default:
    @{{ just_executable() }} --list --unsorted

# Check the formatting and run Clippy, with warnings denied
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings

# Run the tests that need no service: those of the crates, and the behaviour suite over memory
test:
    cargo test --locked {{ packages }} {{ features }}
    cargo test --locked --package auth-tests --test behaviour -- --skip interop
    cargo test --locked --package examples --lib --bins

# Install the services and run all tests, or those whose names contain the filter
test-all *filter:
    tests/run {{ filter }}

# Run the benchmarks, or the one that is named: `just bench --bench jwt`
bench *arguments:
    cargo bench --manifest-path tests/benches/Cargo.toml {{ arguments }}

# Build the documentation of the crates, with warnings denied
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --locked
