//! The one error type of the engine.
//!
//! The codes are the strings that TypeScript users see: they are a stable part of the interface, the messages are not.

use std::any::Any;
use std::fmt;

/// What kind of failure happened. [`ErrorCode::as_str`] is the stable name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The folder or one of its required files is not there.
    ModelNotFound,
    /// A file of the model folder is damaged or contradicts another one.
    ModelInvalid,
    /// The folder is sound, but this engine can't reproduce the model exactly.
    UnsupportedArchitecture,
    /// An argument or a text is not acceptable.
    InvalidInput,
    /// A text has more tokens than the model takes, and truncation was refused.
    InputTooLong,
    /// The requested device can't be had.
    DeviceUnavailable,
    /// A fault of this engine, not of its caller.
    Internal,
}

impl ErrorCode {
    /// The name that crosses every boundary, e.g. `"MODEL_INVALID"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ModelNotFound => "MODEL_NOT_FOUND",
            Self::ModelInvalid => "MODEL_INVALID",
            Self::UnsupportedArchitecture => "UNSUPPORTED_ARCHITECTURE",
            Self::InvalidInput => "INVALID_INPUT",
            Self::InputTooLong => "INPUT_TOO_LONG",
            Self::DeviceUnavailable => "DEVICE_UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// The text of a call that an [`Error`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextContext {
    /// Position of the text in the call.
    pub index: usize,
    /// Its length in tokens, special tokens included, where that is what the error is about.
    pub tokens: Option<usize>,
    /// The model's limit in tokens, special tokens included, likewise.
    pub limit: Option<usize>,
}

/// An error with a stable code and a message that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The kind of failure.
    pub code: ErrorCode,
    /// One sentence for a person.
    pub message: String,
    /// The text it is about, if it is about one.
    pub text: Option<TextContext>,
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error that is not about one particular text.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), text: None }
    }

    /// A damaged or contradictory model file.
    pub fn invalid_model(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ModelInvalid, message)
    }

    /// A model that this engine does not reproduce.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::UnsupportedArchitecture, message)
    }

    /// An unacceptable argument.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidInput, message)
    }

    /// A fault of the engine itself.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::new(ErrorCode::Internal, format!("{message}; this is a bug in candle-embed, not in your code"))
    }
}

/// What a panic said, for the message of an [`Error`].
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", message.unwrap_or("unknown"))
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Error {}
