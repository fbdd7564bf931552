#include "openane/runtime_description.h"

namespace openane {
namespace {

RuntimeTensor describe(const TensorBinding& tensor) {
  const SurfaceLayout& layout = tensor.layout;
  RuntimeTensor out;
  out.name = tensor.name;
  out.symbol = tensor.symbol;
  out.type = layout.type;
  out.batches = layout.shape.n;
  out.channels = layout.shape.c;
  out.depth = layout.shape.d;
  out.height = layout.shape.h;
  out.width = layout.shape.w;
  out.batch_stride = layout.strides.n;
  out.plane_stride = layout.strides.c;
  out.row_stride = layout.strides.h;
  out.interleave = layout.interleave;
  return out;
}

}  // namespace

RuntimeDescription describe_for_runtime(const Program& program) {
  RuntimeDescription description;
  for (const Procedure& procedure : program.procedures) {
    RuntimeProcedure out;
    out.id = static_cast<std::uint32_t>(description.procedures.size());
    out.name = procedure.name;
    for (const TensorBinding& tensor : procedure.tensors) {
      const bool output = tensor.role == TensorRole::output;
      std::vector<std::string>& symbols = output ? description.output_symbols : description.input_symbols;
      (output ? out.output_symbol_indices : out.input_symbol_indices)
          .push_back(static_cast<std::uint32_t>(symbols.size()));
      (output ? out.outputs : out.inputs).push_back(describe(tensor));
      symbols.push_back(tensor.symbol);
    }
    description.procedures.push_back(std::move(out));
  }
  return description;
}

}  // namespace openane
