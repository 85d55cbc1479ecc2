//! NVIDIA's GPUs.

use std::ffi::{CString, c_char, c_int, c_void};

use candle_core::Device;
use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError, result, sys};

use super::failure::Failure;
use super::{OpenDevice, unavailable};
use crate::error::Result;

/// The kernels are built for this compute capability and newer ones (Ampere, 2020).
const LEAST_CAPABILITY: (i32, i32) = (8, 0);

/// Opens the GPU of that ordinal. Panics of cudarc, where a library is not there, are caught by the caller.
pub(super) fn open(ordinal: usize) -> Result<OpenDevice> {
    libraries()?;
    let missing = |error| unavailable(format!("no NVIDIA driver works here: {error:?}; install one (580 or newer)"));
    result::init().map_err(missing)?;
    let count = result::device::get_count().map_err(missing)?.max(0) as usize;
    if ordinal >= count {
        return Err(unavailable(format!(
            "there is no cuda:{ordinal}: the driver shows {count} GPU(s) (see CUDA_VISIBLE_DEVICES); use device \"cpu\" or \
             \"auto\""
        )));
    }
    let failed = |error: &dyn std::fmt::Debug| Failure::of(format!("{error:?}")).into_error(&format!("cuda:{ordinal}"));
    let context = CudaContext::new(ordinal).map_err(|error| failed(&error))?;
    let name = context.name().map_err(|error| failed(&error))?;
    let capability = context.compute_capability().map_err(|error| failed(&error))?;
    if capability < LEAST_CAPABILITY {
        let (major, minor) = capability;
        return Err(unavailable(format!(
            "{name} has compute capability {major}.{minor}; GPUs from 8.0 on (Ampere, 2020) are supported; use device \
             \"cpu\" or \"auto\""
        )));
    }
    let memory_bytes = context.total_mem().map_err(|error| failed(&error))? as u64;
    // Old GPUs and virtual ones have no pools: slower, not wrong.
    let _ = keep_freed_memory(&context);
    let device =
        Device::new_cuda(ordinal).map_err(|error| Failure::from(error).into_error(&format!("cuda:{ordinal}")))?;
    Ok(OpenDevice { device, name, memory_bytes: Some(memory_bytes) })
}

/// Says which library is missing, before a call of cudarc panics. Where they are linked they are there.
fn libraries() -> Result<()> {
    let missing: Vec<&str> = [
        (["libcuda.so.1", "libcuda.so"].as_slice(), "libcuda (the driver, 580 or newer)"),
        (&["libcublas.so", "libcublas.so.13", "libcublas.so.12"], "libcublas (CUDA 13)"),
        (&["libcurand.so", "libcurand.so.10"], "libcurand (CUDA 13)"),
    ]
    .into_iter()
    .filter(|(files, _)| !files.iter().any(|file| can_load(file)))
    .map(|(_, name)| name)
    .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(unavailable(format!(
        "CUDA can't be used here, not found: {}; install the NVIDIA driver and the CUDA 13 libraries, or put their folder on \
         LD_LIBRARY_PATH; or use device \"cpu\"",
        missing.join(", ")
    )))
}

fn can_load(file: &str) -> bool {
    unsafe extern "C" {
        fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    }
    const RTLD_LAZY: c_int = 1;
    // SAFETY: the name ends with a zero; the libraries are NVIDIA's, whose initialisers are trusted as those of any
    // driver are. They stay loaded.
    CString::new(file).is_ok_and(|file| unsafe { !dlopen(file.as_ptr(), RTLD_LAZY).is_null() })
}

/// Memory that tensors are done with stays with this process until a model is disposed: otherwise the driver takes it
/// back whenever the stream is waited for, and every batch asks for it anew.
fn keep_freed_memory(context: &CudaContext) -> std::result::Result<(), DriverError> {
    context.bind_to_thread()?;
    let mut all = u64::MAX;
    let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // SAFETY: the attribute is a 64-bit number, as the driver's documentation says.
    unsafe { sys::cuMemPoolSetAttribute(pool(context)?, attribute, (&raw mut all).cast()).result() }
}

fn pool(context: &CudaContext) -> std::result::Result<sys::CUmemoryPool, DriverError> {
    let mut pool = std::ptr::null_mut();
    // SAFETY: writes the handle of the device's default pool, which lives as long as the device.
    unsafe { sys::cuDeviceGetDefaultMemPool(&raw mut pool, context.cu_device()).result()? };
    Ok(pool)
}

/// Gives the memory that no tensor uses back to the driver.
pub(super) fn give_back_memory(device: &Device) {
    let Device::Cuda(device) = device else { return };
    let stream = device.cuda_stream();
    if stream.synchronize().is_ok()
        && let Ok(pool) = pool(stream.context())
    {
        // SAFETY: the handle is the device's own pool; memory in use is not touched.
        let _ = unsafe { sys::cuMemPoolTrimTo(pool, 0).result() };
    }
}

/// Bytes of the device that no process uses.
pub(super) fn free_memory(device: &Device) -> Option<u64> {
    let Device::Cuda(device) = device else { return None };
    device.cuda_stream().context().bind_to_thread().ok()?;
    result::mem_get_info().ok().map(|(free, _)| free as u64)
}
