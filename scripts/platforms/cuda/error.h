// Instead of error.h of candle-flash-attn, which forgets what a launch gave: where a kernel could not be started (it is loaded when it
// is first needed, for which memory may be short), attention would be whatever its memory held before.
#pragma once

/// Of the call in progress. One variable for all kernels: `inline`.
inline thread_local cudaError_t flash_error = cudaSuccess;

#define C10_CUDA_CHECK(EXPR)                                    \
  do {                                                          \
    const cudaError_t error_ = EXPR;                            \
    if (error_ != cudaSuccess) flash_error = error_;            \
  } while (0)

#define C10_CUDA_KERNEL_LAUNCH_CHECK() C10_CUDA_CHECK(cudaGetLastError())
