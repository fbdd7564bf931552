// `ane ops`: the operation catalogue.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/columns.h"
#include "cli/command.h"
#include "cli/console.h"
#include "openane/mil_ops.h"
#include "reference/execution.h"
#include "reference/kernels.h"

namespace openane::cli {
namespace {

using mil::OpInfo;
using mil::OutputKind;
using mil::OutputRule;
using mil::Parameter;
using mil::ParameterKind;
using mil::PrivateOp;
using mil::Signature;
using nlohmann::ordered_json;

constexpr const char* kExamples = R"(examples:
  ane ops                     every operation by category, with the op sets that changed it
  ane ops conv                signatures, defaults and results of one
  ane ops pool                a category; without one of that name, operations whose name holds the text
  ane ops --opset ios15       those of one op set
  ane ops topk --json | jq '.operations[0].signatures[].inputs[].name')";

struct Options {
  std::string name;
  std::string opset;
  bool json = false;
};

std::vector<std::string_view> type_names(mil::DataTypeSet set) {
  std::vector<std::string_view> names;
  for (const mil::DataTypeInfo& row : mil::data_types()) {
    if ((set >> static_cast<unsigned>(row.type) & 1U) != 0) {
      names.push_back(row.name);
    }
  }
  return names;
}

std::string_view kind_name(ParameterKind kind) {
  switch (kind) {
    case ParameterKind::tensor:
      return "tensor";
    case ParameterKind::variadic:
      return "any number of values";
    case ParameterKind::list:
      return "list";
    case ParameterKind::state:
      return "state";
    case ParameterKind::block:
      return "block";
    case ParameterKind::any:
      return "any value";
  }
  return "";
}

/// "T: fp16 fp32"
std::string type_text(const Parameter& parameter) {
  if (parameter.kind != ParameterKind::tensor) {
    return std::string(kind_name(parameter.kind));
  }
  const std::string names = fmt::format("{}", fmt::join(type_names(parameter.types), " "));
  return parameter.variable.empty() ? names : fmt::format("{}: {}", parameter.variable, names);
}

std::string default_text(const Parameter& parameter) {
  if (!parameter.fallback.empty()) {
    return std::string(parameter.fallback);
  }
  return parameter.is_optional ? "may be absent" : "required";
}

std::string result_type_text(const OutputRule& output) {
  switch (output.kind) {
    case OutputKind::fixed:
      return std::string(to_string(output.type));
    case OutputKind::variable:
      return std::string(output.of);
    case OutputKind::like:
      return fmt::format("element type of {}", output.of);
    case OutputKind::named:
      return fmt::format("element type that {} names", output.of);
    case OutputKind::rule:
      return "by the shape rule";
  }
  return "";
}

std::string results_text(const OpInfo& op) {
  std::vector<std::string> results;
  for (const OutputRule& output : op.outputs) {
    results.push_back(
        fmt::format("{}{}: {}", output.name, output.is_repeated ? " (any number)" : "", result_type_text(output)));
  }
  return results.empty() ? "none" : fmt::format("{}", fmt::join(results, ", "));
}

/// Whether the reference executor runs it: by a kernel, by itself (control flow, lists, states), or as a constant.
bool is_executed(const OpInfo& op) {
  return op.name == "const" || reference::find_kernel(op.name) != nullptr ||
         reference::find_executor_operation(op.name) != nullptr;
}

std::string op_text(const OpInfo& op) {
  std::string out = fmt::format("{} ({}{})\n  {}\n  results: {}; shape rule: {}; reference executor: {}\n", op.name,
                                op.category, op.is_public ? "" : ", written by converters only", op.meaning,
                                results_text(op), op.shape_rule, is_executed(op) ? "yes" : "no");
  for (const Signature& signature : op.signatures) {
    out += fmt::format("  since {}:\n", signature.since);
    std::vector<std::vector<std::string>> rows = {{"input", "type", "constant", "default"}};
    for (const Parameter& parameter : signature.parameters) {
      rows.push_back({std::string(parameter.name), type_text(parameter), parameter.is_constant ? "constant" : "",
                      default_text(parameter)});
    }
    out += columns_text(rows, "    ");
  }
  return out;
}

std::string private_text(const PrivateOp& op) {
  return fmt::format("{} (private)\n  {}; reported by {}\n  without a published signature: read, printed, never run\n",
                     op.name, op.note, op.source);
}

/// "ios15 ios17": the op sets in which the operation appeared or changed.
std::string ages_text(const OpInfo& op) {
  std::vector<std::string_view> ages;
  for (const Signature& signature : op.signatures) {
    ages.push_back(signature.since);
  }
  return fmt::format("{}", fmt::join(ages, " "));
}

std::string list_text(const std::vector<const OpInfo*>& ops) {
  std::map<std::string_view, std::vector<const OpInfo*>> categories;
  for (const OpInfo* op : ops) {
    categories[op->category].push_back(op);
  }
  std::string out;
  for (const auto& [category, members] : categories) {
    std::vector<std::vector<std::string>> rows;
    for (const OpInfo* op : members) {
      rows.push_back({std::string(op->name), ages_text(*op), std::string(op->meaning)});
    }
    out += fmt::format("{}:\n{}", category, columns_text(rows, "  "));
  }
  return out;
}

ordered_json signature_json(const Signature& signature) {
  ordered_json inputs = ordered_json::array();
  for (const Parameter& parameter : signature.parameters) {
    ordered_json input = {{"name", parameter.name}, {"kind", kind_name(parameter.kind)}};
    if (parameter.kind == ParameterKind::tensor) {
      input["types"] = type_names(parameter.types);
    }
    if (!parameter.variable.empty()) {
      input["variable"] = parameter.variable;
    }
    input["constant"] = parameter.is_constant;
    input["optional"] = parameter.is_optional;
    if (!parameter.fallback.empty()) {
      input["default"] = parameter.fallback;
    }
    inputs.push_back(std::move(input));
  }
  return {{"since", signature.since}, {"inputs", std::move(inputs)}};
}

ordered_json op_json(const OpInfo& op) {
  ordered_json signatures = ordered_json::array();
  for (const Signature& signature : op.signatures) {
    signatures.push_back(signature_json(signature));
  }
  ordered_json results = ordered_json::array();
  for (const OutputRule& output : op.outputs) {
    results.push_back({{"name", output.name}, {"type", result_type_text(output)}, {"repeated", output.is_repeated}});
  }
  return {{"name", op.name},
          {"category", op.category},
          {"meaning", op.meaning},
          {"public", op.is_public},
          {"shape_rule", op.shape_rule},
          {"executed", is_executed(op)},
          {"signatures", std::move(signatures)},
          {"results", std::move(results)}};
}

ordered_json list_json(const std::vector<const OpInfo*>& ops, const std::vector<const PrivateOp*>& reported) {
  ordered_json json = {{"operations", ordered_json::array()}, {"private", ordered_json::array()}};
  for (const OpInfo* op : ops) {
    json["operations"].push_back(op_json(*op));
  }
  for (const PrivateOp* op : reported) {
    json["private"].push_back({{"name", op->name}, {"note", op->note}, {"source", op->source}});
  }
  return json;
}

bool is_in(const OpInfo& op, const std::string& opset) { return opset.empty() || op.signature(opset) != nullptr; }

/// The operation, category, or part of names that `text` is; everything when it is empty.
std::vector<const OpInfo*> matching_ops(const std::string& text, const std::string& opset) {
  std::vector<const OpInfo*> found;
  const auto collect = [&](auto wanted) {
    for (const OpInfo& op : mil::ops()) {
      if (wanted(op) && is_in(op, opset)) {
        found.push_back(&op);
      }
    }
    return !found.empty();
  };
  const auto named = [&](const OpInfo& op) { return op.name == text; };
  const auto of_category = [&](const OpInfo& op) { return op.category == text; };
  const auto holding = [&](const OpInfo& op) { return op.name.find(text) != std::string_view::npos; };
  [[maybe_unused]] const bool any = collect(named) || collect(of_category) || collect(holding);
  return found;
}

std::vector<const PrivateOp*> matching_private_ops(const std::string& text) {
  std::vector<const PrivateOp*> found;
  for (const PrivateOp& op : mil::private_ops()) {
    if (op.name == text || text.empty()) {
      found.push_back(&op);
    }
  }
  return found;
}

Result<Exit> show(const Options& options) {
  const std::vector<const OpInfo*> ops = matching_ops(options.name, options.opset);
  const std::vector<const PrivateOp*> reported = matching_private_ops(options.name);
  if (ops.empty() && reported.empty()) {
    return fail(ErrorCategory::usage,
                fmt::format("there is no operation '{}'{}", options.name,
                            options.opset.empty() ? std::string(" (see ane ops)") : " in op set " + options.opset));
  }
  if (options.json) {
    print_json(list_json(ops, reported));
    return Exit::ok;
  }
  if (ops.size() == 1 && !options.name.empty()) {
    print(op_text(*ops.front()));
    return Exit::ok;
  }
  print(list_text(ops));
  if (!options.name.empty()) {
    for (const PrivateOp* op : reported) {
      print(private_text(*op));
    }
  } else {
    print(fmt::format("{} operations; {} private names without a published signature\n", ops.size(), reported.size()));
  }
  return Exit::ok;
}

}  // namespace

Action declare_ops(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("NAME", options->name, "Operation, category, or part of a name");
  app.add_option("--opset", options->opset, "Only operations of this op set")
      ->check(CLI::IsMember({"ios15", "ios16", "ios17", "ios18"}))
      ->type_name("OPSET");
  app.add_flag("--json", options->json, "The same content as JSON");
  return [options] { return show(*options); };
}

}  // namespace openane::cli
