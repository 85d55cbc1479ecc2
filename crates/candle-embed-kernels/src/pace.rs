//! Whether a team of threads or one thread alone is the faster for a text on its own, learned from the calls.
//!
//! A team meets at some fifty barriers. On an idle machine two threads take 0.6 of the time of one; where another process
//! keeps one of the cores busy, each barrier may wait for the scheduler, and they take three times as long (int8
//! MiniLM, 11 tokens: 2.2 ms in place of 0.7 ms). Results are the same to the bit either way.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Every so many calls the slower way is tried again, and alone more often while it is unknown.
const RETRY: u32 = 64;
const FIRST_TRY: u32 = 8;

/// What was seen of texts of about the same size: each class takes up to twice the operations of the one before.
#[derive(Default)]
pub(crate) struct Pace {
    classes: [Class; 16],
}

/// Nanoseconds a million operations of either way, as the bits of an f32; 0 where unknown.
#[derive(Default)]
struct Class {
    team: AtomicU32,
    alone: AtomicU32,
    calls: AtomicU32,
}

impl Pace {
    /// Whether the next text, of so many operations, should be run by a team.
    pub fn team(&self, operations: f64) -> bool {
        let class = self.class(operations);
        let call = class.calls.fetch_add(1, Ordering::Relaxed);
        let (team, alone) = (read(&class.team), read(&class.alone));
        if team == 0.0 || alone == 0.0 {
            return call % FIRST_TRY != FIRST_TRY - 1;
        }
        (team <= alone) != (call % RETRY == RETRY - 1)
    }

    /// Notes how long `operations` took.
    pub fn record(&self, team: bool, operations: f64, time: Duration) {
        let class = self.class(operations);
        let cell = if team { &class.team } else { &class.alone };
        let now = (time.as_nanos() as f64 / (operations / 1e6).max(1e-6)) as f32;
        let before = read(cell);
        // Few calls decide, but a single delay does not.
        let mean = if before == 0.0 { now } else { before + (now.min(4.0 * before) - before) / 8.0 };
        cell.store(mean.to_bits(), Ordering::Relaxed);
    }

    fn class(&self, operations: f64) -> &Class {
        let doublings = (operations / 1e7).max(1.0).log2() as usize;
        &self.classes[doublings.min(self.classes.len() - 1)]
    }
}

fn read(cell: &AtomicU32) -> f32 {
    f32::from_bits(cell.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pace: &Pace, calls: usize, team_micros: u64, alone_micros: u64) -> usize {
        (0..calls)
            .filter(|_| {
                let team = pace.team(1e8);
                let micros = if team { team_micros } else { alone_micros };
                pace.record(team, 1e8, Duration::from_micros(micros));
                team
            })
            .count()
    }

    #[test]
    fn the_faster_way_is_found_and_a_change_noticed() {
        let pace = Pace::default();
        assert!(run(&pace, 1000, 400, 700) > 950);
        // A core is taken away, and comes back.
        run(&pace, 64, 2200, 700);
        assert!(run(&pace, 1000, 2200, 700) < 50);
        run(&pace, 2000, 400, 700);
        assert!(run(&pace, 1000, 400, 700) > 950);
    }
}
