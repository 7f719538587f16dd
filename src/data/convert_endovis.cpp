// EndoVis 2017: robotic instruments in endoscopic videos.
#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/convert_parts.h"
#include "image/image_io.h"

namespace seg {
namespace {

constexpr std::int64_t kVideoHeight = 1080, kVideoWidth = 1920;
constexpr std::int64_t kCutHeight = 1024, kCutWidth = 1280, kTop = 28,
                       kLeft = 320;  // the camera's image in the video

/// Types by value, and what the folders of their masks contain. "Maryland_Bipolar_Forceps" counts as bipolar.
struct Type {
  const char* name;
  const char* folder;
};
constexpr std::array<Type, 8> kTypes{{{"background", ""},
                                      {"bipolar forceps", "Bipolar_Forceps"},
                                      {"prograsp forceps", "Prograsp_Forceps"},
                                      {"large needle driver", "Large_Needle_Driver"},
                                      {"vessel sealer", "Vessel_Sealer"},
                                      {"grasping retractor", "Grasping_Retractor"},
                                      {"monopolar curved scissors", "Monopolar_Curved_Scissors"},
                                      {"other", "Other"}}};

struct Frame {
  std::string id;
  fs::path image, truth;  ///< of the video's masks; empty where there are none
  bool test = false;
};

template <class T>
Grid<T> cut_to_camera(const Grid<T>& frame, const fs::path& file) {
  if (frame.shape[2] == kCutHeight && frame.shape[3] == kCutWidth) return frame;
  if (frame.shape[2] != kVideoHeight || frame.shape[3] != kVideoWidth)
    fail("{}: expected {} x {} or {} x {} pixels, got {} x {}", file.string(), kVideoWidth, kVideoHeight,
         kCutWidth, kCutHeight, frame.shape[3], frame.shape[2]);
  Grid<T> cut({frame.channels(), 1, kCutHeight, kCutWidth});
  for (std::int64_t c = 0; c < cut.channels(); ++c) {
    for (std::int64_t y = 0; y < kCutHeight; ++y) {
      const T* row = &frame.at(c, 0, y + kTop, kLeft);
      std::copy(row, row + kCutWidth, &cut.at(c, 0, y, 0));
    }
  }
  return cut;
}

bool is_test(const fs::path& folder, const fs::path& input) {
  std::string inside = folder.lexically_relative(input).string();
  std::transform(inside.begin(), inside.end(), inside.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return inside.find("test") != std::string::npos;
}

std::vector<Frame> find_frames(const fs::path& input) {
  std::vector<Frame> frames;
  constexpr std::string_view kVideo = "instrument_dataset_";
  for (const auto& entry : fs::recursive_directory_iterator(input)) {
    const std::string video = entry.path().filename().string();
    if (!entry.is_directory() || !video.starts_with(kVideo) ||
        !fs::is_directory(entry.path() / "left_frames"))
      continue;
    const bool test = is_test(entry.path(), input);
    const fs::path truth = entry.path() / "ground_truth";
    if (!test && !fs::is_directory(truth)) fail("{} is missing", truth.string());
    for (const fs::path& image : list_files(entry.path() / "left_frames", ".png"))
      frames.push_back(
          {fmt::format("{}{}_{}", test ? "test_" : "", video.substr(kVideo.size()), image.stem().string()),
           image, fs::is_directory(truth) ? truth : fs::path(), test});
  }
  std::sort(frames.begin(), frames.end(), [](const Frame& a, const Frame& b) { return a.id < b.id; });
  for (std::size_t i = 1; i < frames.size(); ++i)
    if (frames[i].id == frames[i - 1].id)
      fail("{} and {} are the same frame of a video", frames[i - 1].image.string(), frames[i].image.string());
  return frames;
}

/// The type of the masks in a folder such as Left_Prograsp_Forceps_labels.
std::int32_t type_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  for (std::size_t type = 1; type < kTypes.size(); ++type)
    if (name.find(kTypes[type].folder) != std::string::npos) return static_cast<std::int32_t>(type);
  std::vector<std::string> known;
  for (std::size_t type = 1; type < kTypes.size(); ++type) known.emplace_back(kTypes[type].folder);
  throw Error(fmt::format("{}: unknown instrument", folder.string()),
              fmt::format("known are {}", fmt::join(known, ", ")));
}

/// Where masks of several instruments overlap, the one whose folder comes last wins.
Labels types_of(const Frame& frame) {
  const fs::path name = frame.image.filename();
  if (const fs::path whole = frame.truth / "TypeSegmentation"; fs::is_directory(whole))
    return cut_to_camera(read_labels(whole / name).voxels, whole / name);
  Labels types({1, 1, kCutHeight, kCutWidth});
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(frame.truth))
    if (entry.is_directory()) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  if (folders.empty()) fail("{} holds no folder of masks", frame.truth.string());
  for (const fs::path& folder : folders) {
    const std::int32_t type = type_of(folder);
    const Labels mask =
        cut_to_camera(read_labels(folder / name).voxels, folder / name);  // 10, 20, ... for its parts
    for (std::size_t i = 0; i < mask.data.size(); ++i)
      if (mask.data[i] > 0) types.data[i] = type;
  }
  return types;
}

void convert_frame(const Frame& frame, const fs::path& root) {
  const std::string part = frame.test ? "Ts" : "Tr";
  const LoadedImage image = read_image(frame.image);
  write_rgb_png(root / ("images" + part) / (frame.id + "_0000.png"),
                cut_to_camera(image.voxels, frame.image));
  if (!frame.truth.empty())
    write_labels(root / ("labels" + part) / (frame.id + ".png"), types_of(frame), Geometry{});
}

}  // namespace

ConvertedDataset convert_endovis17(const fs::path& input, const fs::path& raw, const std::string& name) {
  require_new_dataset(raw, name);
  if (!fs::is_directory(input)) fail("folder {} does not exist", input.string());
  const std::vector<Frame> frames = find_frames(input);
  const auto test =
      std::count_if(frames.begin(), frames.end(), [](const Frame& frame) { return frame.test; });
  ConvertedDataset made{raw / name, std::ssize(frames) - test, test};
  if (made.training == 0)
    throw Error(fmt::format("{}: no training frame found", input.string()),
                "expected folders instrument_dataset_<n> with left_frames/frame000.png and ground_truth/");
  for (const Frame& frame : frames) {
    make_folder(made.root / (frame.test ? "imagesTs" : "imagesTr"));
    if (!frame.truth.empty()) make_folder(made.root / (frame.test ? "labelsTs" : "labelsTr"));
  }
  Progress progress("convert", std::ssize(frames), "frame");
  parallel_for(std::ssize(frames), [&](std::int64_t i) {
    convert_frame(frames[static_cast<std::size_t>(i)], made.root);
    progress.advance();
  });
  Json labels = Json::object();
  for (std::size_t i = 0; i < kTypes.size(); ++i) labels[kTypes[i].name] = i;
  write_dataset_json(made, {{"0", "R"}, {"1", "G"}, {"2", "B"}}, labels, ".png");
  return made;
}

}  // namespace seg
