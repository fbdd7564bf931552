// Programs and tensors for the emulator's tests.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "openane/anec.h"
#include "openane/emulator.h"
#include "openane/hwx.h"
#include "openane/raw_kernel.h"
#include "program_corpus.h"
#include "raw_layout.h"

namespace openane::test {

/// Random fp16 tensors: uniform in [low, high], a fixed sequence for each seed.
inline Tensor random_tensor(const Shape& shape, float low, float high, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<float> values(static_cast<std::size_t>(*element_count(shape)));
  for (float& value : values) {
    // Not std::uniform_real_distribution: its sequence differs between libraries.
    const float unit = static_cast<float>(generator() >> 8) * 0x1p-24F;
    value = low + (high - low) * unit;
  }
  return Tensor::from_floats(shape, values, ElementType::float16);
}

inline std::vector<float> floats(const Tensor& tensor) {
  const auto values = tensor.to_floats();
  EXPECT_TRUE(values) << values.error().to_string();
  return values ? *values : std::vector<float>{};
}

/// A raw kernel of the manifest as a program.
inline Result<Program> raw_program(const toml::table& file) {
  return read_raw_kernel(load(manifest_path(file)), raw_layout_of(file), "layout.toml");
}

}  // namespace openane::test
