// Listings as text: the program's head, then its tasks. Long programs are listed by several threads, each filling its
// own string.
#include "openane/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "asm/listing_internal.h"
#include "openane/assembly.h"

namespace openane {
namespace {

constexpr std::size_t kTasksPerThread = 64;
constexpr unsigned kMostThreads = 16;
constexpr std::size_t kTasksToJudge = 32;  ///< After so many the length of the rest is estimated.
constexpr std::size_t kMostToReserve = std::size_t{16} << 20;

using View = ListingOptions::View;

void append_task(std::string& out, const ListedTask& listed, View view) {
  switch (view) {
    case View::meaning:
      append_meaning(out, listed);
      break;
    case View::fields:
      append_fields(out, listed);
      break;
    case View::words:
      append_words(out, listed);
      break;
    case View::assembly:
      break;
  }
}

std::string list_tasks(const Program& program, const Procedure& procedure, std::size_t first, std::size_t last,
                       View view) {
  std::string out;
  const Target* target = find_target(*program.generation);
  for (std::size_t i = first; i < last; ++i) {
    const PlacedTask& placed = procedure.tasks[i];
    const auto append = [&](const EngineOp* op) {
      append_task(out, {&program, &procedure, &placed.task, i, placed.offset, op}, view);
    };
    if (target != nullptr && view != View::words) {
      const EngineOp op = target->lift(placed.task);
      append(&op);
    } else {
      append(nullptr);
    }
    if (const std::size_t done = i + 1 - first; done == kTasksToJudge) {
      // Growing by doubling would touch thrice the memory; a guess from a few tasks must not take much too much,
      // though.
      out.reserve(std::min(out.size() / done * (last - first) * 5 / 4, kMostToReserve));
    }
  }
  return out;
}

/// Equal shares of the tasks, one for each thread; a share's text never depends on the others'.
void append_tasks(std::string& out, const Program& program, const Procedure& procedure, View view) {
  const std::size_t count = procedure.tasks.size();
  const unsigned cores = std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads);
  const std::size_t shares = std::clamp<std::size_t>(count / kTasksPerThread, 1, cores);
  std::vector<std::string> texts(shares);
  const auto list_share = [&](std::size_t share) {
    texts[share] = list_tasks(program, procedure, count * share / shares, count * (share + 1) / shares, view);
  };
  {
    std::vector<std::jthread> threads;
    std::size_t own = 1;  // what no thread could be had for is listed here
    try {
      for (std::size_t share = shares - 1; share > 0; --share) {
        threads.emplace_back(list_share, share);
      }
    } catch (const std::system_error&) {
      own = shares - threads.size();
    }
    for (std::size_t share = 0; share < own; ++share) {
      list_share(share);
    }
  }
  std::size_t size = out.size();
  for (const std::string& text : texts) {
    size += text.size();
  }
  out.reserve(size);
  for (std::string& text : texts) {
    out += text;
    text = {};
  }
}

void append_program_head(std::string& out, const Program& program) {
  const auto at = std::back_inserter(out);
  fmt::format_to(at, "# {} program", program.generation->id);
  if (program.container != Program::Container::none) {
    fmt::format_to(at, ", {}", to_string(program.container));
  }
  if (!program.compiler.empty()) {
    out += ", compiler ";
    append_name(out, program.compiler);
  }
  out += '\n';
  for (const ConstantSection& section : program.constants) {
    fmt::format_to(at, "# constants in slot {}: {} bytes\n", section.slot, section.data.size());
  }
  if (program.scratch_bytes != 0) {
    fmt::format_to(at, "# scratch in slot {}: {} bytes\n", program.scratch_slot, program.scratch_bytes);
  }
  for (const std::string& warning : program.warnings) {
    fmt::format_to(at, "# warning: {}\n", warning);
  }
}

void append_procedure_head(std::string& out, const Procedure& procedure) {
  out += "procedure ";
  append_name(out, procedure.name);
  fmt::format_to(std::back_inserter(out), "  # {} task{}\n", procedure.tasks.size(),
                 procedure.tasks.size() == 1 ? "" : "s");
  for (const TensorBinding& tensor : procedure.tensors) {
    fmt::format_to(std::back_inserter(out), "# {} ", to_string(tensor.role));
    append_name(out, tensor.name);
    fmt::format_to(std::back_inserter(out), " in slot {}: ", tensor.slot);
    append_layout(out, tensor.layout);
    out += '\n';
  }
}

Result<std::string> list_one_task(const Program& program, std::size_t task, View view) {
  std::string out;
  for (const Procedure& procedure : program.procedures) {
    if (task < procedure.tasks.size()) {
      append_procedure_head(out, procedure);
      out += list_tasks(program, procedure, task, task + 1, view);
    }
  }
  if (out.empty()) {
    return no_task(program, task);
  }
  return out;
}

/// Headings bold, comments dim, keys in colour: only escape sequences are added.
std::string colored(std::string_view text) {
  constexpr std::string_view kBold = "\x1b[1m", kDim = "\x1b[2m", kKey = "\x1b[36m", kPlain = "\x1b[0m";
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t comment = std::min(line.find('#'), line.size());
    const std::string_view code = line.substr(0, comment), note = line.substr(comment);
    const std::size_t equals = code.find('=');
    if (code.starts_with("task") || code.starts_with("procedure")) {
      out.append(kBold).append(code).append(kPlain);
    } else if (equals != std::string_view::npos) {
      out.append(kKey).append(code.substr(0, equals)).append(kPlain).append(code.substr(equals));
    } else {
      out += code;
    }
    if (!note.empty()) {
      out.append(kDim).append(note).append(kPlain);
    }
    out += '\n';
  }
  return out;
}

Result<std::string> list_plain(const Program& program, const ListingOptions& options) {
  if (options.view == View::assembly) {
    return disassemble(program);
  }
  if (options.task) {
    return list_one_task(program, *options.task, options.view);
  }
  std::string out;
  append_program_head(out, program);
  for (const Procedure& procedure : program.procedures) {
    append_procedure_head(out, procedure);
    append_tasks(out, program, procedure, options.view);
  }
  return out;
}

}  // namespace

std::unexpected<Error> no_task(const Program& program, std::size_t task) {
  std::size_t most = 0;
  for (const Procedure& procedure : program.procedures) {
    most = std::max(most, procedure.tasks.size());
  }
  return fail(ErrorCategory::usage, fmt::format("there is no task {}; the program has {}", task,
                                                most == 0   ? "none"
                                                : most == 1 ? "task 0 alone"
                                                            : fmt::format("tasks 0 to {}", most - 1)));
}

Result<std::string> list_program(const Program& program, const ListingOptions& options) {
  OPENANE_TRY(std::string text, list_plain(program, options));
  return options.color ? colored(text) : std::move(text);
}

std::string list_task(const Task& task, const EngineOp* op, std::size_t index, const Procedure* procedure,
                      const ListingOptions& options) {
  std::string out;
  append_task(out, {nullptr, procedure, &task, index, std::nullopt, op},
              options.view == View::assembly ? View::fields : options.view);
  return options.color ? colored(out) : out;
}

}  // namespace openane
