// Listings: what they say of programs whose meaning is known, that they read back, and that their JSON is JSON.
#include "openane/listing.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "asm/field_text.h"
#include "openane/assembly.h"
#include "oracle.h"
#include "program_corpus.h"

namespace openane {
namespace {

using View = ListingOptions::View;

std::string listing(const Program& program, ListingOptions options = {}) {
  Result<std::string> text = list_program(program, options);
  EXPECT_TRUE(text) << text.error().to_string();
  return text.value_or("");
}

std::vector<EngineOp> ops_of(const Program& program) {
  std::vector<EngineOp> ops;
  for (const Procedure& procedure : program.procedures) {
    for (const PlacedTask& placed : procedure.tasks) {
      Result<EngineOp> op = lift(placed.task);
      EXPECT_TRUE(op);
      op->side = {};
      op->unknowns.clear();
      ops.push_back(*std::move(op));
    }
  }
  return ops;
}

std::vector<Program> corpus() {
  std::vector<Program> programs;
  for (const std::string& path : test::all_hwx_files()) {
    Result<Program> program = read_program(path);
    EXPECT_TRUE(program) << path;
    programs.push_back(*std::move(program));
  }
  for (const test::Oracle& oracle : test::load_oracles()) {
    Program& program = programs.emplace_back();
    program.generation = find_generation("H13");
    Procedure& procedure = program.procedures.emplace_back();
    procedure.name = oracle.name;
    for (const test::OracleTask& words : oracle.tasks) {
      procedure.tasks.push_back({*Task::decode(*program.generation, words.words), 0});
    }
  }
  return programs;
}

Program example(const std::string& name) {
  const std::string path = std::string(OPENANE_SOURCE_DIR) + "/examples/" + name;
  const Result<Bytes> text = read_file(path);
  EXPECT_TRUE(text);
  Result<Program> program = assemble(std::string_view(reinterpret_cast<const char*>(text->data()), text->size()), path);
  EXPECT_TRUE(program) << program.error().to_string();
  return program.value_or(Program{});
}

TEST(Listing, SaysWhatAProgramDoes) {
  EXPECT_EQ(listing(example("conv3x3_bias_relu.anes")),
            "# H13 program\n"
            "# constants in slot 1: 256 bytes\n"
            "procedure main  # 1 task\n"
            "# input picture in slot 5: float16 1x1x8x8 row 0x40 plane 0x200 batch 0x200\n"
            "# output features in slot 4: float16 1x4x8x8 row 0x40 plane 0x200 batch 0x800\n"
            "task 0 at 0x0 {\n"
            "  compute = neural convolution\n"
            "  input = 1x8x8\n"
            "  output = 4x8x8\n"
            "  source1 = surface slot 5 row 0x40 plane 0x200 depth 0x200 group 0x200  # picture\n"
            "  result = surface slot 4 row 0x40 plane 0x200 depth 0x800 group 0x800  # features\n"
            "  window = 3x3 pad 1x1\n"
            "  kernel = on slot 1 fp16  # constants\n"
            "  engines = 4\n"
            "  stream = 0..3 on offset 0x0 step 0x40 size 0x40\n"
            "  channel_bias = on\n"
            "  activation = relu\n"
            "  # reads 128 bytes, writes 512, kernel 256; 2304 multiply-adds\n"
            "}\n");
}

TEST(Listing, NamesTablesByTheirFormula) {
  const std::string text = listing(example("softmax.anes"));
  EXPECT_NE(text.find("activation = table  # exp2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("activation = table  # reciprocal\n"), std::string::npos) << text;
  OPENANE_NEEDS_CORPUS();
  const Result<Program> program = read_program((test::corpus_folder() / "hwx/tinygrad/sigmoid.hwx").string());
  ASSERT_TRUE(program);
  EXPECT_NE(listing(*program).find("activation = table  # sigmoid\n"), std::string::npos);
}

TEST(Listing, ReadsBack) {
  OPENANE_NEEDS_CORPUS();
  for (const Program& program : corpus()) {
    const std::string text = listing(program);
    const Result<std::vector<EngineOp>> ops = parse_listing(text, "listing");
    ASSERT_TRUE(ops) << ops.error().to_string() << "\n" << text;
    EXPECT_EQ(*ops, ops_of(program)) << text;
  }
}

TEST(Listing, ThreadsDoNotChangeIt) {
  Program program = example("softmax.anes");
  Procedure& procedure = program.procedures[0];
  const std::vector<PlacedTask> tasks = procedure.tasks;
  for (std::uint32_t i = 1; i < 400; ++i) {
    for (PlacedTask task : tasks) {
      task.offset += i * 0x1000;
      procedure.tasks.push_back(task);
    }
  }
  const std::string all = listing(program);
  std::size_t at = all.find("task 0 ");
  for (std::size_t i = 0; i < procedure.tasks.size(); ++i) {
    ListingOptions one;
    one.task = i;
    const std::string text = listing(program, one);
    const std::string task = text.substr(text.find("task " + std::to_string(i) + " "));
    ASSERT_EQ(all.compare(at, task.size(), task), 0) << i;
    at += task.size();
  }
  EXPECT_EQ(at, all.size());
  EXPECT_FALSE(list_program(program, {.task = procedure.tasks.size()}));
}

TEST(Listing, ErrorsOfListingsNameThePlace) {
  EXPECT_EQ(parse_listing("task 0 {\n  compute = neural\n", "l").error().to_string(),
            "l: malformed input: the last task has no closing '}'");
  EXPECT_EQ(parse_listing("tusk 0 {\n", "l").error().to_string(),
            "l:1:1: malformed input: expected 'task ... {' or 'procedure', got 'tusk'");
  EXPECT_EQ(parse_listing("task 0 {\n  compute\n}\n", "l").error().to_string(),
            "l:2:3: malformed input: expected 'key = value' or '}', got 'compute'");
}

TEST(Listing, ColorAddsEscapesOnly) {
  const Program program = example("softmax.anes");
  for (const View view : {View::meaning, View::fields, View::words, View::assembly}) {
    const std::string plain = listing(program, {.view = view});
    std::string colored = listing(program, {.view = view, .color = true});
    EXPECT_NE(plain, colored);
    for (std::size_t at = colored.find('\x1b'); at != std::string::npos; at = colored.find('\x1b')) {
      colored.erase(at, colored.find('m', at) + 1 - at);
    }
    EXPECT_EQ(colored, plain);
  }
}

/// Every field of every register, and every word, stands in the views, with the bits nobody has named.
TEST(Listing, FieldsAndWordsAreComplete) {
  Program program = example("sigmoid.anes");
  Task& task = program.procedures[0].tasks[0].task;
  task.set_word(0x30, 0x80000001);
  const std::string fields = listing(program, {.view = View::fields});
  for (const Block& block : program.generation->blocks) {
    for (const Register& row : block.registers) {
      EXPECT_NE(fields.find("\n  " + std::string(block.name) + "." + std::string(row.name) + " "), std::string::npos);
      for (const Field& field : row.fields) {
        EXPECT_NE(fields.find("\n    " + std::string(field.name) + " "), std::string::npos);
      }
    }
  }
  EXPECT_NE(fields.find("    unnamed bits                      0x80000000          [unknown]\n"), std::string::npos);
  const std::string words = listing(program, {.view = View::words});
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(words, '\n')), task.words().size() + 6);
  EXPECT_NE(words.find("0x80000001  Common.PECommonCfg                      Src1BroadcastW 1, unnamed 0x80000000\n"),
            std::string::npos)
      << words;
}

TEST(Listing, JsonHoldsTheSame) {
  const Program program = example("softmax.anes");
  for (const View view : {View::meaning, View::fields, View::words, View::assembly}) {
    const Result<std::string> text = list_program_json(program, {.view = view});
    ASSERT_TRUE(text);
    const auto json = nlohmann::json::parse(*text);
    if (view == View::assembly) {
      EXPECT_EQ(json.at("assembly").get<std::string>(), *disassemble(program));
      continue;
    }
    const auto& tasks = json.at("procedures").at(0).at("tasks");
    ASSERT_EQ(tasks.size(), 5u);
    const std::span<const std::uint32_t> words = program.procedures[0].tasks[2].task.words();
    if (view == View::meaning) {
      EXPECT_EQ(tasks[2].at("table"), "exp2");
      EXPECT_EQ(tasks[2].at("op").at("compute").at("mode"), "bypass");
      EXPECT_EQ(tasks[1].at("op").at("sources").at(1).at("broadcast").at(0), "channel");
      EXPECT_EQ(tasks[3].at("cost").at("multiply_adds"), 64);
    } else if (view == View::words) {
      ASSERT_EQ(tasks[2].at("words").size(), words.size());
      EXPECT_EQ(tasks[2].at("words").at(0).at("register"), "Header0");
    } else {
      EXPECT_EQ(tasks[2].at("registers").size(), words.size() - program.procedures[0].tasks[2].task.records().size());
    }
  }
  const Result<std::string> one = list_program_json(program, {.task = 4});
  ASSERT_TRUE(one);
  EXPECT_EQ(nlohmann::json::parse(*one).at("procedures").at(0).at("tasks").at(0).at("index"), 4);
  EXPECT_FALSE(list_program_json(program, {.task = 5}));
}

TEST(Listing, NamesOutOfHostileFilesStayOnTheirLine) {
  Program program = example("sigmoid.anes");
  program.procedures[0].name = "a\nb\x1b[31m\xff";
  program.procedures[0].tensors[0].name = "x\n}";
  const std::string text = listing(program);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("procedure \"a\\x0ab\\x1b[31m\\xff\""), std::string::npos) << text;
  EXPECT_TRUE(parse_listing(text)) << text;
  const Result<std::string> assembly = disassemble(program);
  ASSERT_TRUE(assembly);
  const Result<Program> again = assemble(*assembly, "p.anes");
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->procedures[0].name, program.procedures[0].name);
  EXPECT_TRUE(list_program_json(program));
}

/// Every value of every field of 12 bits or less, and samples of wider ones, reads back from its text.
TEST(FieldText, ValuesReadBack) {
  for (const Generation* generation : generations()) {
    for (const Block& block : generation->blocks) {
      for (const Register& row : block.registers) {
        for (const Field& field : row.fields) {
          const std::uint32_t limit = field.mask() >> field.lsb;
          const std::uint32_t step = limit <= 0xfff ? 1 : limit / 501;
          for (std::uint64_t raw = 0; raw <= limit; raw += step) {
            std::string text;
            append_field_value(text, field, static_cast<std::uint32_t>(raw));
            const Result<std::uint32_t> back = parse_field_value(field, text);
            ASSERT_TRUE(back) << generation->id << " " << row.name << "." << field.name << " " << text;
            ASSERT_EQ(*back, raw) << generation->id << " " << row.name << "." << field.name << " " << text;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace openane
