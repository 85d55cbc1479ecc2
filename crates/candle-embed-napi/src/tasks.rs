//! Work off the event loop.

use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Either, Env, Result, Task};

use crate::error::{NativeError, Outcome, guarded};

/// A piece of work and how its result crosses.
pub trait Work: Send + 'static {
    /// What the work gives, on its thread.
    type Output: Send + 'static;
    /// What JavaScript gets.
    type Value: ToNapiValue + TypeName;

    /// Runs on a thread of Node's pool; its panics are caught.
    fn run(&mut self) -> std::result::Result<Self::Output, candle_embed::Error>;

    /// Runs on the JavaScript thread.
    fn value(&mut self, output: Self::Output) -> Self::Value;
}

/// A [`Work`] as napi's task: the one place where `compute` is guarded.
pub struct GuardedTask<W: Work>(W);

/// Hands `work` to Node's pool.
pub fn spawn<W: Work>(work: W) -> AsyncTask<GuardedTask<W>> {
    AsyncTask::new(GuardedTask(work))
}

impl<W: Work> Task for GuardedTask<W> {
    type Output = Outcome<W::Output>;
    type JsValue = Either<W::Value, NativeError>;

    fn compute(&mut self) -> Result<Self::Output> {
        Ok(guarded(|| self.0.run()))
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> Result<Self::JsValue> {
        Ok(match output {
            Either::A(output) => guarded(|| Ok(self.0.value(output))),
            Either::B(error) => Either::B(error),
        })
    }
}
