// Loads a program and runs it on the emulator with every input filled with 3: run_program FILE.hwx
#include <cstdio>

#include "openane/emulator.h"

openane::Result<void> run(const char* path) {
  OPENANE_TRY(const openane::Program program, openane::read_program(path));
  std::vector<openane::NamedTensor> inputs;
  for (const openane::TensorBinding& binding : program.procedures.front().tensors) {
    if (binding.role == openane::TensorRole::input) {
      const openane::SurfaceShape& s = binding.layout.shape;
      const std::vector<float> values(static_cast<std::size_t>(s.n * s.c * s.h * s.w), 3.0F);
      inputs.push_back({binding.name, openane::Tensor::from_floats({s.n, s.c, s.h, s.w}, values, binding.layout.type)});
    }
  }
  OPENANE_TRY(const std::vector<openane::NamedTensor> outputs, openane::run_program(program, inputs));
  for (const openane::NamedTensor& output : outputs) {
    OPENANE_TRY(const std::vector<float> values, output.tensor.to_floats());
    std::printf("%s %s: %g ...\n", output.name.c_str(), openane::to_string(output.tensor.shape).c_str(), values.at(0));
  }
  return {};
}

int main(int argc, char** argv) {
  const openane::Result<void> done = run(argc > 1 ? argv[1] : "");
  if (!done) {
    std::fprintf(stderr, "run_program: %s\n", done.error().to_string().c_str());
  }
  return done ? 0 : 1;
}
