//! Which device and arithmetic a model gets, and what a device has.

#[cfg(feature = "cuda")]
mod cuda;
mod failure;
#[cfg(feature = "metal")]
mod metal;
mod probe;
mod thread;

pub(crate) use failure::Failure;
pub use probe::{DeviceReport, probe_device};
pub(crate) use thread::{DeviceThread, Ticket};

use candle_core::{DType, Device};

use crate::error::{Error, ErrorCode, Result};
use crate::options::{DeviceChoice, DtypeChoice};

/// The devices that this build can compute on, whether the machine has them or not: `"cpu"`, and `"metal"` or `"cuda"`.
pub fn compiled_devices() -> Vec<&'static str> {
    let mut devices = vec!["cpu"];
    if cfg!(feature = "metal") {
        devices.push("metal");
    }
    if cfg!(feature = "cuda") {
        devices.push("cuda");
    }
    devices
}

/// A device that can't be had.
pub(crate) fn unavailable(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::DeviceUnavailable, message)
}

/// An opened device, and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct OpenDevice {
    pub device: Device,
    /// What the maker calls it.
    pub name: String,
    /// All of its memory.
    pub memory_bytes: Option<u64>,
}

impl OpenDevice {
    /// Gives back what memory no tensor uses.
    pub fn give_back_memory(&self) {
        #[cfg(feature = "cuda")]
        cuda::give_back_memory(&self.device);
    }

    /// Bytes of its memory that are free, where the device says so.
    pub fn free_memory(&self) -> Option<u64> {
        match &self.device {
            Device::Cpu => None,
            #[cfg(feature = "cuda")]
            device @ Device::Cuda(_) => cuda::free_memory(device),
            #[cfg(feature = "metal")]
            device @ Device::Metal(_) => metal::free_memory(device),
            #[allow(unreachable_patterns, reason = "which devices are left depends on the features")]
            _ => None,
        }
    }
}

/// Opens the device `choice`. Which one is best is not decided here: `Auto` is the CPU.
pub(crate) fn open_device(choice: DeviceChoice) -> Result<OpenDevice> {
    match choice {
        DeviceChoice::Auto | DeviceChoice::Cpu => {
            Ok(OpenDevice { device: Device::Cpu, name: "cpu".to_owned(), memory_bytes: None })
        }
        #[cfg(feature = "metal")]
        DeviceChoice::Metal => metal::open(),
        #[cfg(feature = "cuda")]
        DeviceChoice::Cuda(ordinal) => cuda::open(ordinal),
        #[allow(unreachable_patterns, reason = "which devices are left depends on the features")]
        DeviceChoice::Metal | DeviceChoice::Cuda(_) => Err(unavailable(format!(
            "this build of candle-embed computes on {}, not on {choice}; use device \"cpu\" or \"auto\", or install the \
             package with that device's addon",
            compiled_devices().join(" and ")
        ))),
    }
}

/// The arithmetic of a GPU for `choice`.
///
/// `Auto` is float16: half the memory traffic of float32 and the matrix units that float32 has not; of the two halves
/// the one with more digits (2^-11 against bfloat16's 2^-8), and activations of sentence encoders, whose layer norms
/// keep them below 100, are far from its largest number (65,504).
pub(crate) fn gpu_dtype(choice: DtypeChoice) -> Result<DType> {
    match choice {
        DtypeChoice::Auto | DtypeChoice::Float16 => Ok(DType::F16),
        DtypeChoice::Bfloat16 => Ok(DType::BF16),
        DtypeChoice::Float32 => Ok(DType::F32),
        DtypeChoice::Int8 => Err(unavailable(
            "int8 arithmetic is for the CPU; use dtype \"auto\", \"float16\", \"bfloat16\" or \"float32\" on a GPU \
             (a folder with int8 weights is widened to it)",
        )),
    }
}

/// Checks `choice` against what the CPU computes.
pub(crate) fn check_cpu_dtype(choice: DtypeChoice) -> Result<()> {
    match choice {
        DtypeChoice::Auto | DtypeChoice::Float32 | DtypeChoice::Int8 => Ok(()),
        DtypeChoice::Float16 | DtypeChoice::Bfloat16 => {
            Err(unavailable("half precision is for GPUs; use dtype \"auto\", \"float32\" or \"int8\" on the CPU"))
        }
    }
}

/// What `dtype` is called in options and in [`ModelInfo`](crate::ModelInfo).
pub(crate) fn dtype_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 => "float16",
        DType::BF16 => "bfloat16",
        _ => "float32",
    }
}
