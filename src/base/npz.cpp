#include "base/npz.h"

#include <fmt/ranges.h>

#include <string_view>
#include <utility>

#include "base/zip.h"

namespace seg {
namespace {

constexpr std::string_view kEnding = ".npy";

}  // namespace

NpzArray::NpzArray(std::string name, std::vector<std::byte> entry)
    : name_(std::move(name)), entry_(std::move(entry)) {
  header_ = with_context(name_, [&] { return parse_npy_header(entry_); });
}

NpzArrays read_npz(const fs::path& path) {
  const MappedFile file(path);
  return with_context(path.string(), [&] {
    NpzArrays arrays;
    for (const auto& entry : list_zip(file.bytes())) {
      if (!entry.name.ends_with(kEnding)) fail("entry {} is not an array (.npy)", entry.name);
      const std::string name = entry.name.substr(0, entry.name.size() - kEnding.size());
      if (arrays.contains(name)) fail("array {} stands in it twice", name);
      arrays.emplace(name, NpzArray(name, unpack(entry)));
    }
    return arrays;
  });
}

const NpzArray& array_of(const NpzArrays& arrays, const std::string& name) {
  const auto found = arrays.find(name);
  if (found != arrays.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [key, array] : arrays) known.push_back(key);
  fail("no array \"{}\"; there are: {}", name, fmt::join(known, ", "));
}

void write_npz(const fs::path& path, std::span<const NpzEntry> entries) {
  std::vector<std::string> headers;
  headers.reserve(entries.size());  // the contents below point into it
  std::vector<ZipContent> contents;
  for (const auto& entry : entries) {
    check_npy_size(entry.dtype, entry.shape, entry.values.size());
    headers.push_back(npy_header_text(entry.dtype, entry.shape));
    contents.push_back(
        {entry.name + std::string(kEnding), {std::as_bytes(std::span(headers.back())), entry.values}});
  }
  write_zip(path, contents);
}

}  // namespace seg
