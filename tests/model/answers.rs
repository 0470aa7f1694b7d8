//! What the answers of a store tell, for the checker to compare.

use std::sync::Arc;

use auth_store::{CompareAndSwap, Deleted, Record};

/// The answer of a store.
pub(crate) trait Answer {
    /// Returns the name of the outcome.
    fn name(&self) -> String;

    /// Returns the record in the answer.
    fn record(&self) -> Option<&Arc<Record>> {
        None
    }
}

impl Answer for Option<Arc<Record>> {
    fn name(&self) -> String {
        "loaded".to_owned()
    }

    fn record(&self) -> Option<&Arc<Record>> {
        self.as_ref()
    }
}

impl Answer for CompareAndSwap {
    fn name(&self) -> String {
        match self {
            Self::Stored(_) => "stored",
            Self::Conflict(_) => "conflict",
            Self::NotFound => "not found",
        }
        .to_owned()
    }

    fn record(&self) -> Option<&Arc<Record>> {
        match self {
            Self::Stored(record) | Self::Conflict(record) => Some(record),
            Self::NotFound => None,
        }
    }
}

impl Answer for Deleted {
    fn name(&self) -> String {
        match self {
            Self::Done => "done",
            Self::Conflict(_) => "conflict",
            Self::NotFound => "not found",
        }
        .to_owned()
    }

    fn record(&self) -> Option<&Arc<Record>> {
        match self {
            Self::Conflict(record) => Some(record),
            Self::Done | Self::NotFound => None,
        }
    }
}

macro_rules! plain_answers {
    ($($answer:ty)*) => {
        $(impl Answer for $answer {
            fn name(&self) -> String {
                format!("{self:?}")
            }
        })*
    };
}

plain_answers!(() bool usize);
