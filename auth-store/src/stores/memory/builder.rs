//! How much a [`MemoryStore`](crate::MemoryStore) holds.

/// Says how much a [`MemoryStore`](crate::MemoryStore) holds.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct MemoryStoreBuilder {
    pub(super) capacity: usize,
    pub(super) max_anonymous: usize,
    pub(super) shards: usize,
}

impl Default for MemoryStoreBuilder {
    fn default() -> Self {
        Self { capacity: 10_000_000, max_anonymous: 1_000_000, shards: 256 }
    }
}

impl MemoryStoreBuilder {
    /// At most so many sign-ins, anonymous ones included; 10 million by default. A sign-in takes
    /// about 350 bytes, and what the application keeps with it.
    pub fn capacity(self, most: usize) -> Self {
        Self { capacity: most, ..self }
    }

    /// At most so many anonymous sign-ins; a million by default. The oldest go first.
    pub fn max_anonymous(self, most: usize) -> Self {
        Self { max_anonymous: most, ..self }
    }
}
