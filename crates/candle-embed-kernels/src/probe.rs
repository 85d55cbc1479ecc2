//! The machine's peak, from registers alone: the yardstick of every share that is quoted for these kernels.

use crate::bytes::ByteSteps;
use crate::isa::Isa;
use crate::simd::Simd;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Additions and multiplications (each counts as one) of a number of rounds of independent f32 FMAs. Time a call to get
/// the peak; run one on every thread at once, as a forward does.
pub fn f32_operations(isa: Isa, rounds: usize) -> u64 {
    // SAFETY: `kernels` hands out tiers of this machine only.
    unsafe { (isa.kernels().probe_f32)(rounds) }
}

/// As [`f32_operations`], for products of u8 and i8 summed in i32, in the best way the tier has.
pub fn i8_operations(isa: Isa, rounds: usize) -> u64 {
    // SAFETY: `kernels` hands out tiers of this machine only.
    unsafe { (isa.kernels().probe_i8)(rounds) }
}

/// What [`f32_operations`] or [`i8_operations`] do in a second on `threads` threads that work at the same time, measured for
/// `time` after `warm_up`. Where the system refuses a thread there are fewer, as in a [`crate::ThreadPool`].
pub fn sustained(
    isa: Isa,
    operations: fn(Isa, usize) -> u64,
    threads: usize,
    warm_up: Duration,
    time: Duration,
) -> f64 {
    // There once it is known how many threads meet at it.
    let (start, here) = (OnceLock::<Barrier>::new(), AtomicUsize::new(0));
    let run = |limit: Duration| {
        // About 10 ms at a time.
        let (start, mut done, rounds) = (Instant::now(), 0, 500_000);
        while start.elapsed() < limit {
            done += operations(isa, black_box(rounds));
        }
        done as f64 / start.elapsed().as_secs_f64()
    };
    thread::scope(|scope| {
        let measure = || {
            here.fetch_add(1, Ordering::Relaxed);
            let barrier = start.wait();
            barrier.wait();
            run(warm_up);
            barrier.wait();
            run(time)
        };
        let spawn = |nth| {
            let thread = thread::Builder::new().spawn_scoped(scope, measure).ok()?;
            // What a thread allocates as it starts must not meet the next one's stack where memory is about to end: it would
            // abort the process.
            while here.load(Ordering::Relaxed) < nth {
                thread::yield_now();
            }
            Some(thread)
        };
        let others: Vec<_> = (1..threads).map_while(spawn).collect();
        start.get_or_init(|| Barrier::new(1 + others.len()));
        let own = measure();
        // The loops cannot panic.
        own + others.into_iter().filter_map(|thread| thread.join().ok()).sum::<f64>()
    })
}

/// FMAs on `COUNT` registers.
///
/// # Safety
///
/// `S` is a tier of this CPU.
#[inline(always)]
pub(crate) unsafe fn probe_f32<S: Simd, const COUNT: usize>(rounds: usize) -> u64 {
    // SAFETY: registers only.
    unsafe {
        let mut acc = [S::splat(0.0); COUNT];
        let (a, b) = (S::splat(black_box(0.5)), S::splat(black_box(1.0)));
        for _ in 0..rounds {
            for sum in &mut acc {
                *sum = S::fma(*sum, a, b);
            }
        }
        black_box(&acc);
    }
    (rounds * COUNT * S::LANES * 2) as u64
}

/// Products of bytes into `COUNT` registers.
///
/// # Safety
///
/// `S` is a tier of this CPU.
#[inline(always)]
pub(crate) unsafe fn probe_i8<S: Simd, B: ByteSteps<S>, const COUNT: usize>(rounds: usize) -> u64 {
    // SAFETY: the two loads are of at most 64 bytes.
    unsafe {
        let mut acc = [S::int_zero(); COUNT];
        let (a, b) = B::operands(black_box([1u8; 64]).as_ptr(), black_box([1i8; 64]).as_ptr());
        for _ in 0..rounds {
            for sum in &mut acc {
                *sum = B::multiply(*sum, &a, b);
            }
        }
        black_box(&acc);
    }
    (rounds * COUNT * S::LANES * B::DEPTH * 2) as u64
}
