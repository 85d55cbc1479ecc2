//! The Node addon: types in, types out. It has no maths, opens no files of its own and no sockets.
//!
//! Work runs as `napi_async_work`, for which Node waits when an environment ends. Every entry catches panics; errors
//! cross as data (`NativeError`), because napi's own errors carry no code of ours through asynchronous work.

mod device;
mod embedder;
mod error;
mod machine;
mod options;
mod tasks;

/// The version of the crates, which is that of the npm packages: an addon is only used by the TypeScript of its own version.
#[napi_derive::napi]
pub fn addon_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
