//! The member names of one object.

use std::borrow::Cow;

/// The member names of one object, to see that none comes twice: of two members, readers differ
/// about which one counts (RFC 8259 section 4).
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    first: [Cow<'a, str>; FEW],
    count: usize,
    more: Vec<Cow<'a, str>>,
}

/// Up to here, names are compared each with each, in place.
const FEW: usize = 8;

impl<'a> Names<'a> {
    pub(crate) fn add(&mut self, name: Cow<'a, str>) {
        match self.first.get_mut(self.count) {
            Some(place) => *place = name,
            None => self.more.push(name),
        }
        self.count += 1;
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        let first = &self.first[..self.count.min(FEW)];
        first.iter().chain(&self.more).any(|own| **own == *name)
    }

    /// Whether a name comes twice. A hostile object costs no more than sorting its names.
    pub(crate) fn repeats(&mut self) -> bool {
        let first = &mut self.first[..self.count.min(FEW)];
        if self.more.is_empty() {
            return (1..first.len()).any(|at| first[..at].contains(&first[at]));
        }
        self.more.extend(first.iter_mut().map(std::mem::take));
        self.more.sort_unstable();
        self.more.windows(2).any(|pair| pair[0] == pair[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_57_a_repeated_name_is_found_among_few_and_many() {
        for count in [2, FEW - 1, FEW, FEW + 1, 500] {
            let names = || {
                let mut names = Names::default();
                (0..count).for_each(|i| names.add(i.to_string().into()));
                names
            };
            assert!(!names().repeats(), "{count}");
            assert!(names().has("1") && !names().has("x"));
            let mut names = names();
            names.add("1".into());
            assert!(names.repeats(), "{count}");
        }
    }
}
