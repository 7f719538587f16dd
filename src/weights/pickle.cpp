#include "weights/pickle.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "base/error.h"

namespace seg {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;  // of structure; tensors lie elsewhere
constexpr std::size_t kMaxValues = 1'000'000;
constexpr std::size_t kMaxMemoCopies = std::size_t{64} << 20,
                      kMemoCopiesPerByte = 16;  // bytes, for Machine::spend
constexpr std::size_t kPointer = sizeof(void*);

/// The pickle's bytes, read from front to back and never beyond the end.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> take(std::uint64_t size) {
    if (size > bytes_.size() - at_) fail("the pickle is cut off");
    at_ += size;
    return bytes_.subspan(at_ - size, size);
  }
  /// An unsigned little-endian number.
  std::uint64_t number(std::size_t size) {
    const auto part = take(size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(part[i]);
    return value;
  }
  std::string text(std::uint64_t size) {
    const auto part = take(size);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  /// Up to the next line end, which is skipped.
  std::string line() {
    const auto rest = bytes_.subspan(at_);
    const auto end = std::find(rest.begin(), rest.end(), std::byte{'\n'});
    if (end == rest.end()) fail("the pickle is cut off");
    std::string text = this->text(static_cast<std::uint64_t>(end - rest.begin()));
    ++at_;
    return text;
  }
  std::size_t at() const { return at_; }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

template <class Number>
Number parse_line(const std::string& line) {
  Number value{};
  const char* end = line.data() + line.size();
  const auto result = std::from_chars(line.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) fail("\"{}\" is no number", line.substr(0, 40));
  return value;
}

void append_utf8(std::string& text, std::uint32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr int kLead[] = {0, 0xc0, 0xe0, 0xf0};
  text += static_cast<char>(kLead[more] | static_cast<int>(code >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) text += static_cast<char>(0x80 | (code >> (6 * i) & 0x3f));
}

/// Undoes the escapes of protocol 0: \n \t \r \\ \' \" \xHH \uHHHH \UHHHHHHHH. `latin1` makes UTF-8 of bytes.
std::string unescape(std::string_view line, bool latin1) {
  std::string text;
  const auto add = [&](std::uint32_t code) {
    if (latin1) {
      append_utf8(text, code);
    } else {
      text += static_cast<char>(code);
    }
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\' || i + 1 == line.size()) {
      add(static_cast<unsigned char>(line[i]));
      continue;
    }
    const char escape = line[++i];
    const std::size_t digits = escape == 'x' ? 2 : escape == 'u' ? 4 : escape == 'U' ? 8 : 0;
    if (digits > 0 && line.size() - i > digits) {
      std::uint32_t code = 0;
      const char* first = line.data() + i + 1;
      const auto result = std::from_chars(first, first + digits, code, 16);
      if (result.ptr != first + digits || code > 0x10ffff) fail("the pickle has a damaged escape");
      add(code);
      i += digits;
    } else if (const auto known = std::string_view("ntr\\'\"").find(escape);
               known != std::string_view::npos) {
      text += "\n\t\r\\'\""[known];
    } else {
      fail("the pickle has an unknown escape");
    }
  }
  return text;
}

class Machine {
 public:
  explicit Machine(std::span<const std::byte> bytes)
      : bytes_(bytes), copies_left_(std::min(kMaxMemoCopies, kMemoCopiesPerByte * bytes.size())) {}

  Pickle run() {
    while (!step()) {
    }
    result_.size = bytes_.at();
    return std::move(result_);
  }

 private:
  PickleValue& add(PickleValue value) {
    if (result_.values.size() >= kMaxValues) fail("the pickle has more than {} values", kMaxValues);
    return result_.values.emplace_back(std::move(value));
  }
  void push(PickleValue value) { stack_.push_back(&add(std::move(value))); }
  void push_text(Kind kind, std::string text) { push({.kind = kind, .text = std::move(text)}); }
  void push_integer(std::int64_t value) { push({.kind = Kind::integer, .integer = value}); }

  /// The values above the last mark stay out of reach of everything but what takes the mark away.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleValue& top() {
    if (stack_.size() <= floor()) fail("the pickle takes a value from an empty stack");
    return *stack_.back();
  }
  PickleValue& pop() {
    PickleValue& value = top();
    stack_.pop_back();
    return value;
  }
  std::vector<const PickleValue*> pop_to_mark() {
    if (marks_.empty()) fail("the pickle has no mark to go back to");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<const PickleValue*> values(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return values;
  }
  std::vector<const PickleValue*> pop_some(std::size_t count) {
    std::vector<const PickleValue*> values(count);
    for (std::size_t i = count; i-- > 0;) values[i] = &pop();
    return values;
  }

  void put(std::uint64_t key) { memo_[key] = &top(); }
  void get(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail("the pickle refers to value {}, which it has not stored", key);
    stack_.push_back(found->second);
  }
  /// Values that are referred to again and again must not be copied each time.
  void spend(std::size_t amount) {
    if (amount > copies_left_) fail("the pickle repeats its values too often");
    copies_left_ -= amount;
  }

  void push_large(std::uint64_t size);
  void push_long_line(std::string line);
  void push_global(std::string module, const std::string& name);
  void extend(const std::vector<const PickleValue*>& values, bool pairs);
  void make(const PickleValue& callable, const PickleValue& args);
  bool make_container(std::string_view name, const PickleValue& args);
  void build(const PickleValue& state);
  bool step();
  bool step_scalar(std::uint8_t opcode);
  bool step_container(std::uint8_t opcode);
  bool step_object(std::uint8_t opcode);
  bool step_memo(std::uint8_t opcode);

  Bytes bytes_;
  std::size_t copies_left_;
  Pickle result_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleValue*> memo_;
};

/// LONG1 and LONG4: two's complement of any size.
void Machine::push_large(std::uint64_t size) {
  std::string bytes = bytes_.text(size);
  if (size > sizeof(std::int64_t)) return push_text(Kind::large_integer, std::move(bytes));
  std::uint64_t value = size > 0 && (bytes.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  push_integer(static_cast<std::int64_t>(value));
}

/// LONG: decimal digits, usually with an L behind them.
void Machine::push_long_line(std::string line) {
  constexpr std::size_t kDigits64 = 18;  // always fit
  if (line.ends_with('L')) line.pop_back();
  if (line.size() > kDigits64) return push_text(Kind::large_integer, std::move(line));
  push_integer(parse_line<std::int64_t>(line));
}

void Machine::push_global(std::string module, const std::string& name) {
  if (module == "__builtin__") module = "builtins";  // Python 2
  spend(module.size() + name.size());
  push_text(Kind::global, module + "." + name);
}

/// APPEND(S), ADDITEMS, SETITEM(S): into the container on top, or into an object that acts as one.
void Machine::extend(const std::vector<const PickleValue*>& values, bool pairs) {
  PickleValue& target = top();
  const bool fits = target.is(Kind::object) || target.is(pairs ? Kind::dict : Kind::list);
  if (!fits || (pairs && values.size() % 2 != 0)) fail("the pickle adds items to what is no container");
  target.items.insert(target.items.end(), values.begin(), values.end());
}

/// What is safe to make: Python's own containers. False for everything else.
bool Machine::make_container(std::string_view name, const PickleValue& args) {
  const auto& given = args.items;
  const bool one_list = given.size() == 1 && (given[0]->is(Kind::list) || given[0]->is(Kind::tuple));
  if (name == "collections.defaultdict" || (name == "collections.OrderedDict" && given.empty())) {
    push({.kind = Kind::dict});
    return true;
  }
  if (name == "collections.OrderedDict" && one_list) {  // of [key, value] pairs
    PickleValue dict{.kind = Kind::dict};
    for (const auto* pair : given[0]->items) {
      if (pair->items.size() != 2) return false;
      spend(2 * kPointer);
      dict.items.insert(dict.items.end(), pair->items.begin(), pair->items.end());
    }
    push(std::move(dict));
    return true;
  }
  if ((name == "builtins.set" || name == "builtins.frozenset" || name == "builtins.list") && one_list) {
    spend(given[0]->items.size() * kPointer);
    push({.kind = Kind::list, .items = given[0]->items});
    return true;
  }
  // Protocol 2 has no bytes: they are written as text to be encoded as Latin-1.
  if (name == "_codecs.encode" && given.size() == 2 && given[0]->is(Kind::text)) {
    const std::string& text = given[0]->text;
    spend(text.size());
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      const bool two = (c & 0xfc) == 0xc0 && i + 1 < text.size();  // U+0080 to U+00FF
      bytes += static_cast<char>(two ? (c & 3) << 6 | (text[++i] & 0x3f) : c);
    }
    push_text(Kind::bytes, std::move(bytes));
    return true;
  }
  return false;
}

void Machine::make(const PickleValue& callable, const PickleValue& args) {
  if (!args.is(Kind::tuple)) fail("the pickle calls something with arguments that are no tuple");
  if (callable.is(Kind::global) && make_container(callable.text, args)) return;
  push({.kind = Kind::object, .callable = &callable, .args = &args});
}

/// BUILD. A dict's or list's own attributes (such as a state dict's _metadata) are of no use here.
void Machine::build(const PickleValue& state) {
  PickleValue& target = top();
  if (target.is(Kind::object)) {
    target.state = &state;
  } else if (!target.is(Kind::dict) && !target.is(Kind::list)) {
    fail("the pickle gives attributes to what has none");
  }
}

/// Numbers, text and bytes.
bool Machine::step_scalar(std::uint8_t opcode) {
  switch (opcode) {
    case 'N':
      push({.kind = Kind::none});
      break;
    case 0x88:
      push({.kind = Kind::boolean, .integer = 1});
      break;
    case 0x89:
      push({.kind = Kind::boolean, .integer = 0});
      break;
    case 'J':
      push_integer(static_cast<std::int32_t>(bytes_.number(4)));
      break;
    case 'K':
      push_integer(static_cast<std::int64_t>(bytes_.number(1)));
      break;
    case 'M':
      push_integer(static_cast<std::int64_t>(bytes_.number(2)));
      break;
    case 0x8a:
      push_large(bytes_.number(1));
      break;
    case 0x8b:
      push_large(bytes_.number(4));
      break;
    case 'L':
      push_long_line(bytes_.line());
      break;
    case 'I': {
      const std::string line = bytes_.line();
      const bool is_bool = line == "00" || line == "01";
      push({.kind = is_bool ? Kind::boolean : Kind::integer, .integer = parse_line<std::int64_t>(line)});
      break;
    }
    case 'F':
      push({.kind = Kind::real, .real = parse_line<double>(bytes_.line())});
      break;
    case 'G': {  // big endian
      std::uint64_t bits = 0;
      for (const auto byte : bytes_.take(8)) bits = bits << 8 | std::to_integer<std::uint64_t>(byte);
      double value = 0;
      std::memcpy(&value, &bits, sizeof value);
      push({.kind = Kind::real, .real = value});
      break;
    }
    case 'S': {
      const std::string line = bytes_.line();
      if (line.size() < 2 || (line[0] != '\'' && line[0] != '"') || line.back() != line[0])
        fail("the pickle has text without quotes");
      push_text(Kind::text, unescape(std::string_view(line).substr(1, line.size() - 2), false));
      break;
    }
    case 'V':
      push_text(Kind::text, unescape(bytes_.line(), true));
      break;
    case 'U':
    case 0x8c:
      push_text(Kind::text, bytes_.text(bytes_.number(1)));
      break;
    case 'T':
    case 'X':
      push_text(Kind::text, bytes_.text(bytes_.number(4)));
      break;
    case 0x8d:
      push_text(Kind::text, bytes_.text(bytes_.number(8)));
      break;
    case 'C':
      push_text(Kind::bytes, bytes_.text(bytes_.number(1)));
      break;
    case 'B':
      push_text(Kind::bytes, bytes_.text(bytes_.number(4)));
      break;
    case 0x8e:
    case 0x96:
      push_text(Kind::bytes, bytes_.text(bytes_.number(8)));
      break;
    default:
      return false;
  }
  return true;
}

bool Machine::step_container(std::uint8_t opcode) {
  switch (opcode) {
    case '}':
      push({.kind = Kind::dict});
      break;
    case ']':
    case 0x8f:
      push({.kind = Kind::list});
      break;
    case ')':
      push({.kind = Kind::tuple});
      break;
    case 0x85:
    case 0x86:
    case 0x87:
      push({.kind = Kind::tuple, .items = pop_some(opcode - 0x84u)});
      break;
    case 't':
      push({.kind = Kind::tuple, .items = pop_to_mark()});
      break;
    case 'l':
    case 0x91:
      push({.kind = Kind::list, .items = pop_to_mark()});
      break;
    case 'd':
      push({.kind = Kind::dict, .items = pop_to_mark()});
      if (top().items.size() % 2 != 0) fail("the pickle has a dict with a key without a value");
      break;
    case 'a':
      extend(pop_some(1), false);
      break;
    case 's':
      extend(pop_some(2), true);
      break;
    case 'e':
    case 0x90:
      extend(pop_to_mark(), false);
      break;
    case 'u':
      extend(pop_to_mark(), true);
      break;
    default:
      return false;
  }
  return true;
}

bool Machine::step_object(std::uint8_t opcode) {
  switch (opcode) {
    case 'c': {
      std::string module = bytes_.line();
      push_global(std::move(module), bytes_.line());
      break;
    }
    case 0x93: {  // STACK_GLOBAL
      const PickleValue &name = pop(), &module = pop();
      if (!name.is(Kind::text) || !module.is(Kind::text)) fail("the pickle names a class without text");
      push_global(module.text, name.text);
      break;
    }
    case 'R':     // REDUCE
    case 0x81: {  // NEWOBJ
      const PickleValue &args = pop(), &callable = pop();
      make(callable, args);
      break;
    }
    case 0x92: {  // NEWOBJ_EX: with named arguments, which no record needs
      pop();
      const PickleValue &args = pop(), &callable = pop();
      make(callable, args);
      break;
    }
    case 'b': {
      const PickleValue& state = pop();
      build(state);
      break;
    }
    case 'Q': {
      const PickleValue& id = pop();
      push({.kind = Kind::persistent, .args = &id});
      break;
    }
    default:
      return false;
  }
  return true;
}

bool Machine::step_memo(std::uint8_t opcode) {
  switch (opcode) {
    case 'p':
      put(parse_line<std::uint64_t>(bytes_.line()));
      break;
    case 'q':
      put(bytes_.number(1));
      break;
    case 'r':
      put(bytes_.number(4));
      break;
    case 0x94:
      put(memo_.size());
      break;
    case 'g':
      get(parse_line<std::uint64_t>(bytes_.line()));
      break;
    case 'h':
      get(bytes_.number(1));
      break;
    case 'j':
      get(bytes_.number(4));
      break;
    case '(':
      marks_.push_back(stack_.size());
      break;
    case '1':
      pop_to_mark();
      break;
    case '2':
      stack_.push_back(&top());
      break;
    case '0':  // POP takes a mark where nothing lies above it
      if (!marks_.empty() && stack_.size() == floor()) {
        marks_.pop_back();
      } else {
        pop();
      }
      break;
    default:
      return false;
  }
  return true;
}

/// One opcode; true at the end of the pickle.
bool Machine::step() {
  constexpr std::uint64_t kLastProtocol = 5;
  const auto opcode = static_cast<std::uint8_t>(bytes_.number(1));
  switch (opcode) {
    case '.':
      result_.root = &pop();
      return true;
    case 0x80:
      if (const auto protocol = bytes_.number(1); protocol > kLastProtocol)
        fail("pickle protocol {} is not known", protocol);
      return false;
    case 0x95:
      bytes_.number(8);
      return false;  // FRAME: only a hint how much to read at once
    default:
      break;
  }
  if (step_scalar(opcode) || step_container(opcode) || step_object(opcode) || step_memo(opcode)) return false;
  fail("pickle opcode 0x{:02x} at byte {} is not supported", opcode, bytes_.at() - 1);
}

}  // namespace

const PickleValue* PickleValue::find(std::string_view key) const {
  if (!is(Kind::dict)) return nullptr;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i]->is(Kind::text) && items[i]->text == key) return items[i + 1];
  }
  return nullptr;
}

Pickle read_pickle(std::span<const std::byte> bytes) {
  // A longer rest is none of ours in a legacy file; a pickle that goes on beyond the cap is cut off there.
  return Machine(bytes.first(std::min(bytes.size(), kMaxBytes))).run();
}

}  // namespace seg
