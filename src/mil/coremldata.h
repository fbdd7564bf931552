// The binary files of a compiled bundle that say what its text does not (facts/coreml-model.md, section 8).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "openane/bytes.h"
#include "openane/error.h"
#include "openane/mil_model.h"

namespace openane::mil {

/// `coremldata.bin`: kind of model, specification version, description.
struct CoreMlData {
  std::uint32_t kind = kMlProgram;
  std::int32_t specification_version = 0;
  ModelDescription description;
};
[[nodiscard]] Result<CoreMlData> parse_coremldata(const Bytes& file);
[[nodiscard]] std::vector<std::uint8_t> format_coremldata(const CoreMlData& data);

/// `analytics/coremldata.bin`: names the model a bundle was compiled from by the SHA-256 of its file, in base64.
[[nodiscard]] std::vector<std::uint8_t> format_analytics(std::span<const std::uint8_t> mlmodel,
                                                         std::string_view model_name);

}  // namespace openane::mil
