//! Sign-ins in MongoDB: a replica set or a sharded cluster.
//!
//! # Documents
//!
//! The collection `auth_sign_ins` has one document for each sign-in, under its id; `document` describes its
//! fields. Filters compare numbers and bytes only, so no collation or clock of the server matters. The
//! collection also has one *lock* for each subject that signed in lately, under a hash of the subject.
//!
//! # Operations
//!
//! An operation on one sign-in is one command, which the server applies to one document atomically. An operation
//! on several is one transaction. A sign-in with a limit first writes to the lock of its subject, so that of two
//! concurrent ones, one fails with a conflict and is repeated. The other operations on a subject need no lock:
//! their snapshot contains every sign-in that was acknowledged before.
//!
//! All writes wait until a majority of the servers has them in its journal. Reads go to the primary and return
//! what a majority has.
//!
//! # Tasks
//!
//! The driver's futures must not be dropped. Each operation runs in a task of its own, which goes on if its
//! caller gives up. The number of tasks is limited to that of the connections.
//!
//! # Files
//!
//! `builder` connects, with the options of `url`, and `setup` checks the server. `store` is the public type. It
//! calls `operations` on one sign-in, `subjects` on all of a subject, and `cleanup` to remove, all within the
//! time limit and the transactions of `execute`.

mod builder;
mod cleanup;
mod document;
mod error;
mod execute;
mod operations;
mod setup;
mod store;
mod subjects;
mod url;

pub use builder::MongoStoreBuilder;
pub use error::MongoSetupError;
pub use store::MongoStore;
