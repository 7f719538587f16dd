// Check of DICOM files: a chain of tagged values, some of which hold such chains themselves (PS3.5, chapter
// 7). The library that decodes them aborts the process where a length or a kind of value is wrong.
#include <array>
#include <map>
#include <set>

#include "image/damage.h"

namespace seg {
namespace {

constexpr std::uint64_t kStart = 132;  // 128 free bytes and "DICM"
constexpr std::uint64_t kUndefined = 0xFFFFFFFF, kItem = 0xFFFEE000, kItemEnd = 0xFFFEE00D,
                        kSequenceEnd = 0xFFFEE0DD;
constexpr std::uint64_t kSyntax = 0x00020010, kPixels = 0x7FE00010;
constexpr std::string_view kImplicit = "1.2.840.10008.1.2", kDeflated = "1.2.840.10008.1.2.1.99",
                           kBigEndian = "1.2.840.10008.1.2.2";
constexpr int kDeepest = 16;

/// The kinds of the values from which the decoder makes a picture and its place.
const std::map<std::uint64_t, std::string_view> kKinds{
    {0x00080008, "CS"}, {0x00080016, "UI"}, {0x00080018, "UI"}, {0x00080060, "CS"}, {0x00180050, "DS"},
    {0x00180088, "DS"}, {0x0020000D, "UI"}, {0x0020000E, "UI"}, {0x00200032, "DS"}, {0x00200037, "DS"},
    {0x00280002, "US"}, {0x00280004, "CS"}, {0x00280006, "US"}, {0x00280008, "IS"}, {0x00280010, "US"},
    {0x00280011, "US"}, {0x00280030, "DS"}, {0x00280034, "IS"}, {0x00280100, "US"}, {0x00280101, "US"},
    {0x00280102, "US"}, {0x00280103, "US"}, {0x00281050, "DS"}, {0x00281051, "DS"}, {0x00281052, "DS"},
    {0x00281053, "DS"}, {0x00281054, "LO"}};

class DicomReader {
 public:
  explicit DicomReader(Bytes bytes) : bytes_(bytes) {}

  void check() {
    const std::uint64_t start = walk(kStart, bytes_.size(), 0, true);
    const std::string syntax = text_of(kSyntax);
    if (syntax.empty()) fail_damaged("its header has no transfer syntax");
    if (syntax == kDeflated || syntax == kBigEndian)
      throw Error(fmt::format("transfer syntax {} is not supported", syntax),
                  "export it without compression");
    explicit_kinds_ = syntax != kImplicit;
    walk(start, bytes_.size(), 0, false);
    check_pixels();
  }

 private:
  struct Value {
    std::uint64_t at = 0, size = 0;
  };

  std::uint64_t number(std::uint64_t at, std::size_t size) const {
    return number_at(bytes_, at, size, false);
  }
  std::uint64_t tag_at(std::uint64_t at) const { return number(at, 2) << 16 | number(at + 2, 2); }

  std::string text_of(std::uint64_t tag) const {
    const auto found = values_.find(tag);
    if (found == values_.end()) return {};
    const auto [at, size] = found->second;
    std::string text(reinterpret_cast<const char*>(bytes_.data() + at), size);
    while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.pop_back();
    return text;
  }
  std::uint64_t number_of(std::uint64_t tag) const {
    const auto found = values_.find(tag);
    if (found == values_.end() || found->second.size != 2)
      fail_damaged(fmt::format("its header has no value of 2 bytes at tag {:08x}", tag));
    return number(found->second.at, 2);
  }

  /// A defined length, which must be even and end before `end`.
  std::uint64_t end_of(std::uint64_t at, std::uint64_t size, std::uint64_t end) const {
    if (size % 2 != 0) fail_damaged(fmt::format("an odd length at byte {}", at));
    if (at + size > end) fail_truncated(at + size, end, "");
    return at + size;
  }

  /// Goes through the values from `at`, whose tags ascend, to `end`, to the end of the header (`meta`), or to
  /// the mark that ends an item. Returns where it stopped.
  std::uint64_t walk(std::uint64_t at, std::uint64_t end, int depth, bool meta) {
    if (depth > kDeepest) fail_damaged("sequences within sequences do not end");
    std::uint64_t last = 0;
    while (at < end) {
      const std::uint64_t tag = tag_at(at);
      if (depth > 0 && tag == kItemEnd) return at;
      if (meta && tag >> 16 != 2) return at;
      if (tag <= last || (!meta && tag >> 16 <= 2))
        fail_damaged(fmt::format("tag {:08x} is out of order", tag));
      last = tag;
      at = step(tag, at + 4, end, depth);
    }
    return at;
  }

  /// Goes over one value, behind its tag.
  std::uint64_t step(std::uint64_t tag, std::uint64_t at, std::uint64_t end, int depth) {
    static const std::set<std::string_view> kShort{"AE", "AS", "AT", "CS", "DA", "DS", "DT",
                                                   "FL", "FD", "IS", "LO", "LT", "PN", "SH",
                                                   "SL", "SS", "ST", "TM", "UI", "UL", "US"};
    static const std::set<std::string_view> kLong{"OB", "OD", "OF", "OL", "OV", "OW", "SQ",
                                                  "SV", "UC", "UN", "UR", "UT", "UV"};
    std::uint64_t size = 0;
    bool sequence = false;
    if (explicit_kinds_ || tag >> 16 == 2) {
      number(at, 4);
      const std::string_view kind(reinterpret_cast<const char*>(bytes_.data() + at), 2);
      if (!kShort.contains(kind) && !kLong.contains(kind))
        fail_damaged(fmt::format("tag {:08x} has an unknown kind of value", tag));
      if (const auto known = kKinds.find(tag); known != kKinds.end() && known->second != kind)
        fail_damaged(
            fmt::format("tag {:08x} holds a value of kind {}, expected {}", tag, kind, known->second));
      sequence = kind == "SQ";
      size = kShort.contains(kind) ? number(at + 2, 2) : number(at + 4, 4);
      at += kShort.contains(kind) ? 4 : 8;
    } else {
      size = number(at, 4);
      at += 4;
      sequence = size == kUndefined && tag != kPixels;
    }
    if (depth == 0) values_[tag] = {at, size};
    if (sequence)
      return items(at, size == kUndefined ? end : end_of(at, size, end), size == kUndefined, depth);
    if (size == kUndefined && tag == kPixels && depth == 0) return fragments(at, end);
    if (size == kUndefined) fail_damaged(fmt::format("tag {:08x} has no length", tag));
    return end_of(at, size, end);
  }

  /// The items of a sequence, each a chain of values.
  std::uint64_t items(std::uint64_t at, std::uint64_t end, bool marked, int depth) {
    while (at < end) {
      const std::uint64_t tag = tag_at(at), size = number(at + 4, 4);
      at += 8;
      if (marked && tag == kSequenceEnd) return at;
      if (tag != kItem) fail_damaged(fmt::format("expected an item at byte {}", at - 8));
      if (size != kUndefined) {
        const std::uint64_t item_end = end_of(at, size, end);
        if (walk(at, item_end, depth + 1, false) != item_end) fail_damaged("an item has a wrong length");
        at = item_end;
      } else {
        at = walk(at, end, depth + 1, false) + 8;  // with the mark of its end
        if (at > end) fail_truncated(at, end, "");
      }
    }
    if (marked) fail_truncated(end + 8, end, " or more");
    return at;
  }

  /// Packed pixels: items of bytes.
  std::uint64_t fragments(std::uint64_t at, std::uint64_t end) const {
    for (;;) {
      const std::uint64_t tag = tag_at(at), size = number(at + 4, 4);
      at += 8;
      if (tag == kSequenceEnd) return at;
      if (tag != kItem) fail_damaged(fmt::format("expected an item at byte {}", at - 8));
      at = end_of(at, size, end);
    }
  }

  void check_pixels() const {
    const auto pixels = values_.find(kPixels);
    if (pixels == values_.end()) throw Error("holds no picture", "remove it from the folder of the series");
    const auto samples = number_of(0x00280002), rows = number_of(0x00280010), columns = number_of(0x00280011);
    const auto bits = number_of(0x00280100), stored = number_of(0x00280101), highest = number_of(0x00280102);
    if ((bits != 8 && bits != 16 && bits != 32) || stored < 1 || stored > bits || highest != stored - 1)
      fail("pixels of {} bits, of which {} are used up to bit {}, are not supported", bits, stored, highest);
    if ((samples != 1 && samples != 3) || rows < 1 || columns < 1 || number_of(0x00280103) > 1)
      fail_damaged(fmt::format("its header says {} x {} pixels of {} samples", rows, columns, samples));
    const std::string frames = text_of(0x00280008);
    if (!frames.empty() && frames != "1") throw Error("holds several frames", "export one file per slice");
    const std::uint64_t expected = rows * columns * samples * bits / 8;
    if (pixels->second.size < expected) fail_truncated(expected, pixels->second.size, " of pixels");
  }

  Bytes bytes_;
  bool explicit_kinds_ = true;
  std::map<std::uint64_t, Value> values_;  ///< of the outermost chain, by tag
};

}  // namespace

void check_dicom(const fs::path& path) {
  const MappedFile file(path);
  DicomReader(file.bytes()).check();
}

}  // namespace seg
