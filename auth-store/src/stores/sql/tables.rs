//! Whether the tables have to be there.

/// Whether the tables have to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tables {
    Required,
    Made,
}
