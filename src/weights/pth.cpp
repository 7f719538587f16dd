#include "weights/pth.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/zip.h"
#include "weights/pickle.h"
#include "weights/pickle_record.h"

namespace seg {
namespace {

using Kind = PickleValue::Kind;

// What is unpacked, put in order or swapped takes memory: more than this is no honest file.
constexpr std::uint64_t kFreeCopies = std::uint64_t{64} << 20, kCopiesPerByte = 16;
constexpr std::size_t kMaxTensors = 100'000, kMaxTensorName = 1000, kMaxDimensions = 64;
constexpr int kMaxWrappers = 8;  // parameters of subclasses of tensors of ...

constexpr std::string_view kZipStart = "PK";
// The number every legacy file starts with, as LONG1 of ten bytes.
constexpr std::string_view kLegacyNumber("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr std::size_t kLegacyStart = 32;  // it stands within so many bytes, behind PROTO and perhaps FRAME

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const PickleValue& item(const PickleValue& value, std::size_t index, const char* what) {
  if (index >= value.items.size()) fail("its pickled {} is incomplete", what);
  return *value.items[index];
}

std::int64_t integer_of(const PickleValue& value, const char* what) {
  if (!value.is(Kind::integer)) fail("its {} is no integer", what);
  return value.integer;
}

/// A storage's or tensor's type; "values of type X are not supported" for all that is none of ours.
TensorType type_of(std::string_view name) {
  for (const auto& row : tensor_types()) {
    if (name == row.torch_name || name == row.torch_storage) return row.type;
  }
  if (name.ends_with("Storage")) name.remove_suffix(std::string_view("Storage").size());
  throw Error(fmt::format("values of type {} are not supported", name.substr(0, 40)),
              "convert the tensor in Python, for example with .float(), or leave it out");
}

std::string_view last_name(const PickleValue& global) {
  if (!global.is(Kind::global)) fail("its type is no name of a class");
  const std::string_view name = global.text;
  return name.substr(name.rfind('.') + 1);
}

/// What a persistent id says about a storage: ("storage", type, key, location, count, view).
struct StorageId {
  std::string_view key;
  std::optional<TensorType> type;  ///< none where only bytes are stored
  std::int64_t count = 0;
  std::int64_t view_offset = 0;  ///< in old files a storage may start inside another
  std::size_t size() const { return type ? item_size(*type) : 1; }
};

StorageId storage_id(const PickleValue& value) {
  constexpr std::size_t kView = 5;
  if (!value.is(Kind::persistent)) fail("its values are not stored as a tensor's are");
  const PickleValue& id = *value.args;
  const PickleValue &tag = item(id, 0, "storage"), &key = item(id, 2, "storage");
  if (!tag.is(Kind::text) || tag.text != "storage" || !key.is(Kind::text)) fail("its storage has no key");
  StorageId storage{.key = key.text, .type = {}};
  const auto type = last_name(item(id, 1, "storage"));
  if (!type.ends_with("UntypedStorage")) storage.type = type_of(type);
  storage.count = integer_of(item(id, 4, "storage"), "storage's size");
  if (id.items.size() > kView && !id.items[kView]->is(Kind::none))
    storage.view_offset = integer_of(item(*id.items[kView], 1, "storage"), "storage's offset");
  return storage;
}

/// Size, stride and place of a tensor in its storage, in values.
struct Layout {
  std::vector<std::int64_t> shape, strides;
  std::int64_t offset = 0;

  bool contiguous() const {
    std::int64_t expected = 1;
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (shape[d] != 1 && strides[d] != expected) return false;
      expected *= shape[d];
    }
    return true;
  }
};

std::vector<std::int64_t> integers_of(const PickleValue& tuple, const char* what) {
  if (tuple.items.size() > kMaxDimensions) fail("it has {} dimensions", tuple.items.size());
  std::vector<std::int64_t> values;
  for (const auto* value : tuple.items) values.push_back(integer_of(*value, what));
  return values;
}

/// Throws unless every value lies within a storage of `count` values.
void check_layout(const Layout& layout, std::uint64_t count) {
  const auto text = [&] {
    return fmt::format("shape [{}] with strides [{}] at {}", fmt::join(layout.shape, ", "),
                       fmt::join(layout.strides, ", "), layout.offset);
  };
  if (layout.shape.size() != layout.strides.size() || layout.offset < 0) fail("{} is no tensor", text());
  if (count_of(layout.shape) == 0) return;
  std::int64_t last = layout.offset;  // the index of its last value
  for (std::size_t d = 0; d < layout.shape.size(); ++d) {
    std::int64_t step = 0;
    if (layout.strides[d] < 0 || __builtin_mul_overflow(layout.shape[d] - 1, layout.strides[d], &step) ||
        __builtin_add_overflow(last, step, &last))
      fail("{} leaves its storage", text());
  }
  if (static_cast<std::uint64_t>(last) >= count)
    fail("{} needs {} stored values, there are {}", text(), last + 1, count);
}

/// Copies the values of a strided tensor into C order.
void gather(const Layout& layout, std::size_t size, std::span<const std::byte> from, std::byte* to) {
  const std::size_t dims = layout.shape.size();
  const std::int64_t row = dims == 0 ? 1 : layout.shape.back(), step = dims == 0 ? 0 : layout.strides.back();
  const std::uint64_t rows = row == 0 ? 0 : count_of(layout.shape) / static_cast<std::uint64_t>(row);
  std::vector<std::int64_t> at(dims, 0);
  std::int64_t start = layout.offset;
  for (std::uint64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < row; ++i) {
      const auto* value = from.data() + static_cast<std::size_t>(start + i * step) * size;
      to = std::copy_n(value, size, to);
    }
    for (std::size_t d = dims; d-- > 1;) {  // the next row's index
      start += layout.strides[d - 1];
      if (++at[d - 1] < layout.shape[d - 1]) break;
      start -= at[d - 1] * layout.strides[d - 1];
      at[d - 1] = 0;
    }
  }
}

}  // namespace

/// Puts tensors and record together.
class PthReader {
 public:
  PthReader(std::span<const std::byte> file, std::deque<std::vector<std::byte>>& owned)
      : file_(file), owned_(owned), copies_left_(kFreeCopies + kCopiesPerByte * file.size()) {}

  void read_zip();
  void read_legacy();

  std::vector<TensorView> tensors;
  Json record;

 private:
  std::span<const std::byte> allocate(std::vector<std::byte> bytes) {
    return owned_.emplace_back(std::move(bytes));
  }
  void spend(std::uint64_t bytes) {
    if (bytes > copies_left_) {
      throw Error(fmt::format("its contents take far more memory than the file's {} bytes", file_.size()),
                  "the file is damaged or made to fill the memory");
    }
    copies_left_ -= bytes;
  }
  std::span<const std::byte> contents(const ZipEntry& entry);
  std::span<const std::byte> storage_bytes(const StorageId& id);
  void collect(const PickleValue& root);
  void add_tensor(const std::string& name, const PickleValue& value);
  TensorView tensor_of(const PickleValue& value);

  std::span<const std::byte> file_;
  std::deque<std::vector<std::byte>>& owned_;
  std::uint64_t copies_left_;
  bool big_endian_ = false;
  std::map<std::string, ZipEntry, std::less<>> entries_;                     // not yet read, by storage key
  std::map<std::string, std::span<const std::byte>, std::less<>> storages_;  // read, by storage key
};

std::span<const std::byte> PthReader::contents(const ZipEntry& entry) {
  if (!entry.deflated) return stored_bytes(entry);
  spend(entry.size);
  return allocate(unpack(entry));
}

std::span<const std::byte> PthReader::storage_bytes(const StorageId& id) {
  auto found = storages_.find(id.key);
  if (found == storages_.end()) {
    const auto entry = entries_.find(id.key);
    if (entry == entries_.end()) fail("its storage \"{}\" is not in the file", id.key.substr(0, 40));
    found = storages_.emplace(std::string(id.key), contents(entry->second)).first;
  }
  const auto bytes = found->second;
  if (id.count < 0 || static_cast<std::uint64_t>(id.count) > bytes.size() / id.size()) {
    fail("its storage \"{}\" should hold {} values of {} bytes, the file has {} bytes", id.key.substr(0, 40),
         id.count, id.size(), bytes.size());
  }
  return bytes.first(static_cast<std::size_t>(id.count) * id.size());
}

TensorView PthReader::tensor_of(const PickleValue& value) {
  std::string_view maker = value.callable->text;
  const PickleValue* args = value.args;
  for (int wrapped = 0;
       maker.starts_with("torch._utils._rebuild_parameter") || maker == "torch._tensor._rebuild_from_type_v2";
       ++wrapped) {
    const PickleValue& inner = item(*args, 0, "tensor");
    const bool plain = inner.is(Kind::object) && inner.callable->is(Kind::global);
    if (wrapped == kMaxWrappers || (!plain && !inner.is(Kind::global))) fail("it is not made as a tensor is");
    args = plain ? inner.args : &item(*args, 2, "tensor");
    maker = plain ? inner.callable->text : inner.text;
  }
  const bool typed = maker == "torch._utils._rebuild_tensor_v3";
  if (!typed && maker != "torch._utils._rebuild_tensor_v2" && maker != "torch._utils._rebuild_tensor")
    fail("tensors made by {} are not supported", maker.substr(0, 80));

  const StorageId id = storage_id(item(*args, 0, "tensor"));
  TensorView tensor;
  if (typed) {
    tensor.type = type_of(last_name(item(*args, 6, "tensor")));
  } else {
    if (!id.type) fail("its type is missing");
    tensor.type = *id.type;
  }
  Layout layout{integers_of(item(*args, 2, "tensor"), "shape"),
                integers_of(item(*args, 3, "tensor"), "stride"),
                integer_of(item(*args, 1, "tensor"), "offset")};
  if (layout.offset < 0 || __builtin_add_overflow(layout.offset, id.view_offset, &layout.offset))
    fail("its offset is no place in its storage");
  const auto bytes = storage_bytes(id);
  const std::size_t size = item_size(tensor.type), total = count_of(layout.shape) * size;
  check_layout(layout, bytes.size() / size);
  tensor.shape = layout.shape;
  const bool swap = big_endian_ && size > 1;
  if (total == 0) return tensor;
  if (!swap && layout.contiguous()) {
    tensor.bytes = bytes.subspan(static_cast<std::size_t>(layout.offset) * size, total);
    return tensor;
  }
  spend(total);
  std::vector<std::byte> own(total);
  gather(layout, size, bytes, own.data());
  for (std::size_t i = 0; swap && i < total; i += size)
    std::reverse(own.begin() + static_cast<std::ptrdiff_t>(i),
                 own.begin() + static_cast<std::ptrdiff_t>(i + size));
  tensor.bytes = allocate(std::move(own));
  return tensor;
}

void PthReader::add_tensor(const std::string& name, const PickleValue& value) {
  if (name.size() > kMaxTensorName) fail("a tensor's name has {} characters", name.size());
  if (tensors.size() == kMaxTensors) fail("it has more than {} tensors", kMaxTensors);
  tensors.push_back(with_context(name, [&] { return tensor_of(value); }));
  tensors.back().name = name;
}

void PthReader::collect(const PickleValue& root) {
  record =
      read_record(root, [&](const std::string& name, const PickleValue& value) { add_tensor(name, value); });
  std::set<std::string_view> names;
  for (const auto& tensor : tensors) {
    if (!names.insert(tensor.name).second) fail("the name \"{}\" stands twice", tensor.name);
  }
}

void PthReader::read_zip() {
  constexpr std::string_view kRoot = "data.pkl";
  const auto entries = list_zip(file_);
  std::string folder;
  const ZipEntry* root = nullptr;
  for (const auto& entry : entries) {
    if (entry.name != kRoot && !entry.name.ends_with("/data.pkl")) continue;
    if (root != nullptr) fail("it has two entries {} and {}", root->name, entry.name);
    root = &entry;
    folder = entry.name.substr(0, entry.name.size() - kRoot.size());
  }
  if (root == nullptr) fail("not a file of torch.save: the zip archive has no entry data.pkl");
  const std::string data = folder + "data/";
  for (const auto& entry : entries) {
    if (entry.name == folder + "constants.pkl") {
      throw Error("this is a TorchScript archive",
                  "expected weights: save model.state_dict() with torch.save in Python");
    }
    if (entry.name == folder + "byteorder") {
      const auto order = as_text(contents(entry));
      if (order != "little" && order != "big") fail("the byte order is neither little nor big");
      big_endian_ = order == "big";
    } else if (entry.name.starts_with(data)) {
      if (!entries_.emplace(entry.name.substr(data.size()), entry).second)
        fail("the entry {} stands twice", entry.name);
    }
  }
  const Pickle pickle = with_context(root->name, [&] { return read_pickle(contents(*root)); });
  collect(*pickle.root);
}

void PthReader::read_legacy() {
  auto rest = file_;
  const auto next = [&rest] {
    Pickle pickle = read_pickle(rest);
    rest = rest.subspan(pickle.size);
    return pickle;
  };
  // The number, the version 1001, facts about the machine, the object, and the keys of the storages behind
  // it.
  next();
  if (const Pickle version = next(); version.root->integer != 1001)
    fail("version {} of the legacy format is not known", version.root->integer);
  next();
  const Pickle object = next(), keys = next();
  std::map<std::string_view, std::size_t> sizes;  // of a value, by key
  for (const auto& value : object.values) {
    if (!value.is(Kind::persistent) || item(*value.args, 0, "storage").text != "storage") continue;
    const StorageId id = storage_id(value);
    sizes.emplace(id.key, id.size());
  }
  for (const auto* key : keys.root->items) {
    constexpr std::size_t kCountSize = 8;
    const auto size = sizes.find(key->text);
    if (size == sizes.end()) fail("nothing says of what type storage \"{}\" is", key->text.substr(0, 40));
    std::uint64_t count = 0;
    if (rest.size() < kCountSize) fail("the file is cut off at storage \"{}\"", key->text.substr(0, 40));
    for (std::size_t i = kCountSize; i-- > 0;) count = count << 8 | std::to_integer<std::uint64_t>(rest[i]);
    rest = rest.subspan(kCountSize);
    if (count > rest.size() / size->second)
      fail("storage \"{}\" should have {} values, the file is cut off", key->text.substr(0, 40), count);
    storages_.emplace(key->text, rest.first(count * size->second));
    rest = rest.subspan(count * size->second);
  }
  collect(*object.root);
}

PthFile::PthFile(const fs::path& path) : NamedArrays(path) {
  with_context(path.string(), [&] {
    const auto bytes = file_.bytes();
    if (!looks_like_pth(bytes)) fail("not a file of torch.save");
    PthReader reader(bytes, owned_);
    if (as_text(bytes).starts_with(kZipStart)) {
      reader.read_zip();
    } else {
      reader.read_legacy();
    }
    tensors_ = std::move(reader.tensors);
    if (!reader.record.empty()) metadata_.emplace(kPickleKey, to_text(reader.record));
  });
}

bool looks_like_pth(std::span<const std::byte> bytes) {
  const auto text = as_text(bytes);
  return text.starts_with(kZipStart) ||
         (text.starts_with('\x80') && text.substr(0, kLegacyStart).find(kLegacyNumber) != text.npos);
}

}  // namespace seg
