// Scripts run by Debian's Python, for tests against PyTorch itself.
#pragma once
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "base/files.h"

namespace seg::testing {

/// Exit code of `python3 <tests>/<script> <arguments>`; 77 where it lacks what it needs. tests/ is $SEG_TESTS
/// or below the working folder.
inline int run_python(const std::string& script, const std::string& arguments) {
  const char* tests = std::getenv("SEG_TESTS");
  const char* python = fs::exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
  const std::string command = std::string(python) + " " +
                              (fs::path(tests != nullptr ? tests : "tests") / script).string() + " " +
                              arguments;
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Runs a script; ends the test as skipped where PyTorch is not installed, and as failed for other errors.
#define SEG_RUN_PYTHON(script, arguments)                                         \
  switch (const int code = ::seg::testing::run_python(script, arguments); code) { \
    case 0:                                                                       \
      break;                                                                      \
    case 77:                                                                      \
      GTEST_SKIP() << "needs Python with PyTorch (Debian: python3-torch)";        \
    default:                                                                      \
      FAIL() << script << " ended with " << code;                                 \
  }

}  // namespace seg::testing
