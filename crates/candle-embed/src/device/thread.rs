//! One thread for each device, on which everything happens that touches it.
//!
//! CUDA's streams and Metal's command buffers belong to threads; models on one device take turns here. The thread is never
//! joined: a driver that hangs must not keep a process from ending. Instead the end of the process waits for the batch
//! in progress, for two seconds at most, and nothing is begun after it: drivers are taken down by the same end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
#[cfg(unix)]
use std::time::Duration;

use super::failure::Failure;
use super::{OpenDevice, open_device, unavailable};
use crate::error::{Result, panic_message};
use crate::options::DeviceChoice;

type Work = Box<dyn FnOnce(&OpenDevice) + Send>;

/// A device, and the thread that works on it.
pub(crate) struct DeviceThread {
    pub name: String,
    pub opened: OpenDevice,
    work: Sender<Work>,
    /// What the device was lost by.
    lost: Mutex<Option<Failure>>,
}

/// The devices that were opened; they stay open.
static OPENED: Mutex<Vec<(DeviceChoice, Arc<DeviceThread>)>> = Mutex::new(Vec::new());

/// Whether the process ends, and how many threads are at work.
static END: Mutex<(bool, usize)> = Mutex::new((false, 0));
static IDLE: Condvar = Condvar::new();

/// How long the end of the process waits for batches in progress: some ten of them.
#[cfg(unix)]
const END_WAIT: Duration = Duration::from_secs(2);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer to come.
pub(crate) struct Ticket<T> {
    answer: Receiver<std::result::Result<T, Failure>>,
    thread: Arc<DeviceThread>,
}

impl<T> Ticket<T> {
    /// Waits for the answer.
    pub fn wait(self) -> Result<T> {
        let stopped = || Failure::Lost("its thread has ended".to_owned());
        self.answer.recv().unwrap_or_else(|_| Err(stopped())).map_err(|failure| failure.into_error(&self.thread.name))
    }
}

impl DeviceThread {
    /// The thread of the device `choice`, which is opened the first time.
    pub fn of(choice: DeviceChoice) -> Result<Arc<Self>> {
        let mut opened = lock(&OPENED);
        if let Some((_, thread)) = opened.iter().find(|(other, _)| *other == choice) {
            return Ok(Arc::clone(thread));
        }
        let thread = Arc::new(Self::start(choice)?);
        #[cfg(unix)]
        end::watch();
        opened.push((choice, Arc::clone(&thread)));
        Ok(thread)
    }

    fn start(choice: DeviceChoice) -> Result<Self> {
        let name = choice.to_string();
        let (work, inbox) = channel::<Work>();
        let (report, opening) = channel();
        let run = move || {
            let opened = catch_unwind(|| open_device(choice))
                .unwrap_or_else(|panic| Err(Failure::of(panic_message(&*panic)).into_error(&choice.to_string())));
            let device = opened.as_ref().ok().cloned();
            // Whoever opens it waits.
            let _ = report.send(opened);
            let Some(device) = device else { return };
            for work in inbox {
                let Some(_busy) = Busy::begin() else { return };
                pooled(|| work(&device));
            }
        };
        let started = Builder::new().name(format!("candle-{name}")).spawn(run);
        started.map_err(|error| unavailable(format!("no thread for {name}: {error}")))?;
        let opened = opening.recv().map_err(|_| unavailable(format!("{name} could not be opened")))??;
        Ok(Self { name, opened, work, lost: Mutex::new(None) })
    }

    /// Runs `work` on the thread. A device that was lost is not asked again.
    pub fn submit<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&OpenDevice) -> std::result::Result<T, Failure> + Send + 'static,
    ) -> Ticket<T> {
        let (sender, answer) = channel();
        let thread = Arc::clone(self);
        let guarded = move |device: &OpenDevice| {
            let lost = lock(&thread.lost).clone();
            let outcome = match lost {
                Some(lost) => Err(lost),
                None => catch_unwind(AssertUnwindSafe(|| work(device)))
                    .unwrap_or_else(|panic| Err(Failure::of(panic_message(&*panic)))),
            };
            if let Err(failure @ Failure::Lost(_)) = &outcome {
                *lock(&thread.lost) = Some(failure.clone());
            }
            // Nobody waits for the answer of a call that was given up.
            let _ = sender.send(outcome);
        };
        // Where the thread has ended, the ticket says so.
        let _ = self.work.send(Box::new(guarded));
        Ticket { answer, thread: Arc::clone(self) }
    }

    /// Drops `value` on the thread, and gives back what memory it had.
    pub fn drop_there<T: Send + 'static>(&self, value: T) {
        let _ = self.work.send(Box::new(move |device| {
            // A driver that was lost may panic.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
            device.give_back_memory();
        }));
    }

    /// The error of a device that was lost.
    pub fn check(&self) -> Result<()> {
        match &*lock(&self.lost) {
            Some(lost) => Err(lost.clone().into_error(&self.name)),
            None => Ok(()),
        }
    }
}

/// Runs `work` and lets go of what Objective-C keeps for its caller: on a thread that never ends nothing else would.
#[cfg(feature = "metal")]
fn pooled(work: impl FnOnce()) {
    objc2::rc::autoreleasepool(|_| work());
}

#[cfg(not(feature = "metal"))]
fn pooled(work: impl FnOnce()) {
    work();
}

/// A thread at work.
struct Busy;

impl Busy {
    /// `None` where the process ends.
    fn begin() -> Option<Self> {
        let mut end = lock(&END);
        if end.0 {
            return None;
        }
        end.1 += 1;
        Some(Self)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        lock(&END).1 -= 1;
        IDLE.notify_all();
    }
}

/// Lets no thread begin anything more, and waits for those at work. No GPU is supported where there is no `atexit`.
#[cfg(unix)]
fn finish() {
    let mut end = lock(&END);
    end.0 = true;
    let _ = IDLE.wait_timeout_while(end, END_WAIT, |end| end.1 > 0);
}

#[cfg(unix)]
mod end {
    use std::ffi::c_int;

    unsafe extern "C" {
        fn atexit(callback: extern "C" fn()) -> c_int;
    }

    extern "C" fn at_exit() {
        super::finish();
    }

    /// Has the end of the process wait. Called when a device was opened: what is registered last runs first, so this runs
    /// before the drivers' own.
    pub(super) fn watch() {
        // SAFETY: the callback is a function of this library, which is never unloaded, unwinds nowhere and touches
        // nothing but statics without destructors.
        unsafe { atexit(at_exit) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_one_piece_of_work() {
        let thread = DeviceThread::of(DeviceChoice::Cpu).unwrap();
        let panics = thread.submit(|_| -> std::result::Result<(), Failure> { panic!("oh") });
        let error = panics.wait().unwrap_err();
        assert_eq!((error.code.as_str(), error.message.contains("panic: oh")), ("INTERNAL", true));
        assert_eq!(thread.submit(|_| Ok(7)).wait(), Ok(7));
        assert!(Arc::ptr_eq(&thread, &DeviceThread::of(DeviceChoice::Cpu).unwrap()), "one thread a device");
    }
}
