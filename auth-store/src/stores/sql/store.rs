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
            /// See [`SqlSetupError`](crate::SqlSetupError).
            pub async fn connect(
                url: impl Into<String>,
            ) -> Result<Self, $crate::stores::sql::error::SqlSetupError> {
                Self::builder(url).connect().await
            }

            /// Returns a builder for options that a URL cannot express.
            pub fn builder(url: impl Into<String>) -> $builder {
                $builder { options: $crate::stores::sql::connect::StoreOptions::new::<$database>(url.into()) }
            }
        }

        impl $builder {
            /// Creates the tables when the store connects, or migrates them to this version. Several
            /// nodes may do so at the same time. By default, the tables must exist.
            pub fn migrate(mut self) -> Self {
                self.options.tables = $crate::stores::sql::dialect::Tables::Create;
                self
            }

            /// Sets the time limit of an operation, waiting for a connection included. An operation
            /// that exceeds it fails as unavailable. Must be at least one millisecond and at most one
            /// hour. Defaults to one second.
            pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
                self.options.timeout = timeout;
                self
            }

            /// Sets the maximum number of connections, which are opened on demand. Must be at least 1.
            /// Defaults to 10.
            pub fn max_connections(mut self, max: u32) -> Self {
                self.options.max_connections = max;
                self
            }

            /// Sets the approximate maximum number of anonymous sign-ins. The oldest are evicted first.
            /// Defaults to one million.
            ///
            /// Each node counts them in a background task after it created a sixty-fourth of the
            /// maximum, and after 4096 at the latest. The maximum can be exceeded by that many for each
            /// node, and by those that are created while a node counts and evicts. A failed eviction
            /// is retried after the next 64 new sign-ins.
            pub fn max_anonymous(mut self, max: u64) -> Self {
                self.options.max_anonymous = max;
                self
            }

            /// Connects, and checks the tables.
            ///
            /// # Errors
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

/// Implements [`Store`](crate::Store), with a span for each operation.
macro_rules! impl_store {
    ($store:ty) => {
        const _: () = {
            use std::sync::Arc;

            use auth_core::{SignInId, Timestamp};

            use $crate::data::SessionData;
            use $crate::error::StoreError;
            use $crate::record::Record;
            use $crate::record::Rotation;
            use $crate::secret::Digest;
            use $crate::store::{CompareAndSwap, Created, Deleted, SignInLimit, Store};
            use $crate::stores::trace::traced;

            #[async_trait::async_trait]
            impl Store for $store {
                async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
                    traced("load", self.inner.load(sid)).await
                }

                async fn create(
                    &self,
                    mut record: Record,
                    limit: Option<SignInLimit>,
                ) -> Result<Created, StoreError> {
                    record.version = 0;
                    let created = traced("create", self.inner.create(&record, limit)).await?;
                    self.inner.count_created(record.created_at, record.subject.is_none());
                    Ok(created)
                }

                async fn update(
                    &self,
                    sid: &SignInId,
                    version: u64,
                    data: SessionData,
                ) -> Result<CompareAndSwap, StoreError> {
                    traced("update", self.inner.update(sid, version, &data)).await
                }

                async fn rotate(
                    &self,
                    sid: &SignInId,
                    from: &Digest,
                    rotation: Rotation,
                ) -> Result<CompareAndSwap, StoreError> {
                    traced("rotate", self.inner.rotate(sid, from, &rotation)).await
                }

                async fn touch(&self, sid: &SignInId, at: Timestamp) -> Result<(), StoreError> {
                    traced("touch", self.inner.touch(sid, at)).await
                }

                async fn delete(&self, sid: &SignInId) -> Result<bool, StoreError> {
                    traced("delete", self.inner.delete(sid)).await
                }

                async fn delete_if_version(
                    &self,
                    sid: &SignInId,
                    version: u64,
                ) -> Result<Deleted, StoreError> {
                    traced("delete_if_version", self.inner.delete_if_version(sid, version)).await
                }

                async fn delete_if_idle(
                    &self,
                    sid: &SignInId,
                    last_seen: Timestamp,
                ) -> Result<bool, StoreError> {
                    traced("delete_if_idle", self.inner.delete_if_idle(sid, last_seen)).await
                }

                async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
                    traced("list", self.inner.list(subject)).await
                }

                async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError> {
                    traced("revoke", self.inner.revoke(subject, sid)).await
                }

                async fn revoke_others(
                    &self,
                    subject: &str,
                    keep: &SignInId,
                ) -> Result<usize, StoreError> {
                    traced("revoke_others", self.inner.revoke_others(subject, keep)).await
                }

                async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
                    traced("revoke_subject", self.inner.revoke_subject(subject)).await
                }

                async fn update_subject(
                    &self,
                    subject: &str,
                    principal: &[u8],
                ) -> Result<usize, StoreError> {
                    traced("update_subject", self.inner.update_subject(subject, principal)).await
                }

                async fn sweep(&self, now: Timestamp, max: usize) -> Result<usize, StoreError> {
                    traced("sweep", self.inner.sweep(now, max)).await
                }
            }
        };
    };
}

pub(super) use {impl_store, sql_store};
