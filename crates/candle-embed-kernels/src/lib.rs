//! CPU kernels for sentence encoders: weights packed once, tokens packed without padding, epilogues in registers.
//!
//! The layers of an encoder are assembled from [`Linear`], [`Attention`] and [`LayerNorm`]; [`Encoder`] is the whole
//! stack, run by a [`ThreadPool`]. Everything is generic over an instruction-set tier ([`Isa`]) chosen at run time.
//!
//! Within one tier a token's results do not depend on what else is in the batch or on the number of threads, to the bit.

pub use activation::Activation;
pub use attention::{Attention, AttentionScratch, DistanceBias};
pub use encoder::{Encoder, EncoderLayer, EncoderParts, Ends, PooledRows};
pub use isa::{ISA_VARIABLE, Isa};
pub use linear::{Linear, LinearError, MAX_INPUTS_I8};
pub use norm::LayerNorm;
pub use pack::{Aligned, ExactColumn, MAX_EXACT_COLUMNS};
pub use pages::{Pages, release_freed_memory};
pub use quantized::QuantizedRows;
pub use rotary::Rotary;
pub use rows::RowScale;
pub use threads::ThreadPool;
pub use widen::{add_to_f64, widen_f16, widen_i8};

mod activation;
mod attend;
mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bytes;
mod encoder;
mod epilogue;
mod gate;
mod isa;
mod kernels;
mod keys;
mod linear;
#[cfg(target_arch = "aarch64")]
mod neon;
mod norm;
mod pace;
mod pack;
mod pages;
mod plan;
pub mod probe;
mod processor;
mod quantized;
mod rotary;
mod rows;
mod scalar;
mod simd;
mod stride;
mod team;
mod threads;
mod tile;
#[cfg(target_arch = "wasm32")]
mod wasm;
mod widen;
