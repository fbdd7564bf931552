#include "cli/convert_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/console.h"
#include "mil/package_path.h"
#include "mil/value_walk.h"
#include "openane/mil_infer.h"
#include "openane/mil_model.h"
#include "openane/mil_text.h"

namespace openane::cli {
namespace {

namespace fs = std::filesystem;
using mil::Model;

/// Weight files go beside a text, where its `@model_path` is.
Result<fs::path> beside(const fs::path& text, std::string_view name) {
  const fs::path folder = text.parent_path().empty() ? fs::path(".") : text.parent_path();
  return mil::path_inside(folder, folder, mil::below_model_path(name));
}

Result<void> write_weights_beside(const Model& model, const fs::path& text) {
  for (const auto& [name, file] : model.weights.files()) {
    OPENANE_TRY(const fs::path target, beside(text, name));
    std::error_code code;
    if (fs::exists(target, code)) {
      OPENANE_TRY(const Bytes there, read_file(target.string()));
      if (there == file.bytes()) {
        continue;
      }
      return fail(ErrorCategory::usage, "other weights are there already: write into another folder, or use --inline",
                  Location{target.string(), {}, 0, 0});
    }
    fs::create_directories(target.parent_path(), code);
    OPENANE_CHECK(write_file(target.string(), file.bytes().span()));
  }
  return {};
}

/// Text is what the program is; everything around it stays behind.
Result<void> write_text_model(const Model& model, const std::string& path) {
  OPENANE_CHECK(write_weights_beside(model, path));
  return write_file(path, mil::print_model_text(model.program));
}

struct Form {
  std::string_view ending;
  Result<void> (*write)(const Model& model, const std::string& path);
  bool is_text;           ///< Holds the program as text, with what text cannot say left out.
  bool has_description;   ///< Holds inputs, outputs and metadata.
  bool has_weight_files;  ///< False: constants must be in the program.
};
constexpr Form kForms[] = {{".mil", write_text_model, true, false, true},
                           {".mlmodel", mil::write_mlmodel, false, true, false},
                           {".mlpackage", mil::write_package, false, true, true},
                           {".mlmodelc", mil::write_compiled_bundle, true, true, true}};

Result<const Form*> form_of(const std::string& path) {
  fs::path given(path);
  given = given.has_filename() ? given : given.parent_path();
  for (const Form& form : kForms) {
    if (given.extension().string() == form.ending) {
      return &form;
    }
  }
  return fail(ErrorCategory::usage, "a model is written as .mil, .mlmodel, .mlpackage or .mlmodelc",
              Location{path, {}, 0, 0});
}

bool says_anything(const mil::ModelDescription& description) { return !(description == mil::ModelDescription{}); }

/// Weight files the program refers to that are not there, each once.
std::vector<std::string> missing_weights(const Model& model) {
  std::set<std::string> missing;
  mil::for_each_value(model.program, [&](const mil::Value& value) {
    if (const mil::BlobReference* blob = value.blob(); blob != nullptr && model.weights.find(blob->path) == nullptr) {
      missing.insert(blob->path);
    }
  });
  return {missing.begin(), missing.end()};
}

std::vector<std::string> losses_of(const Model& model, const Form& form, const std::vector<std::string>& missing) {
  std::vector<std::string> losses = model.losses;
  for (const std::string& path : missing) {
    losses.push_back(fmt::format("the weights '{}': there is no such file", path));
  }
  if (form.is_text) {
    const std::vector<std::string> of_text = mil::text_losses(model.program);
    losses.insert(losses.end(), of_text.begin(), of_text.end());
  }
  if (!form.has_description && says_anything(model.description)) {
    losses.emplace_back("the description of inputs and outputs, and the metadata: MIL text has no place for them");
  }
  return losses;
}

/// What the verifier holds against the program, weights that are not there aside.
std::size_t count_mistakes(const Model& model, bool has_weights) {
  const std::vector<mil::Diagnostic> findings = mil::verify(model.program, has_weights ? &model.weights : nullptr);
  return static_cast<std::size_t>(std::ranges::count(findings, mil::Severity::error, &mil::Diagnostic::severity));
}

/// Puts the constants where the form wants them.
Result<void> place_constants(Model& model, const Form& form, bool inline_constants,
                             const std::vector<std::string>& missing) {
  if (inline_constants || !form.has_weight_files) {
    return mil::load_constants(model);
  }
  if (form.has_description && !missing.empty()) {
    return fail(ErrorCategory::system, fmt::format("no weight file '{}' beside this program", missing.front()));
  }
  // A text keeps its constants where they are: whoever wrote them there can read them there.
  return model.weights.files().empty() && form.has_description ? mil::store_constants(model) : Result<void>();
}

std::uint64_t bytes_at(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    return fs::file_size(path, ignored);
  }
  std::uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path, ignored)) {
    bytes += entry.is_regular_file(ignored) ? entry.file_size(ignored) : 0;
  }
  return bytes;
}

void report(const ModelConversion& conversion, const Model& model, const Form& form,
            const std::vector<std::string>& losses, std::size_t mistakes) {
  std::vector<std::string> written{conversion.output};
  for (const auto& [name, file] : model.weights.files()) {
    if (const Result<fs::path> target = beside(conversion.output, name); target && !form.has_description) {
      written.push_back(target->lexically_normal().string());
    }
  }
  if (conversion.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const std::string& path : written) {
      list.push_back({{"path", path}, {"bytes", bytes_at(path)}});
    }
    print_json(
        {{"written", list}, {"functions", model.program.functions.size()}, {"losses", losses}, {"mistakes", mistakes}});
    return;
  }
  for (const std::string& path : written) {
    print(fmt::format("{}: {} bytes\n", path, bytes_at(path)));
  }
  for (const std::string& loss : losses) {
    print_note("not kept: " + loss);
  }
  if (mistakes > 0) {
    print_note(fmt::format("the program was written as it is, with {} mistake{}: see ane info", mistakes,
                           mistakes == 1 ? "" : "s"));
  }
}

}  // namespace

Result<Exit> convert_model(const ModelConversion& conversion) {
  OPENANE_TRY(const Form* form, form_of(conversion.output));
  const Progress progress("converting " + conversion.input);
  OPENANE_TRY(Model model, in_file(mil::read_model(conversion.input), conversion.input));
  const std::vector<std::string> missing = missing_weights(model);
  OPENANE_CHECK(in_file(place_constants(model, *form, conversion.inline_constants, missing), conversion.input));
  const std::vector<std::string> losses = losses_of(model, *form, missing);
  const std::size_t mistakes = count_mistakes(model, missing.empty());
  if (form->has_description) {
    OPENANE_CHECK(in_file(mil::describe_functions(model), conversion.input));
  }
  OPENANE_CHECK(in_file(form->write(model, conversion.output), conversion.output));
  report(conversion, model, *form, losses, mistakes);
  return Exit::ok;
}

}  // namespace openane::cli
