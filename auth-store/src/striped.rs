//! One value per group of sign-ins.
//!
//! A lock or a table that every request takes would make all requests wait for one another. Split
//! into stripes, only requests for sign-ins of the same stripe do.

use auth_core::SignInId;

/// A fixed number of values; each sign-in always uses the same one of them.
#[derive(Debug)]
pub(crate) struct Striped<T>(Box<[T]>);

impl<T: Default> Striped<T> {
    /// Creates at least `count` stripes: the next power of two, because a remainder would cost a
    /// division at every use.
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count.next_power_of_two()).map(|_| T::default()).collect())
    }
}

impl<T> Striped<T> {
    /// Returns the stripe of a sign-in.
    ///
    /// Ids are random, so two of their bytes choose the stripe. The first two bytes do not, because
    /// a store may encode in them where it keeps the sign-in, and the last eight do not, because
    /// hash tables inside a stripe use them.
    pub(crate) fn of(&self, id: &SignInId) -> &T {
        let [_, _, low, high, ..] = *id.as_bytes();
        &self.0[usize::from(u16::from_le_bytes([low, high])) & (self.0.len() - 1)]
    }

    /// Returns all stripes.
    pub(crate) fn all(&self) -> &[T] {
        &self.0
    }
}

/// Returns the hash of an id, which is random and therefore its own hash. The first two bytes may be
/// the same for all sign-ins of a subject, since some stores place them by these bytes, so they are
/// left out.
pub(crate) fn hash(id: &SignInId) -> u64 {
    let [_, _, _, _, _, _, _, _, hash @ ..] = *id.as_bytes();
    u64::from_le_bytes(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stripe_is_used_and_a_sign_in_keeps_its_own() {
        let stripes = Striped::<u8>::new(3);
        assert_eq!(stripes.all().len(), 4);
        for byte in 0..4 {
            let mut bytes = [9; 16];
            bytes[2] = byte;
            let id = SignInId::from_bytes(bytes);
            assert!(std::ptr::eq(stripes.of(&id), &raw const stripes.all()[usize::from(byte)]));
        }
    }
}
