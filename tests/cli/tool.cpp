#include "cli/tool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace openane::test {
namespace {

struct Stream {
  int read_end = -1;
  std::string* text = nullptr;
};

/// Reads both ends until both are closed; neither can block the other.
void drain(std::array<Stream, 2> streams) {
  std::array<pollfd, 2> polls{};
  for (std::size_t i = 0; i < streams.size(); ++i) {
    polls[i] = {streams[i].read_end, POLLIN, 0};
  }
  std::array<char, 65536> buffer{};
  while (polls[0].fd >= 0 || polls[1].fd >= 0) {
    if (poll(polls.data(), polls.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    for (std::size_t i = 0; i < polls.size(); ++i) {
      if (polls[i].fd < 0 || polls[i].revents == 0) {
        continue;
      }
      const ssize_t got = read(polls[i].fd, buffer.data(), buffer.size());
      if (got > 0) {
        streams[i].text->append(buffer.data(), static_cast<std::size_t>(got));
      } else if (got == 0 || errno != EINTR) {  // A terminal whose other side is closed reads as EIO.
        close(polls[i].fd);
        polls[i].fd = -1;
      }
    }
  }
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments,
                         const RunOptions& options) {
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  for (const std::string& variable : options.environment) {
    putenv(const_cast<char*>(variable.c_str()));
  }
  if (!options.folder.empty() && chdir(options.folder.c_str()) != 0) {
    _exit(126);
  }
  execvp(program.c_str(), argv.data());
  _exit(127);
}

}  // namespace

Outcome run_command(const std::string& program, const std::vector<std::string>& arguments, const RunOptions& options) {
  Outcome outcome;
  std::array<int, 2> out{-1, -1};
  std::array<int, 2> err{-1, -1};
  int terminal = -1;
  pid_t child = -1;
  if (options.terminal) {
    child = forkpty(&terminal, nullptr, nullptr, nullptr);
  } else {
    EXPECT_EQ(pipe(out.data()), 0);
    EXPECT_EQ(pipe(err.data()), 0);
    child = fork();
    if (child == 0) {
      dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      dup2(err[1], STDERR_FILENO);
      for (const int end : {out[0], out[1], err[0], err[1]}) {
        close(end);
      }
    }
  }
  if (child == 0) {
    become(program, arguments, options);
  }
  if (child < 0) {
    ADD_FAILURE() << "cannot start " << program;
    return outcome;
  }
  for (const int end : {out[1], err[1]}) {
    if (end >= 0) {
      close(end);
    }
  }
  drain({Stream{options.terminal ? terminal : out[0], &outcome.out}, Stream{err[0], &outcome.err}});
  int status = 0;
  rusage usage{};
  while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  outcome.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  outcome.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  outcome.peak_kilobytes = usage.ru_maxrss;
  return outcome;
}

Outcome run_ane(const std::vector<std::string>& arguments, const RunOptions& options) {
  return run_command(OPENANE_TOOL, arguments, options);
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "openane.XXXXXX").string();
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  EXPECT_TRUE(file) << path;
}

std::string corpus() {
  const char* folder = std::getenv("OPENANE_CORPUS");
  return folder == nullptr ? "" : folder;
}

std::string project_file(std::string_view name) { return (std::filesystem::path(OPENANE_SOURCE_DIR) / name).string(); }

std::string assemble_example(const TemporaryFolder& folder, const std::string& name) {
  const std::string program = folder.path(name + ".hwx");
  const Outcome made = run_ane({"asm", project_file("examples/" + name + ".anes"), "-o", program});
  EXPECT_EQ(made.exit, 0) << made.err;
  return program;
}

}  // namespace openane::test
