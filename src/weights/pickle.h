// Python's pickle format, protocols 0 to 5, read as data: nothing is looked up, imported or called. What a
// pickle asks to call becomes a record of the name and its arguments.
// Format: the opcodes' descriptions in Python's pickletools.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace seg {

/// One value of a pickle. Values may be shared, and may contain themselves: follow them with a limit.
struct PickleValue {
  enum class Kind {
    none,
    boolean,
    integer,
    large_integer,  ///< beyond 64 bits: `text` holds its bytes, little endian, two's complement
    real,
    text,
    bytes,
    list,  ///< sets too
    tuple,
    dict,        ///< OrderedDict and defaultdict too
    global,      ///< a class or function: `text` is its "module.name"
    object,      ///< what calling `callable` with `args` would have made
    persistent,  ///< `args` says what is stored elsewhere
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  ///< of booleans and integers
  double real = 0;
  std::string text{};  ///< UTF-8, unless the pickle holds something else
  /// Elements; of a dict key, value, key, value, ...; of an object what was added to it afterwards.
  std::vector<const PickleValue*> items{};
  const PickleValue *callable = nullptr, *args = nullptr, *state = nullptr;

  bool is(Kind other) const { return kind == other; }
  /// An object of the class, or made by the function, of that "module.name".
  bool is_object(std::string_view name) const {
    return kind == Kind::object && callable->is(Kind::global) && callable->text == name;
  }
  /// The value of a text key of a dict; null where there is none.
  const PickleValue* find(std::string_view key) const;
};

/// A pickle with all its values.
struct Pickle {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
  std::size_t size = 0;  ///< bytes it took
};

/// Reads the pickle at the start of `bytes`. Throws Error for anything malformed, for opcodes that neither
/// PyTorch nor NumPy write, and where its values would take far more memory than its bytes.
Pickle read_pickle(std::span<const std::byte> bytes);

}  // namespace seg
