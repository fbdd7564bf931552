// The tool's side of the terminal: text and JSON to standard output, one line per error and a progress line to standard
// error.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <thread>

#include "openane/error.h"

namespace openane::cli {

/// Whether text on standard output may be coloured: it is a terminal, TERM is not "dumb", and NO_COLOR (no-color.org)
/// is not set.
[[nodiscard]] bool use_color();

/// Writes text to standard output. Names come out of files: control characters but newline, tab and the listing's own
/// colours are written as \xNN, so that no file can steer the terminal.
void print(std::string_view text);
void print_json(const nlohmann::ordered_json& value);
/// "ane: FILE: ..." on standard error, in one line.
void print_error(const Error& error);
/// The same on standard output as {"error": ...}, unless something else was printed there.
void print_error_json(const Error& error, int exit_code);
/// A remark beside the result, on standard error: "ane: note: ...".
void print_note(std::string_view text);
/// Flushes standard output; an error when it could not take everything (a full disk).
[[nodiscard]] Result<void> finish_output();

/// The text with control characters as \xNN.
[[nodiscard]] std::string printable(std::string_view text, bool keep_lines = false);

/// A line on standard error while something takes longer than two seconds, when standard error is a terminal; erased
/// when it ends.
class Progress {
 public:
  explicit Progress(std::string what);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();
  /// "WHAT: done of count".
  void step(std::size_t done, std::size_t count);

 private:
  void show();

  std::string what_;
  std::atomic<std::size_t> done_ = 0, count_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::thread painter_;
};

}  // namespace openane::cli
