// Every operation of the catalogue can be run.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "openane/mil_ops.h"
#include "reference/execution.h"
#include "reference/kernels.h"

namespace openane::reference {
namespace {

/// `const` is no operation of a run; a custom layer is the application's own code, which nobody else has.
const std::set<std::string_view> kNeverRun = {"const", "custom_layer"};

TEST(Catalogue, every_operation_has_a_kernel_or_is_the_executors) {
  std::size_t run = 0;
  for (const mil::OpInfo& op : mil::ops()) {
    const bool has_kernel = find_kernel(op.name) != nullptr;
    const bool is_executors = find_executor_operation(op.name) != nullptr;
    EXPECT_EQ(has_kernel || is_executors, !kNeverRun.contains(op.name)) << op.name;
    EXPECT_FALSE(has_kernel && is_executors) << op.name << " is written twice";
    run += has_kernel || is_executors ? 1 : 0;
  }
  EXPECT_EQ(run, mil::ops().size() - kNeverRun.size());
}

TEST(Catalogue, every_kernel_is_of_an_operation_of_the_catalogue_and_stands_once) {
  std::string_view last;
  for (const NamedKernel& kernel : all_kernels()) {
    EXPECT_NE(mil::find_op(kernel.name), nullptr) << kernel.name;
    EXPECT_NE(kernel.name, last) << "stands in two tables";
    last = kernel.name;
  }
}

}  // namespace
}  // namespace openane::reference
