//! Whether a team of threads or one thread alone is the faster for a text on its own, learned from the calls.
//!
//! A team meets at some fifty barriers. On an idle machine two threads take 0.6 to 0.8 of the time of one; where another
//! process keeps one of the cores busy, each barrier may wait for the scheduler, and they take three times as long
//! (int8 MiniLM, 11 tokens: 2.2 ms in place of 0.7 ms). Results are the same to the bit either way.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Calls from one comparison to the next.
const PERIOD: u32 = 256;

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
    calls: u32,
    /// Nanoseconds an operation of the counted calls.
    team: [f64; COUNTED],
    alone: [f64; COUNTED],
    prefers_alone: bool,
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
            let at = class.calls % PERIOD;
            class.calls = class.calls.wrapping_add(1);
            let team = match at / TRIAL {
                0 => true,
                1 => false,
                _ => !class.prefers_alone,
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
                class.prefers_alone = median(class.alone) < median(class.team);
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
        // A core is taken away, and comes back.
        assert_eq!(run(&pace, PERIOD, 2200, 700), TRIAL);
        assert_eq!(run(&pace, PERIOD, 500, 700), PERIOD - TRIAL);
    }
}
