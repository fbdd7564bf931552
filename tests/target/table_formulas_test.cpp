// Tables from formulas, bit for bit against the tables of compiled programs and of published records.
#include "target/h13/table_formulas.h"

#include <gtest/gtest.h>

#include <cstring>

#include "oracle.h"
#include "program_corpus.h"

namespace openane::h13 {
namespace {

TableWords words_of(std::span<const std::uint8_t> bytes) {
  TableWords words{};
  std::memcpy(words.data(), bytes.data(), sizeof words);
  return words;
}

struct TableFile {
  const char* file;
  const char* formula;  ///< As `recognise_table` spells it.
};

TEST(TableFormulas, EqualTheTablesOfCompiledPrograms) {
  OPENANE_NEEDS_CORPUS();
  const TableFile kFiles[] = {{"unary/sqrt.bin", "sqrt"},
                              {"unary/rsqrt.bin", "rsqrt"},
                              {"unary/tanh.bin", "tanh"},
                              {"unary/exp2.bin", "exp2"},
                              {"unary/exp.bin", "exp2"},
                              {"unary/log2.bin", "log2"},
                              {"unary/inv.bin", "reciprocal"},
                              {"unary/sign.bin", "sign"},
                              {"unary/sigmoid.bin", "sigmoid_minus_half"},
                              {"activation/silu.bin", "sigmoid_minus_half"},
                              {"activation/relu6.bin", "relu6"},
                              {"activation/leakyrelu.bin", "leaky_relu 0.01"},
                              {"activation/softmax.bin", "exp2"},
                              {"activation/gelu.bin", "gelu"}};
  for (const TableFile& each : kFiles) {
    const Bytes file = test::load((test::corpus_folder() / "hwx" / "eiln" / each.file).string());
    ASSERT_GE(file.size(), 128u) << each.file;
    EXPECT_EQ(recognise_table(words_of(file.span().last(128))), each.formula) << each.file;
  }
}

TEST(TableFormulas, EqualThePublishedTables) {
  OPENANE_NEEDS_CORPUS();
  const TableFile kTables[] = {{"exp", "exp2"},
                               {"reciprocal", "reciprocal"},
                               {"sigmoid", "sigmoid"},
                               {"tanh", "tanh"},
                               {"sqrt", "sqrt"},
                               {"rsqrt", "rsqrt"},
                               {"leaky_relu_0p125", "leaky_relu 0.125"},
                               {"logical_not", "is_zero"},
                               {"less", "step_below"},
                               {"silu", "silu"},
                               {"gelu_exact", "gelu"}};
  const toml::table tables = toml::parse_file((test::corpus_folder() / "oracles" / "h13" / "luts.toml").string());
  EXPECT_EQ(tables.size(), std::size(kTables));
  for (const TableFile& each : kTables) {
    TableWords words{};
    const toml::array& halves = *tables[each.file]["halfwords"].as_array();
    for (std::size_t i = 0; i < words.size(); ++i) {
      words.at(i) = static_cast<std::uint16_t>(test::oracle_word(*halves[i].value<std::string_view>()));
    }
    EXPECT_EQ(recognise_table(words), each.formula) << each.file;
  }
}

TEST(TableFormulas, AreToldApart) {
  for (const TableFormula& formula : table_formulas()) {
    std::vector<double> parameters;
    std::string expected(formula.name);
    if (formula.name == "clamp") {
      parameters = {-2.5, 0.75};
      expected += " -2.5 0.75";
    } else if (formula.name == "leaky_relu") {
      parameters = {0.3};
      expected += " 0.3";
    }
    const Result<TableWords> table = build_table(formula.name, parameters);
    ASSERT_TRUE(table) << formula.name << table.error().to_string();
    EXPECT_EQ(recognise_table(*table), expected);
    TableWords changed = *table;
    changed[20] ^= 1u;
    EXPECT_EQ(recognise_table(changed), "") << formula.name;
  }
}

TEST(TableFormulas, ErrorsNameWhatThereIs) {
  EXPECT_NE(build_table("sigmiod").error().message.find("did you mean 'sigmoid'?"), std::string::npos);
  const double one[] = {1.0};
  EXPECT_EQ(build_table("clamp", one).error().message, "table 'clamp' takes 2 parameters (low high), 1 given");
  EXPECT_EQ(build_table("tanh", one).error().message, "table 'tanh' takes no parameters");
}

TEST(TableFormulas, DescriptionsSayRangeAndMode) {
  EXPECT_EQ(describe_table(*build_table("exp2")), "exp2, spacing 2^-5, x -25..16, outside 0 and inf");
  EXPECT_EQ(describe_table(*build_table("sign")), "knots from 0 up, odd, lines only, x 0..1, outside 0 and 1");
}

}  // namespace
}  // namespace openane::h13
