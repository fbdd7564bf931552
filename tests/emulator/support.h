// Programs and tensors for the emulator's tests.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "openane/emulator.h"
#include "openane/hwx.h"
#include "program_corpus.h"

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

/// A raw kernel of the manifest as a program: sources on slots 5 and 6, the result on slot 4, scratch on slot 3.
inline Result<Program> raw_program(const toml::table& file) {
  const Bytes bytes = load(manifest_path(file));
  const auto number = [&](const char* key) { return file[key].value_or(std::uint32_t{0}); };
  const std::uint32_t task_bytes = number("tsk_size"), kernel = (task_bytes + 15) / 16 * 16;
  Program program;
  program.generation = find_generation("H13");
  OPENANE_TRY(std::vector<PlacedTask> tasks, decode_tasks(*program.generation, bytes.span().first(task_bytes), 0,
                                                          number("td_size") / 4, number("td_count")));
  program.constants.push_back({"", 1, bytes.slice(kernel, bytes.size() - kernel)});
  OPENANE_TRY(SurfaceLayout layout, SurfaceLayout::packed(ElementType::float16, {1, 1, 2560, 1600, 1}));
  const std::uint64_t size = static_cast<std::uint64_t>(layout.strides.n);
  Procedure procedure;
  procedure.tasks = std::move(tasks);
  procedure.tensors.push_back({"y", "y", TensorRole::output, 4, layout, 0, size, 0});
  procedure.tensors.push_back({"x", "x", TensorRole::input, 5, layout, 0, size, 0});
  if (number("src_count") > 1) {
    procedure.tensors.push_back({"z", "z", TensorRole::input, 6, layout, 0, size, 0});
  }
  if ((*file["tiles"].as_table()).contains("3")) {
    program.scratch_bytes = size;
  }
  program.procedures.push_back(std::move(procedure));
  return program;
}

}  // namespace openane::test
