// Rules for constants and their compressed forms, recurrent layers, lists, states, control flow and classifiers.
#include <fmt/format.h>

#include <algorithm>

#include "mil/extents.h"
#include "mil/shape_rules.h"

namespace openane::mil {
namespace {

using Shapes = Result<std::vector<Shape>>;
using Types = Result<std::vector<Type>>;

Shapes only(Shape shape) { return std::vector<Shape>{std::move(shape)}; }

Types declared(const OpView& op) {
  std::vector<Type> out;
  for (const VariableId output : op.operation().outputs) {
    out.push_back(op.function()[output].type);
  }
  return out;
}

Types constant(const OpView& op) {
  const Value* value = op.operation().find_attribute("val");
  if (value == nullptr) {
    return mismatch("a const without the attribute val");
  }
  return std::vector<Type>{value->type()};
}

Types identity(const OpView& op) { return std::vector<Type>{op.type("x")}; }

Types nothing(const OpView& /*op*/) { return std::vector<Type>{}; }

// Compressed constants.

Result<Shape> shape_argument(const OpView& op) {
  const auto extents = op.integers("shape");
  if (!extents || std::ranges::any_of(*extents, [](std::int64_t extent) { return extent < 0; })) {
    return mismatch("shape must be a constant vector of extents");
  }
  return *extents;
}

Shapes affine_dequantize(const OpView& op) {
  const Shape& x = op.shape("quantized_data");
  const std::optional<std::int64_t> axis = op.integer("axis");
  for (const std::string_view name : {"scale", "zero_point"}) {
    const Shape& shape = op.shape(name);
    if (shape.empty()) {
      continue;
    }
    if (!axis) {
      return mismatch("axis must be a constant");
    }
    OPENANE_TRY(const std::size_t at, normalise_axis(*axis, x.size()));
    if (shape.size() != 1 || !may_be_equal(shape[0], x[at])) {
      return mismatch(fmt::format("{} must be a scalar or have {} elements, found {}", name, x[at], describe(shape)));
    }
  }
  return only(x);
}

/// Each extent of `scale` divides that of the data: the ratio is the block.
Result<void> check_blocks(std::string_view name, const Shape& data, const Shape& blocks) {
  const auto divides = [](std::int64_t extent, std::int64_t count) {
    return !is_known(extent) || !is_known(count) || (count != 0 && extent % count == 0);
  };
  if (data.size() != blocks.size() || !std::ranges::equal(data, blocks, divides)) {
    return mismatch(fmt::format("{} {} does not divide the data {}", name, describe(blocks), describe(data)));
  }
  return {};
}

Result<void> check_scale(const OpView& op, const Shape& data) {
  const Shape& scale = op.shape("scale");
  OPENANE_CHECK(check_blocks("scale", data, scale));
  if (op.has("offset") && op.shape("offset") != scale) {
    return mismatch(
        fmt::format("offset {} must have the shape of scale {}", describe(op.shape("offset")), describe(scale)));
  }
  return {};
}

Shapes blockwise_shift_scale(const OpView& op) {
  const Shape& data = op.shape("data");
  OPENANE_CHECK(check_scale(op, data));
  return only(data);
}

Shapes constexpr_cast(const OpView& op) { return only(op.shape("source_val")); }

/// Checks a table [groups..., 2^n, vector] against typed indices, and spreads vectors along their axis.
Result<Shape> looked_up(const OpView& op, std::string_view indices_name, Shape dense) {
  const Shape& lut = op.shape("lut");
  const std::uint32_t bits = info(op.type(indices_name).data_type()).bits;
  if (lut.size() != dense.size() + 2 || dense.empty()) {
    return mismatch(fmt::format("lut must have rank {}, found {}", dense.size() + 2, describe(lut)));
  }
  OPENANE_CHECK(check_blocks("lut", dense, Shape(lut.begin(), lut.end() - 2)));
  if (!may_be_equal(lut[lut.size() - 2], std::int64_t{1} << std::min(bits, 32U))) {
    return mismatch(fmt::format("lut has {} entries, {} bits address {}", lut[lut.size() - 2], bits,
                                std::int64_t{1} << std::min(bits, 32U)));
  }
  if (lut.back() == 1) {
    return dense;
  }
  const std::optional<std::int64_t> axis = op.integer("vector_axis");
  if (!axis) {
    return mismatch(fmt::format("entries of {} elements need a constant vector_axis", lut.back()));
  }
  OPENANE_TRY(const std::size_t at, normalise_axis(*axis, dense.size()));
  dense[at] = multiply(dense[at], lut.back());
  return dense;
}

Shapes lut_to_dense(const OpView& op) {
  if (op.signature().find("shape") != nullptr) {  // ios16: packed bytes
    OPENANE_TRY(Shape out, shape_argument(op));
    return only(std::move(out));
  }
  OPENANE_TRY(Shape out, looked_up(op, "indices", op.shape("indices")));
  return only(std::move(out));
}

Shapes sparse_to_dense(const OpView& op) {
  if (op.signature().find("shape") != nullptr) {  // ios16: packed bytes
    OPENANE_TRY(Shape out, shape_argument(op));
    return only(std::move(out));
  }
  return only(op.shape("mask"));
}

Shapes lut_to_sparse(const OpView& op) {
  const Shape& mask = op.shape("indices_mask");
  OPENANE_TRY(Shape spread, looked_up(op, "indices_nonzero_data", mask));
  const Shape& nonzero = op.shape("indices_nonzero_data");
  const Shape& lut = op.shape("lut");
  if (nonzero.size() != 1) {
    return mismatch(fmt::format("indices_nonzero_data must be a vector, found {}", describe(nonzero)));
  }
  return std::vector<Shape>{std::move(spread), Shape{multiply(nonzero[0], lut.back())}};
}

Shapes sparse_blockwise_shift_scale(const OpView& op) {
  const Shape& mask = op.shape("data_mask");
  OPENANE_CHECK(check_scale(op, mask));
  return std::vector<Shape>{mask, op.shape("nonzero_data")};
}

/// x [S, B, I], weight_hh [gates * H, H], initial_h [B, H * directions].
Shapes recurrent(const OpView& op) {
  const Shape& x = op.shape("x");
  const Shape& hidden = op.shape("weight_hh");
  const Shape& initial = op.shape("initial_h");
  if (x.size() != 3 || hidden.size() != 2 || initial.size() != 2) {
    return mismatch(
        fmt::format("x must be [S, B, I], weight_hh [gates*H, H] and initial_h [B, H*directions], found {}, {} and {}",
                    describe(x), describe(hidden), describe(initial)));
  }
  const std::optional<std::string> direction = op.text("direction");
  const std::int64_t directions = direction == "bidirectional" ? 2 : 1;
  const std::int64_t width = direction ? multiply(hidden[1], directions) : kUnknownExtent;
  if (!may_be_equal(width, initial[1]) || !may_be_equal(initial[0], x[1])) {
    return mismatch(fmt::format("initial_h must be {}, found {}", describe({x[1], width}), describe(initial)));
  }
  const std::optional<bool> sequence = op.boolean("output_sequence");
  std::vector<Shape> out = {{!sequence ? kUnknownExtent : (*sequence ? x[0] : 1), x[1], width}, {x[1], width}};
  if (op.info().outputs.size() == 3) {
    out.push_back(out.back());
  }
  return out;
}

// Lists and states.

Types list_make(const OpView& op) {
  const auto shape = op.integers("elem_shape");
  const std::optional<std::string> dtype = op.text("dtype");
  const std::optional<DataType> element = dtype ? data_type_from_string(*dtype) : std::nullopt;
  if (!element) {
    return mismatch(fmt::format("dtype '{}' is not an element type", dtype.value_or("")));
  }
  const bool is_dynamic = op.boolean("dynamic_length").value_or(true);
  const std::int64_t length = is_dynamic ? kUnknownExtent : op.integer("init_length").value_or(kUnknownExtent);
  const Shape extents = shape ? *shape : Shape(op.types("elem_shape").size(), kUnknownExtent);
  return std::vector<Type>{Type::list(Type::tensor(*element, extents), length)};
}

Result<Type> list_element(const OpView& op) {
  const Type list = op.type("ls");
  if (list.kind() != TypeKind::list) {
    return mismatch(fmt::format("ls must be a list, found {}", to_string(list)));
  }
  return list.parameters()[0];
}

Types list_same(const OpView& op) {
  OPENANE_CHECK(list_element(op));
  return std::vector<Type>{op.type("ls")};
}

Types list_read(const OpView& op) {
  OPENANE_TRY(Type element, list_element(op));
  return std::vector<Type>{std::move(element)};
}

Types list_gather(const OpView& op) {
  OPENANE_TRY(const Type element, list_element(op));
  Shape shape = element.shape();
  const Shape& indices = op.shape("indices");
  shape.insert(shape.begin(), indices.size() == 1 ? indices[0] : kUnknownExtent);
  return std::vector<Type>{Type::tensor(element.data_type(), std::move(shape))};
}

Types state_read(const OpView& op) {
  const Type state = op.type("input");
  if (state.kind() != TypeKind::state) {
    return mismatch(fmt::format("input must be a state, found {}", to_string(state)));
  }
  return std::vector<Type>{state.parameters()[0]};
}

// Control flow.

Types cond(const OpView& op) {
  const std::vector<BlockId>& blocks = op.operation().blocks;
  if (blocks.size() != 2) {
    return mismatch(fmt::format("cond has two blocks, found {}", blocks.size()));
  }
  const Function& function = op.function();
  const Block& yes = function[blocks[0]];
  const Block& no = function[blocks[1]];
  if (yes.outputs.size() != no.outputs.size()) {
    return mismatch(fmt::format("the two branches have {} and {} results", yes.outputs.size(), no.outputs.size()));
  }
  std::vector<Type> out;
  for (std::size_t i = 0; i < yes.outputs.size(); ++i) {
    const Type& a = function[yes.outputs[i]].type;
    const Type& b = function[no.outputs[i]].type;
    if (a.data_type() != b.data_type() || a.shape().size() != b.shape().size()) {
      return mismatch(fmt::format("result {} is {} in one branch and {} in the other", i, to_string(a), to_string(b)));
    }
    Shape merged = a.shape();
    std::ranges::transform(merged, b.shape(), merged.begin(),
                           [](std::int64_t left, std::int64_t right) { return left == right ? left : kUnknownExtent; });
    out.push_back(a.is_tensor() ? Type::tensor(a.data_type(), std::move(merged)) : a);
  }
  return out;
}

Types while_loop(const OpView& op) {
  const std::vector<BlockId>& blocks = op.operation().blocks;
  const std::vector<Type> variables = op.types("loop_vars");
  if (blocks.size() != 2) {
    return mismatch(fmt::format("while_loop has two blocks, found {}", blocks.size()));
  }
  const Function& function = op.function();
  const Block& condition = function[blocks[0]];
  const Block& body = function[blocks[1]];
  const bool yields_bool =
      condition.outputs.size() == 1 && function[condition.outputs[0]].type.data_type() == DataType::boolean;
  if (!yields_bool || condition.inputs.size() != variables.size() || body.inputs.size() != variables.size() ||
      body.outputs.size() != variables.size()) {
    return mismatch(fmt::format(
        "with {} loop variables, the condition must take as many and give one bool, the body take and give as many",
        variables.size()));
  }
  std::vector<Type> out;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const Type& after = function[body.outputs[i]].type;
    if (after.data_type() != variables[i].data_type() || after.shape().size() != variables[i].shape().size()) {
      return mismatch(fmt::format("loop variable {} is {} before the loop and {} after its body", i,
                                  to_string(variables[i]), to_string(after)));
    }
    Shape merged = variables[i].shape();
    std::ranges::transform(merged, after.shape(), merged.begin(),
                           [](std::int64_t left, std::int64_t right) { return left == right ? left : kUnknownExtent; });
    out.push_back(variables[i].is_tensor() ? Type::tensor(after.data_type(), std::move(merged)) : variables[i]);
  }
  return out;
}

Types classify(const OpView& op) {
  const Value* classes = op.constant("classes");
  if (classes == nullptr || classes->elements().empty()) {
    return mismatch("classes must be a constant list of labels");
  }
  const Type label = Type::scalar(classes->elements().front().type().data_type());
  return std::vector<Type>{label, Type::dictionary(label, Type::scalar(DataType::fp64))};
}

constexpr NamedRule kRules[] = {
    {"opaque", nullptr, declared},
    {"const", nullptr, constant},
    {"identity", nullptr, identity},
    {"none", nullptr, nothing},
    {"constexpr_affine_dequantize", affine_dequantize},
    {"constexpr_blockwise_shift_scale", blockwise_shift_scale},
    {"constexpr_cast", constexpr_cast},
    {"constexpr_lut_to_dense", lut_to_dense},
    {"constexpr_sparse_to_dense", sparse_to_dense},
    {"constexpr_lut_to_sparse", lut_to_sparse},
    {"constexpr_sparse_blockwise_shift_scale", sparse_blockwise_shift_scale},
    {"recurrent", recurrent},
    {"list_make", nullptr, list_make},
    {"list_same", nullptr, list_same},
    {"list_read", nullptr, list_read},
    {"list_gather", nullptr, list_gather},
    {"state_read", nullptr, state_read},
    {"cond", nullptr, cond},
    {"while_loop", nullptr, while_loop},
    {"classify", nullptr, classify},
};

}  // namespace

std::span<const NamedRule> other_rules() { return kRules; }

}  // namespace openane::mil
