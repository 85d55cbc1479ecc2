//! The engine's own threads: `n - 1` workers and the caller, woken by one counter, with a short spin before they park.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::hint::spin_loop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
    /// Counts jobs; a change is the signal to start.
    epoch: AtomicUsize,
    job: UnsafeCell<Option<*const Job<'static>>>,
    /// Workers that have not finished the current job.
    running: AtomicUsize,
    stop: AtomicBool,
    parked: Vec<AtomicBool>,
    caller_parked: AtomicBool,
    caller: Mutex<Option<Thread>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `job` is written only while no worker runs (`running` is 0 and callers take turns) and read only after the
// epoch has announced it; the closure it points to is `Sync` and outlives the run.
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
            epoch: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            running: AtomicUsize::new(0),
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
    /// With the first panic of the job, after all threads have stopped; and where the job itself calls `run`.
    pub fn run(&self, job: impl Fn(usize) + Sync) {
        assert!(!INSIDE.get(), "ThreadPool::run was called from inside a job");
        let _turn = lock(&self.turn);
        let shared = &*self.shared;
        let workers = self.workers.len();
        if workers > 0 {
            let job: &Job<'_> = &job;
            // SAFETY: only the lifetime changes; this function does not return or unwind before every worker has
            // finished with the reference.
            let job = unsafe { std::mem::transmute::<&Job<'_>, &'static Job<'static>>(job) };
            *lock(&shared.caller) = Some(thread::current());
            // SAFETY: no worker reads the cell before the epoch changes.
            unsafe { *shared.job.get() = Some(std::ptr::from_ref(job)) };
            shared.running.store(workers, Ordering::Relaxed);
            shared.epoch.fetch_add(1, Ordering::SeqCst);
            for (worker, parked) in self.workers.iter().zip(&shared.parked) {
                if parked.load(Ordering::SeqCst) {
                    worker.thread().unpark();
                }
            }
        }
        let own = guarded(|| job(0));
        wait(&shared.caller_parked, || shared.running.load(Ordering::SeqCst) == 0);
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
        self.run(|_| {
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
        self.shared.epoch.fetch_add(1, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker never unwinds: jobs are guarded.
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn work(&self, index: usize) {
        let mut seen = 0;
        loop {
            wait(&self.parked[index], || self.epoch.load(Ordering::SeqCst) != seen);
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            seen = seen.wrapping_add(1);
            // SAFETY: the epoch was announced after the cell was written, and the caller keeps the closure alive until
            // `running` is 0.
            let job = unsafe { (*self.job.get()).map(|job| &*job) };
            if let Some(Err(panic)) = job.map(|job| guarded(|| job(index + 1))) {
                lock(&self.panic).get_or_insert(panic);
            }
            // By now the next caller may be in already; then it is woken for nothing and parks again.
            if self.running.fetch_sub(1, Ordering::SeqCst) == 1
                && self.caller_parked.load(Ordering::SeqCst)
                && let Some(caller) = &*lock(&self.caller)
            {
                caller.unpark();
            }
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
