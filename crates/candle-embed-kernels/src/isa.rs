//! Which instruction set the kernels use, decided once at run time.

use crate::kernels::Kernels;
use std::sync::OnceLock;

/// An instruction-set tier. Results are the same to the bit within one tier, not across tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Plain Rust, on every machine; the reference the others are tested against.
    Scalar,
    /// aarch64 without dot products.
    Neon,
    /// aarch64 with `sdot`.
    NeonDot,
    /// aarch64 with `sdot` and, for linear layers, `usmmla`.
    NeonI8mm,
    /// AVX2 and FMA; int8 through `vpmaddwd`, which is exact.
    Avx2,
    /// AVX2, FMA and AVX-VNNI.
    Avx2Vnni,
    /// AVX-512 F, BW, VL, DQ; int8 through `vpmaddwd`.
    Avx512,
    /// AVX-512 F, BW, VL, DQ and VNNI.
    Avx512Vnni,
    /// The same with bf16, where it is fast: attention of int8 models.
    Avx512Bf16,
    /// WebAssembly with its 128-bit vectors, which such a build always has.
    Simd128,
}

/// The environment variable that forces a lower tier: `avx512`, `avx2`, `neon` or `scalar` for the best of the family, or a
/// full name for that one, such as `neon+dotprod` on a machine that has i8mm.
pub const ISA_VARIABLE: &str = "CANDLE_EMBED_ISA";

impl Isa {
    /// The tiers this machine can run, best first; the last is always [`Isa::Scalar`].
    pub fn available() -> Vec<Isa> {
        let mut tiers = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq");
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let vnni = avx512 && is_x86_feature_detected!("avx512vnni");
            if vnni && crate::avx512::bf16::pays() {
                tiers.push(Isa::Avx512Bf16);
            }
            if vnni {
                tiers.push(Isa::Avx512Vnni);
            }
            if avx512 {
                tiers.push(Isa::Avx512);
            }
            if avx2 && is_x86_feature_detected!("avxvnni") {
                tiers.push(Isa::Avx2Vnni);
            }
            if avx2 {
                tiers.push(Isa::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        {
            let dot = std::arch::is_aarch64_feature_detected!("dotprod");
            if dot && std::arch::is_aarch64_feature_detected!("i8mm") {
                tiers.push(Isa::NeonI8mm);
            }
            if dot {
                tiers.push(Isa::NeonDot);
            }
            tiers.push(Isa::Neon);
        }
        #[cfg(target_arch = "wasm32")]
        tiers.push(Isa::Simd128);
        tiers.push(Isa::Scalar);
        tiers
    }

    /// The best tier of this machine at or below the one that [`ISA_VARIABLE`] names; an unknown or higher name changes
    /// nothing. Read once per process.
    pub fn detect() -> Isa {
        static CHOSEN: OnceLock<Isa> = OnceLock::new();
        *CHOSEN.get_or_init(|| Self::choose(std::env::var(ISA_VARIABLE).ok().as_deref()))
    }

    /// What [`Isa::detect`] answers when the variable has this value.
    pub fn choose(forced: Option<&str>) -> Isa {
        let tiers = Self::available();
        let wanted = forced.map(|name| name.trim().to_ascii_lowercase());
        let named = |name: &str| tiers.iter().find(|tier| tier.family() == name || tier.name() == name);
        *wanted.as_deref().and_then(named).unwrap_or(&tiers[0])
    }

    /// The name by which [`ISA_VARIABLE`] knows the best of this tier and its siblings.
    pub fn family(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Neon | Isa::NeonDot | Isa::NeonI8mm => "neon",
            Isa::Avx2 | Isa::Avx2Vnni => "avx2",
            Isa::Avx512 | Isa::Avx512Vnni | Isa::Avx512Bf16 => "avx512",
            Isa::Simd128 => "simd128",
        }
    }

    /// The tier's full name, for reports and [`ISA_VARIABLE`]: its family and extension, `plain` where it has none of those
    /// that the family's others have.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Neon => "neon+plain",
            Isa::NeonDot => "neon+dotprod",
            Isa::NeonI8mm => "neon+i8mm",
            Isa::Avx2 => "avx2+plain",
            Isa::Avx2Vnni => "avx2+vnni",
            Isa::Avx512 => "avx512+plain",
            Isa::Avx512Vnni => "avx512+vnni",
            Isa::Avx512Bf16 => "avx512+bf16",
            Isa::Simd128 => "simd128",
        }
    }

    /// The tier's kernels.
    ///
    /// # Panics
    ///
    /// Where this machine does not have the tier: this check is what makes every later kernel call sound.
    pub(crate) fn kernels(self) -> &'static Kernels {
        assert!(Self::available().contains(&self), "this machine has no {}", self.name());
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Bf16 => &crate::avx512::WITH_BF16,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => &crate::avx512::vnni::KERNELS,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => &crate::avx512::plain::KERNELS,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2Vnni => &crate::avx2::vnni::KERNELS,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => &crate::avx2::plain::KERNELS,
            #[cfg(target_arch = "aarch64")]
            Isa::NeonI8mm => &crate::neon::matrix::KERNELS,
            #[cfg(target_arch = "aarch64")]
            Isa::NeonDot => &crate::neon::dot::KERNELS,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => &crate::neon::plain::KERNELS,
            #[cfg(target_arch = "wasm32")]
            Isa::Simd128 => &crate::wasm::simd128::KERNELS,
            _ => &crate::scalar::plain::KERNELS,
        }
    }
}

/// The kernels of [`Isa::detect`].
pub(crate) fn detected() -> &'static Kernels {
    static KERNELS: OnceLock<&'static Kernels> = OnceLock::new();
    KERNELS.get_or_init(|| Isa::detect().kernels())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forced_tier_is_never_above_the_machine() {
        let best = Isa::available()[0];
        assert_eq!(Isa::choose(None), best);
        assert_eq!(Isa::choose(Some("no such tier")), best);
        assert_eq!(Isa::choose(Some("Scalar ")), Isa::Scalar);
    }

    #[test]
    fn a_full_name_is_one_tier_and_a_family_its_best() {
        let tiers = Isa::available();
        for &tier in &tiers {
            assert_eq!(Isa::choose(Some(tier.name())), tier);
            let best = tiers.iter().find(|other| other.family() == tier.family());
            assert_eq!(Some(&Isa::choose(Some(tier.family()))), best);
        }
    }
}
