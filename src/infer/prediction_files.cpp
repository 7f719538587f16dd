#include "infer/prediction_files.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/npz.h"
#include "base/pickle_writer.h"
#include "image/image_io.h"

namespace seg {
namespace {

constexpr const char* kArray = "probabilities";

/// The properties as nnU-Net's readers make them: a flat image has two sizes, not three.
Json python_properties(const CaseProperties& properties) {
  Json json = to_json(properties);
  json.erase("dimension");
  if (properties.geometry.dimension == 2) {
    const auto& [spacing, origin, direction] =
        std::tie(properties.geometry.spacing, properties.geometry.origin, properties.geometry.direction);
    json["sitk_stuff"] = {{"spacing", {spacing[2], spacing[1]}},
                          {"origin", {origin[0], origin[1]}},
                          {"direction", {direction[0], direction[1], direction[3], direction[4]}}};
  }
  return json;
}

}  // namespace

fs::path with_ending(const fs::path& file, const std::string& file_ending, const std::string& wanted) {
  std::string name = file.filename().string();
  if (!name.ends_with(file_ending)) fail("{}: expected a name that ends in {}", file.string(), file_ending);
  name.replace(name.size() - file_ending.size(), file_ending.size(), wanted);
  return file.parent_path() / name;
}

void write_prediction(const fs::path& file, const std::string& file_ending, const Prediction& prediction,
                      const CaseProperties& properties) {
  if (!prediction.probabilities.data.empty()) {
    write_probabilities(with_ending(file, file_ending, ".npz"), prediction.probabilities);
    write_text(with_ending(file, file_ending, ".pkl"), to_pickle(python_properties(properties)));
  }
  write_labels(file, prediction.labels, properties.geometry);
}

void write_probabilities(const fs::path& npz, const Image& probabilities) {
  const std::vector<std::int64_t> shape(probabilities.shape.begin(), probabilities.shape.end());
  const std::array entries{NpzEntry{kArray, DType::f32, shape, std::as_bytes(std::span(probabilities.data))}};
  write_npz(npz, entries);
}

Image read_probabilities(const fs::path& npz) {
  const auto arrays = read_npz(npz);
  return with_context(npz.string(), [&] {
    const NpzArray& array = array_of(arrays, kArray);
    const auto& shape = array.shape();
    if (shape.size() != 4) fail("{}: expected 4 dimensions, got {}", kArray, shape.size());
    const auto values = array.values<float>();
    Image image({shape[0], shape[1], shape[2], shape[3]});
    std::ranges::copy(values, image.data.begin());
    return image;
  });
}

}  // namespace seg
