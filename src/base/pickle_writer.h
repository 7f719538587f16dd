// Python's pickle format, written only, so that Python programs read what they expect beside our JSON.
#pragma once
#include <string>
#include <string_view>

#include "base/json_fwd.h"

namespace seg {

/// Builds a pickle (protocol 2) value by value. Format: the opcodes documented in Python's pickletools.
class PickleWriter {
 public:
  PickleWriter();
  /// None, bool, int, float, str, list or dict.
  void value(const Json& json);
  /// A function or class by its module and name; nothing is imported before the reader does.
  void global(std::string_view module, std::string_view name);
  /// What is added between `begin` and `end_...` becomes one list or tuple.
  void begin();
  void end_list();
  void end_tuple();
  /// The finished pickle of the one value added.
  std::string finish() &&;

 private:
  std::string bytes_;
};

/// One JSON value as a pickle.
std::string to_pickle(const Json& json);

}  // namespace seg
