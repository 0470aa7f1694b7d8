//! How nodes hear of each other's writes.

use async_trait::async_trait;
use auth_core::SignInId;

use crate::error::StoreError;
use crate::store::Store;

/// A store that announces what it changes, to every node that listens.
///
/// - Whatever changes a sign-in but [`touch`](Store::touch) is announced in the same atomic step as
///   the write, by its id.
/// - Beats travel the same way as announcements, one by way of every source. Whoever hears a beat
///   has heard all that the source announced before it.
/// - What was announced after [`listen`](Self::listen) has returned is heard, or the listening ends
///   with an error. Nothing is left out in silence.
#[async_trait]
pub trait Announces: Store {
    /// Begins to listen.
    async fn listen(&self) -> Result<Box<dyn Announcements>, StoreError>;

    /// Sends a beat by way of every source, and says which sources there are at the moment: the
    /// servers that accept writes.
    async fn beat(&self, beat: Beat) -> Result<Vec<Source>, StoreError>;
}

/// What a listening node hears.
#[async_trait]
pub trait Announcements: Send {
    /// The next announcement. After an error nothing more comes: some may have been missed.
    ///
    /// It may be dropped before it is ready, and nothing is lost by that.
    async fn next(&mut self) -> Result<Announcement, StoreError>;
}

/// What one node tells all others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Announcement {
    /// These sign-ins were changed or ended.
    Changed(Vec<SignInId>),
    /// A beat that came by way of this source.
    Beat(Beat, Source),
}

/// A sign of life, sent to oneself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Beat {
    /// Which node sent it.
    pub node: u64,
    /// Which of its beats it is.
    pub number: u64,
}

/// A server that accepts writes and announces them, by a name that stays while it does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(pub Box<str>);
