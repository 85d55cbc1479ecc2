//! Which device and arithmetic a model gets.

use candle_core::Device;

use crate::error::{Error, ErrorCode, Result};
use crate::options::{DeviceChoice, DtypeChoice};

/// The device for `choice`. This build computes on the CPU.
pub(crate) fn resolve_device(choice: DeviceChoice) -> Result<Device> {
    match choice {
        DeviceChoice::Auto | DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Metal | DeviceChoice::Cuda(_) => Err(Error::new(
            ErrorCode::DeviceUnavailable,
            "this build of candle-embed computes on the CPU only; use device \"cpu\" or \"auto\"",
        )),
    }
}

/// Checks `choice` against what the CPU computes.
pub(crate) fn check_dtype(choice: DtypeChoice) -> Result<()> {
    match choice {
        DtypeChoice::Auto | DtypeChoice::Float32 | DtypeChoice::Int8 => Ok(()),
        DtypeChoice::Float16 | DtypeChoice::Bfloat16 => Err(Error::new(
            ErrorCode::DeviceUnavailable,
            "half precision is for GPUs; use dtype \"auto\", \"float32\" or \"int8\" on the CPU",
        )),
    }
}
