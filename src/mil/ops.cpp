#include "openane/mil_ops.h"

#include <algorithm>

#include "mil/opset.h"

namespace openane::mil {

const Parameter* Signature::find(std::string_view name) const {
  const auto at = std::ranges::find(parameters, name, &Parameter::name);
  return at != parameters.end() ? &*at : nullptr;
}

const Signature* OpInfo::signature(std::string_view opset) const {
  const int age = opset_age(opset);
  const Signature* newest = nullptr;
  for (const Signature& candidate : signatures) {
    if (age < 0 || opset_age(candidate.since) <= age) {
      newest = &candidate;
    }
  }
  return newest;
}

const OpInfo* find_op(std::string_view name) {
  const auto at = std::ranges::lower_bound(ops(), name, {}, &OpInfo::name);
  return at != ops().end() && at->name == name ? &*at : nullptr;
}

const PrivateOp* find_private_op(std::string_view name) {
  const auto at = std::ranges::find(private_ops(), name, &PrivateOp::name);
  return at != private_ops().end() ? &*at : nullptr;
}

}  // namespace openane::mil
