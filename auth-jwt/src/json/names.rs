//! The member names of one object.

use std::borrow::Cow;

/// The member names of one object, to see that none comes twice: of two members, readers differ
/// about which one counts (RFC 8259 section 4).
#[derive(Debug, Default)]
pub(crate) struct Names<'a>(Vec<Cow<'a, str>>);

/// Up to here, comparing each with each is faster than sorting.
const FEW: usize = 16;

impl<'a> Names<'a> {
    pub(crate) fn add(&mut self, name: Cow<'a, str>) {
        self.0.push(name);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|own| **own == *name)
    }

    /// Whether a name comes twice. A hostile object costs no more than sorting its names.
    pub(crate) fn repeats(&mut self) -> bool {
        if self.0.len() <= FEW {
            return (1..self.0.len()).any(|at| self.0[..at].contains(&self.0[at]));
        }
        self.0.sort_unstable();
        self.0.windows(2).any(|pair| pair[0] == pair[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_57_a_repeated_name_is_found_among_few_and_many() {
        for count in [2, FEW, FEW + 1, 500] {
            let mut names = Names::default();
            (0..count).for_each(|i| names.add(i.to_string().into()));
            assert!(!names.repeats(), "{count}");
            names.add("1".into());
            assert!(names.repeats(), "{count}");
        }
    }
}
