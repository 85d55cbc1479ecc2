//! Errors as data, and what is left of a panic.

use std::cell::RefCell;
use std::panic;

use candle_embed::Error;
use serde::Serialize;
use wasm_bindgen::JsValue;

/// An error that crosses to TypeScript; `NativeError` of the addon has the same shape.
#[derive(Serialize)]
struct ModuleError {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
}

/// What is thrown for `error`: a string of JSON. Whatever else is thrown is the engine's own: a trap.
pub fn thrown(error: Error) -> JsValue {
    let data = ModuleError {
        code: error.code.as_str(),
        message: error.message,
        index: error.text.map(|text| text.index),
        tokens: error.text.and_then(|text| text.tokens),
        limit: error.text.and_then(|text| text.limit),
    };
    json(&data)
}

/// `value` as a string of JSON.
pub fn json(value: &impl Serialize) -> JsValue {
    // Strings, numbers and maps of strings: always JSON.
    JsValue::from_str(&serde_json::to_string(value).unwrap_or_default())
}

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the message of a panic, which ends the module with no more than "unreachable".
pub fn keep_panics() {
    panic::set_hook(Box::new(|info| LAST_PANIC.set(Some(info.to_string()))));
}

/// The message of the panic that ended the module.
pub fn take_panic() -> Option<String> {
    LAST_PANIC.take()
}
