// Chips with a neural engine, the compiler's targets, and what is known of their limits, clocks and answers.
//
// Everything stands in `data/chips.toml` with its grade and its source; the build turns it into the tables seen here.
// What nobody knows is not there: look-ups return null or nothing, never a default.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "openane/register_table.h"

namespace openane {

/// How a claim is known and who makes it.
struct Evidence {
  std::string_view grade;   ///< "guess", "derived", "reported", "vendor", "file" or "hardware".
  std::string_view source;  ///< A person's work, to be looked up.
  std::string_view note;    ///< May be empty.
};

/// A number about a chip: "cores", "engines", "tops", "clock_ghz", "knee_mb", ...
struct Figure {
  std::string_view name;
  double value = 0;
  Evidence evidence;
};

struct Chip {
  std::string_view name;     ///< "M1 Pro"
  std::string_view soc;      ///< "T6000"; empty when not published.
  std::string_view target;   ///< The compiler's target: "h13g".
  std::string_view devices;  ///< May be empty.
  Evidence evidence;         ///< Of the target.
  std::span<const Figure> figures;

  [[nodiscard]] const Figure* find(std::string_view figure) const;
  /// The register table of the chip's programs; null when there is none.
  [[nodiscard]] const Generation* generation() const;
};

/// A target of the vendor compiler: a name, the subtype its containers carry, the version of its task descriptors.
struct CompilerTarget {
  std::string_view name;  ///< Empty for layouts that the compiler has without a name.
  std::uint32_t cpu_subtype = 0;
  std::uint32_t td_version = 0;
  std::string_view generation;  ///< Id of the register table; empty when there is none.
  std::uint32_t units_9 = 0;    ///< Engine units that compiler 9.x models; 0 = not known.
  std::uint32_t units_10 = 0;   ///< The same of compiler 10.26.6.
  Evidence evidence;
};

/// Frequencies in MHz and memory transfer rates in MT/s that the compiler's cost model knows for a target.
struct ClockTable {
  std::string_view target;
  std::span<const std::uint32_t> mhz;
  std::span<const std::uint32_t> second_mhz;  ///< A second clock domain; empty where it equals `mhz`.
  std::span<const std::uint32_t> dma_mhz;
  std::span<const std::uint32_t> dram_mts;
  Evidence evidence;
};

struct MemorySize {
  std::string_view generation;
  std::string_view item;
  std::uint64_t bytes = 0;
  Evidence evidence;
};

struct LimitValue {
  std::string_view generation;
  std::int64_t value = 0;  ///< -1: no limit; 0: not supported.
};

/// A limit of the vendor compiler, by generation.
struct Limit {
  std::string_view name;  ///< "max_tensor_w"
  std::span<const LimitValue> values;
  std::string_view hal_offset;  ///< Where the compiler's table has it; may be empty.
  Evidence evidence;

  [[nodiscard]] std::optional<std::int64_t> of(const Generation& generation) const;
};

/// Something the engine or its compiler can do from one generation on.
struct Feature {
  std::string_view name;
  std::string_view first;  ///< Id of the first generation; empty when no generation has it.
  std::string_view last;   ///< Id of the last one; empty when it stayed.
  std::string_view hal_offset;
  std::string_view meaning;
  Evidence evidence;

  /// Nothing for a generation outside the line H11, H12, ... (M11).
  [[nodiscard]] std::optional<bool> in(const Generation& generation) const;
};

/// Core ML's computeDevicesBySupportedComputeUnits.
struct ComputeUnits {
  std::uint32_t mask = 0;        ///< Bit 0 CPU, bit 1 GPU, bit 2 Neural Engine.
  std::string_view devices;      ///< "CPU, GPU"
  std::string_view public_name;  ///< MLComputeUnits; empty when it has none.
};

/// A code of Espresso's that names a device.
struct EngineCode {
  std::string_view list;
  std::uint32_t value = 0;
  std::string_view name;
  std::string_view note;
};

struct DeviceAnswer {
  std::string_view key, value;
};

/// What the runtime's device class answered on one machine.
struct DeviceClass {
  std::string_view chip;
  std::string_view build;
  std::span<const DeviceAnswer> answers;
  Evidence evidence;
};

[[nodiscard]] std::span<const Chip> chips();
[[nodiscard]] std::span<const CompilerTarget> compiler_targets();
/// Names the compiler knows but refuses (error 22): it has no limits for them.
[[nodiscard]] std::span<const std::string_view> refused_targets();
[[nodiscard]] std::span<const ClockTable> clock_tables();
[[nodiscard]] std::span<const MemorySize> memory_sizes();
[[nodiscard]] std::span<const Limit> limits();
[[nodiscard]] std::span<const Feature> features();
[[nodiscard]] std::span<const ComputeUnits> compute_units();
[[nodiscard]] std::span<const EngineCode> engine_codes();
[[nodiscard]] std::span<const DeviceClass> device_classes();

/// By name or SoC, without regard to case, spaces and dashes: "M1 Pro", "m1-pro", "t6000". A SoC of two chips gives the
/// first.
[[nodiscard]] const Chip* find_chip(std::string_view name);
[[nodiscard]] const CompilerTarget* find_compiler_target(std::string_view name);
/// The target that a container's subtype stands for; the unsuffixed one where several share it.
[[nodiscard]] const CompilerTarget* find_compiler_target_by_subtype(std::uint32_t cpu_subtype);
[[nodiscard]] const ClockTable* find_clock_table(std::string_view target);
[[nodiscard]] const Limit* find_limit(std::string_view name);

}  // namespace openane
