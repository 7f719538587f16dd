// What loading weights into a network did.
#pragma once
#include <string>
#include <vector>

namespace seg {

/// What a load did, by key.
struct LoadReport {
  std::vector<std::string> loaded;
  std::vector<std::string> missing;     ///< the network has it, the file has not
  std::vector<std::string> unexpected;  ///< the file has it, the network has not
  std::vector<std::string> mismatched;  ///< "key: expected [..], got [..]"
  bool complete() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
};

}  // namespace seg
