#include "infer/model_export.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/scratch_folder.h"
#include "base/zip.h"
#include "weights/array_values.h"
#include "weights/model_file.h"

namespace seg {
namespace {

constexpr const char* kFinal = "final";

TrainedModel open_folder(const fs::path& model, const ExportOptions& options) {
  if (options.checkpoint != kFinal && options.checkpoint != "best")
    fail_usage("--checkpoint: expected final or best, got {}", options.checkpoint);
  if (!fs::is_directory(model)) fail("model folder {} does not exist", model.string());
  TrainedModel opened = open_trained_model(model, options.folds, options.checkpoint);
  opened.plan.configuration(kConfiguration);  // an Error without it
  const TrainedFold& first = opened.folds[0];
  for (const auto& fold : opened.folds) {
    if (fold.info.trainer_name != first.info.trainer_name ||
        network_to_json(fold.info) != network_to_json(first.info)) {
      fail("{} was trained otherwise than {}: a model has one trainer, network and patch size",
           fold.origin.string(), first.origin.string());
    }
  }
  return opened;
}

/// What `crossval` left for exactly these folds.
fs::path gathered_folder(const fs::path& model, const TrainedModel& opened) {
  std::vector<std::string> names;
  for (const auto& fold : opened.folds) names.push_back(fold.name);
  std::sort(names.begin(), names.end());
  return model / gathered_name(names);
}

std::string text_if_there(const fs::path& file) {
  return fs::exists(file) ? read_text(file) : std::string();
}

Json training_of(const fs::path& model, const TrainedFold& fold, bool with_scores) {
  Json json = {{"fold", fold.name},
               {"checkpoint", fold.origin.stem().string()},
               {"epochs", fold.info.current_epoch},
               {"best_ema_dice", fold.info.best_ema ? Json(*fold.info.best_ema) : Json(nullptr)}};
  const fs::path summary = model / ("fold_" + fold.name) / "validation" / "summary.json";
  if (!with_scores || !fs::exists(summary)) return json;
  const Json scores = read_json(summary);
  with_context(summary.string(), [&] {
    json["validation"] = {{"foreground_mean", get<Json>(scores, "foreground_mean")},
                          {"mean", get<Json>(scores, "mean")}};
  });
  return json;
}

ModelDescription describe(const fs::path& model, const TrainedModel& opened, const ExportOptions& options,
                          const std::string& program) {
  const CheckpointInfo& info = opened.folds[0].info;
  const bool with_scores = options.checkpoint == kFinal;
  ModelDescription description{.program = program,
                               .trainer = info.trainer_name,
                               .configuration = kConfiguration,
                               .network = to_text(network_to_json(info)),
                               .plans = opened.plans_text,
                               .dataset = opened.dataset_text,
                               .fingerprint = text_if_there(model / "dataset_fingerprint.json")};
  const fs::path rules = gathered_folder(model, opened) / "postprocessing.json";
  if (with_scores && fs::exists(rules)) {
    description.postprocessing = to_text(to_json(read_postprocessing(rules)));
    note("with the postprocessing of {}", rules.string());
  } else {
    note("without postprocessing: {}",
         with_scores ? rules.string() + " is not there" : "it is determined with the final checkpoints");
  }
  Json folds = Json::array();
  for (const auto& fold : opened.folds) folds.push_back(training_of(model, fold, with_scores));
  description.folds = to_text(folds);
  return description;
}

/// Every array once, under its first name: nnU-Net's checkpoints have some under several.
std::vector<TensorView> each_once(std::vector<TensorView> arrays) {
  std::set<std::pair<const std::byte*, std::size_t>> seen;
  std::erase_if(arrays, [&](const TensorView& array) {
    return !array.bytes.empty() && !seen.emplace(array.bytes.data(), array.bytes.size()).second;
  });
  return arrays;
}

std::vector<std::uint16_t> as_float16(const TensorView& array) {
  constexpr std::uint16_t kInfinity = 0x7C00;
  std::vector<std::uint16_t> halves;
  float largest = 0;
  bool finite = true;
  for (const float value : float_values(array)) {
    halves.push_back(half_of(value));
    largest = std::max(largest, std::abs(value));
    finite = finite && (halves.back() & kInfinity) != kInfinity;
  }
  if (finite) return halves;
  throw Error(fmt::format("{} holds values that float16 cannot: its largest is 65504, here it is {:g}",
                          array.name, largest),
              "--dtype float32 keeps them");
}

/// A file as an entry, with what is mapped; what is not there is left out.
class Archive {
 public:
  explicit Archive(const std::string& folder) : folder_(folder) {}
  void add(const fs::path& file, const std::string& name) {
    if (!fs::exists(file)) return;
    contents_.push_back({folder_ + name, {files_.emplace_back(file).bytes()}});
  }
  void write(const fs::path& path) const { write_zip(path, contents_); }

 private:
  std::string folder_;
  std::deque<MappedFile> files_;
  std::vector<ZipContent> contents_;
};

}  // namespace

void export_model_file(const fs::path& model, const fs::path& output, const ExportOptions& options,
                       const std::string& program) {
  const TrainedModel opened = open_folder(model, options);
  const ModelDescription description = describe(model, opened, options, program);
  Progress progress("export", static_cast<std::int64_t>(opened.folds.size()), "folds");
  std::vector<FoldWeights> files;  // what the arrays point into
  std::deque<std::vector<std::uint16_t>> halves;
  std::vector<TensorView> tensors;
  for (const auto& fold : opened.folds) {
    options.libtorch ? options.libtorch(fold)
                     : fold_model(fold, {});  // an Error where the weights do not fit
    files.push_back(fold.weights());
    for (TensorView& array : each_once(files.back().arrays)) {
      array.name = name_in_model(fold.name, array.name);
      if (options.half && is_floating(array.type)) {
        array.bytes = std::as_bytes(std::span(halves.emplace_back(as_float16(array))));
        array.type = TensorType::f16;
      }
      tensors.push_back(std::move(array));
    }
    progress.advance();
  }
  write_model_file(output, description, tensors);
}

void export_nnunet_zip(const fs::path& model, const fs::path& output, const ExportOptions& options) {
  const TrainedModel opened = open_folder(model, options);
  const ScratchFolder scratch(output);
  Archive archive(fmt::format("{}/{}__{}__{}/", opened.plan.dataset_name, opened.folds[0].info.trainer_name,
                              opened.plan.plans_name, kConfiguration));
  Progress progress("export", static_cast<std::int64_t>(opened.folds.size()), "folds");
  for (const auto& fold : opened.folds) {
    const std::string name = "fold_" + fold.name;
    fs::path checkpoint = fold.origin;
    if (checkpoint.extension() != ".pth") {
      checkpoint = scratch.path() / (name + ".pth");
      if (!options.convert_checkpoint)
        throw needs_libtorch("making nnU-Net's checkpoint of " + fold.origin.string());
      options.convert_checkpoint(fold.origin, checkpoint);
    }
    archive.add(checkpoint, fmt::format("{}/checkpoint_{}.pth", name, options.checkpoint));
    for (const char* file : {"debug.json", "progress.png", "validation/summary.json"})
      archive.add(model / name / file, fmt::format("{}/{}", name, file));
    progress.advance();
  }
  const fs::path gathered = gathered_folder(model, opened);
  for (const char* file : {"summary.json", "postprocessing.pkl", "postprocessing.json"})
    archive.add(gathered / file, fmt::format("{}/{}", gathered.filename().string(), file));
  for (const char* file : {"plans.json", "dataset_fingerprint.json", "dataset.json"})
    archive.add(model / file, file);
  archive.write(output);
}

}  // namespace seg
