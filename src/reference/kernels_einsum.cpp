// einsum of two operands as NumPy has it with an explicit result. Labels fall into four kinds - in both operands and
// the result (batch), in both and not in the result (summed), in one and the result (rows, columns), in one alone
// (summed too) - so that what is left is a batch of matrix products.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "mil/extents.h"
#include "reference/gemm.h"
#include "reference/kernels.h"
#include "reference/parallel.h"

namespace openane::reference {
namespace {

using Extents = std::array<std::int64_t, 256>;

std::int64_t extent_of(const Extents& extents, char label) { return extents[static_cast<unsigned char>(label)]; }

struct Equation {
  std::string left, right, result;
};

Result<Equation> parse(std::string text) {
  std::erase(text, ' ');
  const std::size_t comma = text.find(',');
  const std::size_t arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || comma > arrow) {
    return fail(ErrorCategory::malformed_input, fmt::format("expected an equation 'ab,bc->ac', found '{}'", text));
  }
  Equation out{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1), text.substr(arrow + 2)};
  std::string sorted = out.result;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) {
    return fail(ErrorCategory::malformed_input, fmt::format("a label stands twice in the result of '{}'", text));
  }
  return out;
}

Result<void> bind_extents(const std::string& labels, const Shape& shape, Extents& extents) {
  if (labels.size() != shape.size()) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("'{}' names {} axes of {}", labels, labels.size(), mil::describe(shape)));
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::int64_t& extent = extents[static_cast<unsigned char>(labels[i])];
    if (extent > 1 && shape[i] != 1 && shape[i] != extent) {
      return fail(ErrorCategory::malformed_input, fmt::format("axis '{}' is {} and {}", labels[i], extent, shape[i]));
    }
    extent = extent < 0 || extent == 1 ? shape[i] : extent;
  }
  return {};
}

bool has(const std::string& labels, char label) { return labels.find(label) != std::string::npos; }

/// Elements between neighbours along each of `wanted` labels in a dense tensor of axes `labels`: a label that stands
/// twice runs along the diagonal, an axis of extent 1 stands still.
std::vector<std::int64_t> strides_of(const std::string& labels, const Shape& shape, const std::string& wanted) {
  std::vector<std::int64_t> strides(wanted.size(), 0);
  std::int64_t stride = 1;
  for (std::size_t axis = labels.size(); axis-- > 0; stride *= shape[axis]) {
    if (const std::size_t at = wanted.find(labels[axis]); at != std::string::npos && shape[axis] != 1) {
      strides[at] += stride;
    }
  }
  return strides;
}

std::int64_t count_of(const Extents& extents, const std::string& labels) {
  std::int64_t count = 1;
  for (const char label : labels) {
    count *= extent_of(extents, label);
  }
  return count;
}

/// Calls `visit(position, offset)` for all combinations of the labels in order.
template <typename Visit>
void each_position(const Extents& extents, const std::string& labels, const std::vector<std::int64_t>& strides,
                   const Visit& visit) {
  const std::int64_t count = count_of(extents, labels);
  std::vector<std::int64_t> index(labels.size(), 0);
  std::int64_t offset = 0;
  for (std::int64_t position = 0; position < count; ++position) {
    visit(position, offset);
    for (std::size_t axis = labels.size(); axis-- > 0;) {
      offset += strides[axis];
      if (++index[axis] < extent_of(extents, labels[axis])) {
        break;
      }
      offset -= index[axis] * strides[axis];
      index[axis] = 0;
    }
  }
}

template <typename Real>
std::vector<Real> gather(const Array& array, const std::string& labels, const Extents& extents,
                         const std::string& wanted) {
  std::vector<Real> out(static_cast<std::size_t>(count_of(extents, wanted)));
  const auto from = array.elements<Real>();
  each_position(extents, wanted, strides_of(labels, array.shape(), wanted),
                [&](std::int64_t position, std::int64_t offset) {
                  out[static_cast<std::size_t>(position)] = from[static_cast<std::size_t>(offset)];
                });
  return out;
}

template <typename Real>
Result<void> einsum(Call& call) {
  const std::span<const Array> values = call.arrays("values");
  if (values.size() != 2) {
    return fail(ErrorCategory::malformed_input, fmt::format("expected two operands, found {}", values.size()));
  }
  OPENANE_TRY(const Equation equation, parse(call.text("equation").value_or("")));
  Extents extents;
  extents.fill(mil::kVariadicExtent);
  OPENANE_CHECK(bind_extents(equation.left, values[0].shape(), extents));
  OPENANE_CHECK(bind_extents(equation.right, values[1].shape(), extents));

  std::string batch, rows, columns, summed;
  Shape shape;
  for (const char label : equation.result) {
    const bool in_left = has(equation.left, label);
    const bool in_right = has(equation.right, label);
    if (!in_left && !in_right) {
      return fail(ErrorCategory::malformed_input, fmt::format("'{}' stands only in the result", label));
    }
    (in_left && in_right ? batch : in_left ? rows : columns) += label;
    shape.push_back(extent_of(extents, label));
  }
  for (const char label : equation.left + equation.right) {
    if (!has(equation.result, label) && !has(summed, label)) {
      summed += label;
    }
  }
  OPENANE_TRY(Array out, call.allocate(0, shape));
  const std::vector<Real> left = gather<Real>(values[0], equation.left, extents, batch + rows + summed);
  const std::vector<Real> right = gather<Real>(values[1], equation.right, extents, batch + summed + columns);
  const ProductExtents sizes{count_of(extents, rows), count_of(extents, columns), count_of(extents, summed)};
  std::vector<std::array<std::int64_t, 2>> offsets;
  offsets.reserve(static_cast<std::size_t>(count_of(extents, batch)));
  for (std::int64_t i = 0; i < count_of(extents, batch); ++i) {
    offsets.push_back({i * sizes.rows * sizes.depth, i * sizes.depth * sizes.columns});
  }
  std::vector<Real> products(static_cast<std::size_t>(out.count()));
  multiply_all<Real>(sizes, {left.data(), sizes.depth}, {right.data(), sizes.columns}, products.data(), offsets,
                     call.threads());
  const std::span<Real> to = out.writable<Real>();
  const std::string computed = batch + rows + columns;
  each_position(extents, computed, strides_of(equation.result, shape, computed),
                [&](std::int64_t position, std::int64_t offset) {
                  to[static_cast<std::size_t>(offset)] = products[static_cast<std::size_t>(position)];
                });
  call.give(0, std::move(out));
  return {};
}

constexpr NamedKernel kKernels[] = {{"einsum", by_real<einsum<float>, einsum<double>>}};

}  // namespace

std::span<const NamedKernel> einsum_kernels() { return kKernels; }

}  // namespace openane::reference
