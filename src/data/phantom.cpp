#include "data/phantom.h"

#include <array>

#include "base/error.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/suggest.h"
#include "base/threads.h"
#include "image/image_io.h"

namespace seg {
namespace {

struct Phantom {
  const char* name;
  const char* folder;
  const char* file_ending;
  std::vector<const char*> channels;
  std::vector<const char*> classes;  ///< from 1 on
  PhantomCase (*render)(std::uint64_t seed, int index);
};

const std::vector<Phantom>& phantoms() {
  static const std::vector<Phantom> kPhantoms{
      {"abdomen",
       "Dataset701_AbdomenPhantom",
       ".nii.gz",
       {"MR"},
       {"liver", "spleen", "right_kidney", "left_kidney", "aorta"},
       render_abdomen},
      {"endoscopy",
       "Dataset702_EndoscopyPhantom",
       ".png",
       {"R", "G", "B"},
       {"shaft", "wrist", "clasper"},
       render_endoscopy},
      {"cells", "Dataset703_CellsPhantom", ".png", {"R", "G", "B"}, {"interior", "boundary"}, render_cells},
  };
  return kPhantoms;
}

const Phantom& phantom_named(const std::string& name) {
  for (const Phantom& phantom : phantoms())
    if (phantom.name == name) return phantom;
  fail_unknown("phantom", name, phantom_names());
}

/// One picture file holds red, green and blue, so a picture has a single channel file.
void write_case(const fs::path& root, const std::string& part, const std::string& id, const Phantom& phantom,
                const PhantomCase& rendered) {
  const fs::path image = root / ("images" + part) / (id + "_0000" + phantom.file_ending);
  if (rendered.image.channels() == 3) {
    write_rgb_png(image, rendered.image);
  } else {
    write_image(image, rendered.image, rendered.geometry);
  }
  write_labels(root / ("labels" + part) / (id + phantom.file_ending), rendered.labels, rendered.geometry);
  if (rendered.instances.count() > 0)
    write_labels(root / ("instances" + part) / (id + "_label.tiff"), rendered.instances, rendered.geometry);
}

Json dataset_json(const Phantom& phantom, int cases) {
  Json json;
  for (std::size_t i = 0; i < phantom.channels.size(); ++i)
    json["channel_names"][std::to_string(i)] = phantom.channels[i];
  json["labels"]["background"] = 0;
  for (std::size_t i = 0; i < phantom.classes.size(); ++i) json["labels"][phantom.classes[i]] = i + 1;
  json["numTraining"] = cases;
  json["file_ending"] = phantom.file_ending;
  json["name"] = phantom.folder;
  json["description"] = "synthetic images made by swin-umamba phantom";
  return json;
}

}  // namespace

std::vector<std::string> phantom_names() {
  std::vector<std::string> names;
  for (const Phantom& phantom : phantoms()) names.emplace_back(phantom.name);
  return names;
}

fs::path make_phantom(const std::string& name, const fs::path& raw, int cases, std::uint64_t seed) {
  const Phantom& phantom = phantom_named(name);
  if (cases < 1) fail("a phantom needs at least 1 training case, got {}", cases);
  const fs::path root = raw / phantom.folder;
  if (fs::exists(root / "dataset.json"))
    throw Error(fmt::format("{} exists already", root.string()), "remove it or choose another folder");
  for (const std::string part : {"Tr", "Ts"}) {
    make_folder(root / ("images" + part));
    make_folder(root / ("labels" + part));
    if (name == "cells") make_folder(root / ("instances" + part));
  }
  const int tests = std::max(2, cases / 4);
  const int first_test = (cases + 2) / 3 * 3;  // no moving scene of three frames lies in both parts
  Progress progress(fmt::format("render {}", phantom.name), cases + tests, "case");
  parallel_for(cases + tests, [&](std::int64_t i) {
    const bool training = i < cases;
    const int index = static_cast<int>(training ? i : first_test + i - cases);
    write_case(root, training ? "Tr" : "Ts", fmt::format("{}_{:03}", name, index), phantom,
               phantom.render(seed, index));
    progress.advance();
  });
  write_json(root / "dataset.json", dataset_json(phantom, cases));
  return root;
}

}  // namespace seg
