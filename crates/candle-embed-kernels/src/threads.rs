//! The engine's own threads: `n - 1` workers and the caller, woken by one word, with a short spin before they park.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::hint::spin_loop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};

/// Rounds of waiting before a thread parks: some 0.2 ms. Longer than the gap between calls that a JavaScript loop makes one
/// after the other (0.1 ms; waking a parked thread takes as long, and its help with one short text comes too late), and
/// short enough to leave the machine alone otherwise.
const SPINS: usize = 6000;

/// Rounds from one yield to the next.
const YIELD_EVERY: usize = 64;

/// Rounds a [`Barrier`] spins before it yields: threads of one team are normally all running, but where others want the
/// processors too, a spinning thread keeps the one it waits for from its turn.
const BARRIER_SPINS: usize = 2_000;

type Job<'a> = dyn Fn(usize) + Sync + 'a;

/// A fixed number of threads that run one job at a time, each thread once.
pub struct ThreadPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Callers take turns.
    turn: Mutex<()>,
}

struct Shared {
    /// The [`Gate`] of the current run. A new one is the signal to start.
    gate: AtomicU64,
    job: UnsafeCell<Option<*const Job<'static>>>,
    /// Workers that have finished the current run's job.
    finished: AtomicUsize,
    stop: AtomicBool,
    parked: Vec<AtomicBool>,
    caller_parked: AtomicBool,
    caller: Mutex<Option<Thread>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `job` is read only by workers that the gate let into the run, and written only before that run's gate opens and
// after all workers of the run before have finished (callers take turns); the closure it points to is `Sync` and outlives
// the run.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointer is never used after the run that set it.
unsafe impl Send for Shared {}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

impl ThreadPool {
    /// A pool of `threads` threads, the caller of [`ThreadPool::run`] included; 0 counts as 1. Where the system refuses
    /// a thread the pool is smaller.
    pub fn new(threads: usize) -> Self {
        let wanted = threads.max(1) - 1;
        let shared = Arc::new(Shared {
            gate: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            finished: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            parked: (0..wanted).map(|_| AtomicBool::new(false)).collect(),
            caller_parked: AtomicBool::new(false),
            caller: Mutex::new(None),
            panic: Mutex::new(None),
        });
        let mut workers = Vec::with_capacity(wanted);
        for index in 0..wanted {
            let for_worker = Arc::clone(&shared);
            let builder = thread::Builder::new().name(format!("candle-embed-{}", index + 1));
            match builder.spawn(move || for_worker.work(index)) {
                Ok(worker) => workers.push(worker),
                Err(_) => break,
            }
        }
        Self { shared, workers, turn: Mutex::new(()) }
    }

    /// Threads that take part in a run.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `job(rank)` once for every rank below [`ThreadPool::threads`], each on its own thread, rank 0 on this one,
    /// and returns when all are done. Other callers wait for their turn.
    ///
    /// # Panics
    ///
    /// With the first panic of the job, after all threads have stopped; and where the job itself calls the pool.
    pub fn run(&self, job: impl Fn(usize) + Sync) {
        self.start(&job, Attendance::Everyone);
    }

    /// As [`ThreadPool::run`], but without waiting for threads that have not begun when rank 0 is done: for jobs whose rank 0
    /// goes on until nothing is left to do. Where the event loop or other programs want the processors too, a thread may
    /// come milliseconds late: with two threads on two cores, calls of 16 to 64 short texts became 8 % quicker.
    ///
    /// # Panics
    ///
    /// As [`ThreadPool::run`].
    pub fn run_with_helpers(&self, job: impl Fn(usize) + Sync) {
        self.start(&job, Attendance::WhoeverComes);
    }

    fn start(&self, job: &Job<'_>, attendance: Attendance) {
        assert!(!INSIDE.get(), "a job of a ThreadPool called the pool");
        let _turn = lock(&self.turn);
        let shared = &*self.shared;
        let workers = self.workers.len();
        if workers > 0 {
            // SAFETY: only the lifetime changes; this function does not return or unwind before every worker that the
            // gate let in has finished with the reference.
            let job = unsafe { std::mem::transmute::<&Job<'_>, &'static Job<'static>>(job) };
            *lock(&shared.caller) = Some(thread::current());
            // SAFETY: no worker reads the cell before the gate opens.
            unsafe { *shared.job.get() = Some(std::ptr::from_ref(job)) };
            shared.finished.store(0, Ordering::Relaxed);
            shared.open_gate();
            for (worker, parked) in self.workers.iter().zip(&shared.parked) {
                if parked.load(Ordering::SeqCst) {
                    worker.thread().unpark();
                }
            }
        }
        let own = guarded(|| job(0));
        let expected = match attendance {
            Attendance::Everyone => workers,
            Attendance::WhoeverComes => shared.close_gate(),
        };
        wait(&shared.caller_parked, || shared.finished.load(Ordering::SeqCst) == expected);
        let from_worker = lock(&shared.panic).take();
        if let Some(panic) = own.err().or(from_worker) {
            resume_unwind(panic);
        }
    }

    /// Calls `task(i)` once for every `i` below `tasks`; each thread takes the next as it becomes free.
    ///
    /// # Panics
    ///
    /// As [`ThreadPool::run`].
    pub fn for_each(&self, tasks: usize, task: impl Fn(usize) + Sync) {
        let next = AtomicUsize::new(0);
        self.run_with_helpers(|_| {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= tasks {
                    break;
                }
                task(at);
            }
        });
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.open_gate();
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker never unwinds: jobs are guarded.
            let _ = worker.join();
        }
    }
}

/// Which threads a run waits for.
#[derive(Clone, Copy)]
enum Attendance {
    Everyone,
    /// Those that began before rank 0 was done.
    WhoeverComes,
}

/// Who may still take part in which run. Bits 32 to 63: the number of the run; bit 31: whether it takes no workers any
/// more; below: how many it took.
#[derive(Clone, Copy)]
struct Gate(u64);

impl Gate {
    const CLOSED: u64 = 1 << 31;

    fn run(self) -> u64 {
        self.0 >> 32
    }

    fn is_closed(self) -> bool {
        self.0 & Self::CLOSED != 0
    }

    fn taken(self) -> usize {
        (self.0 & (Self::CLOSED - 1)) as usize
    }
}

impl Shared {
    fn gate(&self) -> Gate {
        Gate(self.gate.load(Ordering::SeqCst))
    }

    /// Begins the next run. By one thread at a time.
    fn open_gate(&self) {
        self.gate.store(self.gate().run().wrapping_add(1) << 32, Ordering::SeqCst);
    }

    /// Takes no more workers into this run, and says how many it has.
    fn close_gate(&self) -> usize {
        Gate(self.gate.fetch_or(Gate::CLOSED, Ordering::SeqCst)).taken()
    }

    fn work(&self, index: usize) {
        let mut seen = 0;
        loop {
            wait(&self.parked[index], || self.gate().run() != seen);
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let mut gate = self.gate();
            seen = gate.run();
            // Others may come in at the same moment. That the run ends, or the next begins, means being too late.
            while gate.run() == seen && !gate.is_closed() {
                match self.gate.compare_exchange(gate.0, gate.0 + 1, Ordering::SeqCst, Ordering::SeqCst) {
                    Ok(_) => {
                        self.take_part(index + 1);
                        break;
                    }
                    Err(now) => gate = Gate(now),
                }
            }
        }
    }

    fn take_part(&self, rank: usize) {
        // SAFETY: the gate let this worker in, so the cell holds this run's job until `finished` counts this worker.
        let job = unsafe { (*self.job.get()).map(|job| &*job) };
        if let Some(Err(panic)) = job.map(|job| guarded(|| job(rank))) {
            lock(&self.panic).get_or_insert(panic);
        }
        self.finished.fetch_add(1, Ordering::SeqCst);
        // By now the next caller may be in already; then it is woken for nothing and parks again.
        if self.caller_parked.load(Ordering::SeqCst)
            && let Some(caller) = &*lock(&self.caller)
        {
            caller.unpark();
        }
    }
}

/// Runs part of a job, marked as such, and keeps its panic.
fn guarded(part: impl FnOnce()) -> thread::Result<()> {
    INSIDE.set(true);
    let result = catch_unwind(AssertUnwindSafe(part));
    INSIDE.set(false);
    result
}

/// Waits a moment; every so often another thread that waits for this core gets it. Without that, on two cores, one call in
/// ten took four times as long: its JavaScript thread stood behind a spinning one.
fn pause(round: usize) {
    if round % YIELD_EVERY == YIELD_EVERY - 1 {
        thread::yield_now();
    } else {
        spin_loop();
    }
}

/// Spins, then parks until `ready`. Whoever makes it ready looks at `parked` afterwards and unparks the thread if it is
/// true.
fn wait(parked: &AtomicBool, ready: impl Fn() -> bool) {
    for round in 0..SPINS {
        if ready() {
            return;
        }
        pause(round);
    }
    while !ready() {
        parked.store(true, Ordering::SeqCst);
        if !ready() {
            thread::park();
        }
        parked.store(false, Ordering::SeqCst);
    }
}

/// The lock, also after a panic: what these locks guard is valid at every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A meeting point for the threads of one run, for work in steps of microseconds.
pub struct Barrier {
    size: usize,
    arrived: AtomicUsize,
    round: AtomicUsize,
    broken: AtomicBool,
}

impl Barrier {
    /// A barrier for `size` threads.
    pub fn new(size: usize) -> Self {
        Self { size, arrived: AtomicUsize::new(0), round: AtomicUsize::new(0), broken: AtomicBool::new(false) }
    }

    /// Waits until all threads are here.
    ///
    /// # Panics
    ///
    /// Where [`Barrier::break_off`] was called, since the missing thread will never come.
    pub fn wait(&self) {
        if self.size <= 1 {
            return;
        }
        let round = self.round.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.size {
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut spins = 0;
        while self.round.load(Ordering::Acquire) == round {
            assert!(!self.broken.load(Ordering::Relaxed), "another thread of this run has panicked");
            if spins < BARRIER_SPINS {
                spins += 1;
                spin_loop();
            } else {
                thread::yield_now();
            }
        }
    }

    /// Lets everyone who waits, or will wait, panic instead of waiting for ever.
    pub fn break_off(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }
}

/// One thread's place among those that work on the same tokens.
pub(crate) struct Team<'a> {
    pub rank: usize,
    pub size: usize,
    pub barrier: &'a Barrier,
}

impl Team<'_> {
    /// This thread's part of `n` equal pieces.
    pub fn share(&self, n: usize) -> Range<usize> {
        n * self.rank / self.size..n * (self.rank + 1) / self.size
    }
}

impl Drop for Team<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.barrier.break_off();
        }
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    #[test]
    fn every_rank_and_every_task_runs_once() {
        for threads in 1..=4 {
            let pool = ThreadPool::new(threads);
            for _ in 0..200 {
                let counts: Vec<AtomicUsize> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
                pool.run(|rank| {
                    counts[rank].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
            let sum = AtomicUsize::new(0);
            pool.for_each(100, |i| {
                sum.fetch_add(i, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 4950);
        }
    }

    #[test]
    fn helpers_take_part_in_their_own_run_or_not_at_all() {
        let pool = ThreadPool::new(4);
        for run in 0..20_000usize {
            let (job, done) = (AtomicUsize::new(run), AtomicUsize::new(0));
            let next = AtomicUsize::new(0);
            pool.run_with_helpers(|_| {
                while next.fetch_add(1, Ordering::Relaxed) < 5 {
                    // A helper of an earlier run would read what is gone by now.
                    assert_eq!(job.load(Ordering::Relaxed), run);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
            assert_eq!(done.into_inner(), 5);
            job.store(usize::MAX, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_run_with_helpers_does_not_wait_for_those_that_are_late() {
        let pool = ThreadPool::new(2);
        let (mut alone, began) = (0, AtomicUsize::new(0));
        for _ in 0..2_000 {
            began.store(0, Ordering::Relaxed);
            pool.run_with_helpers(|_| {
                began.fetch_add(1, Ordering::Relaxed);
            });
            alone += usize::from(began.load(Ordering::Relaxed) == 1);
        }
        // Rank 0 has next to nothing to do, so that it is done before the other has heard of it.
        assert!(alone > 0);
    }

    #[test]
    fn workers_wake_after_parking() {
        let pool = ThreadPool::new(3);
        for _ in 0..5 {
            thread::sleep(std::time::Duration::from_millis(5));
            let count = AtomicUsize::new(0);
            pool.run(|rank| {
                if rank > 0 {
                    thread::sleep(std::time::Duration::from_millis(2));
                }
                count.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(count.into_inner(), 3);
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = ThreadPool::new(3);
        for bad in 0..3 {
            let result = catch_unwind(AssertUnwindSafe(|| pool.run(|rank| assert_ne!(rank, bad, "rank {bad}"))));
            assert!(result.is_err());
            let nested = catch_unwind(AssertUnwindSafe(|| pool.run(|_| pool.run(|_| ()))));
            assert!(nested.is_err());
            pool.run(|_| ());
        }
    }

    #[test]
    fn a_panic_in_a_team_breaks_the_barrier() {
        let pool = ThreadPool::new(2);
        let barrier = Barrier::new(2);
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.run(|rank| {
                let team = Team { rank, size: 2, barrier: &barrier };
                team.barrier.wait();
                assert_eq!(rank, 0, "rank 1 fails");
                team.barrier.wait();
            });
        }));
        assert!(result.is_err());
    }

    #[test]
    fn callers_take_turns() {
        let pool = ThreadPool::new(2);
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        pool.run(|rank| {
                            if rank == 0 {
                                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                                inside.fetch_sub(1, Ordering::SeqCst);
                            }
                        });
                    }
                });
            }
        });
    }
}
