// info, disasm, asm, convert and diff on real programs, through the tool. What the readers and writers do in depth is
// tested in their rooms.
#include <gtest/gtest.h>

#include <toml++/toml.h>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/tool.h"

namespace openane::test {
namespace {

using nlohmann::json;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

#define NEEDS_CORPUS()                                             \
  if (corpus().empty()) {                                          \
    GTEST_SKIP() << "OPENANE_CORPUS is not set: no real programs"; \
  }

std::string corpus_file(const std::string& name) { return corpus() + "/hwx/" + name; }

const char* const kPrograms[] = {"tinygrad/concat.hwx", "tinygrad/conv.hwx",       "tinygrad/gemm.hwx",
                                 "tinygrad/relu.hwx",   "tinygrad/sigmoid.hwx",    "tinygrad/sum.hwx",
                                 "allbilly/mul.hwx",    "allbilly/mul_macos14.hwx"};

json parsed(const Outcome& outcome) {
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  json value = json::parse(outcome.out, nullptr, false);
  EXPECT_FALSE(value.is_discarded()) << outcome.out;
  return value;
}

// --------------------------------------------------------------------------------------------------------------- info

/// Every fact of the manifest that `info` states, for every HWX file.
TEST(Info, says_what_the_manifest_says) {
  NEEDS_CORPUS();
  const toml::table manifest = toml::parse_file(corpus_file("manifest.toml"));
  int files = 0;
  for (const toml::node& node : *manifest["file"].as_array()) {
    const toml::table& file = *node.as_table();
    if (file["kind"].value_or(std::string()) != "hwx") {
      continue;
    }
    ++files;
    const std::string path = corpus_file(*file["path"].value<std::string>());
    SCOPED_TRACE(path);
    const json info = parsed(run_ane({"info", path, "--json"}));
    EXPECT_EQ(info["generation"], file["generation"].value<std::string>());
    EXPECT_EQ(info["compiler"], file["compiler"].value<std::string>());
    ASSERT_EQ(info["procedures"].size(), 1u);
    const json& procedure = info["procedures"][0];
    EXPECT_EQ(procedure["name"], file["procedure"].value<std::string>());
    EXPECT_EQ(procedure["tasks"], file["td_count"].value<int>());
    EXPECT_EQ(info["constants"][0]["bytes"], file["const_size"].value<int>());
    EXPECT_EQ(info["scratch"]["bytes"], file["bss_size"].value<int>());
    std::size_t matched = 0;
    for (const toml::node& tensor_node : *file["tensor"].as_array()) {
      const toml::table& tensor = *tensor_node.as_table();
      for (const json& found : procedure["tensors"]) {
        if (found["name"] != tensor["name"].value<std::string>()) {
          continue;
        }
        ++matched;
        EXPECT_EQ(found["role"], tensor["direction"].value<std::string>());
        EXPECT_EQ(found["symbol"], tensor["symbol"].value<std::string>());
        EXPECT_EQ(found["slot"], tensor["bar"].value<int>());
        EXPECT_EQ(found["bytes"], tensor["bytes"].value<int>());
        const toml::array& shape = *tensor["shape_nchwd"].as_array();
        const json& s = found["shape"];
        EXPECT_EQ((std::vector<int>{s["n"], s["c"], s["h"], s["w"], s["d"]}),
                  (std::vector<int>{*shape[0].value<int>(), *shape[1].value<int>(), *shape[2].value<int>(),
                                    *shape[3].value<int>(), *shape[4].value<int>()}));
        const toml::array& strides = *tensor["strides_nchw"].as_array();
        const json& b = found["strides"];
        EXPECT_EQ((std::vector<int>{b["batch"], b["plane"], b["row"], b["element"]}),
                  (std::vector<int>{*strides[0].value<int>(), *strides[1].value<int>(), *strides[2].value<int>(),
                                    *strides[3].value<int>()}));
      }
    }
    EXPECT_EQ(matched, procedure["tensors"].size());
  }
  EXPECT_EQ(files, 11);
}

// The corpus' one wrong file: its task writes slot 6, its header says the destination is slot 4.
TEST(Info, reports_the_wrong_file) {
  NEEDS_CORPUS();
  const Outcome text = run_ane({"info", corpus_file("allbilly/mul_macos14.ane")});
  EXPECT_EQ(text.exit, 1) << text.err;
  EXPECT_EQ(run_ane({"info", "--json", corpus_file("allbilly/mul_macos14.ane")}).exit, 1);
  EXPECT_TRUE(has(text.out, "\nwrong: ") && has(text.out, "slot 6")) << text.out;
  const Outcome right = run_ane({"info", corpus_file("allbilly/mul_macos14.hwx")});
  EXPECT_FALSE(has(right.out, "\nwrong: ")) << right.out;
  EXPECT_EQ(right.exit, 0);
}

TEST(Info, text_holds_what_a_person_looks_for) {
  NEEDS_CORPUS();
  const Outcome outcome = run_ane({"info", corpus_file("tinygrad/sum.hwx")});
  for (const char* part :
       {"HWX", "H13", "M1", "v4.2.1", "\"net\"", "1 task", "image2", "1x64x1x1", "float16", "4096", "constants: "}) {
    EXPECT_TRUE(has(outcome.out, part)) << part << "\n" << outcome.out;
  }
}

// ------------------------------------------------------------------------------------------------- disasm, asm,
// convert

TEST(Disasm, assembly_gives_the_same_bytes_back) {
  NEEDS_CORPUS();
  const TemporaryFolder folder;
  for (const std::string name : kPrograms) {
    SCOPED_TRACE(name);
    const std::string text = folder.path("p.anes"), again = folder.path("p.hwx");
    const Outcome disasm = run_ane({"disasm", corpus_file(name), "--asm", "-o", text});
    ASSERT_EQ(disasm.exit, 0) << disasm.err;
    const Outcome assembled = run_ane({"asm", text, "-o", again});
    ASSERT_EQ(assembled.exit, 0) << assembled.err;
    EXPECT_TRUE(read_text(again) == read_text(corpus_file(name)));
    EXPECT_EQ(run_ane({"diff", corpus_file(name), text}).exit, 0);
  }
}

TEST(Disasm, every_view_as_text_and_json) {
  NEEDS_CORPUS();
  const std::string conv = corpus_file("tinygrad/conv.hwx");
  for (const char* view : {"", "--fields", "--words", "--asm"}) {
    SCOPED_TRACE(view);
    std::vector<std::string> arguments = {"disasm", conv};
    if (*view != '\0') {
      arguments.emplace_back(view);
    }
    const Outcome text = run_ane(arguments);
    EXPECT_EQ(text.exit, 0) << text.err;
    EXPECT_GT(text.out.size(), 100u);
    arguments.emplace_back("--json");
    EXPECT_FALSE(parsed(run_ane(arguments)).empty());
  }
}

TEST(Disasm, one_task_of_several) {
  NEEDS_CORPUS();
  const std::string gemm = corpus_file("tinygrad/concat.hwx");
  const Outcome all = run_ane({"disasm", gemm, "--words"});
  const Outcome last = run_ane({"disasm", gemm, "--words", "--task", "1"});
  EXPECT_EQ(last.exit, 0) << last.err;
  EXPECT_LT(last.out.size(), all.out.size());
  EXPECT_TRUE(has(last.out, "task 1")) << last.out;
  EXPECT_FALSE(has(last.out, "task 0")) << last.out;
  EXPECT_EQ(run_ane({"disasm", gemm, "--task", "77"}).exit, 2);
}

/// The body's size as an ANEC header states it: a 64-bit number at offset 0.
std::uint64_t body_size(const std::string& anec) {
  const std::string bytes = read_text(anec);
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  return size;
}

TEST(Convert, through_every_container_and_back) {
  NEEDS_CORPUS();
  const TemporaryFolder folder;
  for (const std::string name : kPrograms) {
    SCOPED_TRACE(name);
    const std::string source = corpus_file(name);
    for (const char* header : {"0x800", "0x1000"}) {
      const Outcome anec = run_ane({"convert", source, "-o", folder.path("p.anec"), "--header", header});
      ASSERT_EQ(anec.exit, 0) << anec.err;
      EXPECT_EQ(read_text(folder.path("p.anec")).size(),
                std::stoul(header, nullptr, 16) + body_size(folder.path("p.anec")));
      const json info = parsed(run_ane({"info", folder.path("p.anec"), "--json"}));
      EXPECT_EQ(info["container"], "ANEC");
      EXPECT_TRUE(info["findings"].empty()) << info["findings"];
    }
    const json written = parsed(run_ane({"convert", source, "-o", folder.path("p.bin"), "--json"}));
    ASSERT_EQ(written["written"].size(), 2u);
    EXPECT_EQ(written["written"][1]["path"], folder.path("p.toml"));
    const Outcome raw = run_ane({"info", folder.path("p.bin"), "--raw", folder.path("p.toml")});
    EXPECT_EQ(raw.exit, 0) << raw.err;
    EXPECT_EQ(run_ane({"diff", source, folder.path("p.bin"), "--raw", folder.path("p.toml")}).exit, 0);
    EXPECT_EQ(run_ane({"convert", source, "-o", folder.path("same.hwx")}).exit, 0);
    EXPECT_TRUE(read_text(folder.path("same.hwx")) == read_text(source));
  }
}

TEST(Convert, writes_nothing_when_it_fails) {
  NEEDS_CORPUS();
  const TemporaryFolder folder;
  const std::string source = corpus_file("tinygrad/conv.hwx");
  const Outcome unknown = run_ane({"convert", source, "-o", folder.path("p.exe")});
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_TRUE(has(unknown.err, ".exe")) << unknown.err;
  EXPECT_EQ(run_ane({"convert", source, "-o", folder.path("p.hwx"), "--header", "0x800"}).exit, 2);
  EXPECT_EQ(run_ane({"convert", source, "-o", folder.path("p.anec"), "--profile", "v5"}).exit, 2);
  EXPECT_EQ(run_ane({"convert", source, "-o", folder.path("no/such/folder/p.hwx")}).exit, 3);
  EXPECT_TRUE(std::filesystem::is_empty(folder.root()));
}

// --------------------------------------------------------------------------------------------------------------- diff

TEST(Diff, names_the_field_and_exits_with_1) {
  NEEDS_CORPUS();
  const Outcome outcome = run_ane({"diff", corpus_file("tinygrad/sum.hwx"), corpus_file("allbilly/mul.hwx")});
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(has(outcome.out, "task 0")) << outcome.out;
  const Outcome report = run_ane({"diff", corpus_file("tinygrad/sum.hwx"), corpus_file("allbilly/mul.hwx"), "--json"});
  EXPECT_EQ(report.exit, 1);
  const json value = json::parse(report.out);
  EXPECT_EQ(value["equal"], false);
  EXPECT_FALSE(value["differences"].empty());
}

TEST(Diff, a_program_equals_itself_in_another_container) {
  NEEDS_CORPUS();
  const Outcome outcome = run_ane({"diff", corpus_file("tinygrad/conv.hwx"), corpus_file("tinygrad/conv.hwx")});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.out, "");
}

// ----------------------------------------------------------------------------------------------------------- terminal

TEST(Terminal, colour_only_there_and_not_with_no_color) {
  NEEDS_CORPUS();
  const std::vector<std::string> command = {"diff", corpus_file("tinygrad/sum.hwx"), corpus_file("allbilly/mul.hwx")};
  const std::string escape = "\x1b[";
  EXPECT_FALSE(has(run_ane(command).out, escape));
  EXPECT_TRUE(
      has(run_ane(command, {.terminal = true, .environment = {"TERM=xterm", "NO_COLOR="}, .folder = {}}).out, escape));
  EXPECT_FALSE(
      has(run_ane(command, {.terminal = true, .environment = {"TERM=xterm", "NO_COLOR=1"}, .folder = {}}).out, escape));
  EXPECT_FALSE(
      has(run_ane(command, {.terminal = true, .environment = {"TERM=dumb", "NO_COLOR="}, .folder = {}}).out, escape));
}

// A named pipe that nobody reads keeps the tool waiting for three seconds.
TEST(Terminal, progress_after_two_seconds_on_a_terminal_only) {
  NEEDS_CORPUS();
  const TemporaryFolder folder;
  const std::string pipe = folder.path("pipe.hwx");
  const std::string script = "mkfifo " + pipe + "; (sleep 3; cat " + pipe + " >/dev/null) & " OPENANE_TOOL " convert " +
                             corpus_file("tinygrad/sum.hwx") + " -o " + pipe + "; wait; rm " + pipe;
  const Outcome terminal =
      run_command("/bin/sh", {"-c", script}, {.terminal = true, .environment = {"TERM=xterm"}, .folder = {}});
  EXPECT_TRUE(has(terminal.out, "writing " + pipe + ", 2 s")) << terminal.out;
  EXPECT_TRUE(has(terminal.out, "\r\x1b[K" + pipe + ": 49152 bytes")) << terminal.out;
  const Outcome plain = run_command("/bin/sh", {"-c", script});
  EXPECT_EQ(plain.err, "");
}

/// A generation, a target and a chip name the same thing, under either option.
TEST(Migrate, takes_any_name_of_the_target) {
  const TemporaryFolder folder;
  const std::string program = assemble_example(folder, "sigmoid");
  const std::vector<std::pair<const char*, const char*>> names = {
      {"--to", "h16"}, {"--target", "H16"}, {"--target", "a17pro"}, {"--target", "M4 Max"}, {"--to", "h16g"}};
  std::string first;
  for (const auto& [option, name] : names) {
    const std::string out = folder.path("migrated.hwx");
    const Outcome outcome = run_ane({"migrate", program, option, name, "-o", out});
    ASSERT_EQ(outcome.exit, 0) << name << outcome.err;
    const std::string text = run_ane({"disasm", out}).out;
    EXPECT_TRUE(text.starts_with("# H16 program")) << name << text;
    first = first.empty() ? text : first;
    EXPECT_EQ(text, first) << name;
  }
  EXPECT_EQ(run_ane({"migrate", program, "--target", "M0", "-o", folder.path("x.hwx")}).exit, 2);
  EXPECT_EQ(run_ane({"migrate", program, "-o", folder.path("x.hwx")}).exit, 2);
}

}  // namespace
}  // namespace openane::test
