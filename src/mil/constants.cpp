// Which constants live in the weight file (facts/mil.md, section 5): what coremltools keeps out of the program.
#include <algorithm>
#include <map>
#include <string_view>

#include "mil/value_walk.h"
#include "openane/mil_model.h"
#include "openane/mil_ops.h"

namespace openane::mil {
namespace {

constexpr std::uint64_t kFewestElements = 10;
constexpr std::int32_t kFirstWithAllTypes = 9;  // ios18

bool belongs_in_weight_file(const Value& value, std::int32_t specification_version) {
  if (!value.type().is_tensor() || value.type().element_count().value_or(0) < kFewestElements) {
    return false;
  }
  switch (value.type().data_type()) {
    case DataType::fp16:
    case DataType::fp32:
    case DataType::uint8:
    case DataType::int8:
      return true;
    default:
      return specification_version >= kFirstWithAllTypes && info(value.type().data_type()).blob != 0;
  }
}

/// Converters write the constants of an operation in the order in which its signature names them.
int written_rank(std::string_view operation, std::string_view argument) {
  const OpInfo* info = find_op(operation);
  if (info == nullptr) {
    return 0;
  }
  const std::span<const Parameter> parameters = info->signatures.back().parameters;
  return static_cast<int>(std::ranges::find(parameters, argument, &Parameter::name) - parameters.begin());
}

}  // namespace

Result<void> store_constants(Model& model) {
  WeightWriter writer;
  // Constants that shared their data go on sharing it.
  std::map<const std::uint8_t*, Value> stored;
  OPENANE_CHECK(replace_values(model.program, written_rank, [&](const Value& value) -> Result<Value> {
    if (!value.is_blob() && !belongs_in_weight_file(value, model.specification_version)) {
      return value;
    }
    OPENANE_TRY(const Value loaded, model.weights.load(value));
    const std::uint8_t* data = loaded.bytes().data();
    const auto known = stored.find(data);
    if (data != nullptr && known != stored.end() && known->second.type() == value.type()) {
      return known->second;
    }
    OPENANE_TRY(Value blob, writer.add(loaded));
    stored.insert_or_assign(data, blob);
    return blob;
  }));
  model.weights = Weights();
  if (!writer.empty()) {
    OPENANE_TRY(WeightFile file, WeightFile::open(Bytes(writer.finish())));
    model.weights.add(std::string(kWeightPath), std::move(file));
  }
  return {};
}

Result<void> load_constants(Model& model) {
  OPENANE_CHECK(
      replace_values(model.program, written_rank, [&](const Value& value) { return model.weights.load(value); }));
  model.weights = Weights();
  return {};
}

}  // namespace openane::mil
