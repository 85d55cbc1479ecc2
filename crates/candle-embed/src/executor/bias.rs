//! A linear layer's bias, added to its rows.

use candle_core::Tensor;

use super::network::CandleResult;

/// `rows` and `bias`; nobody else has the storage of `rows`.
pub(super) fn add_bias(rows: Tensor, bias: &Tensor) -> CandleResult<Tensor> {
    #[cfg(feature = "cuda")]
    if rows.device().is_cuda() {
        rows.inplace_op2(bias, &cuda::AddBias)?;
        return Ok(rows);
    }
    rows.broadcast_add(bias)
}

#[cfg(feature = "cuda")]
mod cuda {
    use candle_core::cuda_backend::cudarc::driver::{CudaSlice, DeviceRepr, LaunchConfig, PushKernelArg};
    use candle_core::cuda_backend::{CudaStorageSlice, WrapErr};
    use candle_core::{CpuStorage, CudaDevice, CudaStorage, InplaceOp2, Layout, bail};

    use super::CandleResult;

    /// Made of bias.cu.
    const KERNELS: &str = include_str!("bias.ptx");
    /// Enough of them in flight to wait for memory; three rounds for a row of 768.
    const THREADS: usize = 256;

    pub(super) struct AddBias;

    impl InplaceOp2 for AddBias {
        fn name(&self) -> &'static str {
            "add-bias"
        }

        fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> CandleResult<()> {
            bail!("add-bias is for CUDA")
        }

        fn cuda_fwd(
            &self,
            rows: &mut CudaStorage,
            rows_layout: &Layout,
            bias: &CudaStorage,
            bias_layout: &Layout,
        ) -> CandleResult<()> {
            use CudaStorageSlice::{BF16, F16, F32};
            let (Some(place), Some(bias_place)) = (rows_layout.contiguous_offsets(), bias_layout.contiguous_offsets())
            else {
                bail!("add-bias takes tensors in one piece")
            };
            let (_, columns) = rows_layout.shape().dims2()?;
            if bias_layout.shape().dims1()? != columns {
                bail!("add-bias: {columns} columns, and a bias of {:?}", bias_layout.shape())
            }
            let device = rows.device.clone();
            match (&mut rows.slice, &bias.slice) {
                (F32(rows), F32(bias)) => launch(&device, "add_bias_f32", (rows, place), (bias, bias_place)),
                (F16(rows), F16(bias)) => launch(&device, "add_bias_f16", (rows, place), (bias, bias_place)),
                (BF16(rows), BF16(bias)) => launch(&device, "add_bias_bf16", (rows, place), (bias, bias_place)),
                _ => bail!("add-bias takes floats of one kind"),
            }
        }
    }

    type Place = (usize, usize);

    fn launch<T: DeviceRepr>(
        device: &CudaDevice,
        name: &str,
        (rows, (start, end)): (&mut CudaSlice<T>, Place),
        (bias, (bias_start, bias_end)): (&CudaSlice<T>, Place),
    ) -> CandleResult<()> {
        let columns = bias_end - bias_start;
        let config = LaunchConfig {
            grid_dim: (((end - start) / columns) as u32, 1, 1),
            block_dim: (columns.next_multiple_of(32).min(THREADS) as u32, 1, 1),
            shared_mem_bytes: 0,
        };
        let function = device.get_or_load_custom_func(name, "candle-embed-bias", KERNELS)?;
        let mut rows = rows.slice_mut(start..end);
        let bias = bias.slice(bias_start..bias_end);
        let columns = columns as u32;
        let mut builder = function.builder();
        builder.arg(&mut rows).arg(&bias).arg(&columns);
        // SAFETY: these are the kernel's arguments; it has a block for each row, and writes that row's columns.
        unsafe { builder.launch(config) }.w()?;
        Ok(())
    }
}
