// Every decoded program of corpus/oracles/h13, run on random inputs against the MIL it was compiled from, which NumPy
// evaluates in float64 (oracle_reference.py).
#include "oracle.h"

#include <fstream>

#include "numpy.h"
#include "openane/npy.h"
#include "support.h"

namespace openane {
namespace {

namespace fs = std::filesystem;

/// |result - expected| <= absolute + relative * |expected|, for programs through tables: the errors that h13-isa.md 8
/// and 10 give for them. Everything else: rounding to fp16.
struct Tolerance {
  const char* prefix;
  double absolute, relative;
};

const Tolerance kTolerances[] = {
    {"chain_base_gelu", 0.00625, 0},
    {"chain_res_gelu", 0.0063, 0x1p-11},  // the table, then a sum of two rounded numbers
    {"chain_pair_softmax_mm", 0, 0.0024},
    {"norm_layer_norm", 0.0015, 0x1p-11},
    {"norm_softmax", 1e-5, 0.0035},
    {"unary_exp", 0, 0.00235},
    {"unary_gelu", 0.00625, 0},
    {"unary_rsqrt", 0, 0.00495},
    {"unary_sigmoid", 0.003355, 0x1p-12},
    {"unary_sqrt", 0, 0.00095},
    {"unary_tanh", 0.00165, 0},
};

Tolerance tolerance_of(const std::string& name) {
  for (const Tolerance& tolerance : kTolerances) {
    if (name.starts_with(tolerance.prefix)) {
      return tolerance;
    }
  }
  return {"", 0x1p-25, 0x1p-11};
}

struct Names {
  std::string output;
  std::vector<std::string> inputs;
};

Names read_names(const fs::path& folder) {
  std::ifstream file(folder / "names.txt");
  Names names;
  std::getline(file, names.output);
  for (std::string line; std::getline(file, line);) {
    names.inputs.push_back(line);
  }
  return names;
}

/// A tensor of the record, on the slot that its name's place in the alphabet gives it (h13-isa.md 2.1).
TensorBinding binding_of(const toml::table& tensor, const std::string& name, std::uint32_t slot) {
  const auto numbers = [&](const char* key, std::size_t i) {
    return (*tensor[key].as_array())[i].value_or(std::int64_t{0});
  };
  TensorBinding binding;
  binding.name = binding.symbol = name;
  binding.role = tensor["binding"].value_or(0) == 1 ? TensorRole::input : TensorRole::output;
  binding.slot = slot;
  binding.layout.type = static_cast<ElementType>(tensor["element_code"].value_or(0));
  binding.layout.shape = {numbers("shape", 0), numbers("shape", 1), numbers("shape", 2), numbers("shape", 3), 1};
  binding.layout.strides = {numbers("strides", 0), numbers("strides", 1), numbers("strides", 2), numbers("strides", 3),
                            0};
  binding.total_bytes = tensor["total_bytes"].value_or(std::uint64_t{0});
  return binding;
}

Result<Program> oracle_program(const fs::path& record_path, const Names& names, const Bytes& constants) {
  const toml::table record = toml::parse_file(record_path.string());
  Program program;
  program.generation = find_generation("H13");
  program.constants.push_back({"", 1, constants});
  Procedure procedure;
  for (const test::OracleTask& task : test::load_oracle(record_path).tasks) {
    OPENANE_TRY(Task decoded, Task::decode(*program.generation, task.words));
    procedure.tasks.push_back({std::move(decoded), 0});
  }
  std::vector<std::string> in_order = names.inputs;
  std::ranges::sort(in_order);
  in_order.push_back(names.output);
  std::vector<std::string> alphabet = in_order;
  std::ranges::sort(alphabet);
  const toml::array& tensors = *record["tensor"].as_array();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto place = std::ranges::find(alphabet, in_order.at(i)) - alphabet.begin();
    procedure.tensors.push_back(binding_of(*tensors[i].as_table(), in_order[i], 4 + static_cast<std::uint32_t>(place)));
  }
  // A scratch surface, if any, lies before the first tensor.
  std::uint64_t first = ~std::uint64_t{0};
  for (const toml::node& address : *record["program_descriptor"]["resource_addresses"].as_array()) {
    if (const std::uint64_t number = std::stoull(address.value_or(std::string()), nullptr, 16); number != 0) {
      first = std::min(first, number);
    }
  }
  program.scratch_bytes = first - 0x30000000;
  program.procedures.push_back(std::move(procedure));
  return program;
}

std::vector<double> read_doubles(const fs::path& path) {
  const auto tensor = read_npy(path.string());
  EXPECT_TRUE(tensor) << tensor.error().to_string();
  std::vector<double> values(tensor ? tensor->data.size() / sizeof(double) : 0);
  if (tensor) {
    std::memcpy(values.data(), tensor->data.data(), tensor->data.size());
  }
  return values;
}

void check_case(const fs::path& record, const fs::path& folder, Numerics numerics) {
  const Names names = read_names(folder);
  const auto program = oracle_program(record, names, test::load((folder / "constants.bin").string()));
  ASSERT_TRUE(program) << program.error().to_string();
  std::vector<NamedTensor> inputs;
  for (const std::string& name : names.inputs) {
    auto tensor = read_npy((folder / (name + ".npy")).string());
    ASSERT_TRUE(tensor) << tensor.error().to_string();
    inputs.push_back({name, *std::move(tensor)});
  }
  EmulatorOptions options;
  options.numerics = numerics;
  const auto outputs = run_program(*program, inputs, options);
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  const std::vector<float> result = test::floats(outputs->at(0).tensor);
  const std::vector<double> expected = read_doubles(folder / "expected.npy");
  const std::vector<double> magnitude = read_doubles(folder / "magnitude.npy");
  ASSERT_EQ(result.size(), expected.size());
  const Tolerance tolerance = tolerance_of(record.stem().string());
  // Sums of products: fp32 additions, or h13's operands of 12 bits.
  const double sums = numerics == Numerics::ideal ? 0x1p-18 : 0x1p-10;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double error = std::fabs(double{result[i]} - expected[i]);
    // Weights that the h13 model flushes: the first words of each record are the file's own headers, denormals as fp16.
    const double flushed = numerics == Numerics::ideal ? 0 : 0x1p-16;
    const double allowed =
        flushed + tolerance.absolute + tolerance.relative * std::fabs(expected[i]) + sums * magnitude[i];
    ASSERT_LE(error, allowed) << "element " << i << " is " << result[i] << ", expected " << expected[i];
  }
}

TEST(Oracles, ComputeTheirMil) {
  OPENANE_NEEDS_CORPUS();
  OPENANE_NEEDS_NUMPY();
  const fs::path oracles = test::corpus_folder() / "oracles" / "h13";
  const test::TemporaryFolder folder;
  const std::string command = "PYTHONDONTWRITEBYTECODE=1 " + test::python_with_numpy() +
                              " '" OPENANE_SOURCE_DIR "/tests/emulator/oracle_reference.py' '" + oracles.string() +
                              "' '" + folder.path().string() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::size_t cases = 0;
  for (const test::Oracle& oracle : test::load_oracles()) {
    const fs::path record = oracles / (oracle.name + ".toml");
    for (const Numerics numerics : {Numerics::ideal, Numerics::h13}) {
      SCOPED_TRACE(oracle.name + ", " + std::string(to_string(numerics)));
      check_case(record, folder.path() / oracle.name, numerics);
    }
    ++cases;
  }
  EXPECT_EQ(cases, 71u);
}

}  // namespace
}  // namespace openane
