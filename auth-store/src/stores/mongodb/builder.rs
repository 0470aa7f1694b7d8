//! [`MongoStoreBuilder`]: the configuration of the store, and how it connects.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::RawDocumentBuf;
use mongodb::options::{
    ClientOptions, CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use tokio::sync::Semaphore;

use super::error::{Failure, MongoSetupError};
use super::execute::MongoInner;
use super::setup::{COLLECTION, check_indexes, check_privileges, check_server, migrate};
use super::store::MongoStore;
use super::url::{parse, read_concern};
use crate::stores::database_options::DatabaseOptions;
use crate::stores::eviction::EvictionState;
use crate::striped::Striped;

/// The shortest time that the driver accepts between two checks of a server.
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(500);

/// How many subjects can have transactions that are repeated at the same time. Subjects share them by their hash.
const REPETITIONS: usize = 64;

/// Configures a [`MongoStore`]; see [`MongoStore::builder`].
#[derive(Clone)]
#[must_use]
pub struct MongoStoreBuilder {
    url: String,
    options: DatabaseOptions,
}

// Omits the URL, which contains the password.
auth_core::redacted_debug!(MongoStoreBuilder { options });

impl MongoStoreBuilder {
    pub(super) fn new(url: String) -> Self {
        Self { url, options: DatabaseOptions::default() }
    }

    /// Creates the collection and its indexes when the store connects. Several nodes may do so at the same time.
    /// By default, they must exist.
    pub fn migrate(self) -> Self {
        Self { options: DatabaseOptions { migrates: true, ..self.options }, ..self }
    }

    /// Sets the time limit of an operation, waiting for a connection included. An operation that exceeds it fails
    /// as unavailable. Must be at least one millisecond and at most one hour. Defaults to one second.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { options: DatabaseOptions { timeout, ..self.options }, ..self }
    }

    /// Sets the maximum number of connections to a server, which are opened on demand. Must be at least 1.
    /// Defaults to 10. The driver opens two more to watch each server.
    pub fn max_connections(self, max: u32) -> Self {
        Self { options: DatabaseOptions { max_connections: max, ..self.options }, ..self }
    }

    /// Sets the approximate maximum number of anonymous sign-ins. The oldest are evicted first. Defaults to one
    /// million.
    ///
    /// Each node counts them in a background task after it created a sixty-fourth of the maximum, and after 4096
    /// at the latest. The maximum can be exceeded by that many for each node, and by those that are created while
    /// a node counts and evicts.
    pub fn max_anonymous(self, max: u64) -> Self {
        Self { options: DatabaseOptions { max_anonymous: max, ..self.options }, ..self }
    }

    /// Connects, and checks the server, the indexes and the privileges of the user.
    ///
    /// # Errors
    ///
    /// See [`MongoSetupError`].
    pub async fn connect(self) -> Result<MongoStore, MongoSetupError> {
        self.options.check(MongoSetupError::ZeroConnections, MongoSetupError::InvalidTimeout)?;
        // Finding the primary and logging in takes several round trips.
        let limit = self.options.timeout * 4;
        match tokio::time::timeout(limit, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(MongoSetupError::Unavailable(Failure::TimedOut(limit).into())),
        }
    }

    async fn open(&self) -> Result<MongoStore, MongoSetupError> {
        let DatabaseOptions { timeout, max_connections, max_anonymous, migrates } = self.options;
        let mut options = parse(&self.url).await?;
        let level = read_concern(&options);
        self.configure(&mut options);
        let database = options.default_database.clone().unwrap_or_default();
        let collection = CollectionOptions::builder()
            .read_concern(level)
            .write_concern(majority(timeout))
            .selection_criteria(SelectionCriteria::from(ReadPreference::Primary))
            .build();
        let logs_in = options.credential.is_some();
        let client = Client::with_options(options).map_err(MongoSetupError::from_driver)?;
        let sign_ins = client
            .database(&database)
            .collection_with_options::<RawDocumentBuf>(COLLECTION, collection);
        let checked = async {
            check_server(&client).await?;
            if migrates {
                migrate(&sign_ins).await?;
            }
            check_indexes(&sign_ins).await?;
            if logs_in {
                check_privileges(&client, &sign_ins.clone_with_type()).await
            } else {
                Ok(())
            }
        };
        checked.await.map_err(|error| match error {
            MongoSetupError::MissingPrivilege(source) if !logs_in => {
                MongoSetupError::Authentication(source)
            }
            error => error,
        })?;
        let permits = usize::try_from(max_connections).unwrap_or(usize::MAX);
        let permits = Semaphore::new(permits.min(Semaphore::MAX_PERMITS));
        let inner = MongoInner {
            client,
            sign_ins,
            timeout,
            max_connections,
            permits: Arc::new(permits),
            repetitions: Striped::new(REPETITIONS),
            max_anonymous,
            eviction: EvictionState::default(),
        };
        Ok(MongoStore { inner: Arc::new(inner), options: self.clone() })
    }

    /// Sets what does not depend on the URL. A server that does not answer is noticed after two timeouts, and the
    /// operations that wait for it fail.
    fn configure(&self, options: &mut ClientOptions) {
        let (timeout, max_connections) = (self.options.timeout, self.options.max_connections);
        options.connect_timeout = Some(timeout);
        // Ends before the limit in `connect`, so that the error contains why no server was reached.
        options.server_selection_timeout = Some(timeout * 3);
        options.heartbeat_freq = Some(timeout.max(SHORTEST_HEARTBEAT));
        options.max_pool_size = Some(max_connections);
        options.write_concern = Some(majority(timeout));
        options.read_concern = Some(ReadConcern::majority()); // of transactions
        options.selection_criteria = Some(ReadPreference::Primary.into());
        options.retry_reads = Some(true);
        options.retry_writes = Some(true);
        options.app_name.get_or_insert_with(|| "auth-store".to_owned());
    }
}

/// Returns the write concern: a majority of the servers has the change in its journal.
fn majority(timeout: Duration) -> WriteConcern {
    let mut majority = WriteConcern::majority();
    majority.journal = Some(true);
    majority.w_timeout = Some(timeout);
    majority
}

impl fmt::Debug for MongoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStore").field("options", &self.options).finish()
    }
}
