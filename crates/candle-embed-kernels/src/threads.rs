//! The engine's own threads, woken by one word, with a short spin before they park.
//!
//! The caller sleeps meanwhile. It is a thread of somebody else's, in Node each time another one of four, and the system moves
//! it about; if it took part, it would meet the others on one processor again and again. These stay where they are.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::hint::spin_loop;
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

type Job<'a> = dyn Fn(usize) + Sync + 'a;

/// A fixed number of threads that run one job at a time, each thread once at most.
pub struct ThreadPool {
    shared: Arc<Shared>,
    /// None where the caller is the only thread.
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
    /// A pool of `threads` threads; 0 counts as 1, which is the caller itself. Where the system refuses a thread the pool is
    /// smaller.
    pub fn new(threads: usize) -> Self {
        let wanted = if threads > 1 { threads } else { 0 };
        let shared = Arc::new(Shared {
            gate: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            finished: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            parked: (0..wanted).map(|_| AtomicBool::new(false)).collect(),
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
        self.workers.len().max(1)
    }

    /// Calls `job(place)` on one thread or more, each with a place of its own below [`ThreadPool::threads`], and returns when all
    /// that have begun are done. Other callers wait for their turn.
    ///
    /// Threads that have not begun when the first is done are not waited for: a job goes on until nothing is left to do, whoever
    /// comes. Where the event loop or other programs want the processors too, a thread may come milliseconds late: with two
    /// threads on two cores, calls of 16 to 64 short texts became 8 % quicker.
    ///
    /// # Panics
    ///
    /// With the first panic of the job, after all threads have stopped; and where the job itself calls the pool.
    pub fn run_with_helpers(&self, job: impl Fn(usize) + Sync) {
        assert!(!INSIDE.get(), "a job of a ThreadPool called the pool");
        let _turn = lock(&self.turn);
        if self.workers.is_empty() {
            guarded(|| job(0)).unwrap_or_else(|panic| resume_unwind(panic));
            return;
        }
        let shared = &*self.shared;
        let job: &Job<'_> = &job;
        // SAFETY: only the lifetime changes; this function does not return or unwind before every worker that the gate let in
        // has finished with the reference.
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
        while !shared.is_done() {
            thread::park();
        }
        let panic = lock(&shared.panic).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Calls `task(i)` once for every `i` below `tasks`; each thread takes the next as it becomes free.
    ///
    /// # Panics
    ///
    /// As [`ThreadPool::run_with_helpers`].
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

    /// Takes no more workers into this run, and says how many it has. By one that is in it.
    fn close_gate(&self) -> usize {
        Gate(self.gate.fetch_or(Gate::CLOSED, Ordering::SeqCst)).taken()
    }

    /// Whether everyone who began is done, one at least.
    fn is_done(&self) -> bool {
        let gate = self.gate();
        gate.is_closed() && self.finished.load(Ordering::SeqCst) == gate.taken()
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
                        self.take_part(index);
                        break;
                    }
                    Err(now) => gate = Gate(now),
                }
            }
        }
    }

    fn take_part(&self, place: usize) {
        // SAFETY: the gate let this worker in, so the cell holds this run's job until `finished` counts this worker.
        let job = unsafe { (*self.job.get()).map(|job| &*job) };
        if let Some(Err(panic)) = job.map(|job| guarded(|| job(place))) {
            lock(&self.panic).get_or_insert(panic);
        }
        // Before it is counted: afterwards the gate may be the next run's.
        let taken = self.close_gate();
        let finished = self.finished.fetch_add(1, Ordering::SeqCst) + 1;
        // By now the next caller may be in already; then it is woken for nothing and sleeps on.
        if finished == taken
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
pub(crate) fn pause(round: usize) {
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

#[cfg(all(test, not(target_family = "wasm")))]
pub(crate) mod tests {
    use super::*;
    use std::sync::Barrier;

    /// A run in which every thread takes part: none is done before the last has come.
    pub(crate) fn run_on_all(pool: &ThreadPool, job: impl Fn(usize) + Sync) {
        let all = Barrier::new(pool.threads());
        pool.run_with_helpers(|place| {
            all.wait();
            job(place);
        });
    }

    #[test]
    fn every_place_and_every_task_runs_once() {
        for threads in 1..=4 {
            let pool = ThreadPool::new(threads);
            for _ in 0..200 {
                let counts: Vec<AtomicUsize> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
                run_on_all(&pool, |place| {
                    counts[place].fetch_add(1, Ordering::Relaxed);
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
            run_on_all(&pool, |place| {
                if place > 0 {
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
            let result =
                catch_unwind(AssertUnwindSafe(|| run_on_all(&pool, |place| assert_ne!(place, bad, "one fails"))));
            assert!(result.is_err());
            let nested = catch_unwind(AssertUnwindSafe(|| pool.for_each(1, |_| pool.for_each(1, |_| ()))));
            assert!(nested.is_err());
            run_on_all(&pool, |_| ());
        }
    }

    #[test]
    fn callers_take_turns() {
        let pool = ThreadPool::new(2);
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        run_on_all(&pool, |place| {
                            if place == 0 {
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
