//! Threads that work on the same tokens, step by step.
//!
//! Whoever comes first is rank 0 and begins at once. Another thread comes in at the border between two steps, when it is awake
//! and on a processor of its own. Neither is certain: waking a parked thread takes a fifth of the time of a short text, and
//! Linux may wake it where rank 0 runs although another processor is idle, and leave it there for 4 ms. When teams waited for
//! all, one call in five took 4 ms in place of 0.5 in a program that makes one every 5 ms.

use crate::processor;
use crate::threads::pause;
use std::cell::Cell;
use std::hint::spin_loop;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Rounds a member spins at a border before it yields: members are normally all running, but where others want the
/// processors too, a spinning thread keeps the one it waits for from its turn.
const SPINS: usize = 2_000;

/// Where the threads of one run meet.
pub(crate) struct Meeting {
    /// Members in the current step, rank 0 among them; it changes at borders.
    size: AtomicUsize,
    /// Borders that all members have passed.
    step: AtomicUsize,
    /// Members besides rank 0 that are done with the current step.
    arrived: AtomicUsize,
    /// Whether there is a rank 0.
    led: AtomicBool,
    /// Those who want to come in, by their places in the pool.
    guests: Box<[Guest]>,
    /// Guests that wait.
    waiting: AtomicUsize,
    /// Rank 0 is done with the last step, or has panicked.
    over: AtomicBool,
    /// A member has panicked.
    broken: AtomicBool,
}

/// 1: it can't tell on which processor it runs; else that, plus 2.
fn code(processor: Option<usize>) -> usize {
    processor.map_or(1, |processor| processor + 2)
}

/// A thread that wants to come in.
#[derive(Default)]
struct Guest {
    /// 0: not here; else [`code`] of where it waits.
    processor: AtomicUsize,
    /// The first step it has a part in.
    first: AtomicUsize,
    /// 0: not let in.
    rank: AtomicUsize,
}

impl Meeting {
    /// For a pool of so many threads.
    pub fn new(threads: usize) -> Self {
        Self {
            size: AtomicUsize::new(1),
            step: AtomicUsize::new(0),
            arrived: AtomicUsize::new(0),
            led: AtomicBool::new(false),
            guests: (0..threads).map(|_| Guest::default()).collect(),
            waiting: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        }
    }

    /// The part in the team of the thread with this place in the pool, once it is let in. `None` where the others are done, and
    /// have left what they shared.
    ///
    /// A thread that comes late still goes through the whole work from its first step on, as all members do: in the steps
    /// before it was let in, its shares are empty and nobody is waited for. So there is one way through the work, and no
    /// member needs to be told where the others are.
    ///
    /// # Panics
    ///
    /// Where a member has panicked: others may still be in the middle of a step.
    pub fn join(&self, place: usize) -> Option<Team<'_>> {
        if !self.led.swap(true, Ordering::Relaxed) {
            return Some(Team::of(Some(self), 0, 0, 1));
        }
        let guest = &self.guests[place];
        self.waiting.fetch_add(1, Ordering::Relaxed);
        for round in 0usize.. {
            let rank = guest.rank.load(Ordering::Acquire);
            if rank > 0 {
                let first = guest.first.load(Ordering::Relaxed);
                // Others may be let in at the same border; the next one waits for this thread.
                self.wait(|| self.step.load(Ordering::Acquire) >= first);
                return Some(Team::of(Some(self), rank, first, self.size.load(Ordering::Relaxed)));
            }
            if self.over.load(Ordering::Acquire) {
                self.check();
                break;
            }
            guest.processor.store(code(processor::current()), Ordering::Relaxed);
            pause(round);
        }
        None
    }

    /// Lets guests in that have a processor to themselves. By rank 0 at the border before step `first`, with all members there.
    fn let_in(&self, first: usize) {
        let own = Some(code(processor::current()));
        for guest in &self.guests {
            let processor = guest.processor.load(Ordering::Relaxed);
            let taken = || {
                let members = self.guests.iter().filter(|other| other.rank.load(Ordering::Relaxed) > 0);
                members
                    .map(|member| member.processor.load(Ordering::Relaxed))
                    .chain(own)
                    .any(|other| other == processor)
            };
            if processor == 0 || guest.rank.load(Ordering::Relaxed) > 0 || (processor > 1 && taken()) {
                continue;
            }
            let size = self.size.load(Ordering::Relaxed);
            self.size.store(size + 1, Ordering::Relaxed);
            guest.first.store(first, Ordering::Relaxed);
            guest.rank.store(size, Ordering::Release);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn check(&self) {
        assert!(!self.broken.load(Ordering::Relaxed), "another thread of this run has panicked");
    }

    /// Waits for other members.
    fn wait(&self, ready: impl Fn() -> bool) {
        for round in 0usize.. {
            if ready() {
                return;
            }
            self.check();
            if round < SPINS {
                spin_loop();
            } else {
                thread::yield_now();
            }
        }
    }
}

/// One thread's place among those that work on the same tokens.
pub(crate) struct Team<'a> {
    /// `None`: a team of one.
    meeting: Option<&'a Meeting>,
    rank: usize,
    /// The first step it has a part in; see [`Meeting::join`].
    first: usize,
    /// The step it is in.
    step: Cell<usize>,
    size: Cell<usize>,
}

impl<'a> Team<'a> {
    /// A thread by itself.
    pub fn alone() -> Self {
        Self::of(None, 0, 0, 1)
    }

    fn of(meeting: Option<&'a Meeting>, rank: usize, first: usize, size: usize) -> Self {
        Self { meeting, rank, first, step: Cell::new(0), size: Cell::new(size) }
    }

    /// This thread's part of `n` equal pieces.
    pub fn share(&self, n: usize) -> Range<usize> {
        if self.step.get() < self.first {
            return 0..0;
        }
        let size = self.size.get();
        n * self.rank / size..n * (self.rank + 1) / size
    }

    /// Ends a step: what all members have done in it can be read afterwards.
    ///
    /// # Panics
    ///
    /// Where another member has panicked.
    pub fn next_step(&self) {
        let Some(meeting) = self.meeting else { return };
        let step = self.step.get();
        self.step.set(step + 1);
        if step < self.first {
            return;
        }
        if self.rank == 0 {
            let others = self.size.get() - 1;
            meeting.wait(|| meeting.arrived.load(Ordering::Acquire) == others);
            meeting.arrived.store(0, Ordering::Relaxed);
            if meeting.waiting.load(Ordering::Relaxed) > 0 {
                meeting.let_in(step + 1);
            }
            meeting.step.store(step + 1, Ordering::Release);
        } else {
            meeting.arrived.fetch_add(1, Ordering::AcqRel);
            meeting.wait(|| meeting.step.load(Ordering::Acquire) > step);
        }
        self.size.set(meeting.size.load(Ordering::Relaxed));
    }
}

impl Drop for Team<'_> {
    fn drop(&mut self) {
        let Some(meeting) = self.meeting else { return };
        if thread::panicking() {
            meeting.broken.store(true, Ordering::Relaxed);
        }
        if self.rank == 0 {
            meeting.over.store(true, Ordering::Release);
        }
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use crate::threads::ThreadPool;
    use crate::threads::tests::run_on_all;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    /// Whoever comes, and however late: every piece of every step is done once, after all of the step before.
    #[test]
    fn every_piece_is_done_once_whoever_comes() {
        const STEPS: usize = 50;
        const PIECES: usize = 7;
        for threads in 1..=4 {
            let pool = ThreadPool::new(threads);
            for run in 0..200 {
                let done: Vec<AtomicUsize> = (0..STEPS).map(|_| AtomicUsize::new(0)).collect();
                let meeting = Meeting::new(threads);
                run_on_all(&pool, |place| {
                    if place > 0 && run % 3 == 0 {
                        thread::sleep(Duration::from_micros(20 * place as u64));
                    }
                    let Some(team) = meeting.join(place) else { return };
                    for (step, count) in done.iter().enumerate() {
                        for _ in team.share(PIECES) {
                            count.fetch_add(1, Ordering::Relaxed);
                            assert!(step == 0 || done[step - 1].load(Ordering::Relaxed) == PIECES);
                        }
                        team.next_step();
                    }
                });
                assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == PIECES));
            }
        }
    }

    #[test]
    fn who_comes_last_is_not_waited_for() {
        let pool = ThreadPool::new(2);
        let meeting = Meeting::new(2);
        let (over, came) = (AtomicBool::new(false), AtomicBool::new(false));
        run_on_all(&pool, |place| {
            if place > 0 {
                while !over.load(Ordering::Acquire) {
                    thread::yield_now();
                }
                came.store(meeting.join(place).is_some(), Ordering::Relaxed);
            } else {
                let team = meeting.join(place);
                for _ in 0..10 {
                    team.iter().for_each(Team::next_step);
                }
                drop(team);
                over.store(true, Ordering::Release);
            }
        });
        assert!(!came.into_inner());
    }

    /// The others may still work on what the team shares: whoever waits outside must not take it for free.
    #[test]
    fn a_panic_reaches_those_who_were_not_let_in() {
        let meeting = Meeting::new(3);
        let leader = catch_unwind(AssertUnwindSafe(|| {
            let _team = meeting.join(1);
            panic!("one fails");
        }));
        assert!(leader.is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| meeting.join(0).is_none())).is_err());
    }

    #[test]
    fn a_panic_reaches_those_who_wait() {
        let pool = ThreadPool::new(2);
        for bad in 0..2 {
            let meeting = Meeting::new(2);
            let result = catch_unwind(AssertUnwindSafe(|| {
                run_on_all(&pool, |place| {
                    let Some(team) = meeting.join(place) else { return };
                    // Until both are there, which with one processor they never are.
                    for _ in 0..1_000_000 {
                        if team.size.get() == 2 {
                            assert_ne!(place, bad, "one fails");
                        }
                        team.next_step();
                    }
                    assert_eq!(team.size.get(), 2, "alone");
                });
            }));
            assert!(result.is_err());
        }
    }
}
