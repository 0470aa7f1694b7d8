//! Programs that must not compile, and the compiler's errors for them.
//!
//! After an intended change run `TRYBUILD=overwrite cargo test -p auth-tests compile_fail`.

#[test]
fn mistakes_are_compile_errors() {
    trybuild::TestCases::new().compile_fail("behaviour/compile_fail/*.rs");
}
