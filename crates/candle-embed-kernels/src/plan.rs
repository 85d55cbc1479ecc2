//! Who computes what: sequences cut into chunks, and whether threads take whole chunks or work on each together.

use std::ops::Range;

/// Tokens of a chunk. Its activations stay in the second-level cache, and one pass over a layer's weights (7 MB in f32
/// for MiniLM) serves them all.
const CHUNK_TOKENS: usize = 256;

/// What the meetings of a forward by all threads together cost, in floating-point operations: some 50 barriers of half
/// a microsecond at 200 GFLOP/s.
const TEAM_OVERHEAD: f64 = 5e6;

/// A team also loses to uneven shares of panels and heads.
const TEAM_EFFICIENCY: f64 = 0.85;

/// How a batch is run.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    /// Runs of sequences.
    pub chunks: Vec<Range<usize>>,
    /// All threads work on each chunk together; otherwise each takes whole chunks.
    pub together: bool,
}

/// Floating-point operations of a sequence: `linear` a token, and `attention` a token and key.
#[derive(Clone, Copy)]
pub(crate) struct Costs {
    pub linear: f64,
    pub attention: f64,
}

impl Costs {
    fn sequence(self, tokens: usize) -> f64 {
        tokens as f64 * (self.linear + self.attention * tokens as f64)
    }
}

/// Plans the sequences `offsets[i]..offsets[i + 1]` for a number of threads.
pub(crate) fn plan(offsets: &[usize], threads: usize, costs: Costs) -> Plan {
    let chunks = chunks(offsets, threads, costs);
    if threads == 1 {
        return Plan { chunks, together: false };
    }
    let cost = |chunk: &Range<usize>| -> f64 {
        offsets[chunk.start..=chunk.end].windows(2).map(|pair| costs.sequence(pair[1] - pair[0])).sum()
    };
    // Threads take the chunks in order, each the next as it becomes free.
    let mut busy = vec![0.0f64; threads];
    for chunk in &chunks {
        let first_free = (0..threads).min_by(|&a, &b| busy[a].total_cmp(&busy[b])).unwrap_or(0);
        busy[first_free] += cost(chunk);
    }
    let apart = busy.iter().copied().fold(0.0, f64::max);
    let total: f64 = busy.iter().sum();
    let together = total / (threads as f64 * TEAM_EFFICIENCY) + TEAM_OVERHEAD * chunks.len() as f64;
    Plan { chunks, together: together < apart }
}

/// Chunks of about equal cost, cut at the sequence border nearest to it, their number a multiple of the threads.
fn chunks(offsets: &[usize], threads: usize, costs: Costs) -> Vec<Range<usize>> {
    let sequences = offsets.len().saturating_sub(1);
    let tokens = offsets.last().copied().unwrap_or(0);
    let wanted = tokens.div_ceil(CHUNK_TOKENS).next_multiple_of(threads).min(sequences).max(1);
    let mut ends = Vec::with_capacity(sequences);
    let mut total = 0.0;
    for pair in offsets.windows(2) {
        total += costs.sequence(pair[1] - pair[0]);
        ends.push(total);
    }
    let mut chunks = Vec::with_capacity(wanted);
    let mut start = 0;
    for i in 1..=wanted {
        let goal = total * i as f64 / wanted as f64;
        let mut end = ends.partition_point(|&sum| sum < goal);
        // `end` is the sequence that reaches the goal: in or out, whichever comes nearer.
        if end < sequences && (i == wanted || ends[end] - goal <= goal - if end > 0 { ends[end - 1] } else { 0.0 }) {
            end += 1;
        }
        let end = if i == wanted { sequences } else { end };
        if end > start {
            chunks.push(start..end);
            start = end;
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs { linear: 21.2e6, attention: 9216.0 };

    fn offsets(lengths: &[usize]) -> Vec<usize> {
        let mut offsets = vec![0];
        for &length in lengths {
            offsets.push(offsets.last().unwrap() + length);
        }
        offsets
    }

    #[test]
    fn every_sequence_is_in_one_chunk_and_chunks_are_bounded() {
        for lengths in [vec![], vec![7], vec![14; 500], vec![512, 3, 3, 3, 300, 1], vec![256; 9]] {
            let offsets = offsets(&lengths);
            for threads in 1..=5 {
                let plan = plan(&offsets, threads, COSTS);
                let all: Vec<usize> = plan.chunks.iter().cloned().flatten().collect();
                assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
                let longest = lengths.iter().max().copied().unwrap_or(0);
                for chunk in &plan.chunks {
                    assert!(offsets[chunk.end] - offsets[chunk.start] <= 2 * CHUNK_TOKENS + longest);
                }
            }
        }
    }

    #[test]
    fn one_text_is_shared_and_many_are_not() {
        assert!(plan(&offsets(&[14]), 2, COSTS).together);
        assert!(!plan(&offsets(&[14; 64]), 2, COSTS).together);
        assert!(!plan(&offsets(&[187; 32]), 2, COSTS).together);
        assert!(plan(&offsets(&[187; 3]), 2, COSTS).together);
    }
}
