// Constant data as text: literals, runs, files, tables from formulas, packed kernels, and labels on their places.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "asm/source.h"
#include "openane/bytes.h"
#include "openane/engine_op.h"

namespace openane {

/// What the text may make of nothing: zeros, fills and alignment together. A short text must not fill the memory.
class ExpansionBudget {
 public:
  explicit ExpansionBudget(std::size_t text_size) : left_(kFree + kPerByte * std::uint64_t{text_size}) {}
  [[nodiscard]] bool take(std::uint64_t bytes) {
    const bool enough = bytes <= left_;
    left_ -= enough ? bytes : 0;
    return enough;
  }
  static constexpr std::uint64_t kFree = std::uint64_t{48} << 20;
  static constexpr std::uint64_t kPerByte = 16;

 private:
  std::uint64_t left_;
};

/// A packed kernel or table behind a label: everything a task has to say about it.
struct KernelLabel {
  bool weights = false;  ///< False: a table alone.
  bool table = false;
  KernelStream stream;  ///< Offsets from the start of the section.
  bool channel_bias = false;
  bool unicast = false;
  std::uint16_t unicast_inputs = 1;
  std::uint32_t groups = 1, inputs = 0, outputs = 0;  ///< Channels of one group; of inputs, those each output reads.
  std::uint8_t kernel_height = 1, kernel_width = 1;
};

struct DataLabel {
  std::uint32_t slot = 0;
  std::uint64_t offset = 0;
  bool is_kernel = false;
  KernelLabel kernel;
};
using DataLabels = std::map<std::string, DataLabel, std::less<>>;

/// Fills one section. Labels go into `labels` with the section's slot.
class DataAssembler {
 public:
  DataAssembler(Source& source, ExpansionBudget& budget, const Generation* generation, std::uint32_t slot,
                DataLabels& labels)
      : source_(source), budget_(budget), generation_(generation), slot_(slot), labels_(labels) {}

  /// One statement: `label:`, or an item, or both.
  [[nodiscard]] Result<void> statement(std::span<const Word> words);
  /// The bytes; labels that no item followed name their end.
  [[nodiscard]] std::vector<std::uint8_t> finish();

 private:
  [[nodiscard]] Result<void> item(std::span<const Word> words);
  [[nodiscard]] Result<void> define(const Word& word);
  [[nodiscard]] Result<void> hex(std::span<const Word> words);
  [[nodiscard]] Result<void> numbers(std::span<const Word> words);
  [[nodiscard]] Result<void> fill(std::span<const Word> words);
  [[nodiscard]] Result<void> zero(std::span<const Word> words);
  [[nodiscard]] Result<void> align(std::span<const Word> words);
  [[nodiscard]] Result<void> file(std::span<const Word> words);
  [[nodiscard]] Result<void> npy(std::span<const Word> words);
  [[nodiscard]] Result<void> table(std::span<const Word> words);
  [[nodiscard]] Result<void> kernel(std::span<const Word> words);
  [[nodiscard]] Result<void> expand(const Word& word, std::uint64_t bytes);
  [[nodiscard]] Result<void> align_to(const Word& word, std::uint64_t alignment);
  void bind(const KernelLabel* kernel);

  Source& source_;
  ExpansionBudget& budget_;
  const Generation* generation_;
  std::uint32_t slot_;
  DataLabels& labels_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::string> pending_;  ///< Labels waiting for the item they name.
};

/// A file beside the text: no absolute path, none that leads out of the text's folder.
[[nodiscard]] Result<Bytes> include_file(const Source& source, const Word& word);

/// Appends data as items that read back to the same bytes: hex, with long runs as `zero` and `fill`.
void append_data(std::string& out, std::span<const std::uint8_t> data, std::string_view indent,
                 ExpansionBudget& budget);

}  // namespace openane
