//! How a credential came, and who found it.

/// How a credential travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// The client attached it on purpose: a token in an `Authorization` header.
    Explicit,
    /// The browser attached it by itself, also to requests that another site made: a cookie, or a
    /// password that it was told once. The
    /// layer checks where such requests come from, see
    /// [`CrossOriginProtection`](crate::CrossOriginProtection).
    Ambient,
}

/// Which member of an [`AnyOf`](crate::AnyOf) found the credential, at any depth. An authenticator
/// that is no combination ignores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberPath(usize);

impl MemberPath {
    /// Returns the path to the member at `index` of `count`, and on along `self` inside of it.
    pub(crate) fn within(self, index: usize, count: usize) -> Self {
        Self(self.0 * count + index)
    }

    /// Undoes [`within`](Self::within).
    pub(crate) fn split(self, count: usize) -> (usize, Self) {
        (self.0 % count, Self(self.0 / count))
    }
}

/// How the credential that decided came, and who found it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundCredential {
    pub(crate) transport: Transport,
    pub(crate) member: MemberPath,
    /// It was replaced by a newer one.
    pub(crate) superseded: bool,
}

#[cfg(test)]
mod tests {
    use super::MemberPath;

    #[test]
    fn a_member_is_found_at_any_depth() {
        for (outer, inner) in [(0, 0), (2, 1), (1, 3)] {
            let path = MemberPath::default().within(inner, 4).within(outer, 3);
            let (index, rest) = path.split(3);
            assert_eq!((index, rest.split(4).0), (outer, inner));
        }
    }
}
