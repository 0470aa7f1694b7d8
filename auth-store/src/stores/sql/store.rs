//! The parts that the public types have in common: a builder, and the store behind the contract.

/// Writes the public type of a database and its builder.
macro_rules! sql_store {
    (
        $(#[$about:meta])* $store:ident,
        $(#[$about_builder:meta])* $builder:ident,
        $database:ty
    ) => {
        $(#[$about])*
        pub struct $store {
            pub(in crate::stores::sql) shared:
                std::sync::Arc<$crate::stores::sql::shared::SqlInner<$database>>,
            pub(in crate::stores::sql) opening: $crate::stores::sql::open::Opening<
                <$database as $crate::stores::sql::dialect::Dialect>::Extra,
            >,
        }

        $(#[$about_builder])*
        #[derive(Clone)]
        #[must_use]
        pub struct $builder {
            pub(in crate::stores::sql) opening: $crate::stores::sql::open::Opening<
                <$database as $crate::stores::sql::dialect::Dialect>::Extra,
            >,
        }

        impl $store {
            /// Connects to the database at this URL, in which the tables are.
            ///
            /// # Errors
            /// See [`SqlSetupError`](crate::SqlSetupError).
            pub async fn connect(
                url: impl Into<String>,
            ) -> Result<Self, $crate::stores::sql::setup_error::SqlSetupError> {
                Self::builder(url).connect().await
            }

            /// Says more than a URL does.
            pub fn builder(url: impl Into<String>) -> $builder {
                $builder { opening: $crate::stores::sql::open::Opening::new::<$database>(url.into()) }
            }
        }

        impl $builder {
            /// Makes the tables when it connects, or brings them up to date. Several nodes may do so
            /// at once.
            pub fn migrate(mut self) -> Self {
                self.opening.tables = $crate::stores::sql::tables::Tables::Made;
                self
            }

            /// How long a step may take, waiting for a connection included, before it is unavailable:
            /// a millisecond at least, and at most an hour.
            pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
                self.opening.timeout = timeout;
                self
            }

            /// How many connections there are at most; 10 by default. They are opened when they are
            /// needed.
            pub fn connections(mut self, most: u32) -> Self {
                self.opening.connections = most;
                self
            }

            /// About how many anonymous sign-ins there may be; a million by default. The oldest go
            /// first. Each node counts now and then, after as many new ones as a sixty-fourth of
            /// the quota, and after 4096 at the latest: there can be that many more for each node,
            /// and those that arrive while it counts and evicts, in a task of its own. If that
            /// fails, it is tried again after the next 64 new sign-ins.
            pub fn anonymous(mut self, most: u64) -> Self {
                self.opening.anonymous = most;
                self
            }

            /// Connects, and looks whether the tables are there.
            ///
            /// # Errors
            /// See [`SqlSetupError`](crate::SqlSetupError).
            pub async fn connect(
                self,
            ) -> Result<$store, $crate::stores::sql::setup_error::SqlSetupError> {
                let shared = self.opening.open::<$database>().await?;
                Ok($store { shared, opening: self.opening })
            }
        }

        impl std::fmt::Debug for $store {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($store)).field("opening", &self.opening).finish()
            }
        }

        impl std::fmt::Debug for $builder {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($builder)).field("opening", &self.opening).finish()
            }
        }

        $crate::stores::sql::store::contract! { $store }
    };
}

/// Implements the contract.
macro_rules! contract {
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
                    traced("load", self.shared.load(sid)).await
                }

                async fn create(
                    &self,
                    mut record: Record,
                    limit: Option<SignInLimit>,
                ) -> Result<Created, StoreError> {
                    record.version = 0;
                    let created = traced("create", self.shared.create(&record, limit)).await?;
                    self.shared.note_created(record.created_at, record.subject.is_none());
                    Ok(created)
                }

                async fn update(
                    &self,
                    sid: &SignInId,
                    version: u64,
                    data: SessionData,
                ) -> Result<CompareAndSwap, StoreError> {
                    traced("update", self.shared.update(sid, version, &data)).await
                }

                async fn rotate(
                    &self,
                    sid: &SignInId,
                    from: &Digest,
                    rotation: Rotation,
                ) -> Result<CompareAndSwap, StoreError> {
                    traced("rotate", self.shared.rotate(sid, from, &rotation)).await
                }

                async fn touch(&self, sid: &SignInId, at: Timestamp) -> Result<(), StoreError> {
                    traced("touch", self.shared.touch(sid, at)).await
                }

                async fn delete(&self, sid: &SignInId) -> Result<bool, StoreError> {
                    traced("delete", self.shared.delete(sid)).await
                }

                async fn delete_if_version(
                    &self,
                    sid: &SignInId,
                    version: u64,
                ) -> Result<Deleted, StoreError> {
                    traced("delete_if", self.shared.delete_if(sid, version)).await
                }

                async fn delete_if_idle(
                    &self,
                    sid: &SignInId,
                    last_seen: Timestamp,
                ) -> Result<bool, StoreError> {
                    traced("delete_if_idle", self.shared.delete_if_idle(sid, last_seen)).await
                }

                async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
                    traced("list", self.shared.list(subject)).await
                }

                async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError> {
                    traced("revoke", self.shared.revoke(subject, sid)).await
                }

                async fn revoke_others(
                    &self,
                    subject: &str,
                    keep: &SignInId,
                ) -> Result<usize, StoreError> {
                    traced("revoke_others", self.shared.revoke_others(subject, keep)).await
                }

                async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
                    traced("revoke_subject", self.shared.revoke_subject(subject)).await
                }

                async fn update_subject(
                    &self,
                    subject: &str,
                    principal: &[u8],
                ) -> Result<usize, StoreError> {
                    traced("amend_subject", self.shared.amend(subject, principal)).await
                }

                async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
                    traced("sweep", self.shared.sweep(now, most)).await
                }
            }
        };
    };
}

pub(super) use {contract, sql_store};
