// Builds a small network in code and writes it as a Core ML package: build_model OUT.mlpackage
#include <cstdio>

#include "openane/mil_builder.h"
#include "openane/mil_model.h"

using openane::mil::Builder;
using openane::mil::DataType;
using openane::mil::Type;
using openane::mil::Var;

openane::Result<void> build(const char* path) {
  Builder b("main", "ios17");
  const Var x = b.input("x", Type::tensor(DataType::fp16, {1, 3, 8, 8}));
  const std::vector<float> weights(4 * 3 * 3 * 3, 0.125F);
  const Var w = b.constant(DataType::fp16, {4, 3, 3, 3}, weights, "w");
  Var y = b.conv(x, w, {.strides = {2, 2}, .pad_type = "same"});
  y = b.mul(b.relu(y), 0.5);
  y = b.softmax(b.reduce_mean(y, {.axes = {2, 3}}), {.axis = -1, .name = "y"});

  openane::mil::Model model;
  OPENANE_TRY(model.program, b.finish({y}));  // the first mistake made above, with its line
  OPENANE_CHECK(openane::mil::describe_functions(model));
  OPENANE_CHECK(openane::mil::store_constants(model));
  return openane::mil::write_package(model, path);
}

int main(int argc, char** argv) {
  const openane::Result<void> done = build(argc > 1 ? argv[1] : "model.mlpackage");
  if (!done) {
    std::fprintf(stderr, "build_model: %s\n", done.error().to_string().c_str());
  }
  return done ? 0 : 1;
}
