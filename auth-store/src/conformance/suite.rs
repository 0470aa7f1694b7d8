//! Each check as a test of its own.

/// Writes a test for each of [`CHECKS`](crate::conformance::CHECKS), under its name.
///
/// Takes the attributes of such a test, and an `async fn` that makes a fresh store for each. Races
/// are more likely to be met on a runtime of several threads.
///
/// ```
/// # mod memory {
/// use auth_store::MemoryStore;
///
/// auth_store::conformance_tests! {
///     #[tokio::test(flavor = "multi_thread")]
///     async fn store() -> MemoryStore {
///         MemoryStore::new()
///     }
/// }
/// # }
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($(#[$attribute:meta])* async fn $fresh:ident() -> $store:ty $make:block) => {
        async fn $fresh() -> $store $make

        $crate::__every_conformance_check! {
            [$crate::__conformance_test], { $(#[$attribute])* $fresh }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_test {
    ($({ $(#[$attribute:meta])* $fresh:ident } $file:ident $check:ident;)*) => {
        $(
            $(#[$attribute])*
            async fn $check() {
                $crate::conformance::check(stringify!($check), $fresh().await)
                    .await
                    .assert_passed();
            }
        )*
    };
}
