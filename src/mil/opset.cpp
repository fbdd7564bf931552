#include "mil/opset.h"

#include <algorithm>
#include <iterator>

namespace openane::mil {
namespace {

constexpr OpsetInfo kOpsets[] = {{"ios15", "CoreML5", 6},
                                 {"ios16", "CoreML6", 7},
                                 {"ios17", "CoreML7", 8},
                                 {"ios18", "CoreML8", 9},
                                 {"ios26", "CoreML9", 10}};

}  // namespace

const OpsetInfo* find_opset(std::string_view text_or_protobuf) {
  const auto* row = std::ranges::find_if(kOpsets, [&](const OpsetInfo& opset) {
    return opset.text == text_or_protobuf || opset.protobuf == text_or_protobuf;
  });
  return row == std::end(kOpsets) ? nullptr : row;
}

int opset_age(std::string_view text_or_protobuf) {
  const OpsetInfo* row = find_opset(text_or_protobuf);
  return row == nullptr ? -1 : static_cast<int>(row - std::begin(kOpsets));
}

}  // namespace openane::mil
