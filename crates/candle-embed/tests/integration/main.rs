//! The engine from outside, in one binary: five would take five times as long to link.

mod bad_folders;
mod common;
mod device;
mod inputs;
mod invariance;
mod limits;
mod memory_files;
mod parity;
mod quantize;
mod tokens;
mod untrusted_tokenizers;
