//! Whether a device works: opened, and its operations tried.

use candle_core::DType;

use super::{DeviceThread, Failure, dtype_name, unavailable};
use crate::error::Result;
use crate::executor::{LoadError, least_cosine};
use crate::options::DeviceChoice;

/// A device that works.
#[derive(Debug, Clone)]
pub struct DeviceReport {
    /// `"cpu"`, `"metal"` or `"cuda:N"`.
    pub device: String,
    /// What the maker calls it.
    pub name: String,
    /// All of its memory.
    pub memory_bytes: Option<u64>,
    /// What of it no process uses.
    pub free_bytes: Option<u64>,
    /// The arithmetic that was tried and gave right numbers.
    pub dtypes: Vec<&'static str>,
}

/// How near the vectors of a small encoder have to come to the CPU's in float32. Candle's CPU device comes to 0.9999 in float16
/// and to 0.999 in bfloat16; a wrong operation gives anything.
const LEAST_COSINES: [(DType, f64); 3] = [(DType::F32, 0.99999), (DType::F16, 0.999), (DType::BF16, 0.995)];

/// Opens the device `choice` and tries its operations in each arithmetic. What a broken driver does to a process
/// (crash, hang) it does here: who does not know the machine calls this in a process of its own. An arithmetic that the
/// device lacks is left out.
///
/// # Errors
///
/// `DEVICE_UNAVAILABLE` where the device is not there, is not in this build, or computes wrongly.
pub fn probe_device(choice: DeviceChoice) -> Result<DeviceReport> {
    let thread = DeviceThread::of(choice)?;
    let mut dtypes = Vec::new();
    let mut reason = String::new();
    for (dtype, least) in LEAST_COSINES {
        let trial = thread.submit(move |opened| match least_cosine(&opened.device, dtype) {
            Ok(cosine) => Ok(Ok(cosine)),
            Err(LoadError::Folder(error)) => Ok(Err(error)),
            Err(LoadError::Device(error)) => Err(Failure::from(error)),
        });
        match trial.wait() {
            Ok(Ok(cosine)) if cosine >= least => dtypes.push(dtype_name(dtype)),
            Ok(Ok(cosine)) => reason = format!("{} gives wrong numbers (cosine {cosine:.4})", dtype_name(dtype)),
            Ok(Err(error)) => return Err(error),
            Err(error) => reason = format!("{}: {}", dtype_name(dtype), error.message),
        }
    }
    thread.check()?;
    if dtypes.is_empty() {
        return Err(unavailable(format!("{choice} does not work: {reason}; use device \"cpu\" or \"auto\"")));
    }
    let free = thread.submit(|opened| {
        opened.give_back_memory();
        Ok(opened.free_memory())
    });
    Ok(DeviceReport {
        device: choice.to_string(),
        name: thread.opened.name.clone(),
        memory_bytes: thread.opened.memory_bytes,
        free_bytes: free.wait()?,
        dtypes,
    })
}
