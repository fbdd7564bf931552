// Loads a program and runs it on the emulator with every input filled with 3: run_program FILE.hwx
#include <cstdio>
#include <vector>

#include "openane/emulator.h"

int fail(const openane::Error& error) {
  std::fprintf(stderr, "run_program: %s\n", error.to_string().c_str());
  return 1;
}

int main(int argc, char** argv) {
  const openane::Result<openane::Program> program = openane::read_program(argc > 1 ? argv[1] : "");
  if (!program) {
    return fail(program.error());
  }
  std::vector<openane::NamedTensor> inputs;
  for (const openane::TensorBinding& binding : program->procedures.front().tensors) {
    if (binding.role == openane::TensorRole::input) {
      const openane::SurfaceShape& s = binding.layout.shape;
      const std::vector<float> values(static_cast<std::size_t>(s.n * s.c * s.h * s.w), 3.0F);
      inputs.push_back({binding.name, openane::Tensor::from_floats({s.n, s.c, s.h, s.w}, values, binding.layout.type)});
    }
  }
  const openane::Result<std::vector<openane::NamedTensor>> outputs = openane::run_program(*program, inputs);
  if (!outputs) {
    return fail(outputs.error());
  }
  for (const openane::NamedTensor& output : *outputs) {
    const std::vector<float> values = output.tensor.to_floats().value();
    std::printf("%s %s: %.12g ...\n", output.name.c_str(), openane::to_string(output.tensor.shape).c_str(),
                values.at(0));
  }
}
