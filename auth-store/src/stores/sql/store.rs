//! The public types: each database has a store and a builder, which the macro [`sql_store!`] declares.
//!
//! They are macros rather than one generic type, so that the public types have names, docs and
//! builder methods of their own, and sqlx's types stay private.

/// Declares the store and the builder of one database, and implements
/// [`Store`](crate::Store).
macro_rules! sql_store {
    (
        $(#[$about:meta])* $store:ident,
        $(#[$about_builder:meta])* $builder:ident,
        $database:ty
    ) => {
        $(#[$about])*
        pub struct $store {
            pub(in crate::stores::sql) inner:
                std::sync::Arc<$crate::stores::sql::operations::SqlInner<$database>>,
            pub(in crate::stores::sql) options: $crate::stores::sql::connect::StoreOptions<
                <$database as $crate::stores::sql::dialect::Dialect>::Extra,
            >,
        }

        $(#[$about_builder])*
        #[derive(Clone)]
        #[must_use]
        pub struct $builder {
            pub(in crate::stores::sql) options: $crate::stores::sql::connect::StoreOptions<
                <$database as $crate::stores::sql::dialect::Dialect>::Extra,
            >,
        }

        impl $store {
            /// Connects to the database at this URL, whose tables must exist.
            ///
            /// # Errors
            ///
            /// See [`SqlSetupError`](crate::SqlSetupError).
            pub async fn connect(
                url: impl Into<String>,
            ) -> Result<Self, $crate::stores::sql::error::SqlSetupError> {
                Self::builder(url).connect().await
            }

            /// Returns a builder for options that a URL cannot express.
            pub fn builder(url: impl Into<String>) -> $builder {
                $builder { options: $crate::stores::sql::connect::StoreOptions::new(url.into()) }
            }
        }

        impl $builder {
            /// Creates the tables when the store connects, or migrates them to this version. Several
            /// nodes may do so at the same time. By default, the tables must exist.
            pub fn migrate(mut self) -> Self {
                self.options.database.migrates = true;
                self
            }

            /// Sets the time limit of an operation, waiting for a connection included. An operation
            /// that exceeds it fails as unavailable. Must be at least one millisecond and at most one
            /// hour. Defaults to one second.
            pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
                self.options.database.timeout = timeout;
                self
            }

            /// Sets the maximum number of connections, which are opened on demand. Must be at least 1.
            /// Defaults to 10.
            pub fn max_connections(mut self, max: u32) -> Self {
                self.options.database.max_connections = max;
                self
            }

            /// Sets the approximate maximum number of anonymous sign-ins. The oldest are evicted first.
            /// Defaults to one million.
            ///
            /// Each node counts them in a background task after it created a sixty-fourth of the
            /// maximum, and after 4096 at the latest. The maximum can be exceeded by that many for each
            /// node, and by those that are created while a node counts and evicts. A failed eviction
            /// is retried after the next 64.
            pub fn max_anonymous(mut self, max: u64) -> Self {
                self.options.database.max_anonymous = max;
                self
            }

            /// Connects, and checks the tables.
            ///
            /// # Errors
            ///
            /// See [`SqlSetupError`](crate::SqlSetupError).
            pub async fn connect(
                self,
            ) -> Result<$store, $crate::stores::sql::error::SqlSetupError> {
                let inner = self.options.connect::<$database>().await?;
                Ok($store { inner, options: self.options })
            }
        }

        impl std::fmt::Debug for $store {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($store)).field("options", &self.options).finish()
            }
        }

        impl std::fmt::Debug for $builder {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($builder)).field("options", &self.options).finish()
            }
        }

        $crate::stores::sql::store::impl_store! { $store }
    };
}

/// Implements [`Store`](crate::Store) by the operations of `SqlInner`, each in a span of its own.
macro_rules! impl_store {
    ($store:ident) => {
        use $crate::stores::trace::Traced as _;

        #[async_trait::async_trait]
        impl $crate::Store for $store {
            $crate::forward_store!(
                self => self.inner,
                around: traced,
                except: [new_id, derived_id, peek, watch, find, bounds, create]
            );

            async fn create(
                &self,
                mut record: $crate::Record,
                limit: Option<$crate::SignInLimit>,
            ) -> Result<$crate::Created, $crate::StoreError> {
                record.version = 0;
                let created = self.traced("create", self.inner.create(&record, limit)).await?;
                if record.subject.is_none() {
                    $crate::stores::eviction::count_anonymous(&self.inner, self.inner.max_anonymous);
                }
                Ok(created)
            }
        }
    };
}

pub(super) use {impl_store, sql_store};
