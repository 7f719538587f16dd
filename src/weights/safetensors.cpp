#include "weights/safetensors.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace seg {
namespace {

constexpr std::string_view kMetadata = "__metadata__";
constexpr std::size_t kLengthSize = 8;
constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own limit
constexpr std::size_t kHeaderAlignment = 8;

// Sorted keys: the project's ordered Json looks a key up by walking over all others.
using Header = nlohmann::json;

/// Parses JSON in which no object has a key twice.
Header parse_header(std::string_view text) {
  std::vector<std::set<std::string>> open;  // the keys of every object that is being read
  const auto watch = [&](int, Header::parse_event_t event, const Header& value) {
    if (event == Header::parse_event_t::object_start) open.emplace_back();
    if (event == Header::parse_event_t::object_end) open.pop_back();
    if (event == Header::parse_event_t::key && !open.back().insert(value.get<std::string>()).second)
      fail("the header has the name \"{}\" twice", value.get<std::string>());
    return true;
  };
  try {
    Header header = Header::parse(text, watch);
    if (!header.is_object()) fail("the header is not a JSON object");
    return header;
  } catch (const Header::exception& error) {
    fail("the header is not valid JSON: {}", error.what());
  }
}

std::map<std::string, std::string> read_metadata(const Header& header) {
  std::map<std::string, std::string> metadata;
  const auto found = header.find(kMetadata);
  if (found == header.end()) return metadata;
  if (!found->is_object()) fail("{} is not an object", kMetadata);
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) fail("{} > \"{}\" is not a string", kMetadata, key);
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

TensorType read_type(const Header& entry) {
  const auto found = entry.find("dtype");
  if (found == entry.end() || !found->is_string()) fail("\"dtype\" is missing or no text");
  const auto& name = found->get_ref<const std::string&>();
  for (const auto& type : tensor_types()) {
    if (type.name == name) return type.type;
  }
  fail("values of type \"{}\" are not supported", name.substr(0, 20));
}

/// `entry[key]` as a list of numbers from 0 to 2^63 - 1.
std::vector<std::int64_t> read_sizes(const Header& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) fail("\"{}\" is missing or no list", key);
  std::vector<std::int64_t> sizes;
  for (const auto& item : *found) {
    if (!item.is_number_unsigned() || item.get<std::uint64_t>() > INT64_MAX)
      fail("\"{}\" holds {}, which is no size", key, item.dump().substr(0, 40));
    sizes.push_back(item.get<std::int64_t>());
  }
  return sizes;
}

TensorView read_tensor(const std::string& name, const Header& entry, std::span<const std::byte> data) {
  if (!entry.is_object()) fail("it is not described by an object");
  TensorView tensor{name, read_type(entry), read_sizes(entry, "shape"), {}};
  const auto offsets = read_sizes(entry, "data_offsets");
  if (offsets.size() != 2 || offsets[0] > offsets[1] || static_cast<std::size_t>(offsets[1]) > data.size()) {
    fail("bytes [{}] are no range within the file's {} bytes of data", fmt::join(offsets, ", "), data.size());
  }
  tensor.bytes =
      data.subspan(static_cast<std::size_t>(offsets[0]), static_cast<std::size_t>(offsets[1] - offsets[0]));
  check_bytes(tensor.type, tensor.shape, tensor.bytes.size());
  return tensor;
}

/// The arrays must cover the data exactly, as the format demands.
void check_cover(std::span<const TensorView> tensors, std::span<const std::byte> data) {
  const std::byte* end = data.data();
  for (const auto& tensor : tensors) {
    if (tensor.bytes.data() < end) fail("array \"{}\" overlaps the one before it", tensor.name);
    if (tensor.bytes.data() > end)
      fail("there are {} unused bytes before array \"{}\"", tensor.bytes.data() - end, tensor.name);
    end += tensor.bytes.size();
  }
  const auto left = data.data() + data.size() - end;
  if (left != 0) fail("there are {} unused bytes behind the last array", left);
}

}  // namespace

std::string safetensors_header(std::span<const TensorView> tensors,
                               const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header[std::string(kMetadata)] = metadata;
  std::size_t offset = 0;
  for (const auto& tensor : tensors) {
    with_context(tensor.name, [&] { check_bytes(tensor.type, tensor.shape, tensor.bytes.size()); });
    if (tensor.name == kMetadata || header.contains(tensor.name))
      fail("the name \"{}\" stands twice or is reserved", tensor.name);
    header[tensor.name] = {{"dtype", type_name(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string json;
  try {
    json = header.dump();
  } catch (const Json::exception& error) {  // a name or metadata that is no UTF-8
    fail("the header cannot be written: {}", error.what());
  }
  json.append((kHeaderAlignment - json.size() % kHeaderAlignment) % kHeaderAlignment, ' ');
  if (json.size() > kMaxHeader)
    fail("the header takes {} bytes, at most {} are allowed", json.size(), kMaxHeader);
  std::string text;
  for (std::size_t i = 0; i < kLengthSize; ++i) text += static_cast<char>(json.size() >> (8 * i) & 0xff);
  return text + json;
}

SafetensorsFile::SafetensorsFile(const fs::path& path) : NamedArrays(path) {
  with_context(path.string(), [&] {
    const auto bytes = file_.bytes();
    if (bytes.size() < kLengthSize) fail("not a safetensors file: it has {} bytes", bytes.size());
    std::uint64_t length = 0;
    for (std::size_t i = kLengthSize; i-- > 0;)
      length = length << 8 | std::to_integer<std::uint64_t>(bytes[i]);
    if (length > kMaxHeader || length > bytes.size() - kLengthSize) {
      fail("not a safetensors file, or cut off: a header of {} bytes in a file of {} bytes", length,
           bytes.size());
    }
    const auto json = bytes.subspan(kLengthSize, length);
    const auto data = bytes.subspan(kLengthSize + length);
    const Header header = parse_header({reinterpret_cast<const char*>(json.data()), json.size()});
    metadata_ = read_metadata(header);
    for (const auto& item : header.items()) {
      if (item.key() == kMetadata) continue;
      tensors_.push_back(
          with_context(item.key(), [&] { return read_tensor(item.key(), item.value(), data); }));
    }
    std::stable_sort(tensors_.begin(), tensors_.end(), [](const TensorView& a, const TensorView& b) {
      return std::pair(a.bytes.data(), a.bytes.size()) < std::pair(b.bytes.data(), b.bytes.size());
    });
    check_cover(tensors_, data);
  });
}

void write_safetensors(const fs::path& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string header =
      with_context(path.string(), [&] { return safetensors_header(tensors, metadata); });
  write_atomically(path, [&](const fs::path& temporary) {
    std::ofstream out(temporary, std::ios::binary);
    out << header;
    for (const auto& tensor : tensors) {
      out.write(reinterpret_cast<const char*>(tensor.bytes.data()),
                static_cast<std::streamsize>(tensor.bytes.size()));
    }
    out.close();
    if (!out) fail("{}", std::strerror(errno));
  });
}

}  // namespace seg
