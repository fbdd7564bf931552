// Runs a model (.mil, .mlmodel, .mlpackage or .mlmodelc) on the reference executor: zeros in, the outputs to standard
// output.
#include <openane/mil_model.h>
#include <openane/reference.h>

#include <cstdio>

namespace {

openane::Result<void> run(const char* path) {
  OPENANE_TRY(const openane::mil::Model model, openane::mil::read_model(path));
  OPENANE_TRY(auto session, openane::reference::Session::create(model));
  std::vector<openane::NamedTensor> inputs;
  for (const auto& input : session.inputs()) {
    OPENANE_TRY(const std::int64_t count, openane::element_count(input.type.shape()));
    const std::vector<float> zeros(static_cast<std::size_t>(count));
    inputs.push_back({input.name, openane::Tensor::from_floats(input.type.shape(), zeros,
                                                               openane::mil::info(input.type.data_type()).element)});
  }
  OPENANE_TRY(const std::vector<openane::reference::Output> outputs, session.run(inputs));
  for (const auto& output : outputs) {
    OPENANE_TRY(const std::vector<float> values, output.tensor.to_floats());
    std::printf("%s: %zu values, the first is %g\n", output.name.c_str(), values.size(),
                values.empty() ? 0.0 : static_cast<double>(values[0]));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto done = argc == 2 ? run(argv[1]) : openane::fail(openane::ErrorCategory::usage, "run_model MODEL");
      !done) {
    std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
    return 1;
  }
  return 0;
}
