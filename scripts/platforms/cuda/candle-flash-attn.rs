// Build script of the copy of candle-flash-attn that cuda-linux-x64.sh makes: attention in both directions for heads of 32
// and 64 channels, 4 of the crate's 52 kernels.

include!("nvcc.rs");

const KERNELS: [&str; 4] =
    ["flash_fwd_hdim32_fp16_sm80", "flash_fwd_hdim32_bf16_sm80", "flash_fwd_hdim64_fp16_sm80", "flash_fwd_hdim64_bf16_sm80"];

/// Instead of the crate's choice among all of its kernels. Its interface gives no error: where one could not be started, the
/// answer is made NaN, which the engine refuses.
const CHOICE: &str = "void run_mha_fwd(Flash_fwd_params &params, cudaStream_t stream) {
  flash_error = cudaSuccess;
  FP16_SWITCH(!params.is_bf16, [&] {
    if (params.d == 32) {
      run_mha_fwd_<elem_type, 32, false>(params, stream);
    } else {
      run_mha_fwd_<elem_type, 64, false>(params, stream);
    }
  });
  if (flash_error != cudaSuccess) {
    const size_t numbers = size_t(params.total_q) * params.h * params.d;
    cudaMemsetAsync(params.o_ptr, 0xff, numbers * sizeof(uint16_t), stream);
  }
}
";

/// Machine code for Ampere and Ada (8.x) and for Hopper (9.0), and PTX for what comes after.
const ARCHITECTURES: [&str; 3] =
    ["-gencode=arch=compute_80,code=sm_80", "-gencode=arch=compute_90,code=sm_90", "-gencode=arch=compute_90,code=compute_90"];

fn main() {
    println!("cargo::rerun-if-env-changed=NVCC");
    let interface = out_dir().join("flash_api.cu");
    let original = std::fs::read_to_string("kernels/flash_api.cu").expect("the crate has its interface");
    let start = original.find("void run_mha_fwd(").expect("the interface chooses a kernel");
    let end = start + original[start..].find("\n}\n").expect("the choice ends") + 3;
    std::fs::write(&interface, format!("{}{CHOICE}{}", &original[..start], &original[end..])).expect("OUT_DIR can be written");

    let cutlass = format!("-I{}", env::var("CUTLASS_INCLUDE").expect("CUTLASS_INCLUDE is set by cuda-linux-x64.sh"));
    let mut arguments = vec![
        "-c",
        "-Ikernels",
        &cutlass,
        "-U__CUDA_NO_HALF_OPERATORS__",
        "-U__CUDA_NO_HALF_CONVERSIONS__",
        "-U__CUDA_NO_HALF2_OPERATORS__",
        "-U__CUDA_NO_BFLOAT16_CONVERSIONS__",
        "--expt-extended-lambda",
        "--use_fast_math",
        // What encoders have no use for; windows (local attention) stay.
        "-DFLASHATTENTION_DISABLE_DROPOUT",
        "-DFLASHATTENTION_DISABLE_ALIBI",
        "-DFLASHATTENTION_DISABLE_SOFTCAP",
        "-DFLASHATTENTION_DISABLE_UNEVEN_K",
        "-Xcompiler=-fPIC,-fvisibility=hidden,-ffunction-sections",
    ];
    arguments.extend(ARCHITECTURES);
    let sources: Vec<PathBuf> =
        KERNELS.iter().map(|name| PathBuf::from(format!("kernels/{name}.cu"))).chain([interface]).collect();
    let object = |source: &Path| out_dir().join(source.file_stem().expect("a file")).with_extension("o");
    each(&sources, |source| nvcc(&arguments, source, &object(source)));

    let library = out_dir().join("libflashattention.a");
    let _ = std::fs::remove_file(&library);
    let status = Command::new("ar").arg("crs").arg(&library).args(sources.iter().map(|source| object(source))).status();
    assert!(status.expect("ar can be started").success(), "ar failed");
    println!("cargo::rustc-link-search=native={}", out_dir().display());
    println!("cargo::rustc-link-lib=static=flashattention");
    // CUDA's runtime in its static form, which looks for the driver when it is called.
    println!("cargo::rustc-link-search=native={}", env::var("CUDA_LIB").expect("CUDA_LIB is set by cuda-linux-x64.sh"));
    println!("cargo::rustc-link-lib=static=cudart_static");
    let compiler = Command::new("g++").arg("-print-file-name=libstdc++.a").output().expect("g++ can be started");
    let runtime = PathBuf::from(String::from_utf8_lossy(&compiler.stdout).trim());
    println!("cargo::rustc-link-search=native={}", runtime.parent().expect("a folder").display());
    println!("cargo::rustc-link-lib=static=stdc++");
    for system in ["rt", "dl", "pthread"] {
        println!("cargo::rustc-link-lib=dylib={system}");
    }
}
