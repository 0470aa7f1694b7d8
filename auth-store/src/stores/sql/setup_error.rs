//! Why a store in a database does not start.

use std::error::Error;
use std::fmt;

use auth_core::BoxError;

/// Why a store in a database does not start. It never repeats the password.
#[derive(Debug)]
#[non_exhaustive]
pub enum SqlSetupError {
    /// The URL cannot be read.
    Url(BoxError),
    /// A URL of SQLite names no file. What is kept in memory is what
    /// [`MemoryStore`](crate::MemoryStore) is for.
    InMemory,
    /// The URL asks for TLS, and the feature `sql-tls` is off.
    TlsIsOff,
    /// No connections.
    Nothing,
    /// A step's timeout under a millisecond, which is what databases count by, or over an hour.
    Timeout,
    /// The server does not know this user and password, or does not let them in.
    Authentication(BoxError),
    /// The server is older than what the store needs.
    TooOld {
        /// What it says it is.
        version: String,
        /// What is needed.
        needed: &'static str,
    },
    /// The tables are missing, or are those of an earlier version. Have the builder `migrate`, or
    /// run the scripts in the crate's `migrations`.
    NotMigrated,
    /// The database answered, and refuses: there is no such database, the user may not use the
    /// tables, it has no more connections, it is just starting, or SQLite cannot open the file. The
    /// source tells which.
    Refused(BoxError),
    /// The database was not reached, or did not answer as it should.
    Unavailable(BoxError),
}

impl fmt::Display for SqlSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(_) => f.write_str("the URL of the database cannot be read"),
            Self::InMemory => f.write_str("a database in memory keeps nothing: name a file"),
            Self::TlsIsOff => f.write_str("the URL asks for TLS: switch on the feature sql-tls"),
            Self::Nothing => f.write_str("a store needs at least one connection"),
            Self::Timeout => f.write_str("a timeout is between a millisecond and an hour"),
            Self::Authentication(_) => f.write_str("the database refused the user and password"),
            Self::TooOld { version, needed } => {
                write!(f, "the database is {version}, and {needed} or newer is needed")
            }
            Self::NotMigrated => f.write_str(
                "the tables of sign-ins are missing or of an earlier version: \
                 let the store's builder migrate, or run the scripts in auth-store/migrations",
            ),
            Self::Refused(_) => f.write_str("the database refuses to serve the store"),
            Self::Unavailable(_) => f.write_str("the database was not reached"),
        }
    }
}

impl Error for SqlSetupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Url(source)
            | Self::Authentication(source)
            | Self::Refused(source)
            | Self::Unavailable(source) => Some(&**source),
            _ => None,
        }
    }
}
