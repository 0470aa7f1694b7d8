//! Changes that are not stored yet, as far as is known.

use super::attempt::{Attempt, AttemptOutcome};
use crate::changes::Change;
use crate::record::Record;

/// Changes to store, in this order. What is known to be stored is taken out, so that this can be given
/// up at any moment and gone on with later.
#[derive(Debug, Default)]
pub(crate) struct PendingChanges {
    pub(crate) changes: Vec<Change>,
    /// The attempt to store the first of them that was sent, and that nobody has answered.
    pub(super) sent: Option<Attempt>,
}

impl PendingChanges {
    pub(crate) fn new(changes: Vec<Change>) -> Self {
        Self { changes, sent: None }
    }

    /// Puts back what could not be stored, before what has come since. Of two saves at once, the one
    /// with an attempt under way comes first: that is about the first changes.
    pub(crate) fn put_back(&mut self, mut earlier: Self) {
        if self.sent.is_some() && earlier.sent.is_none() {
            std::mem::swap(self, &mut earlier);
        }
        earlier.changes.append(&mut self.changes);
        *self = earlier;
    }

    /// So many of the changes are stored.
    pub(super) fn stored(&mut self, makes: usize) {
        self.changes.drain(..makes);
        self.sent = None;
    }

    /// What became of the attempt that was sent, given the newest record. If it happened, or cannot
    /// any more, it is forgotten.
    pub(super) fn settle(&mut self, newest: &Record) -> Option<AttemptOutcome> {
        let fate = self.sent.as_ref()?.fate(newest);
        match fate {
            AttemptOutcome::Happened => self.stored(self.sent.as_ref()?.makes),
            AttemptOutcome::Never => self.sent = None,
            AttemptOutcome::Open | AttemptOutcome::Unknown => {}
        }
        Some(fate)
    }
}
