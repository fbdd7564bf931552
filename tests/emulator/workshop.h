// Programs made by hand, op by op, over plain byte surfaces: what the emulator's tests put on its bench.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "openane/emulator.h"

namespace openane::test {

/// Random numbers, the same on every host.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : generator_(seed) {}
  /// Uniform in low .. high.
  std::uint32_t roll(std::uint32_t low, std::uint32_t high) {
    return low + static_cast<std::uint32_t>(generator_()) % (high - low + 1);
  }
  bool coin() { return roll(0, 1) == 1; }
  /// One time in `n`.
  bool rarely(std::uint32_t n) { return roll(1, n) == 1; }
  float number(float low, float high) { return low + (high - low) * static_cast<float>(generator_() >> 8) * 0x1p-24F; }

 private:
  std::mt19937 generator_;
};

/// A tensor as the computing path counts it, [group][channel][row][column], in stored fp16 bits or 8-bit integers.
struct Logical {
  std::uint32_t groups = 1, channels = 1, height = 1, width = 1;
  std::vector<std::uint16_t> codes;

  Logical() = default;
  Logical(std::uint32_t g, std::uint32_t c, std::uint32_t h, std::uint32_t w)
      : groups(g), channels(c), height(h), width(w), codes(std::size_t{g} * c * h * w) {}
  [[nodiscard]] std::size_t index(std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x) const {
    return ((std::size_t{g} * channels + c) * height + y) * width + x;
  }
  std::uint16_t& at(std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x) {
    return codes[index(g, c, y, x)];
  }
  [[nodiscard]] std::uint16_t at(std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x) const {
    return codes[index(g, c, y, x)];
  }
};

/// The same elements with C and W exchanged.
inline Logical exchanged(const Logical& t) {
  Logical out(t.groups, t.width, t.height, t.channels);
  for (std::uint32_t g = 0; g < t.groups; ++g) {
    for (std::uint32_t c = 0; c < t.channels; ++c) {
      for (std::uint32_t y = 0; y < t.height; ++y) {
        for (std::uint32_t x = 0; x < t.width; ++x) {
          out.at(g, x, y, c) = t.at(g, c, y, x);
        }
      }
    }
  }
  return out;
}

/// addr(g, c, y, x) = offset + g*group + (c / I)*plane + y*row + (x*I + c % I)*element bytes (h13-isa.md 3.1).
inline std::size_t address(const SurfaceView& view, std::uint32_t g, std::uint32_t c, std::uint32_t y,
                           std::uint32_t x) {
  const std::size_t size = view.type == ElementType::float16 ? 2 : 1, lanes = view.interleave;
  return view.offset + std::size_t{g} * view.strides.group + c / lanes * view.strides.channel +
         std::size_t{y} * view.strides.row + (x * lanes + c % lanes) * size;
}

/// Bytes a stored tensor takes.
inline std::size_t bytes_of(const SurfaceView& view, const Logical& stored) {
  std::size_t end = 0;
  for (std::uint32_t c = 0; c < stored.channels; ++c) {
    end = std::max(end, address(view, stored.groups - 1, c, stored.height - 1, stored.width - 1) + 2);
  }
  return end;
}

inline void store(std::vector<std::uint8_t>& memory, const SurfaceView& view, const Logical& stored) {
  for (std::uint32_t g = 0; g < stored.groups; ++g) {
    for (std::uint32_t c = 0; c < stored.channels; ++c) {
      for (std::uint32_t y = 0; y < stored.height; ++y) {
        for (std::uint32_t x = 0; x < stored.width; ++x) {
          const std::uint16_t code = stored.at(g, c, y, x);
          std::memcpy(&memory.at(address(view, g, c, y, x)), &code, view.type == ElementType::float16 ? 2 : 1);
        }
      }
    }
  }
}

inline Logical fetch(std::span<const std::uint8_t> memory, const SurfaceView& view, Logical shape) {
  for (std::uint32_t g = 0; g < shape.groups; ++g) {
    for (std::uint32_t c = 0; c < shape.channels; ++c) {
      for (std::uint32_t y = 0; y < shape.height; ++y) {
        for (std::uint32_t x = 0; x < shape.width; ++x) {
          std::uint16_t code = 0;
          std::memcpy(&code, memory.data() + address(view, g, c, y, x), view.type == ElementType::float16 ? 2 : 1);
          shape.at(g, c, y, x) = code;
        }
      }
    }
  }
  return shape;
}

/// A view of a stored tensor from the start of a slot, rows on multiples of 64 bytes, one after the other.
inline SurfaceView packed_view(std::uint8_t slot, const Logical& stored, ElementType type = ElementType::float16,
                               std::uint8_t interleave = 1) {
  SurfaceView view;
  view.slot = slot;
  view.type = type;
  view.interleave = interleave;
  const std::uint32_t size = type == ElementType::float16 ? 2 : 1;
  view.strides.row = (stored.width * interleave * size + 63) / 64 * 64;
  view.strides.channel = view.strides.row * stored.height;
  view.strides.depth = view.strides.group = view.strides.channel * ((stored.channels + interleave - 1u) / interleave);
  return view;
}

inline Extent extent_of(const Logical& t) { return {t.width, t.height, 1, t.channels}; }

/// Ops and surfaces, turned into a program and run.
class Workshop {
 public:
  std::vector<EngineOp> ops;
  std::vector<std::uint8_t> constants;
  std::uint64_t scratch_bytes = 0;

  /// A surface with this content on the next free slot.
  std::uint8_t add(TensorRole role, std::vector<std::uint8_t> content) {
    surfaces_.push_back({role, std::move(content)});
    return static_cast<std::uint8_t>(3 + surfaces_.size());
  }
  [[nodiscard]] std::vector<std::uint8_t>& content(std::uint8_t slot) { return surfaces_.at(slot - 4u).content; }

  [[nodiscard]] Result<Program> program() const {
    Program program;
    program.generation = find_generation("H13");
    program.scratch_bytes = scratch_bytes;
    program.constants.push_back({"", 1, Bytes(constants)});
    std::vector<Task> tasks;
    for (const EngineOp& op : ops) {
      OPENANE_TRY(Task task, encode(op, *program.generation));
      tasks.push_back(std::move(task));
    }
    Procedure procedure;
    OPENANE_TRY(procedure.tasks, link_tasks(std::move(tasks)));
    for (std::size_t i = 0; i < surfaces_.size(); ++i) {
      const auto size = static_cast<std::int64_t>(surfaces_[i].content.size());
      const SurfaceLayout layout{ElementType::uint8, {1, 1, 1, size, 1}, {size, size, size, 1, 0}, 1};
      const std::string name = fmt::format("s{}", 4 + i);
      procedure.tensors.push_back({name, name, surfaces_[i].role, static_cast<std::uint32_t>(4 + i), layout, 0,
                                   static_cast<std::uint64_t>(size), 0});
    }
    program.procedures.push_back(std::move(procedure));
    return program;
  }

  /// Runs the program and takes the surfaces' new content over.
  Result<void> run(EmulatorOptions options = {}) {
    OPENANE_TRY(const Program made, program());
    OPENANE_TRY(Emulator emulator, Emulator::create(made, 0, std::move(options)));
    for (std::size_t i = 0; i < surfaces_.size(); ++i) {
      std::ranges::copy(surfaces_[i].content, emulator.surface(static_cast<std::uint32_t>(4 + i)).begin());
    }
    OPENANE_CHECK(emulator.run());
    for (std::size_t i = 0; i < surfaces_.size(); ++i) {
      std::ranges::copy(emulator.surface(static_cast<std::uint32_t>(4 + i)), surfaces_[i].content.begin());
    }
    return {};
  }

 private:
  struct Surface {
    TensorRole role = TensorRole::input;
    std::vector<std::uint8_t> content;
  };
  std::vector<Surface> surfaces_;
};

/// A planar task of one source that changes nothing.
inline EngineOp planar_copy(const Logical& shape) {
  EngineOp op;
  op.input = op.output = extent_of(shape);
  op.groups = shape.groups;
  op.compute = PlanarCompute{};
  return op;
}

/// A neural task that changes nothing.
inline EngineOp neural_copy(const Logical& shape) {
  EngineOp op;
  op.input = op.output = extent_of(shape);
  op.groups = shape.groups;
  NeuralCompute neural;
  neural.unicast = true;
  op.compute = neural;
  return op;
}

inline Operand surface_source(const SurfaceView& view, Place place = Place::surface) {
  Operand source;
  source.place = place;
  source.surface = view;
  source.type = view.type;
  return source;
}

inline ResultView surface_result(const SurfaceView& view, Place place = Place::surface) {
  ResultView result;
  result.place = place;
  result.surface = view;
  result.type = view.type;
  return result;
}

/// A tensor laid out for on-chip memory: every stride a multiple of 16.
inline OnChipView on_chip_view(std::uint32_t base, const Logical& stored, ElementType type = ElementType::float16) {
  OnChipView view;
  view.base = base;
  view.strides.channel = (stored.width * (type == ElementType::float16 ? 2u : 1u) + 15) / 16 * 16;
  view.strides.row = view.strides.channel * stored.channels;
  view.strides.depth = view.strides.group = view.strides.row * stored.height;
  return view;
}

}  // namespace openane::test
