// The steps of the recurrence with additive attention, compiled: forward, backward, decoding. See fused.py for the
// order of a row of `sides`, [q, g_n, r, z, n], and for the derivation.
//
// What a step does to one row of the batch touches no other row, so rows are shared out to torch's threads and no sum
// depends on how many there are. Matrix products are torch's own.
//
// exp(x) for x <= 0 is 2^n P(r), x = n ln 2 + r; P is of degree 7 in float (Cephes) and 13 in double (Taylor). tanh and
// sigmoid are made of it; their error is at most 1e-7 in float and 3e-16 in double (test_native.py).
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <torch/library.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

namespace {

using at::Tensor;
using std::optional;

// Adding and subtracting it rounds to a whole number, which is then in the last bits.
constexpr float kRoundFloat = 12582912.0f;  // 1.5 * 2^23
constexpr double kRoundDouble = 6755399441055744.0;  // 1.5 * 2^52

inline float exp_of_negative(float x) {
  x = x < -87.0f ? -87.0f : x;  // NaN stays
  const float shifted = x * 1.44269504088896341f + kRoundFloat;
  const float n = shifted - kRoundFloat;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const uint32_t whole = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(kRoundFloat);
  return p * std::bit_cast<float>((whole + 127u) << 23);
}

inline double exp_of_negative(double x) {
  x = x < -708.0 ? -708.0 : x;
  const double shifted = x * 1.4426950408889634074 + kRoundDouble;
  const double n = shifted - kRoundDouble;
  const double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * (r * r) + r + 1.0;
  const uint64_t whole = std::bit_cast<uint64_t>(shifted) - std::bit_cast<uint64_t>(kRoundDouble);
  return p * std::bit_cast<double>((whole + 1023u) << 52);
}

// tanh(x / 2).
template <typename T>
inline T tanh_of_half(T x) {
  const T e = exp_of_negative(-std::abs(x));
  return std::copysign(T(1) - T(2) * e / (T(1) + e), x);  // half the error of (1 - e) / (1 + e)
}

template <typename T>
inline T sigmoid(T x) {
  const T e = exp_of_negative(-std::abs(x));
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}

// A matrix whose rows may stand apart: (rows, columns), or (sentences, positions, columns) with whole sentences.
template <typename T>
struct Rows {
  T* start = nullptr;
  int64_t apart = 0;

  Rows() = default;
  explicit Rows(const Tensor& tensor) : start(tensor.data_ptr<T>()), apart(tensor.stride(0)) {
    TORCH_CHECK(tensor.size(-1) <= 1 || tensor.stride(-1) == 1, "the last dimension has to be dense");
    TORCH_CHECK(
        tensor.dim() < 3 || tensor.size(1) <= 1 || tensor.stride(1) == tensor.size(2), "sentences have to be dense");
  }
  explicit Rows(const optional<Tensor>& tensor) {
    if (tensor.has_value()) *this = Rows(*tensor);
  }
  T* operator[](int64_t row) const { return start == nullptr ? nullptr : start + row * apart; }
};

// Rows that are worth a thread, each with so many numbers to work on.
int64_t grain(int64_t numbers) { return 1 + 16384 / (1 + numbers); }

struct Sizes {
  int64_t source, units, width;  // S, A, and of what is summed up: C, or 3H + C in decoding
};

// What one row attends with; `scale` is 2, or 1 if the keys are doubled.
template <typename T>
struct Attend {
  Sizes sizes;
  T scale;
  Rows<T> query, keys, values, weights, sums;
  const T* energy;
  Rows<bool> padding;
  const int64_t* sentences;  // row b reads sentence sentences[b]; null: sentence b

  Attend(
      const Tensor& query_, const Tensor& keys_, const Tensor& energy_, const Tensor& values_, const Tensor& weights_,
      const Tensor& sums_, const optional<Tensor>& padding_, const optional<Tensor>& sentences_, bool doubled)
      : sizes{keys_.size(1), keys_.size(2), values_.size(2)},
        scale(doubled ? 1 : 2),
        query(query_),
        keys(keys_),
        values(values_),
        weights(weights_),
        sums(sums_),
        energy(Rows<T>(energy_).start),
        padding(padding_),
        sentences(sentences_.has_value() ? sentences_->data_ptr<int64_t>() : nullptr) {
    const int64_t batch = query_.size(0), count = keys_.size(0);
    TORCH_CHECK(query_.size(1) == sizes.units && energy_.numel() == sizes.units, "query, keys and v differ in size");
    TORCH_CHECK(values_.size(0) == count && values_.size(1) == sizes.source, "keys and values differ in size");
    TORCH_CHECK(!padding_.has_value() || padding_->sizes() == keys_.sizes().slice(0, 2), "the mask differs in size");
    TORCH_CHECK(weights_.size(0) == batch && weights_.size(1) == sizes.source, "weights differ in size");
    TORCH_CHECK(sums_.size(0) == batch && sums_.size(1) == sizes.width, "sums differ in size");
    TORCH_CHECK(sentences || batch == count, "one sentence a row, or the number of each row's");
    for (int64_t row = 0; sentences && row < batch; ++row)
      TORCH_CHECK(0 <= sentences[row] && sentences[row] < count, "there is no sentence ", sentences[row]);
  }

  void query_doubled(int64_t row, T* doubled) const {
    const T* of_row = query[row];
    for (int64_t a = 0; a < sizes.units; ++a) doubled[a] = T(2) * of_row[a];
  }

  // Weights and weighted sum of a row; scratch: A numbers.
  void forward(int64_t row, T* scratch) const {
    const int64_t sentence = sentences ? sentences[row] : row;
    const auto [source, units, width] = sizes;
    const T *key = keys[sentence], *value = values[sentence];
    const bool* padded = padding[sentence];
    T *weight = weights[row], *sum = sums[row];
    const T *v = energy, by = scale;  // members in the loop would be gathered one by one
    query_doubled(row, scratch);
    T top = 0;
    bool empty = true;
    for (int64_t s = 0; s < source; ++s) {
      if (padded && padded[s]) continue;
      const T* of_position = key + s * units;
      T score = 0;
#pragma omp simd reduction(+ : score)
      for (int64_t a = 0; a < units; ++a) score += v[a] * tanh_of_half(of_position[a] * by + scratch[a]);
      weight[s] = score;
      if (empty || score > top) top = score;
      empty = false;
    }
    T total = 0;
    for (int64_t s = 0; s < source; ++s) {
      weight[s] = padded && padded[s] ? T(0) : exp_of_negative(weight[s] - top);
      total += weight[s];
    }
    const T whole = empty ? T(0) : T(1) / total;
    for (int64_t s = 0; s < source; ++s) weight[s] *= whole;
    std::fill(sum, sum + width, T(0));
    for (int64_t s = 0; s < source; ++s) {
      const T w = weight[s], *of_position = value + s * width;
      if (w == T(0)) continue;  // what stands on padding may be NaN
#pragma omp simd
      for (int64_t c = 0; c < width; ++c) sum[c] += w * of_position[c];
    }
  }

  // From the gradients of sum and weights to that of the query; adds to those of keys (without v) and of v.
  void backward(
      int64_t row, const T* to_sum, const T* to_weights, T* to_keys, T* to_energy, T* to_query, T* scratch) const {
    const auto [source, units, width] = sizes;
    const T *key = keys[row], *value = values[row], *weight = weights[row];
    const T by = scale;
    T *doubled = scratch, *score = scratch + units, mean = 0;
    query_doubled(row, doubled);
    for (int64_t s = 0; s < source; ++s) {
      if (weight[s] == T(0)) continue;
      const T* of_position = value + s * width;
      T dot = to_weights ? to_weights[s] : T(0);
#pragma omp simd reduction(+ : dot)
      for (int64_t c = 0; c < width; ++c) dot += of_position[c] * to_sum[c];
      score[s] = dot;
      mean += weight[s] * dot;
    }
    std::fill(to_query, to_query + units, T(0));
    for (int64_t s = 0; s < source; ++s) {
      if (weight[s] == T(0)) continue;
      const T de = weight[s] * (score[s] - mean), *of_position = key + s * units;
      T* to_key = to_keys + s * units;
#pragma omp simd
      for (int64_t a = 0; a < units; ++a) {
        const T u = tanh_of_half(of_position[a] * by + doubled[a]), du = de - de * u * u;
        to_key[a] += du;
        to_query[a] += du;
        to_energy[a] += de * u;
      }
    }
    for (int64_t a = 0; a < units; ++a) to_query[a] *= energy[a];
  }
};

template <typename T>
void attend_all(const Attend<T>& attend, int64_t batch) {
  const auto [source, units, width] = attend.sizes;
  at::parallel_for(0, batch, grain(source * (units + width)), [&, units = units](int64_t first, int64_t last) {
    std::vector<T> scratch(units);
    for (int64_t row = first; row < last; ++row) attend.forward(row, scratch.data());
  });
}

template <typename T>
void attend_all_backward(
    const Attend<T>& attend, int64_t batch, const Tensor& to_sums, const optional<Tensor>& to_weights,
    const Tensor& to_keys, const Tensor& to_energy, const Tensor& to_query) {
  const Rows<T> sums(to_sums), weights(to_weights), keys(to_keys), energy(to_energy), query(to_query);
  const auto [source, units, width] = attend.sizes;
  const int64_t numbers = units + source;
  at::parallel_for(0, batch, grain(source * (units + width)), [&, numbers](int64_t first, int64_t last) {
    std::vector<T> scratch(numbers);
    for (int64_t row = first; row < last; ++row)
      attend.backward(row, sums[row], weights[row], keys[row], energy[row], query[row], scratch.data());
  });
}

// (g_n, r, z, n) before -> after their functions, in place, and the new state.
template <typename T>
void gates(const Tensor& sides, const Tensor& state, const Tensor& next) {
  const Rows<T> side(sides), before(state), after(next);
  const int64_t size = state.size(1);
  at::parallel_for(0, state.size(0), grain(16 * size), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      T *g = side[row], *r = g + size, *z = r + size, *n = z + size, *to = after[row];
      const T* from = before[row];
#pragma omp simd
      for (int64_t h = 0; h < size; ++h) {
        const T reset = sigmoid(r[h]), update = sigmoid(z[h]), fresh = tanh_of_half(T(2) * (n[h] + reset * g[h]));
        r[h] = reset;
        z[h] = update;
        n[h] = fresh;
        to[h] = fresh + update * (from[h] - fresh);
      }
    }
  });
}

// From the gradient of the new state to those of (g_n, r, z, n), and to that of the state before by way of z alone.
template <typename T>
void gates_backward(
    const Tensor& sides, const Tensor& state, const Tensor& to_next, const Tensor& to_sides, const Tensor& to_state) {
  const Rows<T> side(sides), before(state), incoming(to_next), outgoing(to_sides), past(to_state);
  const int64_t size = state.size(1);
  at::parallel_for(0, state.size(0), grain(4 * size), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const T *g = side[row], *r = g + size, *z = r + size, *n = z + size, *from = before[row], *in = incoming[row];
      T *dg = outgoing[row], *dr = dg + size, *dz = dr + size, *dn = dz + size, *to = past[row];
#pragma omp simd
      for (int64_t h = 0; h < size; ++h) {
        const T ds = in[h], keep = T(1) - z[h], fresh = ds * keep * (T(1) - n[h] * n[h]), hidden = fresh * r[h];
        dg[h] = hidden;
        dr[h] = hidden * g[h] * (T(1) - r[h]);
        dz[h] = ds * (from[h] - n[h]) * z[h] * keep;
        dn[h] = fresh;
        to[h] += ds * z[h];
      }
    }
  });
}

// The new state from the parts of the gates (r, z, n) that word and context give, and those that the state gives.
template <typename T>
void gates_of_sum(
    const Tensor& words, const Tensor& hidden, const Tensor& sums, const Tensor& state, const Tensor& next) {
  const Rows<T> word(words), sum(sums), from_state(hidden), before(state), after(next);
  const int64_t size = state.size(1);
  at::parallel_for(0, state.size(0), grain(16 * size), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const T *x = word[row], *c = sum[row], *g = from_state[row], *from = before[row];
      T* to = after[row];
#pragma omp simd
      for (int64_t h = 0; h < size; ++h) {
        const int64_t z = h + size, n = z + size;
        const T reset = sigmoid(x[h] + c[h] + g[h]), update = sigmoid(x[z] + c[z] + g[z]);
        const T fresh = tanh_of_half(T(2) * (x[n] + c[n] + reset * g[n]));
        to[h] = fresh + update * (from[h] - fresh);
      }
    }
  });
}

// ---- what Python calls ----

void attend(
    const Tensor& query, const Tensor& keys, const Tensor& energy, const Tensor& values,
    const optional<Tensor>& padding, const Tensor& weights, const Tensor& sums) {
  AT_DISPATCH_FLOATING_TYPES(query.scalar_type(), "attend", [&] {
    attend_all(
        Attend<scalar_t>(query, keys, energy, values, weights, sums, padding, {}, false), query.size(0));
  });
}

void unit(const Tensor& sides, const Tensor& state, const Tensor& next) {
  AT_DISPATCH_FLOATING_TYPES(state.scalar_type(), "unit", [&] { gates<scalar_t>(sides, state, next); });
}

void attend_backward(
    const Tensor& query, const Tensor& keys, const Tensor& energy, const Tensor& values, const Tensor& weights,
    const Tensor& to_sums, const optional<Tensor>& to_weights, const Tensor& to_keys, const Tensor& to_energy,
    const Tensor& to_query) {
  AT_DISPATCH_FLOATING_TYPES(query.scalar_type(), "attend_backward", [&] {
    const Attend<scalar_t> attended(query, keys, energy, values, weights, to_sums, {}, {}, false);
    attend_all_backward(attended, query.size(0), to_sums, to_weights, to_keys, to_energy, to_query);
  });
}

void unit_backward(
    const Tensor& sides, const Tensor& state, const Tensor& to_next, const Tensor& to_sides, const Tensor& to_state) {
  AT_DISPATCH_FLOATING_TYPES(state.scalar_type(), "unit_backward", [&] {
    gates_backward<scalar_t>(sides, state, to_next, to_sides, to_state);
  });
}

// All steps. sides (T, B, A + 4H) hold what inputs and biases give, states (T + 1, B, H) begin with s_0.
void forward(
    const Tensor& hidden, const Tensor& context, const Tensor& keys, const Tensor& energy, const Tensor& values,
    const optional<Tensor>& padding, const Tensor& sides, const Tensor& states, const Tensor& weights,
    const Tensor& contexts) {
  const int64_t units = energy.size(0), size = states.size(2);
  const Tensor to_hidden = hidden.t(), to_gates = context.t();
  for (int64_t t = 0; t < sides.size(0); ++t) {
    const Tensor side = sides.select(0, t), state = states.select(0, t), sum = contexts.select(0, t);
    side.narrow(1, 0, units + 3 * size).addmm_(state, to_hidden);
    attend(side.narrow(1, 0, units), keys, energy, values, padding, weights.select(0, t), sum);
    side.narrow(1, units + size, 3 * size).addmm_(sum, to_gates);
    unit(side.narrow(1, units, 4 * size), state, states.select(0, t + 1));
  }
}

// All steps. to_states (T + 1, B, H) hold 0 and the gradients of s_1..s_T, to_contexts (T, B, C) those of the contexts
// or 0; both are added to. Of to_sides (T, B, A + 4H) everything is written.
void backward(
    const Tensor& hidden, const Tensor& context, const Tensor& keys, const Tensor& energy, const Tensor& values,
    const Tensor& sides, const Tensor& states, const Tensor& weights, const optional<Tensor>& to_weights,
    const Tensor& to_sides, const Tensor& to_states, const Tensor& to_contexts, const Tensor& to_keys,
    const Tensor& to_energy) {
  const int64_t units = energy.size(0), size = states.size(2);
  for (int64_t t = sides.size(0) - 1; t >= 0; --t) {
    const Tensor side = sides.select(0, t), to_side = to_sides.select(0, t), past = to_states.select(0, t);
    const Tensor to_sum = to_contexts.select(0, t);
    unit_backward(
        side.narrow(1, units, 4 * size), states.select(0, t), to_states.select(0, t + 1),
        to_side.narrow(1, units, 4 * size), past);
    to_sum.addmm_(to_side.narrow(1, units + size, 3 * size), context);
    optional<Tensor> to_weight;
    if (to_weights.has_value()) to_weight = to_weights->select(0, t);
    attend_backward(
        side.narrow(1, 0, units), keys, energy, values, weights.select(0, t), to_sum, to_weight, to_keys, to_energy,
        to_side.narrow(1, 0, units));
    past.addmm_(to_side.narrow(1, 0, units + 3 * size), hidden);
  }
}

// One decoding step. words (B, 3H): the embedding's part of the gates, r, z, n; hidden (B, 3H): the state's. keys
// (N, S, A) are doubled; values (N, S, 3H + C): in gate space, then as they are, as are their sums (B, 3H + C).
void decode(
    const Tensor& words, const Tensor& query, const Tensor& hidden, const Tensor& state, const Tensor& keys,
    const Tensor& energy, const Tensor& values, const optional<Tensor>& padding, const optional<Tensor>& sentences,
    const Tensor& weights, const Tensor& sums, const Tensor& next) {
  AT_DISPATCH_FLOATING_TYPES(state.scalar_type(), "decode", [&] {
    attend_all(
        Attend<scalar_t>(query, keys, energy, values, weights, sums, padding, sentences, true), query.size(0));
    gates_of_sum<scalar_t>(words, hidden, sums, state, next);
  });
}

}  // namespace

TORCH_LIBRARY(fairseq_attention, library) {
  library.def(
      "attend(Tensor query, Tensor keys, Tensor energy, Tensor values, Tensor? padding, Tensor(a!) weights, "
      "Tensor(b!) sums) -> ()");
  library.def("unit(Tensor(a!) sides, Tensor state, Tensor(b!) next) -> ()");
  library.def(
      "attend_backward(Tensor query, Tensor keys, Tensor energy, Tensor values, Tensor weights, Tensor to_sums, "
      "Tensor? to_weights, Tensor(a!) to_keys, Tensor(b!) to_energy, Tensor(c!) to_query) -> ()");
  library.def(
      "unit_backward(Tensor sides, Tensor state, Tensor to_next, Tensor(a!) to_sides, Tensor(b!) to_state) -> ()");
  library.def(
      "forward(Tensor hidden, Tensor context, Tensor keys, Tensor energy, Tensor values, Tensor? padding, "
      "Tensor(a!) sides, Tensor(b!) states, Tensor(c!) weights, Tensor(d!) contexts) -> ()");
  library.def(
      "backward(Tensor hidden, Tensor context, Tensor keys, Tensor energy, Tensor values, Tensor sides, "
      "Tensor states, Tensor weights, Tensor? to_weights, Tensor(a!) to_sides, Tensor(b!) to_states, "
      "Tensor(c!) to_contexts, Tensor(d!) to_keys, Tensor(e!) to_energy) -> ()");
  library.def(
      "decode(Tensor words, Tensor query, Tensor hidden, Tensor state, Tensor keys, Tensor energy, Tensor values, "
      "Tensor? padding, Tensor? sentences, Tensor(a!) weights, Tensor(b!) sums, Tensor(c!) next) -> ()");
}

TORCH_LIBRARY_IMPL(fairseq_attention, CPU, library) {
  library.impl("attend", attend);
  library.impl("unit", unit);
  library.impl("attend_backward", attend_backward);
  library.impl("unit_backward", unit_backward);
  library.impl("forward", forward);
  library.impl("backward", backward);
  library.impl("decode", decode);
}
