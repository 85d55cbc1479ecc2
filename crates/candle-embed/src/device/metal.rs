//! Apple's GPUs.

use std::panic::catch_unwind;

use candle_core::Device;

use super::failure::Failure;
use super::{OpenDevice, unavailable};
use crate::error::Result;

/// Opens the system's GPU. Its kernels are compiled as they are first used, a second or two.
pub(super) fn open() -> Result<OpenDevice> {
    // Candle takes the first of a list that is empty where a virtual machine shows no GPU.
    let opened = catch_unwind(|| Device::new_metal(0));
    let opened = opened
        .map_err(|_| unavailable("this Mac shows no GPU to the process; use device \"cpu\" or \"auto\""))?
        .map_err(|error| Failure::from(error).into_error("metal"))?;
    let Device::Metal(metal) = &opened else { return Err(unavailable("metal gave another device")) };
    Ok(OpenDevice {
        name: metal.metal_device().architecture_name(),
        memory_bytes: Some(metal.metal_device().recommended_max_working_set_size() as u64),
        device: opened,
    })
}

/// Bytes that this process may still use without slowing the system down.
pub(super) fn free_memory(device: &Device) -> Option<u64> {
    let Device::Metal(metal) = device else { return None };
    let metal = metal.metal_device();
    Some(metal.recommended_max_working_set_size().saturating_sub(metal.current_allocated_size()) as u64)
}
