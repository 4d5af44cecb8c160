//! Sets of small numbers: the places of statements in a roster's order.

/// A set of numbers, one bit each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub(crate) struct Set(Vec<u64>);

impl Set {
    pub(crate) fn insert(&mut self, n: usize) {
        let word = n / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= 1 << (n % 64);
        }
    }

    pub(crate) fn contains(&self, n: usize) -> bool {
        self.0.get(n / 64).is_some_and(|bits| bits >> (n % 64) & 1 == 1)
    }

    pub(crate) fn unite(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine |= theirs);
    }

    pub(crate) fn contains_all(&self, other: &Self) -> bool {
        let mine = |word: usize| self.0.get(word).copied().unwrap_or_default();
        other.0.iter().enumerate().all(|(word, theirs)| theirs & !mine(word) == 0)
    }

    /// Ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let bits = |word: usize, bits: u64| {
            (0..64).filter(move |n| bits >> n & 1 == 1).map(move |n| word * 64 + n)
        };
        self.0.iter().enumerate().flat_map(move |(word, all)| bits(word, *all))
    }
}

impl FromIterator<usize> for Set {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        let mut set = Self::default();
        numbers.into_iter().for_each(|n| set.insert(n));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn behaves_as_a_set(a in prop::collection::btree_set(0..300_usize, 0..40), b in prop::collection::btree_set(0..300_usize, 0..40)) {
            let set = |numbers: &BTreeSet<usize>| numbers.iter().copied().collect::<Set>();
            let mut both = set(&a);
            both.unite(&set(&b));
            prop_assert_eq!(both.iter().collect::<BTreeSet<_>>(), a.union(&b).copied().collect::<BTreeSet<_>>());
            prop_assert_eq!(set(&a).contains_all(&set(&b)), b.is_subset(&a));
            prop_assert!(a.iter().all(|n| set(&a).contains(*n)) && !set(&a).contains(301));
        }
    }
}
