//! Errors as data, and the guard that turns a panic into one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use candle_embed::{Error, panic_message};
use napi::Either;
use napi_derive::napi;

/// An error that crosses to TypeScript as data.
#[napi(object, object_from_js = false)]
#[derive(Debug, Clone)]
pub struct NativeError {
    /// One of the codes of `CandleEmbedError`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// The text of the call that it is about.
    pub index: Option<u32>,
    /// Tokens of that text, special tokens included.
    pub tokens: Option<u32>,
    /// The model's limit.
    pub limit: Option<u32>,
}

impl From<Error> for NativeError {
    fn from(error: Error) -> Self {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            code: error.code.as_str().to_owned(),
            message: error.message,
            index: error.text.map(|text| count(text.index)),
            tokens: error.text.and_then(|text| text.tokens).map(count),
            limit: error.text.and_then(|text| text.limit).map(count),
        }
    }
}

/// What every fallible entry gives back.
pub type Outcome<T> = Either<T, NativeError>;

/// Runs `work`; its error, or its panic as an `INTERNAL` error, becomes data.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Outcome<T> {
    // Nothing that `work` may have left half-done is used again: a job keeps its failure, and the engine's locks
    // guard buffers that are overwritten before they are read.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Either::A(value),
        Ok(Err(error)) => Either::B(error.into()),
        Err(panic) => Either::B(Error::internal(panic_message(&*panic)).into()),
    }
}
