//! Whether a team of threads or one thread alone is the faster for a text on its own, learned from the calls.
//!
//! A team meets some fifty times. On an idle machine two threads take 0.6 to 0.8 of the time of one; where another
//! process keeps one of the cores busy, each meeting may wait for the scheduler, and they take three times as long
//! (int8 MiniLM, 11 tokens: 2.2 ms in place of 0.7 ms). Results are the same to the bit either way.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Calls from one comparison to the next, as long as a team wins.
const PERIOD: u32 = 256;

/// Calls that one thread is used for after its first win, twice as many after each further one up to [`PERIOD`]: what
/// kept a team from its cores may be gone at once, and then every call alone takes nearly twice as long.
const SHORTEST_PERIOD: u32 = 32;

/// Calls in a row that each way gets in a comparison, and how many of them do not count: a team's threads sleep deeper
/// after a while without work, and the first call of all finds cold weights.
const TRIAL: u32 = 8;
const WARM_UP: u32 = 3;
const COUNTED: usize = (TRIAL - WARM_UP) as usize;

/// What was seen of texts of about the same size: each class takes up to twice the operations of the one before.
#[derive(Default)]
pub(crate) struct Pace {
    classes: [Mutex<Class>; 16],
}

/// The comparison that is running, and the last one's result.
#[derive(Default)]
struct Class {
    /// Calls since the last comparison began.
    calls: u32,
    /// Nanoseconds an operation of the counted calls.
    team: [f64; COUNTED],
    alone: [f64; COUNTED],
    /// Comparisons that one thread has won in a row.
    won_alone: u32,
}

impl Class {
    fn period(&self) -> u32 {
        // No shift beyond the period, and none that overflows.
        let doublings = self.won_alone.saturating_sub(1).min(PERIOD.ilog2());
        if self.won_alone == 0 { PERIOD } else { (SHORTEST_PERIOD << doublings).min(PERIOD) }
    }
}

/// How a call is to be run.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub team: bool,
    /// Its place in the period.
    at: u32,
}

impl Pace {
    /// How the next text, of so many operations, should be run.
    pub fn next(&self, operations: f64) -> Way {
        self.with(operations, |class| {
            let at = class.calls;
            class.calls = (at + 1) % class.period();
            let team = match at / TRIAL {
                0 => true,
                1 => false,
                _ => class.won_alone == 0,
            };
            Way { team, at }
        })
    }

    /// Notes how long it took.
    pub fn record(&self, way: Way, operations: f64, time: Duration) {
        if way.at >= 2 * TRIAL || way.at % TRIAL < WARM_UP {
            return;
        }
        self.with(operations, |class| {
            let costs = if way.team { &mut class.team } else { &mut class.alone };
            costs[(way.at % TRIAL - WARM_UP) as usize] = time.as_nanos() as f64 / operations;
            if way.at == 2 * TRIAL - 1 {
                let alone = median(class.alone) < median(class.team);
                class.won_alone = if alone { class.won_alone.saturating_add(1) } else { 0 };
            }
        });
    }

    fn with<T>(&self, operations: f64, f: impl FnOnce(&mut Class) -> T) -> T {
        let doublings = (operations / 1e7).max(1.0).log2() as usize;
        let class = &self.classes[doublings.min(self.classes.len() - 1)];
        f(&mut class.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A single delay, which either way may meet, does not count.
fn median(mut costs: [f64; COUNTED]) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[COUNTED / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts out of `calls` that a team ran, after a first call that took long.
    fn run(pace: &Pace, calls: u32, team_micros: u64, alone_micros: u64) -> u32 {
        let mut teams = 0;
        for call in 0..calls {
            let way = pace.next(1e8);
            let micros = if way.team { team_micros } else { alone_micros };
            pace.record(way, 1e8, Duration::from_micros(if call == 0 { 50_000 } else { micros }));
            teams += u32::from(way.team);
        }
        teams
    }

    #[test]
    fn the_faster_way_is_found_and_a_change_noticed() {
        let pace = Pace::default();
        assert_eq!(run(&pace, PERIOD, 500, 700), PERIOD - TRIAL);
        // A core is taken away: comparisons after 32, 64, 128, 256 and 256 calls.
        assert_eq!(run(&pace, 32 + 64 + 128 + 2 * PERIOD, 2200, 700), 5 * TRIAL);
        // It comes back.
        assert_eq!(run(&pace, PERIOD, 500, 700), PERIOD - TRIAL);
    }

    #[test]
    fn a_disturbance_during_a_comparison_is_soon_forgotten() {
        let pace = Pace::default();
        assert_eq!(run(&pace, 2 * TRIAL, 2200, 700), TRIAL);
        assert_eq!(run(&pace, SHORTEST_PERIOD - 2 * TRIAL, 500, 700), 0);
        assert_eq!(run(&pace, PERIOD, 500, 700), PERIOD - TRIAL);
    }
}
