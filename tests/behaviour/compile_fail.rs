//! What must not compile, and what the compiler says instead.
//!
//! After a change on purpose: `TRYBUILD=overwrite cargo test -p auth-tests compile_fail`.

#[test]
fn mistakes_that_the_compiler_finds() {
    trybuild::TestCases::new().compile_fail("behaviour/compile_fail/*.rs");
}
