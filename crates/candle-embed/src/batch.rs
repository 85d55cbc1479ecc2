//! The order in which the texts of a window are computed, and where it is cut.
//!
//! Long texts go first, so that threads which take one text or chunk after the other finish together. How texts are
//! batched never shows in their vectors.

/// Texts by length, taken from the front.
#[derive(Debug)]
pub(crate) struct LengthOrder {
    order: Vec<usize>,
    next: usize,
}

impl LengthOrder {
    /// Texts of the given `lengths` (tokens), longest first.
    pub fn new(lengths: &[usize]) -> Self {
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|text| (std::cmp::Reverse(lengths[*text]), *text));
        Self { order, next: 0 }
    }

    /// The next texts that together have at most `budget` tokens; at least one, and none where all are taken.
    pub fn take(&mut self, lengths: &[usize], budget: usize) -> Vec<usize> {
        let rest = &self.order[self.next..];
        let mut tokens = 0;
        let fits = |text: &&usize| {
            tokens += lengths[**text];
            tokens <= budget
        };
        let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
        self.next += count;
        rest[..count].to_vec()
    }

    /// Whether all texts are taken.
    pub fn is_empty(&self) -> bool {
        self.next == self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::LengthOrder;

    proptest! {
        #[test]
        fn every_text_is_taken_once_within_the_budget(
            lengths in prop::collection::vec(1usize..600, 0..300),
            budget in 1usize..2000,
        ) {
            let mut order = LengthOrder::new(&lengths);
            let mut seen = vec![0; lengths.len()];
            while !order.is_empty() {
                let batch = order.take(&lengths, budget);
                prop_assert!(!batch.is_empty());
                batch.iter().for_each(|text| seen[*text] += 1);
                let tokens: usize = batch.iter().map(|text| lengths[*text]).sum();
                prop_assert!(tokens <= budget || batch.len() == 1);
            }
            prop_assert!(seen.iter().all(|count| *count == 1));
            prop_assert!(order.take(&lengths, budget).is_empty());
        }
    }
}
