//! A cache in this node's memory, in front of a store that several nodes share.

mod announce;
mod build;
mod copies;
mod counts;
mod lease;
mod listen;
mod near;
mod standing;
mod store;

pub use announce::{Announcement, Announcements, Announces, Beat, Source};
pub use build::NearCacheBuilder;
pub use counts::NearCacheStatus;
pub use near::NearCache;
