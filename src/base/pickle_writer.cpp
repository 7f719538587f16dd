#include "base/pickle_writer.h"

#include <bit>
#include <cstdint>
#include <limits>

#include "base/json.h"

namespace seg {
namespace {

template <class T>
std::string little_endian(T value, std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  return bytes;
}

std::string integer(std::int64_t value) {
  const bool small =
      value >= std::numeric_limits<std::int32_t>::min() && value <= std::numeric_limits<std::int32_t>::max();
  if (small) return "J" + little_endian(value, 4);
  return "\x8a\x08" + little_endian(value, 8);
}

/// Big-endian, unlike everything else in the format.
std::string number(double value) {
  std::string bytes = little_endian(std::bit_cast<std::uint64_t>(value), 8);
  return "G" + std::string(bytes.rbegin(), bytes.rend());
}

std::string text(const std::string& value) {
  return "X" + little_endian(value.size(), 4) + value;
}

}  // namespace

PickleWriter::PickleWriter() : bytes_("\x80\x02") {}

void PickleWriter::value(const Json& json) {
  if (json.is_null()) {
    bytes_ += 'N';
  } else if (json.is_boolean()) {
    bytes_ += json.get<bool>() ? '\x88' : '\x89';
  } else if (json.is_number_integer()) {
    bytes_ += integer(json.get<std::int64_t>());
  } else if (json.is_number()) {
    bytes_ += number(json.get<double>());
  } else if (json.is_string()) {
    bytes_ += text(json.get<std::string>());
  } else if (json.is_array()) {
    begin();
    for (const Json& item : json) value(item);
    end_list();
  } else {
    begin();
    for (const auto& [key, item] : json.items()) {
      bytes_ += text(key);
      value(item);
    }
    bytes_ += 'd';
  }
}

void PickleWriter::global(std::string_view module, std::string_view name) {
  bytes_ += fmt::format("c{}\n{}\n", module, name);
}

void PickleWriter::begin() {
  bytes_ += '(';
}

void PickleWriter::end_list() {
  bytes_ += 'l';
}

void PickleWriter::end_tuple() {
  bytes_ += 't';
}

std::string PickleWriter::finish() && {
  return std::move(bytes_) + '.';
}

std::string to_pickle(const Json& json) {
  PickleWriter writer;
  writer.value(json);
  return std::move(writer).finish();
}

}  // namespace seg
