// Writes the seeds of the container fuzzers: small programs of our own in every form. usage: seed_containers FOLDER
//
// An HWX is padded to pages of 16 KiB; a fuzzer would spend its time on the padding. The reader does not ask for it, so
// the seeds are packed: the text follows the tables at once.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "base/byte_reader.h"
#include "hwx/parsed.h"
#include "openane/anec.h"
#include "openane/engine_op.h"
#include "openane/hwx.h"
#include "openane/raw_kernel.h"

namespace openane {
namespace {

template <typename T>
T must(Result<T> result) {
  if (!result) {
    std::cerr << result.error().to_string() << '\n';
    std::exit(1);
  }
  return *std::move(result);
}

TensorBinding tensor(std::string name, TensorRole role, std::uint32_t slot) {
  TensorBinding binding;
  binding.name = role == TensorRole::output ? name + "@output" : name;
  binding.symbol = std::move(name);
  binding.role = role;
  binding.slot = slot;
  binding.layout = must(SurfaceLayout::packed(ElementType::float16, {1, 4, 2, 8, 1}));
  binding.total_bytes = static_cast<std::uint64_t>(binding.layout.strides.n);
  return binding;
}

SurfaceView surface(std::uint8_t slot) { return {slot, 0, {64, 128, 512, 512}, ElementType::float16, 1}; }

EngineOp shape() {
  EngineOp op;
  op.input = op.output = {8, 2, 1, 4};
  op.sources[0].place = op.result.place = Place::surface;
  op.sources[0].surface = surface(5);
  op.result.surface = surface(4);
  return op;
}

EngineOp add_op() {
  EngineOp op = shape();
  op.compute = PlanarCompute{.form = PlanarForm::binary, .op = PlanarOp::add, .second_enabled = true};
  op.sources[1].place = Place::surface;
  op.sources[1].surface = surface(6);
  return op;
}

EngineOp convolution_op() {
  EngineOp op = shape();
  NeuralCompute compute;
  compute.mode = NeuralMode::convolution;
  compute.kernel.enabled = true;
  compute.kernel.slot = 1;
  compute.kernel.format = KernelFormat::fp16;
  for (std::uint32_t i = 0; i < 4; ++i) {
    compute.kernel.channels[i] = {true, 64 * i, 64};
  }
  op.compute = compute;
  return op;
}

EngineOp table_op() {
  EngineOp op = shape();
  NeuralCompute compute;
  compute.activation = Activation::table;
  compute.kernel.enabled = true;
  compute.kernel.slot = 1;
  compute.kernel.channels[0] = {true, 0, 128};
  op.compute = compute;
  return op;
}

Program program_of(const std::vector<EngineOp>& ops, bool two_inputs, std::size_t constant_bytes) {
  Program program;
  program.generation = find_generation("H13");
  Procedure& procedure = program.procedures.emplace_back();
  procedure.name = "main";
  procedure.tensors.push_back(tensor("x", TensorRole::input, 5));
  if (two_inputs) {
    procedure.tensors.push_back(tensor("z", TensorRole::input, 6));
  }
  procedure.tensors.push_back(tensor("y", TensorRole::output, 4));
  std::vector<Task> tasks;
  tasks.reserve(ops.size());
  for (const EngineOp& op : ops) {
    tasks.push_back(must(encode(op, *program.generation)));
  }
  procedure.tasks = must(link_tasks(std::move(tasks)));
  program.constants.push_back({"__TEXT,__const", 1, Bytes(std::vector<std::uint8_t>(constant_bytes, 0x3c))});
  return program;
}

/// The file without the padding between tables and text and behind the last section.
std::vector<std::uint8_t> packed(const std::vector<std::uint8_t>& file) {
  const Bytes bytes(file);
  const hwx::Parsed parsed = must(hwx::parse_hwx(bytes));
  const std::uint64_t begin = align_up(parsed.image.tables_end, 64);
  const auto segment = std::ranges::find(parsed.image.segments, "__TEXT", &hwx::Segment::name);
  const std::uint64_t shift = segment->file_offset - begin;
  const hwx::Section& last = *parsed.constants.back();
  const std::uint64_t used = last.file_offset + last.size - segment->file_offset;
  std::vector<std::uint8_t> out(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(begin));
  const auto text = file.begin() + static_cast<std::ptrdiff_t>(segment->file_offset);
  out.insert(out.end(), text, text + static_cast<std::ptrdiff_t>(used));
  store_le(out.data() + segment->header + 40, begin);
  store_le(out.data() + segment->header + 48, used);
  for (const hwx::Section& section : parsed.image.sections) {
    if (section.file_backed()) {
      store_le(out.data() + section.header + 48, static_cast<std::uint32_t>(section.file_offset - shift));
    }
  }
  static_cast<void>(must(hwx::parse_hwx(Bytes(out))));
  return out;
}

void write_seed(const std::filesystem::path& folder, const std::string& name, std::span<const std::uint8_t> bytes) {
  std::filesystem::create_directories(folder);
  if (const Result<void> written = write_file((folder / name).string(), bytes); !written) {
    std::cerr << written.error().to_string() << '\n';
    std::exit(1);
  }
}

void write_containers(const std::filesystem::path& folder, const std::string& name, const Program& program) {
  write_seed(folder / "hwx", name + "_v4.hwx", packed(must(write_hwx(program, HwxProfile::v4))));
  write_seed(folder / "anec", name + ".anec", must(write_anec(program, AnecHeader::bytes_0x800)));
  std::vector<std::uint8_t> layout_and_kernel;
  const std::string layout = must(write_raw_layout(program));
  layout_and_kernel.assign(layout.begin(), layout.end());
  layout_and_kernel.push_back(0);
  const std::vector<std::uint8_t> kernel = must(write_raw_kernel(program));
  layout_and_kernel.insert(layout_and_kernel.end(), kernel.begin(), kernel.end());
  write_seed(folder / "raw_layout", name, layout_and_kernel);
}

void write_task_stream(const std::filesystem::path& folder, const std::string& name, std::size_t generation,
                       const std::vector<PlacedTask>& tasks) {
  std::vector<std::uint8_t> bytes = must(encode_tasks(tasks));
  const std::uint32_t words = tasks[0].task.size_bytes() / 4;
  const std::vector<std::uint8_t> prefix = {static_cast<std::uint8_t>(generation), static_cast<std::uint8_t>(words),
                                            static_cast<std::uint8_t>(words >> 8),
                                            static_cast<std::uint8_t>(tasks.size())};
  bytes.insert(bytes.begin(), prefix.begin(), prefix.end());
  write_seed(folder / "task_stream", name, bytes);
}

/// A task of a packet stream with a record of every form.
Task small_task(const Generation& generation) {
  Task task(generation);
  const std::vector<std::uint32_t> header(generation.header_words, 0);
  task.set_header(header);
  const std::vector<std::uint32_t> values = {1, 2};
  for (const Result<void>& added :
       {task.add_dense(0, values), task.add_scatter(0x40, 0x2, values), task.add_address(0x4d10, 4, values)}) {
    if (!added) {
      std::cerr << added.error().to_string() << '\n';
      std::exit(1);
    }
  }
  return task;
}

int write_all(const std::filesystem::path& folder) {
  const Program add = program_of({add_op()}, true, 64);
  const Program convolution = program_of({convolution_op()}, false, 256);
  const Program table = program_of({table_op()}, false, 128);
  const Program chain = program_of({convolution_op(), add_op()}, true, 256);
  write_containers(folder, "add", add);
  write_containers(folder, "convolution", convolution);
  write_containers(folder, "table", table);
  write_containers(folder, "chain", chain);
  for (const HwxProfile profile : {HwxProfile::v5, HwxProfile::v7, HwxProfile::v9}) {
    write_seed(folder / "hwx",
               fmt::format("chain_v{}.hwx", profile == HwxProfile::v5   ? 5
                                            : profile == HwxProfile::v7 ? 7
                                                                        : 9),
               packed(must(write_hwx(chain, profile))));
  }
  Program two = add;
  two.procedures.push_back(add.procedures[0]);
  two.procedures[1].name = "second";
  two.procedures[1].task_base = two.procedures[1].tasks[0].offset = 0x300;
  write_seed(folder / "hwx", "two_procedures_v4.hwx", packed(must(write_hwx(two, HwxProfile::v4))));
  const auto all = generations();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i]->id == "H13") {
      write_task_stream(folder, "h13_chain", i, chain.procedures[0].tasks);
    } else if (all[i]->stream == StreamForm::packet && all[i]->header_words != 0) {
      write_task_stream(folder, fmt::format("{}_small", all[i]->target), i,
                        must(link_tasks({small_task(*all[i]), small_task(*all[i])})));
    }
  }
  return 0;
}

}  // namespace
}  // namespace openane

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: seed_containers FOLDER\n";
    return 2;
  }
  return openane::write_all(argv[1]);
}
