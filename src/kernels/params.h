#pragma once
// Arguments of the kernels: plain structs with the shape on each pointer. What each kernel must equal, bit for bit, is
// the naive one in kernels/ref (docs/numerics.md). A kernel is single-threaded and works on what it is given; sharing
// work out over threads is the business of ops.
//
// Letters: M rows, N columns of the result, K contraction; H heads, D query/key width, V value width.
#include <cstddef>
#include <cstdint>

namespace jamsu::kernels {

inline constexpr int64_t kLanes = 16;           // F32x16, and columns of a panel
inline constexpr int64_t kDotBlock = 32;        // numerics.md section 2: contraction in blocks of 32
inline constexpr int64_t kKeyBlock = 32;        // numerics.md section 4: keys in blocks of 32
inline constexpr int64_t kKeyChunk = 1024;      // and chunks of 1,024 keys
inline constexpr int64_t kMaxHeadWidth = 1024;  // of a query/key or value head: what kernels keep on their stack
inline constexpr int64_t kNoWindow = int64_t{1} << 62;  // every key up to the query's own

static constexpr int64_t round_up(int64_t x, int64_t unit) {
  return (x + unit - 1) / unit * unit;
}

// Element of an operand: `bf16` rounds with to_bf16 (bf16 mode), `f32` keeps the bits (f32 mode; router).
enum class Element : uint8_t { bf16, f32 };
static constexpr int64_t element_bytes(Element e) {
  return e == Element::bf16 ? 2 : 4;
}

// ---- B operand: panels of 16 columns, contraction in pairs; one layout for every ISA (it is AMX's VNNI tile). ----
//   bf16: [ceil(N/16)][round_up(K,32)/2][16][2] uint16      f32: [ceil(N/16)][round_up(K,32)/2][2][16] float
// Padding (columns and k) is zero.
static constexpr int64_t panel_elements(int64_t n, int64_t k) {
  return round_up(n, kLanes) * round_up(k, kDotBlock);
}

// How the values of a matrix lie. e4m3: base/e4m3.h, without a scale.
enum class Source : uint8_t { f32, bf16, e4m3 };

struct PackBParams {
  const void* source;               // B(j, k) = source[j * column_stride + k * k_stride]
  Source source_type;               // e4m3: to bf16 elements
  int64_t column_stride, k_stride;  // one of them is 1
  int64_t n, k;
  Element element;
  void* panels;                    // whole buffer, panel_elements(n, k) elements
  int64_t panel_begin, panel_end;  // panels of 16 columns to write
};

// ---- A operand: rows, in a layout each ISA chooses for itself (f32 rows or words of two bf16 where values are
// broadcast, bf16 tiles for AMX). ----
struct PackAParams {
  const float* source;           // A(i, k) = source[row(i) * row_stride + k * k_stride], row(i) = rows ? rows[i] : i
  const int32_t* rows;           // [m] gather, or null
  int64_t row_stride, k_stride;  // one of them is 1
  int64_t m, k;
  Element element;
  void* packed;  // a_bytes(m, k) bytes, 64-byte aligned
};

// C[i, j] = (accumulate ? C[i, j] : +0) then the dot of numerics.md section 2 over k of A(i, k) B(j, k);
// then + bias[j].
struct GemmParams {
  const void* a;  // from pack_a of the same GemmKernel
  const void* b;  // panels; the first panel is column 0 of C
  float* c;       // [m, n], ldc between rows; not padded: columns >= n are never written
  int64_t ldc;
  int64_t m, n, k;
  Element element;
  bool accumulate;
  const float* bias;  // [n] or null
};

// The same product with a matrix as it lies in a file: C = x W^T, W(j, k) = w[j * k_count + k], columns [0, n). Which
// format the rows have is the kernel's (Kernels::stored).
//   bf16: bias aside what GemmParams says.   e4m3: numerics.md section 6: of each 128 of k the dot from +0, then
//   C = fma(scale(j, k / 128), dot, C), blocks in order from +0.
// Subnormals of a bf16 file count as zero, as everywhere in bf16 mode.
struct GemmStoredParams {
  const void* x;  // from Kernels::stored_x
  const void* w;
  const float* scales;   // of e4m3: scale(j, block) = scales[(first_row + j) / 128 * scale_stride + block]
  int64_t scale_stride;  // ceil(k / 128)
  int64_t first_row;     // of the whole matrix, W's row 0: where blocks of 128 rows begin
  float* c;              // [m, n], ldc between rows
  int64_t ldc;
  int64_t m, n, k;
  const float* bias;  // [n] or null
  void* scratch;      // scratch_bytes(m, n), 64-byte aligned
};
inline constexpr int64_t kScaleBlock = 128;  // columns and rows that share a scale (DeepSeek-V3)

// silu(x Wg^T) * (x Wu^T), rounded, as x of the product that follows: columns [column, column + n) of `width`, packed
// as by pack_x. For ops that read many rows (StoredKernel::many_rows); column is a multiple of 32.
struct GemmGatedParams {
  GemmStoredParams gate, up;  // of equal x, m, n, k, scratch (of 2 n columns); without c and bias
  void* h;                    // x_bytes(m, width)
  int64_t column, width;
};

// x of such a product, in a layout each ISA chooses for itself, rounded to bf16; panels of 16 rows apart, so that
// threads can share them out.
struct PackXParams {
  const float* source;  // x(i, k) = source[row(i) * row_stride + k], row(i) = rows ? rows[i] : i
  const int32_t* rows;  // [m] gather, or null
  int64_t row_stride;
  int64_t m, k;
  void* packed;                    // x_bytes(m, k) bytes, 64-byte aligned
  int64_t panel_begin, panel_end;  // rows 16 panel_begin to 16 panel_end, as far as there are
};

// ---- KV blocks: 32 keys of one head, in the panel layout, so that a block is a B operand as it lies. ----
//   K: columns = the 32 keys (2 panels), contraction = D padded to 32:  panel_elements(32, D)
//   V: columns = V (padded to 16), contraction = the 32 keys:          panel_elements(V, 32)
// Blocks are zeroed when allocated (0 * NaN of a stale row is the classic bug).
static constexpr int64_t key_block_elements(int64_t d) {
  return panel_elements(kKeyBlock, d);
}
static constexpr int64_t value_block_elements(int64_t v) {
  return panel_elements(v, kKeyBlock);
}

// Writes one row of keys and values (position `slot` of its block). The key is two parts side by side: [first | second]
// (MLA: nope and the shared rope part; GQA: second_width = 0).
struct StoreKvParams {
  const float *first, *second;  // [first_width], [second_width]
  const float* value;           // [v_width]
  int64_t first_width, second_width, v_width;
  void *key_block, *value_block;
  int64_t slot;  // 0..31
  Element element;
};

struct AttentionParams {  // one head of one segment
  const float* q;         // row r at q + r * q_stride, [D]
  int64_t q_stride;
  const void* const* key_blocks;  // [ceil((first_position + rows) / 32)]
  const void* const* value_blocks;
  float* out;  // row r at out + r * out_stride, [V]
  int64_t out_stride;
  float* lse;  // row r at lse + r * lse_stride; null at inference
  int64_t lse_stride;
  int64_t rows, first_position;  // row r sees the last `window` (at least 1) of keys 0 .. first_position + r
  int64_t d, v;
  float scale;
  Element element;
  int64_t window = kNoWindow;
};

// Gradients of one query head of one segment that starts at position 0 (training); numerics.md section 4. Row r sees
// the last `window` of keys 0 .. r. dq is overwritten; dk and dv start from +0, or with `continue_kv` from what the
// earlier query heads of the group left there.
// `scratch` has attention_backward_scratch(rows, d, v) floats, 64-byte aligned.
struct AttentionBackwardParams {
  const float* q;  // as forward
  int64_t q_stride;
  const void* const* key_blocks;
  const void* const* value_blocks;
  const float* out;  // forward's result
  const float* lse;
  const float* dout;  // same strides as out
  int64_t out_stride, lse_stride;
  float *dq, *dk, *dv;  // rows at dq_stride, dk_stride, dv_stride
  int64_t dq_stride, dk_stride, dv_stride;
  int64_t rows, d, v;
  float scale;
  Element element;
  float* scratch;
  bool continue_kv = false;
  int64_t window = kNoWindow;
};
static constexpr int64_t attention_backward_scratch(int64_t rows, int64_t d, int64_t v) {
  // K, V turned and dK, dV for all keys; q, dout each way and dQ for a block of queries; three tiles.
  const int64_t key_rows = round_up(rows, kKeyBlock), wide_d = round_up(d, kDotBlock), wide_v = round_up(v, kDotBlock);
  return 2 * key_rows * (wide_d + wide_v) + kKeyBlock * (3 * wide_d + 2 * wide_v) + 3 * kKeyBlock * kKeyBlock;
}

// ---- Row kernels: rows [0, rows), x row r at x + r * stride. ----
struct RmsNormParams {
  const float* x;  // [rows, d]
  const float* w;  // [d]
  float* y;        // [rows, d]
  float* scale;    // [rows] 1 / sqrt(ms + eps), or null
  int64_t rows, d, x_stride, y_stride;
  float eps;
};
struct RmsNormBackwardParams {  // dx = r (a - n (sum16(a n) / d)), a = dy w, n = x r; overwrites dx
  const float *x, *w, *dy;
  const float* scale;  // [rows] from forward
  float* dx;
  int64_t rows, d, x_stride, dy_stride, dx_stride;
};
// out[j] = the long sum over rows (chunks of 64 rows by sum16 with FMA, tree over chunks) of
//   dy[i, j] * (x[i, j] * scale[i]); columns [column_begin, column_end)
struct NormWeightGradParams {
  const float *x, *dy;
  const float* scale;  // [rows]
  float* out;          // [d] overwritten in the range
  int64_t rows, d, x_stride, dy_stride, column_begin, column_end;
  float* scratch;  // [ceil(rows / 64) * 16] floats
};

enum class RopeLayout : uint8_t { interleaved, half };
// Rotates in place heads [0, heads) of each row: element e of head h at x + r * row_stride + h * head_stride.
struct RopeParams {
  float* x;
  const float *cosine, *sine;  // [rows, width / 2]
  int64_t rows, heads, row_stride, head_stride, width;
  RopeLayout layout;
  bool inverse;  // rotate back (the backward pass): sine negated
};

struct SwigluParams {  // h = silu(gate) * up
  const float *gate, *up;
  float* h;
  int64_t count;
};
// With s = sigmoid(gate): dup = dh * (gate * s); dgate = (dh * up) * (s * (1 + gate * (1 - s))).
struct SwigluBackwardParams {
  const float *gate, *up, *dh;
  float *dgate, *dup;
  int64_t count;
};

// logp = (x - m) - log(l), m the row's maximum, l = sum of exp(x - m): sum16 per chunk of 4,096,
// chunks added left to right.
struct LogSoftmaxParams {
  const float* x;  // [rows, n]
  float* y;        // [rows, n], may be x
  int64_t rows, n, x_stride, y_stride;
};
// Cross-entropy: loss[r] = -logp[label] (0 where label < 0);
// if dlogits: (exp(logp_j) - [j = label]) * seed, 0 where label < 0.
struct CrossEntropyParams {
  const float* logits;    // [rows, n]
  const int32_t* labels;  // [rows], < 0: ignored
  float* loss;            // [rows]
  float* dlogits;         // [rows, n] or null; may be logits
  int64_t rows, n, stride;
  float seed;
};

// sum16 of products or of squares of one row each.
struct RowDotParams {  // out[r] = sum16(a[r, :] * b[r, :])
  const float *a, *b;
  float* out;
  int64_t rows, n, a_stride, b_stride;
};

// y = fma(scale, x, y): an expert's share, a scaled block of a product.
struct AddScaledParams {
  const float* x;  // [rows, n]
  float* y;        // [rows, n]
  float scale;
  int64_t rows, n, x_stride, y_stride;
};

// numerics.md section 3, AdamW; scalars formed in f64 by the caller and rounded once.
struct AdamWParams {
  float *p, *m, *v;  // [count]
  const float* g;    // [count]
  int64_t count;
  float clip;   // g = g * clip
  float decay;  // 1 - lr * wd; 1 where there is no decay
  float one_minus_b1, b2, one_minus_b2;
  float root_correction;  // sqrt(1 - b2^t)
  float eps;
  float step;  // -lr / (1 - b1^t)
};

}  // namespace jamsu::kernels
