#include "train/validation.h"

#include <algorithm>

#include "base/json.h"
#include "base/npy.h"
#include "base/progress.h"
#include "eval/summary.h"
#include "infer/prediction_files.h"
#include "train/checkpoint.h"
#include "train/torch_model.h"

namespace seg {
namespace {

Image read_stored_image(const fs::path& path) {
  const NpyFile file(path);
  const auto& sizes = file.shape();
  if (sizes.size() != 4) fail("{}: expected an array of 4 dimensions, got {}", path.string(), sizes.size());
  Image image({sizes[0], sizes[1], sizes[2], sizes[3]});
  std::ranges::copy(file.values<float>(), image.data.begin());
  return image;
}

}  // namespace

double validate_fold(const fs::path& model_folder, const std::string& fold, const TrainTask& task,
                     const fs::path& references, bool save_probabilities) {
  const fs::path checkpoint = newest_checkpoint(task.output);
  if (checkpoint.empty()) {
    throw Error(fmt::format("no checkpoint in {}", task.output.string()), "train this fold first");
  }
  const bool mirrored = read_checkpoint_info(checkpoint).mirrored;
  const Predictor predictor(model_folder, {.folds = {fold}, .mirror = mirrored, .libtorch = torch_model});
  const fs::path folder = task.output / "validation";
  make_folder(folder);
  std::vector<ScoredPair> pairs;
  {
    Progress progress("validation", static_cast<std::int64_t>(task.split.val.size()), "cases");
    for (const auto& id : task.split.val) {
      with_context("validate " + id, [&] {
        const auto properties = properties_from_json(read_json(task.cases / (id + ".json")));
        const Image data = read_stored_image(task.cases / (id + ".npy"));
        const std::string name = id + task.info.label_ending();
        write_prediction(folder / name, task.info.label_ending(),
                         predictor.predict(data, properties, save_probabilities), properties);
        pairs.push_back({references / name, folder / name});
      });
      progress.advance();
    }
  }
  const Summary summary = evaluate_pairs(pairs, task.info);
  write_summary(folder / "summary.json", summary);
  return summary.foreground_mean_dice();
}

}  // namespace seg
