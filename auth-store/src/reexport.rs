//! What applications use of this crate, which the backends re-export: an application depends on its backend
//! alone. Authors of stores and backends use the crate itself.

/// Re-exports what applications use of this crate, except for what each backend names itself. The features
/// are those of the backend, so that the compiler's error for a missing one names it.
#[doc(hidden)]
#[macro_export]
macro_rules! reexport {
    () => {
        #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
        #[doc(inline)]
        pub use $crate::SqlSetupError;
        #[cfg(feature = "metrics")]
        #[doc(inline)]
        pub use $crate::metrics::InstrumentedStore;
        #[cfg(feature = "near-cache")]
        #[doc(inline)]
        pub use $crate::near_cache;
        #[doc(inline)]
        pub use $crate::{
            ConnectError, ConnectOptions, IntoStore, InvalidValue, MemoryStoreBuilder, SecretKind,
            SignInEvent, Store, StoreError, StoreErrorKind, Throttle, ThrottledAttempt, UserCheck,
        };
        #[cfg(feature = "redis")]
        #[doc(inline)]
        pub use $crate::{InvalidUrl, RedisSetupError, RedisStore, RedisStoreBuilder};
        #[cfg(feature = "mongodb")]
        #[doc(inline)]
        pub use $crate::{MongoSetupError, MongoStore, MongoStoreBuilder};
        #[cfg(feature = "mysql")]
        #[doc(inline)]
        pub use $crate::{MySqlStore, MySqlStoreBuilder};
        #[cfg(feature = "postgres")]
        #[doc(inline)]
        pub use $crate::{PostgresStore, PostgresStoreBuilder};
        #[cfg(feature = "sqlite")]
        #[doc(inline)]
        pub use $crate::{SqliteStore, SqliteStoreBuilder};
    };
}
