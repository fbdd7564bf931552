// Where variables live, worked out by hand on a program with nested blocks.
#include "mil/lifetimes.h"

#include <gtest/gtest.h>

#include <string>

#include "openane/mil_text.h"

namespace openane::mil {
namespace {

// Steps of the outer block are 0: a, 1: b, 2: c, 3: d; of the branches 0: t and 0: e.
constexpr std::string_view kText =
    "program(1.3)\n{\n    func main<ios18>(tensor<fp16, [4]> x, tensor<fp16, [4]> idle, bool p) {\n"
    "        tensor<fp16, [4]> a = relu(x = x);\n"
    "        tensor<fp16, [4]> b = abs(x = x);\n"
    "        tensor<fp16, [4]> c = cond(pred = p) () { tensor<fp16, [4]> t = add(x = a, y = b); } -> (t)\n"
    "            () { tensor<fp16, [4]> e = relu(x = b); } -> (b);\n"
    "        tensor<fp16, [4]> d = add(x = c, y = x);\n"
    "    } -> (d, a);\n}";

void walk(const Function& function, BlockId id, Lifetimes& lifetimes) {
  lifetimes.begin(id);
  const std::vector<OperationId>& operations = function[id].operations;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    lifetimes.read_arguments(function[operations[i]], id, i);
    for (const BlockId nested : function[operations[i]].blocks) {
      lifetimes.enter(nested, id, i);
      walk(function, nested, lifetimes);
    }
    for (const VariableId output : function[operations[i]].outputs) {
      lifetimes.define(output, id, i);
    }
  }
  lifetimes.end(id, operations.size());
}

TEST(Lifetimes, ReadsInNestedBlocksCountWhereTheBlockStands) {
  const Result<Program> program = parse_text(kText);
  ASSERT_TRUE(program) << program.error().to_string();
  const Function& function = program->functions.front();
  Lifetimes lifetimes(function);
  walk(function, function.body_id(), lifetimes);

  struct Expected {
    std::string name;
    std::size_t definition, end;
    bool is_input, is_used, is_output;
  };
  const Expected expected[] = {
      {"x", 0, 3, true, true, false},  // read by the last operation
      {"idle", 0, 0, true, false, false}, {"p", 0, 2, true, true, false},
      {"a", 0, 3, false, true, true},   // read in a branch, and a result of the function
      {"b", 1, 2, false, true, false},  // what a branch gives is no result of its own block
      {"t", 0, 0, false, true, true},     {"e", 0, 0, false, false, false},
      {"c", 2, 3, false, true, false},    {"d", 3, 3, false, true, true},
  };
  for (const Expected& one : expected) {
    SCOPED_TRACE(one.name);
    bool found = false;
    for (std::uint32_t i = 0; i < function.variable_count(); ++i) {
      if (function[VariableId{i}].name != one.name) {
        continue;
      }
      found = true;
      const Lifetimes::Place& place = lifetimes.of(VariableId{i});
      EXPECT_EQ(place.definition, one.definition);
      EXPECT_EQ(place.end(), one.end);
      EXPECT_EQ(place.is_input, one.is_input);
      EXPECT_EQ(place.is_used, one.is_used);
      EXPECT_EQ(place.is_output, one.is_output);
    }
    EXPECT_TRUE(found);
  }
}

}  // namespace
}  // namespace openane::mil
