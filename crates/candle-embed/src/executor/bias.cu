// Adds a linear layer's bias to its rows, in place. Candle's broadcast divides twice to find the column of each number, some 90
// instructions, and writes a copy.
//
// bias.ptx beside this file is what nvcc 13.0 makes of it; scripts/platforms/cuda-linux-x64.sh compares them, and says how it is made.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

// A block for each row.
template <typename T>
__device__ void add_bias(T *rows, const T *bias, unsigned columns) {
  T *row = rows + size_t(blockIdx.x) * columns;
  for (unsigned column = threadIdx.x; column < columns; column += blockDim.x) {
    row[column] = T(float(row[column]) + float(bias[column]));
  }
}

extern "C" {
__global__ void add_bias_f32(float *rows, const float *bias, unsigned columns) { add_bias(rows, bias, columns); }
__global__ void add_bias_f16(__half *rows, const __half *bias, unsigned columns) { add_bias(rows, bias, columns); }
__global__ void add_bias_bf16(__nv_bfloat16 *rows, const __nv_bfloat16 *bias, unsigned columns) { add_bias(rows, bias, columns); }
}
