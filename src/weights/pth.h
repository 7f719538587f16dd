// Files of torch.save: the zip format (.pth, .pt; stored or deflated, either byte order) and the one before
// PyTorch 1.6. Nothing in them is executed; see pickle.h.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "weights/named_arrays.h"

namespace seg {

/// A memory-mapped file of torch.save. A tensor's name is the way to it through dicts and lists, such as
/// "network_weights.stem.0.weight"; tensors inside other objects are left out. metadata() has under
/// kPickleKey, as JSON, everything that is no tensor: NumPy's numbers as numbers, other objects as
/// {"class": name, "args": [...], ...}; the key is absent where there are only tensors.
/// Tensors are views into the map where they are stored in C order and little endian.
/// Throws Error naming the file, and the tensor, for anything malformed, for types that no TensorType is
/// (complex, quantised, sparse), and where contents would take far more memory than the file.
class PthFile : public NamedArrays {
 public:
  explicit PthFile(const fs::path& path);
};
inline constexpr const char* kPickleKey = "pickle";

/// Whether a file that starts like this is one of torch.save.
bool looks_like_pth(std::span<const std::byte> bytes);

/// What torch.load(weights_only=True) reads: plain containers, numbers, text and tensors, written in the zip
/// format. Values are given from outside to inside: between begin_dict() and end_dict() keys and values take
/// turns.
class PthWriter {
 public:
  void begin_dict();
  void end_dict();
  void text(std::string_view value);
  void integer(std::int64_t value);
  /// Null, numbers, text, arrays as lists, objects as dicts.
  void json(const Json& value);
  void tensor(const TensorView& tensor);
  /// An OrderedDict of the tensors by name.
  void state_dict(std::span<const TensorView> tensors);

  /// Writes atomically; the tensors' memory must still be there.
  void write(const fs::path& path);

 private:
  std::string pickle_ = "\x80\x02";  // protocol 2, as torch.save
  std::vector<TensorView> storages_;
};

}  // namespace seg
