//! The buckets of anonymous sign-ins, and the maximum number in each.
//!
//! Each bucket is in one slot, so that one script can count its sign-ins and evict from it.

use super::keys::Tag;

/// The largest number of buckets, so that each primary of a cluster has its share of them.
const MAX_BUCKETS: usize = 256;
/// The smallest quota of a bucket. A smaller one would evict too early, because the buckets do not
/// fill evenly.
const MIN_QUOTA: usize = 16;

/// Anonymous sign-ins are stored in buckets, chosen at random. Each bucket is in one slot and has an
/// index, so that one script can count its sign-ins and evict from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnonymousBuckets {
    /// A power of two.
    buckets: usize,
    /// The largest number of sign-ins in each bucket.
    pub(super) quota: usize,
}

impl AnonymousBuckets {
    /// Distributes a quota over as many buckets as it can fill.
    pub(super) fn new(max_anonymous: usize) -> Self {
        let wanted = (max_anonymous / MIN_QUOTA).clamp(1, MAX_BUCKETS);
        let buckets = 1 << wanted.ilog2();
        Self { buckets, quota: max_anonymous / buckets }
    }

    /// Returns the bucket that a random number chooses.
    pub(super) fn tag(self, random: u8) -> Tag {
        let bucket = usize::from(random) % self.buckets * (MAX_BUCKETS / self.buckets);
        Tag([u8::try_from(bucket).unwrap_or_default(), 0])
    }

    /// Returns all buckets, beginning with the one that a random number chooses.
    pub(super) fn tags(self, random: u8) -> impl Iterator<Item = Tag> {
        let count = u8::try_from(self.buckets - 1).unwrap_or(u8::MAX);
        (0..=count).map(move |next| self.tag(random.wrapping_add(next)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_quotas_of_all_buckets_add_up_to_about_the_maximum() {
        for max in [0, 1, 15, 16, 31, 32, 100, 4095, 4096, 10_000, 1_000_000] {
            let buckets = AnonymousBuckets::new(max);
            let all = buckets.buckets * buckets.quota;
            assert!(all <= max && max - all < buckets.buckets, "{all} of {max}");
        }
    }

    #[test]
    fn every_random_number_chooses_a_bucket() {
        for max in [1, 100, 1_000_000] {
            let buckets = AnonymousBuckets::new(max);
            let text = |tag: Tag| tag.0;
            let chosen: BTreeSet<_> = (0..=255).map(|random| text(buckets.tag(random))).collect();
            for random in [0, 1, 255] {
                let all: Vec<_> = buckets.tags(random).map(text).collect();
                assert_eq!((all.len(), all[0]), (buckets.buckets, text(buckets.tag(random))));
                assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), chosen);
            }
        }
    }

    /// With 256 buckets, each of up to 30 primaries with equal shares of the slots has some.
    #[test]
    fn buckets_are_spread_over_a_cluster() {
        for primaries in [3, 10, 30] {
            let mut shares = vec![0; primaries];
            for tag in AnonymousBuckets::new(1_000_000).tags(0) {
                shares[usize::from(tag.slot()) * primaries / 16384] += 1;
            }
            let (least, most) = (shares.iter().min(), shares.iter().max());
            let fair = MAX_BUCKETS / primaries;
            assert!(least > Some(&(fair / 3)) && most < Some(&(fair * 3)), "{shares:?}");
        }
    }
}
