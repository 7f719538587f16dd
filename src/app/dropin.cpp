#include "app/dropin.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/log.h"
#include "base/suggest.h"
#include "data/dataset.h"

namespace seg {
namespace {

using Lines = std::vector<CommandLine>;
constexpr std::string_view kPlans = "nnUNetPlans", kTrainer = "nnUNetTrainer";
constexpr bool kRequired = true;
constexpr const char* kOfficialWeights = "data/pretrained/vmamba/vmamba_tiny_e292.pth";

void append(CommandLine& line, const std::vector<std::string>& words) {
  line.insert(line.end(), words.begin(), words.end());
}

/// Hands an option over under our name for it, where it was given.
void pass(CommandLine& line, const Arguments& given, std::string_view theirs, std::string_view ours) {
  if (!given.has(theirs)) return;
  line.emplace_back(ours);
  append(line, given.many(theirs));
}

/// Options of which only one value is offered.
void expect_only(const Arguments& given, std::string_view name, std::string_view offered) {
  if (const auto value = given.one(name, offered); value != offered)
    fail_usage("{} {}: only {} is offered", name, value, offered);
}

void refuse(const Arguments& given, std::string_view name, std::string_view reason) {
  if (given.has(name)) fail_usage("{} is not offered: {}", name, reason);
}

void check_configuration(const std::string& name) {
  if (name.starts_with("3d")) {
    fail_usage("configuration {} is not offered: this program segments slices, with the 2d configuration",
               name);
  }
}

/// Those that were asked for; nnU-Net's defaults shrink to what is offered.
std::vector<std::string> configurations(const Arguments& given) {
  const auto names = given.many("-c", {"2d"});
  for (const auto& name : names) check_configuration(name);
  return names;
}

void check_device(const Arguments& given) {
  const std::string device = given.one("-device", "cpu");
  if (device != "cpu" && device != "cuda" && device != "mps")
    fail_usage("-device: expected cpu, cuda or mps, got {}", device);
  if (given.has("-device") && device != "cpu") warn("-device {}: this program runs on the CPU", device);
}

std::string environment(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') {
    throw Error(fmt::format("{} is not set", variable), fmt::format("export {}=FOLDER", variable),
                ErrorKind::usage);
  }
  return value;
}

/// results/DATASET/TRAINER__PLANS__CONFIGURATION
fs::path model_folder(const std::string& dataset, const std::string& trainer, const std::string& plans,
                      const std::string& configuration) {
  check_configuration(configuration);
  return find_dataset(environment("nnUNet_results"), dataset) /
         fmt::format("{}__{}__{}", trainer, plans, configuration);
}

/// "checkpoint_best.pth" -> "best"
std::string checkpoint_name(const std::string& file) {
  const fs::path path = file;
  const std::string stem = path.stem().string(), prefix = "checkpoint_";
  const bool known_ending = path.extension() == ".pth" || path.extension().empty();
  if (!known_ending || !stem.starts_with(prefix) || path.has_parent_path()) {
    fail_usage(
        "-chk {}: expected the name of a checkpoint in the folder of a fold, such as checkpoint_best.pth",
        file);
  }
  return stem.substr(prefix.size());
}

// ---- planning and preprocessing --------------------------------------------------------------------

constexpr Argument kPlanAndPreprocess[] = {{"-d", Takes::many, kRequired},
                                           {"-fpe"},
                                           {"-npfp"},
                                           {"--verify_dataset_integrity", Takes::nothing},
                                           {"--no_pp", Takes::nothing},
                                           {"--clean", Takes::nothing},
                                           {"-pl"},
                                           {"-gpu_memory_target"},
                                           {"-preprocessor_name"},
                                           {"-overwrite_target_spacing", Takes::many},
                                           {"-overwrite_plans_name"},
                                           {"-c", Takes::many},
                                           {"-np", Takes::many},
                                           {"--verbose", Takes::nothing}};
constexpr Argument kExtractFingerprint[] = {{"-d", Takes::many, kRequired},
                                            {"-fpe"},
                                            {"-np"},
                                            {"--verify_dataset_integrity", Takes::nothing},
                                            {"--clean", Takes::nothing},
                                            {"--verbose", Takes::nothing}};
constexpr Argument kPlanExperiment[] = {{"-d", Takes::many, kRequired},
                                        {"-pl"},
                                        {"-gpu_memory_target"},
                                        {"-preprocessor_name"},
                                        {"-overwrite_target_spacing", Takes::many},
                                        {"-overwrite_plans_name"}};
constexpr Argument kPreprocess[] = {{"-d", Takes::many, kRequired},
                                    {"-plans_name"},
                                    {"-c", Takes::many},
                                    {"-np", Takes::many},
                                    {"--verbose", Takes::nothing}};
constexpr Argument kMovePlans[] = {
    {"-s", Takes::one, kRequired}, {"-t", Takes::one, kRequired}, {"-sp", Takes::one, kRequired}, {"-tp"}};

void check_planner(const Arguments& given) {
  expect_only(given, "-fpe", "DatasetFingerprintExtractor");
  expect_only(given, "-pl", "ExperimentPlanner");
  expect_only(given, "-preprocessor_name", "DefaultPreprocessor");
  if (given.has("-gpu_memory_target") && std::atof(given.one("-gpu_memory_target").c_str()) != 8)
    fail_usage("-gpu_memory_target {}: only 8 is offered", given.one("-gpu_memory_target"));
  refuse(given, "-overwrite_target_spacing", "2d plans keep the median spacing");
}

Lines plan(const Arguments& given, const char* only) {
  check_planner(given);
  Lines lines;
  for (const auto& dataset : given.many("-d")) {
    CommandLine line{"plan", "-d", dataset};
    if (only != nullptr) append(line, {"--only", only});
    pass(line, given, "-overwrite_plans_name", "--plans");
    pass(line, given, "-npfp", "--threads");
    if (only != nullptr) pass(line, given, "-np", "--threads");
    lines.push_back(line);
  }
  return lines;
}

void add_preprocess(Lines& lines, const Arguments& given, const std::string& plans) {
  const auto names = configurations(given);
  const auto threads = given.many("-np");  // one number for all, or one per configuration
  for (const auto& dataset : given.many("-d")) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      CommandLine line{"preprocess", "-d", dataset, "-c", names[i], "--plans", plans};
      if (!threads.empty()) append(line, {"--threads", threads[std::min(i, threads.size() - 1)]});
      lines.push_back(line);
    }
  }
}

Lines plan_and_preprocess(const Arguments& given) {
  configurations(given);  // refused before anything is planned
  Lines lines = plan(given, nullptr);
  if (!given.has("--no_pp")) add_preprocess(lines, given, given.one("-overwrite_plans_name", kPlans));
  return lines;
}

Lines extract_fingerprint(const Arguments& given) {
  return plan(given, "fingerprint");
}

Lines plan_experiment(const Arguments& given) {
  return plan(given, "plans");
}

Lines preprocess(const Arguments& given) {
  Lines lines;
  add_preprocess(lines, given, given.one("-plans_name", kPlans));
  return lines;
}

Lines move_plans(const Arguments& given) {
  const std::string plans = given.one("-sp");
  return {{"move-plans", "--from", given.one("-s"), "--to", given.one("-t"), "--plans", plans, "--as",
           given.one("-tp", plans)}};
}

// ---- training and prediction -----------------------------------------------------------------------

constexpr Argument kTrain[] = {{"dataset_name_or_id", Takes::one, kRequired},
                               {"configuration", Takes::one, kRequired},
                               {"fold", Takes::one, kRequired},
                               {"-tr"},
                               {"-p"},
                               {"-pretrained_weights"},
                               {"-num_gpus"},
                               {"--use_compressed", Takes::nothing},
                               {"--npz", Takes::nothing},
                               {"--c", Takes::nothing},
                               {"--val", Takes::nothing},
                               {"--val_best", Takes::nothing},
                               {"--disable_checkpointing", Takes::nothing},
                               {"-device"}};

/// Whether there is something to continue. nnU-Net starts anew where there is nothing.
bool has_checkpoint(const Arguments& given) {
  const fs::path fold =
      fs::path(environment("nnUNet_results")) /
      find_dataset(environment("nnUNet_preprocessed"), given.one("dataset_name_or_id")).filename() /
      fmt::format("{}__{}__{}", given.one("-tr", kTrainer), given.one("-p", kPlans),
                  given.one("configuration")) /
      ("fold_" + given.one("fold"));
  if (fs::is_directory(fold)) {
    for (const auto& file : list_files(fold))
      if (file.filename().string().starts_with("checkpoint_")) return true;
  }
  warn("--c: {} has no checkpoint to continue from; a new training starts", fold.string());
  return false;
}

Lines train(const Arguments& given) {
  const std::string configuration = given.one("configuration"), trainer = given.one("-tr", kTrainer);
  check_configuration(configuration);
  check_device(given);
  expect_only(given, "-num_gpus", "1");
  refuse(given, "--val_best", "the validation takes checkpoint_final");
  for (const char* other : {"--val", "-pretrained_weights"})
    if (given.has("--c") && given.has(other)) fail_usage("--c and {} cannot go together", other);
  const bool resume = given.has("--c") && has_checkpoint(given);
  if (given.has("--disable_checkpointing"))
    warn("--disable_checkpointing: checkpoints are written all the same");
  CommandLine line{"train",          "-d", given.one("dataset_name_or_id"), "-c", configuration, "-f",
                   given.one("fold")};
  append(line, {"--trainer", trainer, "--plans", given.one("-p", kPlans)});
  pass(line, given, "-pretrained_weights", "--pretrained");
  // The official trainers take their ImageNet weights from the working folder.
  const bool official = trainer == "nnUNetTrainerSwinUMamba" || trainer == "nnUNetTrainerSwinUMambaD";
  if (official && !given.has("-pretrained_weights") && !resume && !given.has("--val") &&
      fs::exists(kOfficialWeights))
    append(line, {"--pretrained", kOfficialWeights});
  if (resume) line.emplace_back("--continue");
  pass(line, given, "--val", "--val-only");
  pass(line, given, "--npz", "--npz");
  return {line};
}

constexpr Argument kPredict[] = {{"-i", Takes::one, kRequired},
                                 {"-o", Takes::one, kRequired},
                                 {"-d", Takes::one, kRequired},
                                 {"-p"},
                                 {"-tr"},
                                 {"-c", Takes::one, kRequired},
                                 {"-f", Takes::many},
                                 {"-step_size"},
                                 {"--disable_tta", Takes::nothing},
                                 {"--verbose", Takes::nothing},
                                 {"--save_probabilities", Takes::nothing},
                                 {"--continue_prediction", Takes::nothing},
                                 {"-chk"},
                                 {"-npp"},
                                 {"-nps"},
                                 {"-prev_stage_predictions"},
                                 {"-num_parts"},
                                 {"-part_id"},
                                 {"-device"},
                                 {"--disable_progress_bar", Takes::nothing}};
constexpr Argument kPredictFromModelFolder[] = {{"-i", Takes::one, kRequired},
                                                {"-o", Takes::one, kRequired},
                                                {"-m", Takes::one, kRequired},
                                                {"-f", Takes::many},
                                                {"-step_size"},
                                                {"--disable_tta", Takes::nothing},
                                                {"--verbose", Takes::nothing},
                                                {"--save_probabilities", Takes::nothing},
                                                {"--continue_prediction --c", Takes::nothing},
                                                {"-chk"},
                                                {"-npp"},
                                                {"-nps"},
                                                {"-prev_stage_predictions"},
                                                {"-device"},
                                                {"--disable_progress_bar", Takes::nothing}};

Lines predict_with(const fs::path& model, const Arguments& given) {
  check_device(given);
  refuse(given, "-prev_stage_predictions", "there are no cascades of 3d configurations");
  CommandLine line{"predict", "-i", given.one("-i"), "-o", given.one("-o"), "-m", model.string(), "-f"};
  append(line, given.many("-f", {"0", "1", "2", "3", "4"}));
  append(line, {"--checkpoint", checkpoint_name(given.one("-chk", "checkpoint_final.pth"))});
  pass(line, given, "-step_size", "--step-size");
  if (!given.has("--disable_tta")) line.emplace_back("--tta");
  pass(line, given, "--save_probabilities", "--save-probabilities");
  pass(line, given, "--continue_prediction", "--continue-prediction");
  pass(line, given, "-num_parts", "--num-parts");
  pass(line, given, "-part_id", "--part-id");
  pass(line, given, "--disable_progress_bar", "--quiet");
  return {line};
}

Lines predict(const Arguments& given) {
  return predict_with(
      model_folder(given.one("-d"), given.one("-tr", kTrainer), given.one("-p", kPlans), given.one("-c")),
      given);
}

Lines predict_from_model_folder(const Arguments& given) {
  return predict_with(given.one("-m"), given);
}

// ---- after prediction ------------------------------------------------------------------------------

constexpr Argument kEvaluateFolder[] = {{"gt_folder", Takes::one, kRequired},
                                        {"pred_folder", Takes::one, kRequired},
                                        {"-djfile", Takes::one, kRequired},
                                        {"-pfile", Takes::one, kRequired},
                                        {"-o"},
                                        {"-np"},
                                        {"--chill", Takes::nothing}};
constexpr Argument kEvaluateSimple[] = {{"gt_folder", Takes::one, kRequired},
                                        {"pred_folder", Takes::one, kRequired},
                                        {"-l", Takes::many, kRequired},
                                        {"-il"},
                                        {"-o"},
                                        {"-np"},
                                        {"--chill", Takes::nothing}};
constexpr Argument kEnsemble[] = {
    {"-i", Takes::many, kRequired}, {"-o", Takes::one, kRequired}, {"-np"}, {"--save_npz", Takes::nothing}};
constexpr Argument kFindBest[] = {{"dataset_name_or_id", Takes::one, kRequired},
                                  {"-p", Takes::many},
                                  {"-c", Takes::many},
                                  {"-tr", Takes::many},
                                  {"-np"},
                                  {"-f", Takes::many},
                                  {"--disable_ensembling", Takes::nothing},
                                  {"--no_overwrite", Takes::nothing}};
constexpr Argument kAccumulate[] = {{"dataset_name_or_id", Takes::one, kRequired},
                                    {"-c", Takes::one, kRequired},
                                    {"-o"},
                                    {"-f", Takes::many},
                                    {"-p"},
                                    {"-tr"}};
constexpr Argument kDeterminePostprocessing[] = {{"-i", Takes::one, kRequired},
                                                 {"-ref", Takes::one, kRequired},
                                                 {"-plans_json"},
                                                 {"-dataset_json"},
                                                 {"-np"},
                                                 {"--remove_postprocessed", Takes::nothing}};
constexpr Argument kApplyPostprocessing[] = {{"-i", Takes::one, kRequired},
                                             {"-o", Takes::one, kRequired},
                                             {"-pp_pkl_file", Takes::one, kRequired},
                                             {"-np"},
                                             {"-plans_json"},
                                             {"-dataset_json"}};
constexpr Argument kConvertMsd[] = {{"-i", Takes::one, kRequired}, {"-overwrite_id"}, {"-np"}};
constexpr Argument kExportModel[] = {{"-d", Takes::one, kRequired},
                                     {"-o", Takes::one, kRequired},
                                     {"-c", Takes::many},
                                     {"-tr"},
                                     {"-p"},
                                     {"-f", Takes::many},
                                     {"-chk", Takes::many},
                                     {"--not_strict", Takes::nothing},
                                     {"--exp_cv_preds", Takes::nothing}};
constexpr Argument kInstallModel[] = {{"zip", Takes::one, kRequired}};
constexpr Argument kPlotOverlays[] = {{"-d", Takes::one, kRequired},
                                      {"-o", Takes::one, kRequired},
                                      {"-np"},
                                      {"-channel_idx"},
                                      {"--use_raw", Takes::nothing},
                                      {"-p"},
                                      {"-overlay_intensity"}};

CommandLine evaluate(const Arguments& given) {
  const fs::path predictions = given.one("pred_folder");
  CommandLine line{"evaluate", given.one("gt_folder"), predictions.string()};
  append(line, {"-o", given.one("-o", (predictions / "summary.json").string())});
  pass(line, given, "--chill", "--skip-missing");
  pass(line, given, "-np", "--threads");
  return line;
}

Lines evaluate_folder(const Arguments& given) {
  CommandLine line = evaluate(given);
  pass(line, given, "-djfile", "--dataset-json");
  return {line};
}

Lines evaluate_simple(const Arguments& given) {
  CommandLine line = evaluate(given);
  pass(line, given, "-l", "--labels");
  pass(line, given, "-il", "--ignore-label");
  return {line};
}

Lines ensemble(const Arguments& given) {
  CommandLine line{"ensemble"};
  pass(line, given, "-i", "-i");
  pass(line, given, "-o", "-o");
  pass(line, given, "--save_npz", "--save-probabilities");
  pass(line, given, "-np", "--threads");
  return {line};
}

Lines find_best(const Arguments& given) {
  CommandLine line{"find-best", "-d", given.one("dataset_name_or_id"), "--models"};
  const auto names = configurations(given);
  for (const auto& trainer : given.many("-tr", {std::string(kTrainer)})) {
    for (const auto& plans : given.many("-p", {std::string(kPlans)})) {
      for (const auto& name : names) line.push_back(fmt::format("{}__{}__{}", trainer, plans, name));
    }
  }
  line.emplace_back("-f");
  append(line, given.many("-f", {"0", "1", "2", "3", "4"}));
  pass(line, given, "--disable_ensembling", "--no-ensembles");
  if (given.has("--no_overwrite")) warn("--no_overwrite: everything is computed anew");
  pass(line, given, "-np", "--threads");
  return {line};
}

Lines accumulate(const Arguments& given) {
  CommandLine line{"crossval", "-m",
                   model_folder(given.one("dataset_name_or_id"), given.one("-tr", kTrainer),
                                given.one("-p", kPlans), given.one("-c"))
                       .string(),
                   "--no-postprocessing"};
  pass(line, given, "-o", "-o");
  line.emplace_back("-f");
  append(line, given.many("-f", {"0", "1", "2", "3", "4"}));
  return {line};
}

Lines determine_postprocessing(const Arguments& given) {
  CommandLine line{"postprocess", "determine"};
  pass(line, given, "-i", "-i");
  pass(line, given, "-ref", "-r");
  pass(line, given, "-dataset_json", "--dataset-json");
  pass(line, given, "-np", "--threads");
  if (given.has("--remove_postprocessed")) warn("--remove_postprocessed: the folder postprocessed is kept");
  return {line};
}

/// nnU-Net hands over postprocessing.pkl; ours, and the twin that nnU-Net writes beside it, is JSON.
Lines apply_postprocessing(const Arguments& given) {
  CommandLine line{"postprocess", "apply"};
  pass(line, given, "-i", "-i");
  pass(line, given, "-o", "-o");
  append(line, {"--rules", fs::path(given.one("-pp_pkl_file")).replace_extension(".json").string()});
  pass(line, given, "-dataset_json", "--dataset-json");
  pass(line, given, "-np", "--threads");
  return {line};
}

Lines convert_msd(const Arguments& given) {
  const fs::path input = given.one("-i");
  CommandLine line{"convert", "msd", input.string(), environment("nnUNet_raw")};
  if (given.has("-overwrite_id")) {  // Task04_Hippocampus
    const std::string task = folder_name(input);
    append(line, {"--name", fmt::format("Dataset{:0>3}{}", given.one("-overwrite_id"),
                                        task.substr(std::min(task.find('_'), task.size())))});
  }
  return {line};
}

Lines export_model(const Arguments& given) {
  const auto names = configurations(given), checkpoints = given.many("-chk", {"checkpoint_final.pth"});
  if (names.size() != 1) fail_usage("-c: expected one configuration");
  if (checkpoints.size() != 1) fail_usage("-chk: expected one checkpoint");
  refuse(given, "--exp_cv_preds", "predictions of the cross-validation stay in the model's folder");
  if (given.has("--not_strict")) warn("--not_strict: each of the folds must be there");
  CommandLine line{
      "export", "-m",
      model_folder(given.one("-d"), given.one("-tr", kTrainer), given.one("-p", kPlans), names[0]).string(),
      "--nnunet-zip"};
  pass(line, given, "-o", "-o");
  line.emplace_back("-f");
  append(line, given.many("-f", {"0", "1", "2", "3", "4"}));
  append(line, {"--checkpoint", checkpoint_name(checkpoints[0])});
  return {line};
}

Lines install_model(const Arguments& given) {
  return {{"install", given.one("zip")}};
}

Lines plot_overlays(const Arguments& given) {
  expect_only(given, "-channel_idx", "0");
  refuse(given, "-overlay_intensity", "labels are drawn with one opacity");
  if (!given.has("--use_raw")) warn("the raw images are drawn, as with --use_raw");
  const fs::path raw = find_dataset(environment("nnUNet_raw"), given.one("-d"));
  CommandLine line{"overlay", "-i", (raw / "imagesTr").string(), "-p", (raw / "labelsTr").string()};
  pass(line, given, "-o", "-o");
  pass(line, given, "-np", "--threads");
  return {line};
}

constexpr std::string_view kPrefix = "nnUNetv2_";
constexpr DropIn kDropIns[] = {
    {"nnUNetv2_plan_and_preprocess", kPlanAndPreprocess, plan_and_preprocess},
    {"nnUNetv2_extract_fingerprint", kExtractFingerprint, extract_fingerprint},
    {"nnUNetv2_plan_experiment", kPlanExperiment, plan_experiment},
    {"nnUNetv2_preprocess", kPreprocess, preprocess},
    {"nnUNetv2_move_plans_between_datasets", kMovePlans, move_plans},
    {"nnUNetv2_train", kTrain, train},
    {"nnUNetv2_predict", kPredict, predict},
    {"nnUNetv2_predict_from_modelfolder", kPredictFromModelFolder, predict_from_model_folder},
    {"nnUNetv2_evaluate_folder", kEvaluateFolder, evaluate_folder},
    {"nnUNetv2_evaluate_simple", kEvaluateSimple, evaluate_simple},
    {"nnUNetv2_ensemble", kEnsemble, ensemble},
    {"nnUNetv2_find_best_configuration", kFindBest, find_best},
    {"nnUNetv2_accumulate_crossval_results", kAccumulate, accumulate},
    {"nnUNetv2_determine_postprocessing", kDeterminePostprocessing, determine_postprocessing},
    {"nnUNetv2_apply_postprocessing", kApplyPostprocessing, apply_postprocessing},
    {"nnUNetv2_export_model_to_zip", kExportModel, export_model},
    {"nnUNetv2_install_pretrained_model_from_zip", kInstallModel, install_model},
    {"nnUNetv2_convert_MSD_dataset", kConvertMsd, convert_msd},
    {"nnUNetv2_plot_overlay_pngs", kPlotOverlays, plot_overlays},
};

}  // namespace

std::span<const DropIn> drop_ins() {
  return kDropIns;
}

const DropIn* find_drop_in(std::string_view name) {
  if (!name.starts_with(kPrefix)) return nullptr;
  std::vector<std::string> known;
  for (const DropIn& one : kDropIns) {
    if (one.name == name) return &one;
    known.emplace_back(one.name);
  }
  fail_unknown("nnU-Net command", name, known);
}

}  // namespace seg
