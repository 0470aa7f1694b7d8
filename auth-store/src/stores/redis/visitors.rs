//! How many anonymous sign-ins there may be, and where they are kept.

use super::keys::Tag;

/// The most buckets: so many that each primary of a cluster has its share of them.
const BUCKETS: usize = 256;
/// The fewest anonymous sign-ins for which another bucket is worth it.
const WORTH_IT: usize = 16;

/// Anonymous sign-ins lie in buckets, chosen at random. Each is in one slot and has an index, so that
/// one script can count what is in it and evict from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnonymousBuckets {
    /// A power of two.
    buckets: usize,
    /// How many sign-ins there may be in each.
    pub(super) most: usize,
}

impl AnonymousBuckets {
    /// For so many in all.
    pub(super) fn new(most: usize) -> Self {
        let wanted = (most / WORTH_IT).clamp(1, BUCKETS);
        let buckets = 1 << wanted.ilog2();
        Self { buckets, most: most / buckets }
    }

    /// The bucket of this random number.
    pub(super) fn tag(self, random: u8) -> Tag {
        let bucket = usize::from(random) % self.buckets * (BUCKETS / self.buckets);
        Tag([u8::try_from(bucket).unwrap_or_default(), 0])
    }

    /// All buckets, beginning with the one of this random number.
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
    fn all_buckets_together_hold_no_more_than_asked_and_not_much_less() {
        for most in [0, 1, 15, 16, 31, 32, 100, 4095, 4096, 10_000, 1_000_000] {
            let visitors = AnonymousBuckets::new(most);
            let all = visitors.buckets * visitors.most;
            assert!(all <= most && most - all < visitors.buckets, "{all} of {most}");
        }
    }

    #[test]
    fn every_random_number_leads_to_one_of_the_buckets_and_to_each() {
        for most in [1, 100, 1_000_000] {
            let visitors = AnonymousBuckets::new(most);
            let text = |tag: Tag| tag.0;
            let chosen: BTreeSet<_> = (0..=255).map(|random| text(visitors.tag(random))).collect();
            for random in [0, 1, 255] {
                let all: Vec<_> = visitors.tags(random).map(text).collect();
                assert_eq!((all.len(), all[0]), (visitors.buckets, text(visitors.tag(random))));
                assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), chosen);
            }
        }
    }

    /// Of 256 buckets, each of many primaries with equal shares of the slots has some.
    #[test]
    fn the_buckets_are_spread_over_a_cluster() {
        for primaries in [3, 10, 30] {
            let mut shares = vec![0; primaries];
            for tag in AnonymousBuckets::new(1_000_000).tags(0) {
                shares[usize::from(tag.slot()) * primaries / 16384] += 1;
            }
            let (least, most) = (shares.iter().min(), shares.iter().max());
            let fair = BUCKETS / primaries;
            assert!(least > Some(&(fair / 3)) && most < Some(&(fair * 3)), "{shares:?}");
        }
    }
}
