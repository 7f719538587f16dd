// What an error says.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace seg::testing {

/// The message of the Error that `body` throws, with its hint; fails the test where it throws none.
template <class Body>
std::string error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.hint().empty() ? error.what() : std::string(error.what()) + "\nhint: " + error.hint();
  }
  ADD_FAILURE() << "expected an Error";
  return {};
}

}  // namespace seg::testing
