// Program: the one in-memory form of a compiled program, whatever container it came from.
//
// HWX, ANEC and raw kernels are read into a `Program` and written from one. What a container holds beyond it (load
// commands, symbol strings, padding) is carried along in `carried`, so that reading and writing gives the same bytes
// back; a program without a carried container gets one built by the rules of the chosen writer profile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "openane/bytes.h"
#include "openane/error.h"
#include "openane/surface.h"
#include "openane/task.h"

namespace openane {

enum class TensorRole : std::uint8_t { input, output, scratch };
[[nodiscard]] std::string_view to_string(TensorRole role);

/// A tensor bound to a slot. `layout.shape` and `layout.strides` are as stored; the surface takes `byte_size()` bytes.
struct TensorBinding {
  std::string name;    ///< As the I/O descriptor has it ("probs@output").
  std::string symbol;  ///< The linker symbol; equal to the name in most compilers.
  TensorRole role = TensorRole::input;
  std::uint32_t slot = 0;
  SurfaceLayout layout;
  std::uint64_t address = 0;      ///< Virtual address in the container; 0 where it has none.
  std::uint64_t total_bytes = 0;  ///< One batch element, as stored.
  std::uint64_t extent = 0;       ///< As stored; 0 where the container has none.

  /// Bytes of the whole surface: `total_bytes` times N.
  [[nodiscard]] std::uint64_t byte_size() const;
  friend bool operator==(const TensorBinding&, const TensorBinding&) = default;
};

/// One entry point: its tensors and its chain of tasks.
struct Procedure {
  std::string name;
  std::vector<TensorBinding> tensors;  ///< Inputs and outputs in the order of the container's descriptors.
  std::vector<PlacedTask> tasks;       ///< Offsets count from the start of the program's task section.
  std::uint32_t task_base =
      0;  ///< Offset in the task section of slot 0, from which chain offsets count; 0 in all known files.
  std::uint64_t scratch_used = 0;  ///< Bytes of scratch the compiler says it uses; 0 = not said.

  [[nodiscard]] const TensorBinding* find(std::string_view name_or_symbol) const;
  [[nodiscard]] const TensorBinding* find_slot(std::uint32_t slot) const;
};

/// What a container holds beyond the program; owned by its format's reader and writer.
struct CarriedContainer {
  virtual ~CarriedContainer() = default;
};

/// A section of constants bound to a slot.
struct ConstantSection {
  std::string name;  ///< "__TEXT,__const", "__KERN_0,__kern_0"; empty for containers without names.
  std::uint32_t slot = 1;
  Bytes data;
};

struct Program {
  enum class Container : std::uint8_t { none, hwx, anec, raw };

  const Generation* generation = nullptr;
  Container container = Container::none;
  std::string compiler;  ///< "v4.2.1"; empty when unknown.
  std::vector<Procedure> procedures;
  std::vector<ConstantSection> constants;
  std::uint64_t scratch_bytes = 0;  ///< Size of the scratch buffer (slot 3); 0 = none.
  std::uint32_t scratch_slot = 3;
  /// Bytes of the task section as read, for what lies between tasks. Tasks are written over it; whoever moves or
  /// removes tasks empties it, so that no word of an old one stays behind.
  Bytes task_section;
  std::shared_ptr<const CarriedContainer> carried;
  /// Findings of the reader that are wrong without being fatal ("the task writes slot 6, the header declares slot 4").
  std::vector<std::string> warnings;

  /// The task section's bytes: `task_section` with every procedure's tasks encoded over it. Where there is none, the
  /// frame before the first task is the one of decoded programs.
  [[nodiscard]] Result<std::vector<std::uint8_t>> encode_task_section() const;
};

[[nodiscard]] std::string_view to_string(Program::Container container);

/// Reads a program, telling the container by its content; for raw kernels `layout` names the layout file.
[[nodiscard]] Result<Program> read_program(const std::string& path, const std::string& raw_layout = {});
enum class HwxProfile : std::uint8_t;   // hwx.h
enum class AnecHeader : std::uint32_t;  // anec.h

/// Choices of the containers' writers. Each belongs to one container; setting it for another is a `usage` error.
struct WriteOptions {
  std::optional<HwxProfile> profile;
  std::optional<AnecHeader> header;
  std::string layout;  ///< Raw kernels: the layout file's path. Empty: the kernel's with the ending .toml.
};

/// A file and what goes into it.
struct FileImage {
  std::string path;
  std::vector<std::uint8_t> bytes;
};
/// The files that a program becomes, by the extension of `path` (.hwx; .anec or .ane; .bin is a raw kernel, which takes
/// a layout file with it). The first is `path` itself.
[[nodiscard]] Result<std::vector<FileImage>> encode_program(const std::string& path, const Program& program,
                                                            const WriteOptions& options = {});
/// Encodes and writes.
[[nodiscard]] Result<void> write_program(const std::string& path, const Program& program,
                                         const WriteOptions& options = {});

/// Checks what must hold between the parts of any program before it may run (hwx-container.md 12, rules H14 and H15):
/// every selector names a bound slot, every DMA footprint lies inside its surface, nothing writes inputs, constants or
/// tasks. One entry per finding.
struct Finding {
  bool fatal = true;
  std::string message;  ///< "task 0: ..." with registers and values.
};
[[nodiscard]] std::vector<Finding> check_program(const Program& program);

}  // namespace openane
