// Build script of the copy of candle-kernels that cuda-linux-x64.sh makes: PTX of the kernels that encoders use, which the
// driver compiles for its GPU. What is left out would be more than half of the addon.

include!("nvcc.rs");

const KERNELS: [&str; 8] = ["affine", "binary", "cast", "fill", "indexing", "reduce", "ternary", "unary"];
/// Kernels of no use here; their modules are empty.
const LEFT_OUT: [&str; 3] = ["conv", "quantized", "sort"];

fn main() {
    println!("cargo::rerun-if-env-changed=NVCC");
    each(&KERNELS, |name| {
        let output = out_dir().join(format!("{name}.ptx"));
        // Compute capability 8.0 (Ampere) and every newer one.
        nvcc(&["--ptx", "-arch=compute_80", "-Isrc"], Path::new(&format!("src/{name}.cu")), &output);
    });
    let mut modules = String::new();
    for name in KERNELS.iter().chain(&LEFT_OUT) {
        let file = out_dir().join(format!("{name}.ptx"));
        if LEFT_OUT.contains(name) {
            std::fs::write(&file, "").expect("OUT_DIR can be written");
        }
        modules += &format!("pub const {}: &str = include_str!({file:?});\n", name.to_uppercase());
    }
    std::fs::write(out_dir().join("ptx.rs"), modules).expect("OUT_DIR can be written");
}
