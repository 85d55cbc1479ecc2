//! The WebAssembly module: types in, types out. It has no maths, no files and no network; a model comes as bytes.
//!
//! Options and descriptions cross as JSON, texts and vectors as what they are. Errors cross as data (the JSON of
//! [`error::ModuleError`]), as they do from the Node addon. A panic ends the module: its message stays in
//! [`last_panic`](embedder::last_panic).

#![cfg(target_family = "wasm")]

mod embedder;
mod error;
mod options;
