//! Who may pass.

/// Whether a request may pass without an identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Policy {
    /// No: the layer itself answers 401.
    #[default]
    Required,
    /// Yes. A rejected cookie counts as none; a rejected `Authorization` header passes only to
    /// handlers that use [`Auth`](crate::Auth).
    Optional,
}
