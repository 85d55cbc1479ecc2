//! Linear layers on packed weights: `activation(x W^T + b) + residual`, f32 or int8.

use crate::activation::Activation;
use crate::epilogue::LinearTileArgs;
use crate::isa::Isa;
use crate::kernels::Kernels;
use crate::pack::{Aligned, ExactColumn, LINE, MAX_EXACT_COLUMNS, pack_f32, pack_i8};
use crate::pages::Pages;
use crate::quantized::QuantizedRows;
use crate::rows::{FinishArgs, RowScale};
use crate::stride::byte_stride;
use crate::tile::TileArgs;
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;

/// A linear layer whose weights are packed for one tier.
pub struct Linear {
    pub(crate) kernels: &'static Kernels,
    inputs: usize,
    outputs: usize,
    bias: Aligned<f32>,
    weights: Weights,
}

enum Weights {
    F32(Aligned<f32>),
    I8 {
        bytes: Aligned<i8>,
        /// Scale of each output's weights.
        scale: Aligned<f32>,
        /// `scale` times the sum of the output's weights: what one unit of a row's offset contributes.
        sum: Aligned<f32>,
        /// Inputs that are not in the bytes.
        exact_columns: Vec<usize>,
        /// Their weights, `[MAX_EXACT_COLUMNS][whole panels]`, zeros for absent ones.
        exact: Aligned<f32>,
    },
}

/// Why a layer could not be packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinearError {
    /// A vector that should have one value per input or output has another length.
    Length {
        /// Which vector.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length it should have.
        expected: usize,
    },
    /// No inputs or no outputs.
    Empty,
    /// More inputs than [`MAX_INPUTS_I8`].
    TooManyInputs(usize),
}

/// So many products of a byte and a weight of -128 have a sum that is an i32 on every tier: 255 * 128 * 65,793 is just below
/// 2^31.
pub const MAX_INPUTS_I8: usize = i32::MAX as usize / (255 * 128);

impl fmt::Display for LinearError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { what, got, expected } => write!(f, "{what} has {got} values, the layer needs {expected}"),
            Self::Empty => write!(f, "a linear layer needs at least one input and one output"),
            Self::TooManyInputs(inputs) => {
                write!(f, "an int8 linear layer of {inputs} inputs; at most {MAX_INPUTS_I8} can be summed")
            }
        }
    }
}

impl std::error::Error for LinearError {}

/// Sums of one tile: 14 x 32 is the largest any tier has.
#[repr(align(64))]
pub(crate) struct TileBuffer(pub(crate) [f32; 14 * 32]);

/// What a linear layer reads and writes, as raw parts so that several threads can share the outputs by panels.
#[derive(Clone, Copy)]
pub(crate) struct LinearArgs {
    /// f32 rows of `inputs` values, or quantised rows.
    pub input: *const u8,
    /// Bytes from one input row to the next.
    pub input_stride: usize,
    /// The quantised rows' scales; unused for f32.
    pub scales: *const RowScale,
    pub rows: usize,
    /// Rows of `outputs` values.
    pub out: *mut f32,
    /// Values from one row of `out` and `residual` to the next.
    pub out_stride: usize,
    /// Columns of `out` that are next to each other: all, or whole panels.
    pub block: usize,
    /// Values from one such block to the next.
    pub block_stride: usize,
    /// Rows of `outputs` values added last, or null; may be `out` itself.
    pub residual: *const f32,
    pub activation: Activation,
}

impl Linear {
    /// Packs f32 weights into `pages`; `fill(row, values)` writes row `row` of the `[outputs, inputs]` matrix. No bias means zeros.
    pub fn pack_f32(
        isa: Isa,
        pages: &Pages,
        [outputs, inputs]: [usize; 2],
        bias: Option<&[f32]>,
        fill: impl FnMut(usize, &mut [f32]),
    ) -> Result<Self, LinearError> {
        let kernels = isa.kernels();
        let bias = pad(kernels, [outputs, inputs], "bias", bias)?;
        let weights = Weights::F32(pack_f32(pages, [outputs, inputs], kernels.panel, fill));
        Ok(Self { kernels, inputs, outputs, bias, weights })
    }

    /// Packs int8 weights into `pages`, with one scale an output, `weight = scale[row] * values[column]`. -128 may occur.
    ///
    /// The columns `exact`, at most [`MAX_EXACT_COLUMNS`], are added in f32. There are at most [`MAX_INPUTS_I8`] inputs.
    pub fn pack_i8(
        isa: Isa,
        pages: &Pages,
        [outputs, inputs]: [usize; 2],
        bias: Option<&[f32]>,
        scales: &[f32],
        exact: &[ExactColumn],
        fill: impl FnMut(usize, &mut [i8]),
    ) -> Result<Self, LinearError> {
        let kernels = isa.kernels();
        let bias = pad(kernels, [outputs, inputs], "bias", bias)?;
        let scale = pad(kernels, [outputs, inputs], "scales", Some(scales))?;
        if inputs > MAX_INPUTS_I8 {
            return Err(LinearError::TooManyInputs(inputs));
        }
        if exact.len() > MAX_EXACT_COLUMNS {
            return Err(LinearError::Length { what: "exact columns", got: exact.len(), expected: MAX_EXACT_COLUMNS });
        }
        let mut exact_weights = Aligned::zeroed(MAX_EXACT_COLUMNS * scale.len());
        for (ExactColumn { column, weights }, row) in exact.iter().zip(exact_weights.chunks_exact_mut(scale.len())) {
            check("weights of an exact column", weights.len(), outputs)?;
            if *column >= inputs {
                return Err(LinearError::Length { what: "an exact column's index", got: *column, expected: inputs });
            }
            row[..outputs].copy_from_slice(weights);
        }
        let exact_columns = exact.iter().map(|exact| exact.column).collect();
        let (bytes, sums) = pack_i8(pages, [outputs, inputs], kernels.panel, kernels.depth_i8, fill);
        let sums: Vec<f32> = sums.iter().zip(scales).map(|(&sum, &scale)| sum as f32 * scale).collect();
        let sum = pad(kernels, [outputs, inputs], "sums", Some(&sums))?;
        Ok(Self {
            kernels,
            inputs,
            outputs,
            bias,
            weights: Weights::I8 { bytes, scale, sum, exact_columns, exact: exact_weights },
        })
    }

    /// Width of an input row.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Width of an output row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Whether the layer takes [`QuantizedRows`].
    pub fn is_int8(&self) -> bool {
        matches!(self.weights, Weights::I8 { .. })
    }

    /// The inputs that stay f32 and have to be left out when rows are quantised for this layer.
    pub fn exact_columns(&self) -> &[usize] {
        match &self.weights {
            Weights::F32(_) => &[],
            Weights::I8 { exact_columns, .. } => exact_columns,
        }
    }

    /// `out = activation(x W^T + b) + residual` on the calling thread, for an f32 layer.
    ///
    /// # Panics
    ///
    /// Where the layer is int8, or the lengths do not agree on one number of rows.
    pub fn forward(&self, x: &[f32], activation: Activation, residual: Option<&[f32]>, out: &mut [f32]) {
        assert!(!self.is_int8(), "an int8 layer takes quantised rows");
        let rows = x.len() / self.inputs;
        assert_eq!(x.len(), rows * self.inputs, "input rows of {} values", self.inputs);
        self.run_checked(x.as_ptr().cast(), ptr::null(), rows, activation, residual, out);
    }

    /// The same for an int8 layer, on rows quantised without its [`Linear::exact_columns`].
    ///
    /// # Panics
    ///
    /// Where the layer is f32, the lengths do not agree, or the rows were quantised for another instruction set.
    pub fn forward_quantized(
        &self,
        x: &QuantizedRows,
        activation: Activation,
        residual: Option<&[f32]>,
        out: &mut [f32],
    ) {
        assert!(self.is_int8(), "an f32 layer takes f32 rows");
        assert_eq!(x.columns, self.inputs, "input rows of {} values", self.inputs);
        assert_eq!(x.byte_stride(), self.byte_stride(), "input rows quantised for the instruction set of the layer");
        self.run_checked(x.bytes.as_ptr(), x.scales.as_ptr(), x.scales.len(), activation, residual, out);
    }

    fn run_checked(
        &self,
        input: *const u8,
        scales: *const RowScale,
        rows: usize,
        activation: Activation,
        residual: Option<&[f32]>,
        out: &mut [f32],
    ) {
        assert_eq!(out.len(), rows * self.outputs, "output rows of {} values", self.outputs);
        let residual = residual.map_or(ptr::null(), |residual| {
            assert_eq!(residual.len(), out.len(), "residual rows of {} values", self.outputs);
            residual.as_ptr()
        });
        let input_stride = if self.is_int8() { self.byte_stride() } else { 4 * self.inputs };
        let args = LinearArgs {
            input,
            input_stride,
            scales,
            rows,
            out: out.as_mut_ptr(),
            out_stride: self.outputs,
            block: self.outputs,
            block_stride: 0,
            residual,
            activation,
        };
        // SAFETY: the lengths were checked; `out` is borrowed exclusively.
        unsafe { self.run(&args, 0..self.panels()) };
    }

    /// Bytes from one quantised input row to the next.
    pub(crate) fn byte_stride(&self) -> usize {
        byte_stride(self.kernels, self.inputs)
    }

    /// Columns of a weight panel.
    pub(crate) fn panel(&self) -> usize {
        self.kernels.panel
    }

    /// Number of weight panels: what threads share when they work on the same rows.
    pub(crate) fn panels(&self) -> usize {
        self.outputs.div_ceil(self.kernels.panel)
    }

    /// Computes the outputs of some panels.
    ///
    /// # Safety
    ///
    /// The pointers cover `rows` rows; nothing else writes the columns of these panels or the inputs meanwhile.
    pub(crate) unsafe fn run(&self, args: &LinearArgs, panels: Range<usize>) {
        let kernels = self.kernels;
        let panel = kernels.panel;
        // `depth` bytes of weights a column and step.
        let (tiles, multiple, depth, steps, weights) = match &self.weights {
            Weights::F32(w) => (kernels.linear_f32, 1, 4, self.inputs, w.as_ptr().cast::<u8>()),
            Weights::I8 { bytes, .. } => {
                let steps = self.inputs.div_ceil(kernels.depth_i8);
                (kernels.linear_i8, kernels.rows_i8, kernels.depth_i8, steps, bytes.as_ptr().cast())
            }
        };
        let mut buffer = TileBuffer([0.0; 14 * 32]);
        // An int8 tile writes it before it reads it; others leave it alone.
        let mut room = MaybeUninit::<TileBuffer>::uninit();
        for at in panels {
            let first = at * panel;
            let columns = panel.min(self.outputs - first);
            let column = first / args.block * args.block_stride + first % args.block;
            // The tile itself writes the outputs where nothing but sums is left to do and all its columns exist.
            let direct = columns == panel && args.activation == Activation::Identity;
            // SAFETY: the packed arrays have a whole panel at `first`, and the caller vouches for the rows.
            unsafe {
                let (weight_scale, weight_sum, exact, exact_count) = match &self.weights {
                    Weights::F32(_) => (ptr::null(), ptr::null(), ptr::null(), 0),
                    Weights::I8 { scale, sum, exact_columns, exact, .. } => (
                        scale.as_ptr().add(first),
                        sum.as_ptr().add(first),
                        exact.as_ptr().add(first),
                        exact_columns.len(),
                    ),
                };
                let b = weights.add(first * steps * depth);
                let panel_bytes = panel * steps * depth;
                let mut fetched = 0;
                for_tiles(args.rows, multiple, tiles, |row, rows, tile| {
                    // The first tiles fetch the next panel while this one is multiplied: it comes from
                    // the third-level cache or memory.
                    let next = if fetched < panel_bytes { b.wrapping_add(panel_bytes + fetched) } else { b };
                    fetched += LINE * steps;
                    let offset = row * args.out_stride + column;
                    let out = args.out.add(offset);
                    let residual = if args.residual.is_null() { ptr::null() } else { args.residual.add(offset) };
                    tile(&LinearTileArgs {
                        tile: TileArgs {
                            k: steps,
                            a: args.input.add(row * args.input_stride),
                            a_stride: args.input_stride,
                            b,
                            b_stride: panel * depth,
                            next,
                            c: if direct { out.cast() } else { buffer.0.as_mut_ptr().cast() },
                            c_stride: 4 * if direct { args.out_stride } else { panel },
                        },
                        bias: self.bias.as_ptr().add(first),
                        weight_scale,
                        weight_sum,
                        row_scale: args.scales.wrapping_add(row),
                        exact_count,
                        exact,
                        exact_stride: self.bias.len(),
                        room: room.as_mut_ptr().cast(),
                        residual: if direct { residual } else { ptr::null() },
                        residual_stride: args.out_stride,
                    });
                    if !direct {
                        (kernels.finish)(&FinishArgs {
                            sums: buffer.0.as_ptr(),
                            sums_stride: panel,
                            rows,
                            columns,
                            residual,
                            residual_stride: args.out_stride,
                            out,
                            out_stride: args.out_stride,
                            activation: args.activation,
                        });
                    }
                });
            }
        }
    }
}

/// Cuts rows into tiles of nearly equal height (16 rows are 8 + 8, not 14 + 2: a low tile leaves FMA units idle) and
/// calls `f(first row, height, tile)`. Heights but the last are multiples of `multiple`, a power of two that divides the
/// largest.
#[inline(always)]
pub(crate) fn for_tiles<T: Copy>(
    rows: usize,
    multiple: usize,
    tiles: &'static [T],
    mut f: impl FnMut(usize, usize, T),
) {
    let count = rows.div_ceil(tiles.len());
    let mut row = 0;
    for left in (1..=count).rev() {
        // Rounded up by a mask, not by a second division.
        let height = ((rows - row).div_ceil(left) + multiple - 1) & multiple.wrapping_neg();
        let height = height.min(rows - row);
        f(row, height, tiles[height - 1]);
        row += height;
    }
}

fn check(what: &'static str, got: usize, expected: usize) -> Result<(), LinearError> {
    if got == expected { Ok(()) } else { Err(LinearError::Length { what, got, expected }) }
}

/// One value an output, zeros up to whole panels.
fn pad(
    kernels: &Kernels,
    [outputs, inputs]: [usize; 2],
    what: &'static str,
    values: Option<&[f32]>,
) -> Result<Aligned<f32>, LinearError> {
    if outputs == 0 || inputs == 0 {
        return Err(LinearError::Empty);
    }
    let values = values.unwrap_or(&[]);
    if !values.is_empty() {
        check(what, values.len(), outputs)?;
    }
    Ok(Aligned::padded(values, outputs.next_multiple_of(kernels.panel)))
}
