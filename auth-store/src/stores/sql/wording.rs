//! What databases have different words for.

/// The words that databases do not share.
pub(super) struct Syntax {
    /// The larger of two values.
    pub(super) greatest: &'static str,
    /// Passes over a row whose key is taken. Without it the database complains.
    pub(super) unless_taken: &'static str,
    /// Whether a statement that changes rows can answer them.
    pub(super) returning: bool,
    /// Whether statements about several rows lock them one by one before they change them. Two that
    /// wait for each other would find out too late here.
    pub(super) locks_rows: bool,
    /// Whether places have numbers.
    pub(super) numbered: bool,
}
