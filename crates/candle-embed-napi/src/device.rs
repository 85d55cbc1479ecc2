//! What the addon says of the devices that it computes on.

use candle_embed::{DeviceReport, compiled_devices, probe_device};
use napi_derive::napi;

use crate::error::{Outcome, guarded};

/// A device that works.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeDeviceReport {
    /// "cpu", "metal" or "cuda:N".
    pub device: String,
    /// What the maker calls it.
    pub name: String,
    /// All of its memory.
    pub memory_bytes: Option<f64>,
    /// The arithmetic that was tried and gave right numbers: "float32", "float16", "bfloat16".
    pub dtypes: Vec<String>,
}

/// The devices that this addon can compute on, whether the machine has them or not: "cpu", and "metal" or "cuda".
#[napi(js_name = "compiledDevices", catch_unwind)]
pub fn list_compiled_devices() -> Vec<String> {
    compiled_devices().into_iter().map(str::to_owned).collect()
}

/// Opens "cpu", "metal", "cuda" or "cuda:N" and tries its kernels, on the caller's thread: for a process of its own, since a
/// broken driver may crash or hang it. DEVICE_UNAVAILABLE says what is missing.
#[napi(js_name = "probeDevice", ts_return_type = "NativeDeviceReport | NativeError")]
pub fn probe(device: String) -> Outcome<NativeDeviceReport> {
    guarded(|| {
        let DeviceReport { device, name, memory_bytes, dtypes, .. } = probe_device(device.parse()?)?;
        Ok(NativeDeviceReport {
            device,
            name,
            memory_bytes: memory_bytes.map(|bytes| bytes as f64),
            dtypes: dtypes.into_iter().map(str::to_owned).collect(),
        })
    })
}
