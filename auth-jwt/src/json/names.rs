//! The member names of one object.

use std::borrow::Cow;

/// The member names of one object, to see that none comes twice: of two members, readers differ
/// about which one counts (RFC 8259 section 4).
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    first: [&'a str; FEW],
    count: usize,
    /// Those for which there was no place, and those that are not spelled as they read.
    more: Vec<Cow<'a, str>>,
}

/// Up to here, names are compared each with each, in place.
const FEW: usize = 8;

impl<'a> Names<'a> {
    pub(crate) fn add(&mut self, name: Cow<'a, str>) {
        match (name, self.first.get_mut(self.count)) {
            (Cow::Borrowed(name), Some(place)) => {
                *place = name;
                self.count += 1;
            }
            (name, _) => self.more.push(name),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.first[..self.count].contains(&name) || self.more.iter().any(|own| *own == name)
    }

    /// Whether a name comes twice. A hostile object costs no more than sorting its names.
    pub(crate) fn repeats(&mut self) -> bool {
        let first = &self.first[..self.count];
        if self.more.is_empty() {
            return (1..first.len()).any(|at| first[..at].contains(&first[at]));
        }
        self.more.extend(first.iter().map(|name| Cow::Borrowed(*name)));
        self.more.sort_unstable();
        self.more.windows(2).any(|pair| pair[0] == pair[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_57_a_repeated_name_is_found_among_few_and_many() {
        let texts: Vec<_> = (0..500).map(|i| i.to_string()).collect();
        for count in [2, FEW - 1, FEW, FEW + 1, 500] {
            let names = || {
                let mut names = Names::default();
                texts[..count].iter().for_each(|text| names.add(text.as_str().into()));
                names
            };
            assert!(!names().repeats(), "{count}");
            assert!(names().has("1") && !names().has("x"));
            for again in [Cow::Borrowed("1"), Cow::Owned("1".to_owned())] {
                let mut names = names();
                names.add(again);
                assert!(names.has("1") && names.repeats(), "{count}");
            }
        }
    }
}
