// Damaged task streams of every generation, as raw kernels: one usable error or a program, and a program can be
// checked, listed in every view, compared, lifted and written back as it was.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "bad_input.h"
#include "isa/random_task.h"
#include "isa/sample_streams.h"
#include "openane/assembly.h"
#include "openane/engine_op.h"
#include "openane/listing.h"
#include "openane/program_diff.h"
#include "openane/raw_kernel.h"

namespace openane::test {
namespace {

struct Stream {
  std::string name;
  const Generation* generation = nullptr;
  std::vector<std::uint8_t> bytes;

  [[nodiscard]] std::string layout(std::size_t size) const {
    return fmt::format("generation = \"{}\"\ntask_bytes = {}\n", generation->id, size);
  }
};

/// Two tasks over registers of the table, for generations of which nothing was published.
Stream made_up_stream(const Generation& generation) {
  Random random(11);
  Result<std::vector<PlacedTask>> tasks =
      link_tasks({plausible_task(random, generation), plausible_task(random, generation)});
  EXPECT_TRUE(tasks) << tasks.error().to_string();
  return {fmt::format("random tasks of {}", generation.id), &generation,
          encode_tasks(tasks.value_or(std::vector<PlacedTask>{})).value_or(std::vector<std::uint8_t>{})};
}

/// All published streams, and one of each other generation that has a task format.
std::vector<Stream> streams() {
  std::vector<Stream> all;
  for (const SampleStream& published : sample_streams()) {
    all.push_back({published.name, published.generation, published.bytes()});
  }
  for (const Generation* generation : generations()) {
    const bool known = generation->stream != StreamForm::unknown && generation->header_words != 0;
    if (known && std::ranges::find(all, generation, &Stream::generation) == all.end()) {
      all.push_back(made_up_stream(*generation));
    }
  }
  return all;
}

/// Everything the tool does with a program without running it.
void use(const Program& program, const Program& original, const Bytes& file, const std::string& what) {
  using View = ListingOptions::View;
  for (const View view : {View::meaning, View::fields, View::words}) {
    EXPECT_TRUE(list_program(program, {.view = view})) << what;
    EXPECT_TRUE(list_program_json(program, {.view = view})) << what;
  }
  EXPECT_FALSE(diff_programs(original, program).empty()) << what;
  const Result<std::string> text = disassemble(program);
  ASSERT_TRUE(text) << what << ": " << text.error().to_string();
  const Result<Program> again = assemble(*text, "damaged.anes");
  ASSERT_TRUE(again) << what << ": " << again.error().to_string();
  const Result<std::vector<std::uint8_t>> bytes = write_raw_kernel(*again);
  ASSERT_TRUE(bytes) << what << ": " << bytes.error().to_string();
  EXPECT_TRUE(std::ranges::equal(*bytes, file.span())) << what;
}

struct Tally {
  std::size_t errors = 0, values = 0;
};

class BadStreams : public testing::Test {
 protected:
  void read(const Stream& stream, const Bytes& file, const std::string& what, Tally& tally) {
    const Result<Program> program = read_raw_kernel(file, stream.layout(file.size()), "layout");
    if (!program) {
      ++tally.errors;
      expect_usable(program.error());
      EXPECT_LE(program.error().location.offset.value_or(0), file.size()) << what << program.error().to_string();
      return;
    }
    static_cast<void>(check_program(*program));
    for (const PlacedTask& placed : program->procedures[0].tasks) {
      if (const Target* target = find_target(*stream.generation)) {
        const EngineOp op = target->lift(placed.task);
        static_cast<void>(cost(op));
        const Result<Task> encoded = target->encode(op);
        ASSERT_TRUE(encoded) << what << ": " << encoded.error().to_string();
        ASSERT_EQ(*encoded, placed.task) << what;
      }
    }
    if (++tally.values % 64 == 0 && file.size() % 16 == 0) {
      const Bytes whole(stream.bytes);
      const Result<Program> original = read_raw_kernel(whole, stream.layout(whole.size()), "layout");
      ASSERT_TRUE(original) << original.error().to_string();
      use(*program, *original, file, what);
    }
  }
};

TEST_F(BadStreams, AreOfEveryGeneration) {
  std::set<std::string_view> ids;
  for (const Stream& stream : streams()) {
    EXPECT_FALSE(stream.bytes.empty()) << stream.name;
    ids.insert(stream.generation->id);
  }
  const std::set<std::string_view> expected = {"H11", "H13", "H14", "H15", "H16", "H17", "H18", "H18G", "M11"};
  EXPECT_EQ(ids, expected);  // all but H12, of which no task format was published
}

TEST_F(BadStreams, EveryByteChanged) {
  const std::size_t before = peak_memory();
  std::map<std::string_view, Tally> tallies;
  for (const Stream& stream : streams()) {
    SCOPED_TRACE(stream.name);
    Victim victim(stream.bytes);
    victim.mutate_bytes(0, stream.bytes.size(), [&](const std::string& what) {
      read(stream, victim.file(), what, tallies[stream.generation->id]);
    });
  }
  for (const auto& [id, tally] : tallies) {
    EXPECT_GT(tally.errors, 50U) << id;
    EXPECT_GT(tally.values, 1000U) << id;
  }
  expect_little_memory_since(before);
}

TEST_F(BadStreams, EveryTruncation) {
  for (const Stream& stream : streams()) {
    SCOPED_TRACE(stream.name);
    Tally tally;
    for (std::size_t size = 0; size < stream.bytes.size(); ++size) {
      // In memory of its own, so that a sanitizer sees the first byte read past the end.
      read(stream, Bytes(std::vector<std::uint8_t>(stream.bytes.begin(), stream.bytes.begin() + size)),
           fmt::format("{} bytes", size), tally);
    }
    // What is left can be a program only where whole tasks and padding are left.
    EXPECT_LT(tally.values * 8, tally.errors) << tally.values << " of " << stream.bytes.size();
  }
}

}  // namespace
}  // namespace openane::test
