// What the checks of image files share: reading numbers from untrusted bytes, and their errors. Internal.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/files.h"

namespace seg {

using Bytes = std::span<const std::byte>;
inline constexpr std::string_view kCopyAgain = "the file is damaged or incomplete: copy or export it again";

[[noreturn]] inline void fail_truncated(std::uint64_t expected, std::uint64_t got, std::string_view what) {
  throw Error(fmt::format("truncated: expected {} bytes{}, got {}", expected, what, got),
              std::string(kCopyAgain));
}

[[noreturn]] inline void fail_damaged(const std::string& reason) {
  throw Error(reason, std::string(kCopyAgain));
}

/// An unsigned number of `size` bytes at `offset`; Error beyond the end.
inline std::uint64_t number_at(Bytes bytes, std::size_t offset, std::size_t size, bool big_endian) {
  if (offset > bytes.size() || bytes.size() - offset < size) fail_truncated(offset + size, bytes.size(), "");
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t at = offset + (big_endian ? i : size - 1 - i);
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[at]);
  }
  return value;
}

/// a * b, or an Error where header sizes are too large to be true.
inline std::uint64_t checked_product(std::uint64_t a, std::uint64_t b) {
  if (a != 0 && b > std::numeric_limits<std::int64_t>::max() / a)
    fail_damaged("the sizes in its header are impossibly large");
  return a * b;
}

/// a + b, or an Error like that of checked_product.
inline std::uint64_t checked_sum(std::uint64_t a, std::uint64_t b) {
  if (b > std::numeric_limits<std::int64_t>::max() -
              std::min<std::uint64_t>(a, std::numeric_limits<std::int64_t>::max()))
    fail_damaged("the sizes in its header are impossibly large");
  return a + b;
}

/// What check_image_file runs for pictures and DICOM files; each throws an Error that does not name the file.
void check_png(const fs::path& path);
void check_bmp(const fs::path& path);
void check_jpeg(const fs::path& path);
void check_tiff(const fs::path& path);
void check_dicom(const fs::path& path);

}  // namespace seg
