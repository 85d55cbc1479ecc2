//! What an error of a device means for the model, the device and the process.
//!
//! Candle hands the errors of drivers on as texts in boxes, and some come as panics; the texts have the drivers' own names
//! of errors in them, which are stable.

use super::unavailable;
use crate::error::Error;

/// A failure while a device computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Too little memory: less work at a time may do.
    OutOfMemory(String),
    /// The device or its driver: nothing that it holds can be relied on.
    Lost(String),
    /// Ours.
    Bug(String),
}

/// Parts of texts that say so: CUDA's driver, cuBLAS, and Metal's allocator and command buffers.
const OUT_OF_MEMORY: [&str; 6] = [
    "CUDA_ERROR_OUT_OF_MEMORY",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "OutOfMemory",
    "out of memory",
    "Insufficient Memory",
    "Failed to create metal resource",
];
const LOST: [&str; 7] = [
    "CUDA_ERROR_",
    "CUBLAS_STATUS_",
    "CURAND_STATUS_",
    // cudarc's panics where a library or a function of one is not there.
    "Unable to dynamically load",
    "Expected symbol in library",
    "Command buffer",
    "kIOGPUCommandBuffer",
];

impl Failure {
    /// The meaning of the text of an error or a panic.
    pub fn of(text: impl Into<String>) -> Self {
        let text = text.into();
        let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        if has(&OUT_OF_MEMORY) {
            Self::OutOfMemory(text)
        } else if has(&LOST) {
            Self::Lost(text)
        } else {
            Self::Bug(text)
        }
    }

    /// The error for a caller of `device`.
    pub fn into_error(self, device: &str) -> Error {
        match self {
            Self::OutOfMemory(text) => unavailable(format!(
                "{device} has too little free memory ({}); close what else uses it, or use a smaller model, half \
                 precision or device \"cpu\"",
                first_line(&text)
            )),
            Self::Lost(text) => unavailable(format!(
                "{device} failed ({}); this process can't use it any more: start it again, or use device \"cpu\"",
                first_line(&text)
            )),
            Self::Bug(text) => Error::internal(format!("{device}: {text}")),
        }
    }
}

impl From<candle_core::Error> for Failure {
    fn from(error: candle_core::Error) -> Self {
        Self::of(error.to_string())
    }
}

/// Errors carry a backtrace behind their text where one is asked for.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_drivers_are_told_apart() {
        let memory = r#"DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")"#;
        assert!(matches!(Failure::of(memory), Failure::OutOfMemory(_)));
        let lost = r#"DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered")"#;
        assert!(matches!(Failure::of(lost), Failure::Lost(_)));
        let library = r#"Unable to dynamically load the "cublas" shared library - searched for library names"#;
        assert!(matches!(Failure::of(library), Failure::Lost(_)));
        assert!(matches!(Failure::of("shape mismatch in matmul, lhs: [2, 3], rhs: [2, 3]"), Failure::Bug(_)));
    }

    #[test]
    fn an_error_says_what_to_do_and_no_backtrace() {
        let error = Failure::of("DriverError(CUDA_ERROR_ECC_UNCORRECTABLE)\n   0: std::backtrace").into_error("cuda:0");
        assert_eq!(error.code.as_str(), "DEVICE_UNAVAILABLE");
        assert!(error.message.contains("CUDA_ERROR_ECC_UNCORRECTABLE") && !error.message.contains("backtrace"));
        assert_eq!(Failure::of("no such").into_error("metal").code.as_str(), "INTERNAL");
    }
}
