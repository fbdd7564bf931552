// Indices of tensors, one by one: what kernels that move elements are checked with.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "reference/array.h"
#include "stub_call.h"

namespace openane::reference::test {

using Place = std::vector<std::int64_t>;

inline std::size_t linear(const Shape& shape, const Place& place) {
  std::int64_t at = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    EXPECT_GE(place[i], 0);
    EXPECT_LT(place[i], shape[i]);
    at = at * shape[i] + place[i];
  }
  return static_cast<std::size_t>(at);
}

/// Every place of a shape, in order.
inline std::vector<Place> places(const Shape& shape) {
  std::vector<Place> out;
  for (std::size_t i = 0; i < count_of(shape); ++i) {
    Place place(shape.size());
    std::int64_t rest = static_cast<std::int64_t>(i);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      place[axis] = rest % shape[axis];
      rest /= shape[axis];
    }
    out.push_back(std::move(place));
  }
  return out;
}

template <typename T>
T at(const Array& array, const Place& place) {
  return array.elements<T>()[linear(array.shape(), place)];
}

/// 0, 1, 2, ...: every element of an array that is not too large says where it came from.
template <typename T>
Array counting(const Shape& shape) {
  std::vector<T> values(count_of(shape));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<T>(i);
  }
  return array_of<T>(shape, values);
}

/// Expects `result` to hold at each place what `x` holds at `source(place)`.
template <typename T, typename Source>
void expect_moved(const Array& x, const Array& result, const Shape& shape, const Source& source) {
  ASSERT_EQ(result.shape(), shape);
  for (const Place& place : places(shape)) {
    ASSERT_EQ(at<T>(result, place), at<T>(x, source(place))) << ::testing::PrintToString(place);
  }
}

/// Random choices that print as the seed they came from.
class Choice {
 public:
  explicit Choice(std::uint64_t seed) : random_(seed) {}
  /// One of low..high.
  std::int64_t among(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool coin() { return among(0, 1) == 1; }
  Shape shape(std::int64_t lowest_rank, std::int64_t highest_rank, std::int64_t lowest = 1, std::int64_t highest = 6) {
    Shape shape(static_cast<std::size_t>(among(lowest_rank, highest_rank)));
    for (std::int64_t& extent : shape) {
      extent = among(lowest, highest);
    }
    return shape;
  }
  std::int32_t axis(std::size_t rank) {
    const auto signed_rank = static_cast<std::int64_t>(rank);
    return static_cast<std::int32_t>(among(-signed_rank, signed_rank - 1));
  }

 private:
  std::mt19937_64 random_;
};

inline std::size_t from_front(std::int32_t axis, std::size_t rank) {
  return axis < 0 ? rank - static_cast<std::size_t>(-axis) : static_cast<std::size_t>(axis);
}

/// The message of a run that must fail.
inline std::string failure(StubCall& call) {
  const Result<void> done = call.run();
  EXPECT_FALSE(done) << call.info().name;
  return done ? std::string() : done.error().to_string();
}

}  // namespace openane::reference::test
