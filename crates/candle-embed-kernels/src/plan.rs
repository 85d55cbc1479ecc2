//! Who computes what: sequences cut into chunks, and whether threads take whole chunks or work on each together.

use std::ops::Range;

/// Tokens of a chunk. Its activations stay in the second-level cache, and one pass over a layer's weights (7 MB in f32
/// for MiniLM) serves them all.
const CHUNK_TOKENS: usize = 256;

/// Where each thread would have one chunk, it has two from so many tokens on: whoever is held up by something else leaves
/// the second one to the others.
const DIVIDED_TOKENS: usize = 100;

/// What the meetings of a forward by all threads together cost, in floating-point operations: some 50 of half a
/// microsecond at 200 GFLOP/s.
const TEAM_OVERHEAD: f64 = 5e6;

/// A team of two is slower than threads apart by this many tokens in each chunk: 19 % with 14 tokens, 2 % with 187.
const TEAM_TOKENS: f64 = 3.3;

/// Sequences a thread that may be tried as the team's part; more never even out the rest better.
const TEAM_SEQUENCES: usize = 2;

/// How a batch is run: first the team's chunks, one after the other, then the others.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    /// Runs of sequences.
    pub chunks: Vec<Range<usize>>,
    /// So many of the first chunks are worked on by all threads together; of the others each thread takes whole ones.
    pub together: usize,
}

/// What sequences cost in floating-point operations, and how finely a step can be shared.
#[derive(Clone, Copy)]
pub(crate) struct Costs {
    /// A token.
    pub linear: f64,
    /// A token and key.
    pub attention: f64,
    /// Panels of the narrowest linear layer: a team's members take whole ones.
    pub shares: usize,
}

impl Costs {
    fn sequence(self, tokens: usize) -> f64 {
        tokens as f64 * (self.linear + self.attention * tokens as f64)
    }

    fn chunk(self, offsets: &[usize], chunk: &Range<usize>) -> f64 {
        offsets[chunk.start..=chunk.end].windows(2).map(|pair| self.sequence(pair[1] - pair[0])).sum()
    }

    /// What a chunk costs each member of a team.
    fn member(self, offsets: &[usize], chunk: &Range<usize>, threads: usize) -> f64 {
        let tokens = (offsets[chunk.end] - offsets[chunk.start]) as f64;
        let share = self.shares.div_ceil(threads) as f64 / self.shares as f64;
        self.chunk(offsets, chunk) * share * (1.0 + TEAM_TOKENS / tokens.max(1.0)) + TEAM_OVERHEAD
    }
}

/// Plans the sequences `offsets[i]..offsets[i + 1]`, longest first, for a number of threads.
///
/// Where whole sequences do not divide evenly (five long ones between two threads), the team takes the first ones and
/// leaves a rest that does.
pub(crate) fn plan(offsets: &[usize], threads: usize, costs: Costs) -> Plan {
    let sequences = offsets.len().saturating_sub(1);
    let mut best = Plan { chunks: chunks(offsets, 0..sequences, threads, costs), together: 0 };
    if threads == 1 {
        return best;
    }
    let mut least = apart(offsets, &best.chunks, threads, costs);
    for first in (1..=sequences.min(threads * TEAM_SEQUENCES)).chain([sequences]) {
        let mut all = chunks(offsets, 0..first, 1, costs);
        let team: f64 = all.iter().map(|chunk| costs.member(offsets, chunk, threads)).sum();
        if team >= least {
            break;
        }
        let rest = chunks(offsets, first..sequences, threads, costs);
        let cost = team + apart(offsets, &rest, threads, costs);
        if cost < least {
            least = cost;
            let together = all.len();
            all.extend(rest);
            best = Plan { chunks: all, together };
        }
    }
    best
}

/// What the busiest thread has to do where each takes the next chunk as it becomes free.
fn apart(offsets: &[usize], chunks: &[Range<usize>], threads: usize, costs: Costs) -> f64 {
    let mut busy = vec![0.0f64; threads];
    for chunk in chunks {
        let first_free = (0..threads).min_by(|&a, &b| busy[a].total_cmp(&busy[b])).unwrap_or(0);
        busy[first_free] += costs.chunk(offsets, chunk);
    }
    busy.iter().copied().fold(0.0, f64::max)
}

/// Chunks of the given sequences of about equal cost, cut at the sequence border nearest to it, their number a multiple
/// of the threads.
fn chunks(offsets: &[usize], sequences: Range<usize>, threads: usize, costs: Costs) -> Vec<Range<usize>> {
    let count = sequences.len();
    let offsets = &offsets[sequences.start..];
    let tokens = offsets.get(count).map_or(0, |end| end - offsets[0]);
    let mut wanted = tokens.div_ceil(CHUNK_TOKENS).next_multiple_of(threads);
    if threads > 1 && wanted == threads && tokens >= threads * DIVIDED_TOKENS {
        wanted *= 2;
    }
    let wanted = wanted.min(count).max(1);
    let mut ends = Vec::with_capacity(count);
    let mut total = 0.0;
    for pair in offsets.windows(2).take(count) {
        total += costs.sequence(pair[1] - pair[0]);
        ends.push(total);
    }
    let mut chunks = Vec::with_capacity(wanted);
    let mut start = 0;
    for i in 1..=wanted {
        let goal = total * i as f64 / wanted as f64;
        let mut end = ends.partition_point(|&sum| sum < goal);
        // `end` is the sequence that reaches the goal: in or out, whichever comes nearer.
        if end < count && (i == wanted || ends[end] - goal <= goal - if end > 0 { ends[end - 1] } else { 0.0 }) {
            end += 1;
        }
        let end = if i == wanted { count } else { end };
        if end > start {
            chunks.push(sequences.start + start..sequences.start + end);
            start = end;
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs { linear: 21.2e6, attention: 9216.0, shares: 12 };

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
        let together = |lengths: &[usize]| {
            let plan = plan(&offsets(lengths), 2, COSTS);
            (plan.together, plan.chunks.len())
        };
        assert_eq!(together(&[14]), (1, 1));
        assert_eq!(together(&[14; 64]).0, 0);
        assert_eq!(together(&[187; 32]).0, 0);
    }

    #[test]
    fn what_does_not_divide_evenly_is_shared() {
        for (count, threads) in [(3, 2), (5, 2), (9, 4), (17, 8)] {
            let plan = plan(&offsets(&vec![187; count]), threads, COSTS);
            assert_eq!(plan.chunks[plan.together].start, 1, "one sequence for the team");
            assert_eq!(plan.chunks.len() - plan.together, count - 1);
        }
    }
}
