#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "app/libtorch.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "eval/text_table.h"
#include "infer/checkpoint_info.h"
#include "infer/postprocess.h"
#include "infer/predictor.h"
#include "weights/array_statistics.h"
#include "weights/model_file.h"
#include "weights/pth.h"
#include "weights/safetensors.h"
#include "weights/weights.h"

namespace seg {
namespace {

bool is_checkpoint(const NamedArrays& file) {
  const auto pickled = file.metadata().find(kPickleKey);
  if (pickled == file.metadata().end()) return file.metadata().contains(kCheckpointKey);
  return parse_json(pickled->second, "its contents").contains("trainer_name");
}

std::string shape_text(const TensorView& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.shape, ", "));
}

/// Mean, standard deviation, least and greatest value; "-" where there are no values.
std::vector<std::string> statistics_cells(const TensorView& array) {
  const auto found = array_statistics(array);
  if (!found) return {"-", "-", "-", "-"};
  std::vector<std::string> cells;
  for (const double number : {found->mean, found->std, found->min, found->max})
    cells.push_back(fmt::format("{:.4g}", number));
  return cells;
}

/// What is beside the arrays, a line per key.
void print_metadata(const NamedArrays& file) {
  const auto print = [](const std::string& key, const std::string& text) {
    constexpr std::size_t kShown = 100;
    fmt::print("{}: {}{}\n", key, text.substr(0, kShown), text.size() > kShown ? " ..." : "");
  };
  for (const auto& [key, text] : file.metadata()) {
    if (key != kPickleKey && key != kCheckpointKey) {
      print(key, text);
      continue;
    }
    const Json record = parse_json(text, key);
    if (!record.is_object()) print(key, record.dump());
    for (const auto& [name, value] : record.items()) {
      if (record.is_object()) print(name, value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
  }
}

/// A line for each thing beside the arrays of a whole model.
void print_model(const ModelFile& model) {
  const ModelDescription& description = model.description();
  fmt::print("whole model of {}, configuration {}, written by {}, hash verified\n", description.trainer,
             description.configuration, description.program);
  fmt::print("network: {}\n", parse_json(description.network, "network").dump());
  for (const Json& fold : parse_json(description.folds, "folds")) fmt::print("fold: {}\n", fold.dump());
  if (!description.postprocessing.empty()) {
    for (const auto& step :
         postprocessing_from_json(parse_json(description.postprocessing, "postprocessing")))
      fmt::print("postprocessing: only the largest component of {}\n", to_words(step));
  }
}

void run_show(const fs::path& path) {
  const NamedArrays file = open_weights(path);
  if (is_model(file)) print_model(ModelFile(path));
  TextTable table({"name", "type", "shape", "mean", "std", "min", "max"});
  std::size_t bytes = 0, count = 0;
  for (const TensorView& view : file.tensors()) {
    std::vector<std::string> row{view.name, std::string(type_name(view.type)), shape_text(view)};
    for (auto& cell : statistics_cells(view)) row.push_back(std::move(cell));
    table.add_row(std::move(row));
    bytes += view.bytes.size();
    count += count_of(view.shape);
  }
  fmt::print("{}\n{} arrays, {} values, {:.1f} MB\n", table.text(), file.tensors().size(), count,
             static_cast<double>(bytes) / 1e6);
  if (is_model(file)) return;
  print_metadata(file);
  NetworkConfig config;
  config.patch_size = {320, 320};  // for weights that do not say it
  if (is_checkpoint(file)) {
    try {
      const CheckpointInfo info = read_checkpoint_info(path);
      config = info.network_config;
      fmt::print("checkpoint of {} after {} epochs\n", info.trainer_name, info.current_epoch);
    } catch (const Error& error) {
      fmt::print("a checkpoint that cannot be used here: {}\n", error.what());
    }
  }
  if (const auto uses_of = libtorch().uses_of) {
    fmt::print("{}", uses_of(file, path, config));
  } else {
    note("what networks the weights fit is told by a build with LibTorch");
  }
}

void run_convert(const fs::path& source, const fs::path& target, bool bare) {
  const bool to_safetensors = target.extension() == ".safetensors";
  if (!to_safetensors && target.extension() != ".pth" && target.extension() != ".pt")
    fail_usage("{}: expected a name ending in .safetensors, .pth or .pt", target.string());
  const NamedArrays file = open_weights(source);
  if (!bare && is_checkpoint(file)) {
    const auto convert_checkpoint = libtorch().convert_checkpoint;
    if (!convert_checkpoint) throw needs_libtorch("converting a training checkpoint without --network-only");
    convert_checkpoint(source, target);
  } else {
    const auto weights = network_weights(file);
    if (weights.empty()) {
      throw Error(fmt::format("{} holds no weights in dicts and lists", source.string()),
                  "in Python, save model.state_dict() instead of the model");
    }
    if (to_safetensors) {
      write_safetensors(target, weights, {{"format", "pt"}});
    } else {
      PthWriter writer;
      writer.state_dict(weights);
      writer.write(target);
    }
    note("{} arrays of the network; left out: {} other arrays{}", weights.size(),
         file.tensors().size() - weights.size(), file.metadata().empty() ? "" : ", and what is no array");
  }
  fmt::print("{}\n", target.string());
}

}  // namespace

Run declare_weights(CLI::App& app) {
  struct Options {
    fs::path source, target;
    bool bare = false;
  };
  const auto options = std::make_shared<Options>();
  auto* show = app.add_subcommand("show", "list the arrays of a file, and what network they fit");
  auto* convert = app.add_subcommand("convert", "from .pth or .pt to .safetensors, or back");
  for (auto* command : {show, convert}) command->fallthrough();  // --quiet may stand behind them
  app.require_subcommand(1);
  show->add_option("file", options->source, ".safetensors, .pth or .pt")->required()->type_name("FILE");
  convert->add_option("from", options->source, ".safetensors, .pth or .pt")->required()->type_name("FROM");
  convert->add_option("to", options->target, "its ending decides the format")->required()->type_name("TO");
  convert->add_flag("--network-only", options->bare,
                    "of a training checkpoint only the network's weights, without optimiser and log");
  app.footer(
      "Training checkpoints stay whole: .safetensors are this program's (train --continue goes on with "
      "them), "
      ".pth nnU-Net's.\n"
      "Example:\n  swin-umamba weights show vmamba_tiny_e292.pth\n"
      "  swin-umamba weights convert fold_0/checkpoint_final.safetensors fold_0/checkpoint_final.pth");
  return [options, show] {
    if (show->parsed()) {
      run_show(options->source);
    } else {
      run_convert(options->source, options->target, options->bare);
    }
  };
}

}  // namespace seg
