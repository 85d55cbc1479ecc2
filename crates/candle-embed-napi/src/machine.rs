//! What the addon says of the machine.

use candle_embed::{Error, Machine, Peak, measure_peak};
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;

use crate::error::{Outcome, guarded};
use crate::tasks::{GuardedTask, Work, spawn};

/// The machine as the engine sees it.
#[napi(object, object_from_js = false)]
pub struct NativeMachine {
    /// The instruction-set tier that is used.
    pub isa: String,
    /// Those that the CPU has, best first.
    pub available_isas: Vec<String>,
    /// Threads of a model that is loaded without saying how many.
    pub threads: u32,
}

/// Looks at this machine and the environment.
#[napi(ts_return_type = "NativeMachine | NativeError")]
pub fn detect_machine() -> Outcome<NativeMachine> {
    guarded(|| {
        let Machine { isa, available_isas, threads } = Machine::detect()?;
        Ok(NativeMachine {
            isa: isa.to_owned(),
            available_isas: available_isas.into_iter().map(str::to_owned).collect(),
            threads: threads as u32,
        })
    })
}

/// Additions and multiplications that threads do in a second, from registers alone.
#[napi(object, object_from_js = false)]
pub struct NativePeak {
    /// In float32.
    pub f32: f64,
    /// Products of bytes, summed in int32.
    pub int8: f64,
}

/// Measuring the peak.
pub struct PeakWork {
    threads: u32,
}

impl Work for PeakWork {
    type Output = Peak;
    type Value = NativePeak;

    fn run(&mut self) -> Result<Peak, Error> {
        measure_peak(self.threads as usize)
    }

    fn value(&mut self, Peak { f32, int8 }: Peak) -> NativePeak {
        NativePeak { f32, int8 }
    }
}

/// Measures for about a quarter of a second what `threads` threads can do at most.
#[napi(js_name = "measurePeak", ts_return_type = "Promise<NativePeak | NativeError>")]
pub fn measure_peak_off_loop(threads: u32) -> AsyncTask<GuardedTask<PeakWork>> {
    spawn(PeakWork { threads })
}
