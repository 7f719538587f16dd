#include "weights/model_file.h"

#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/crc32.h"
#include "base/error.h"
#include "base/json.h"

namespace seg {
namespace {

constexpr const char* kFormatKey = "model_format";
constexpr const char* kFormat = "1";
constexpr const char *kHashKey = "sha256", *kChecksumKey = "crc32";
constexpr std::size_t kHashDigits = 64, kChecksumDigits = 8;
constexpr const char* kExpected = "expected a file that `swin-umamba export` wrote, whole and unchanged";

struct Text {
  const char* key;
  std::string ModelDescription::*member;
  bool required = true;
};
constexpr Text kTexts[] = {{"program", &ModelDescription::program},
                           {"trainer", &ModelDescription::trainer},
                           {"configuration", &ModelDescription::configuration},
                           {"network", &ModelDescription::network},
                           {"plans", &ModelDescription::plans},
                           {"dataset", &ModelDescription::dataset},
                           {"fingerprint", &ModelDescription::fingerprint, false},
                           {"postprocessing", &ModelDescription::postprocessing, false},
                           {"folds", &ModelDescription::folds}};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// SHA-256 (FIPS 180-4) of the parts one behind the other, in hexadecimal digits.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
      fail("OpenSSL offers no SHA-256");
  }
  void add(std::string_view bytes) {
    if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) fail("OpenSSL's SHA-256 failed");
  }
  std::string digits() {
    std::array<unsigned char, kHashDigits / 2> hash{};
    if (EVP_DigestFinal_ex(context_.get(), hash.data(), nullptr) != 1) fail("OpenSSL's SHA-256 failed");
    return fmt::format("{:02x}", fmt::join(hash, ""));
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// Where the digits of a text in the file's metadata begin. Throws Error unless it has so many.
std::size_t place_of_digits(const MappedFile& map, std::string_view key, const std::string& digits,
                            std::size_t count) {
  const std::string start = fmt::format("\"{}\":\"", key);  // quotes inside of texts are escaped
  const std::size_t at = text_of(map.bytes()).find(start);
  if (digits.size() != count || at == std::string_view::npos)
    throw Error(fmt::format("its {} is missing", key), kExpected);
  return at + start.size();
}

[[noreturn]] void fail_as_changed(const char* seal) {
  throw Error(fmt::format("its contents do not match its {}", seal), kExpected);
}

/// Of all bytes, with zeros for its own digits. What is hashed of the map is given back.
void check_hash(const MappedFile& map, const std::string& stored) {
  constexpr std::size_t kPart = std::size_t{1} << 20;
  const std::string_view file = text_of(map.bytes());
  const std::size_t digits = place_of_digits(map, kHashKey, stored, kHashDigits);
  Sha256 hash;
  hash.add(file.substr(0, digits));
  hash.add(std::string(kHashDigits, '0'));
  for (std::size_t next = digits + kHashDigits; next < file.size(); next += kPart) {
    hash.add(file.substr(next, kPart));
    map.release(std::as_bytes(std::span(file.substr(next, kPart))));
  }
  if (hash.digits() != stored) fail_as_changed("hash");
}

std::string checksum_digits(std::uint32_t checksum) {
  return fmt::format("{:0{}x}", checksum, kChecksumDigits);
}

/// Of all bytes, with zeros for its own digits and the hash's. Damage shows in it as in the hash, in a fifth
/// of the time.
void check_checksum(const MappedFile& map, const std::string& stored, const std::string& hash) {
  constexpr std::size_t kPart = std::size_t{1} << 18;  // stays in the second-level cache
  const std::size_t digits = place_of_digits(map, kChecksumKey, stored, kChecksumDigits);
  const std::size_t hash_digits = place_of_digits(map, kHashKey, hash, kHashDigits);
  std::string head(
      text_of(map.bytes()).substr(0, std::max(digits + kChecksumDigits, hash_digits + kHashDigits)));
  head.replace(digits, kChecksumDigits, kChecksumDigits, '0');
  head.replace(hash_digits, kHashDigits, kHashDigits, '0');
  std::uint32_t checksum = crc32_of(0, std::as_bytes(std::span(head)));
  std::vector<std::byte> buffer(kPart);
  for (std::size_t next = head.size(); next < map.bytes().size(); next += kPart) {
    const auto part = std::span(buffer).first(std::min(kPart, map.bytes().size() - next));
    map.read(next, part);
    checksum = crc32_of(checksum, part);
  }
  if (checksum_digits(checksum) != stored) fail_as_changed("checksum");
}

std::vector<std::string> fold_names(const std::string& text) {
  const Json folds = parse_json(text, "folds");
  if (!folds.is_array() || folds.empty()) fail("folds: expected a list of folds, got {}", text.substr(0, 80));
  std::vector<std::string> names;
  for (const Json& fold : folds) {
    if (!fold.is_object()) fail("folds: expected objects, got {}", fold.dump().substr(0, 80));
    names.push_back(get<std::string>(fold, "fold"));
  }
  return names;
}

/// Every array belongs to a fold, and every fold has some.
void check_names(std::span<const TensorView> tensors, const std::vector<std::string>& folds) {
  std::vector<bool> seen(folds.size());
  for (const auto& tensor : tensors) {
    const auto owner = std::ranges::find_if(
        folds, [&](const auto& fold) { return tensor.name.starts_with(name_in_model(fold, "")); });
    if (owner == folds.end()) fail("array \"{}\" belongs to no fold", tensor.name);
    seen[static_cast<std::size_t>(owner - folds.begin())] = true;
  }
  for (std::size_t i = 0; i < folds.size(); ++i) {
    if (!seen[i]) fail("the weights of fold {} are missing", folds[i]);
  }
}

}  // namespace

ModelFile::ModelFile(const fs::path& path, ContentsCheck when) try : SafetensorsFile(path) {
  with_context(path.string(), [&] {
    if (!is_model(*this)) fail("these are weights without a model around them");
    if (const auto& format = metadata_.at(kFormatKey); format != kFormat) {
      fail("it is of version {} of the format, this program reads {}", format.substr(0, 20), kFormat);
    }
    for (const auto& text : kTexts) {
      description_.*text.member = metadata_[text.key];
      if (text.required && metadata_[text.key].empty()) fail("its metadata have no {}", text.key);
    }
    folds_ = fold_names(description_.folds);
    check_names(tensors_, folds_);
  });
  const auto check = [this, path, when, hash = metadata_[kHashKey], checksum = metadata_[kChecksumKey]] {
    with_context(path.string(), [&] {
      if (!checksum.empty()) check_checksum(file_, checksum, hash);
      if (checksum.empty() || when == ContentsCheck::now) check_hash(file_, hash);
    });
  };
  check_ = std::async(when == ContentsCheck::now ? std::launch::deferred : std::launch::async, check).share();
  if (when == ContentsCheck::now) verify();
} catch (Error& error) {
  error.with_hint(kExpected);
  throw;
}

std::vector<TensorView> ModelFile::weights(const std::string& fold) const {
  if (std::ranges::find(folds_, fold) == folds_.end())
    fail("fold {} is not in the file, it has {}", fold, fmt::join(folds_, ", "));
  const std::string prefix = name_in_model(fold, "");
  std::vector<TensorView> weights;
  for (TensorView tensor : tensors_) {
    if (!tensor.name.starts_with(prefix)) continue;
    tensor.name.erase(0, prefix.size());
    weights.push_back(std::move(tensor));
  }
  return weights;
}

std::string name_in_model(const std::string& fold, const std::string& key) {
  return fmt::format("fold_{}/{}", fold, key);
}

void write_model_file(const fs::path& path, const ModelDescription& description,
                      std::span<const TensorView> tensors) {
  std::map<std::string, std::string> metadata{{"format", "pt"}, {kFormatKey, kFormat}};
  for (const auto& text : kTexts) {
    const std::string& value = description.*text.member;
    if (!value.empty()) metadata[text.key] = value;
  }
  std::string& digits = metadata[kHashKey] = std::string(kHashDigits, '0');
  std::string& checksum_text = metadata[kChecksumKey] = std::string(kChecksumDigits, '0');
  const std::string header = safetensors_header(tensors, metadata);
  std::uint32_t checksum = crc32_of(0, std::as_bytes(std::span(header)));
  for (const auto& tensor : tensors) checksum = crc32_of(checksum, tensor.bytes);
  checksum_text = checksum_digits(checksum);
  Sha256 hash;
  hash.add(safetensors_header(tensors, metadata));
  for (const auto& tensor : tensors) hash.add(text_of(tensor.bytes));
  digits = hash.digits();
  write_safetensors(path, tensors, metadata);
}

bool is_model(const NamedArrays& file) {
  return file.metadata().contains(kFormatKey);
}

}  // namespace seg
