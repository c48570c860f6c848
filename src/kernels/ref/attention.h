#pragma once
// Attention by its definition, docs/numerics.md section 4, over float or double (no rounding to bf16; for finite
// differences). Operands are functions, already rounded where the cache rounds:
// q(row, i), key(position, i), value(position, i), ...
#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/ref/rows.h"

namespace jamsu::kernels::ref {

template <class T>
struct AttentionShape {
  int64_t rows, first_position;  // row r sees the last `window` (at least 1) of keys 0 .. first_position + r
  int64_t d, v;
  T scale;
  Element element;
  int64_t window = kNoWindow;

  int64_t first_key(int64_t row) const { return std::max<int64_t>(first_position + row - window + 1, 0); }
  int64_t past_last_key(int64_t row) const { return first_position + row + 1; }
};

// The running state of a row within a chunk, and of the merged chunks.
template <class T>
struct Running {
  T m = -std::numeric_limits<T>::infinity(), l = 0;
  std::vector<T> o;
};

template <class T, class Q, class Key>
T score(const AttentionShape<T>& s, const Q& q, const Key& key, int64_t row, int64_t position) {
  return dot<T>(
             s.d, [&](int64_t i) { return rounded(q(row, i), s.element); }, [&](int64_t i) { return key(position, i); },
             T(0)) *
         s.scale;
}

// One block of 32 keys, of which the row sees at least one. Values of the others meet p = +0.
template <class T, class Q, class Key, class Value>
void attend_block(const AttentionShape<T>& s, const Q& q, const Key& key, const Value& value, int64_t row,
                  int64_t block, Running<T>& r) {
  const int64_t first_key = block * kKeyBlock;
  const int64_t begin = std::max<int64_t>(s.first_key(row) - first_key, 0),
                end = std::min(s.past_last_key(row) - first_key, kKeyBlock);
  T scores[kKeyBlock], p[kKeyBlock], m = r.m;
  for (int64_t j = begin; j < end; ++j) {
    scores[j] = score(s, q, key, row, first_key + j);
    m = max_or_nan(m, scores[j]);
  }
  const T alpha = exp(r.m - m);
  for (int64_t j = 0; j < kKeyBlock; ++j) p[j] = j >= begin && j < end ? rounded(exp(scores[j] - m), s.element) : T(0);
  const auto probability = [&](int64_t j) { return p[j]; };
  r.l = std::fma(r.l, alpha, sum16<T>(kKeyBlock, probability));
  for (int64_t i = 0; i < s.v; ++i) {
    T& o = r.o[static_cast<size_t>(i)];
    o = dot<T>(
        kKeyBlock, probability, [&](int64_t j) { return value(first_key + j, i); }, o * alpha);
  }
  r.m = m;
}

template <class T>
void merge_chunk(Running<T>& a, const Running<T>& b) {
  const T m = max_or_nan(a.m, b.m), x = exp(a.m - m), y = exp(b.m - m);
  a.l = std::fma(a.l, x, b.l * y);
  for (size_t i = 0; i < a.o.size(); ++i) a.o[i] = std::fma(a.o[i], x, b.o[i] * y);
  a.m = m;
}

// out[v] and the log of the sum of exponentials of one row.
template <class T, class Q, class Key, class Value>
void attention_row(const AttentionShape<T>& s, const Q& q, const Key& key, const Value& value, int64_t row, T* out,
                   T& lse) {
  const int64_t first_block = s.first_key(row) / kKeyBlock, blocks = (s.first_position + row) / kKeyBlock + 1;
  constexpr int64_t chunk_blocks = kKeyChunk / kKeyBlock;
  const int64_t first_chunk = first_block / chunk_blocks * chunk_blocks;
  Running<T> total;
  for (int64_t chunk = first_chunk; chunk < blocks; chunk += chunk_blocks) {
    Running<T> part;
    part.o.assign(static_cast<size_t>(s.v), T(0));
    for (int64_t block = std::max(chunk, first_block); block < blocks && block < chunk + chunk_blocks; ++block)
      attend_block(s, q, key, value, row, block, part);
    if (chunk == first_chunk)
      total = part;
    else
      merge_chunk(total, part);
  }
  for (int64_t i = 0; i < s.v; ++i) out[i] = total.o[static_cast<size_t>(i)] / total.l;
  lse = total.m + log_of(total.l);
}

// One tile of 32 queries against one block of 32 keys: P and dS, rounded; +0 where not visible or beyond the segment.
template <class T>
struct Tile {
  T p[kKeyBlock][kKeyBlock] = {}, ds[kKeyBlock][kKeyBlock] = {};  // [query][key]
};

template <class T, class Q, class Key, class Value, class Out, class Lse, class Dout>
Tile<T> tile_of(const AttentionShape<T>& s, const Q& q, const Key& key, const Value& value, const Out& out,
                const Lse& lse, const Dout& dout, int64_t query_block, int64_t key_block) {
  Tile<T> t;
  for (int64_t qi = 0; qi < kKeyBlock; ++qi) {
    const int64_t row = query_block * kKeyBlock + qi;
    if (row >= s.rows) break;
    const T delta = sum16_products<T>(
        s.v, [&](int64_t i) { return dout(row, i); }, [&](int64_t i) { return out(row, i); });
    for (int64_t ki = 0; ki < kKeyBlock; ++ki) {
      const int64_t position = key_block * kKeyBlock + ki;
      if (position < s.first_key(row) || position >= s.past_last_key(row)) continue;
      const T probability = exp(score(s, q, key, row, position) - lse(row));
      const T dp = dot<T>(
          s.v, [&](int64_t i) { return rounded(dout(row, i), s.element); },
          [&](int64_t i) { return value(position, i); }, T(0));
      t.p[qi][ki] = rounded(probability, s.element);
      t.ds[qi][ki] = rounded(probability * (dp - delta) * s.scale, s.element);
    }
  }
  return t;
}

// Adds to dq(row, i), dk(position, i), dv(position, i), references to zero (or to the group's earlier heads) at the
// start. REQUIRES: first_position == 0.
template <class T, class Q, class Key, class Value, class Out, class Lse, class Dout, class Dq, class Dk, class Dv>
void attention_backward(const AttentionShape<T>& s, const Q& q, const Key& key, const Value& value, const Out& out,
                        const Lse& lse, const Dout& dout, const Dq& dq, const Dk& dk, const Dv& dv) {
  const int64_t blocks = (s.rows + kKeyBlock - 1) / kKeyBlock;
  for (int64_t qb = 0; qb < blocks; ++qb)
    for (int64_t kb = s.first_key(qb * kKeyBlock) / kKeyBlock; kb <= qb; ++kb) {
      const Tile<T> t = tile_of(s, q, key, value, out, lse, dout, qb, kb);
      const auto of_query = [&](const auto& x, int64_t j, int64_t i) {  // rounded; +0 beyond the segment
        const int64_t row = qb * kKeyBlock + j;
        return row < s.rows ? rounded(x(row, i), s.element) : T(0);
      };
      for (int64_t ki = 0; ki < kKeyBlock && kb * kKeyBlock + ki < s.rows; ++ki) {
        const int64_t position = kb * kKeyBlock + ki;
        for (int64_t i = 0; i < s.v; ++i)
          dv(position, i) = dot<T>(
              kKeyBlock, [&](int64_t j) { return t.p[j][ki]; }, [&](int64_t j) { return of_query(dout, j, i); },
              dv(position, i));
        for (int64_t i = 0; i < s.d; ++i)
          dk(position, i) = dot<T>(
              kKeyBlock, [&](int64_t j) { return t.ds[j][ki]; }, [&](int64_t j) { return of_query(q, j, i); },
              dk(position, i));
      }
      for (int64_t qi = 0; qi < kKeyBlock && qb * kKeyBlock + qi < s.rows; ++qi)
        for (int64_t i = 0; i < s.d; ++i) {
          const int64_t row = qb * kKeyBlock + qi;
          dq(row, i) = dot<T>(
              kKeyBlock, [&](int64_t j) { return t.ds[qi][j]; }, [&](int64_t j) { return key(kb * kKeyBlock + j, i); },
              dq(row, i));
        }
    }
}

}  // namespace jamsu::kernels::ref
