#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "app/options.h"
#include "base/error.h"
#include "base/npy.h"
#include "net/forward_array.h"
#include "net/set_up_torch.h"

namespace seg {
namespace {

struct ForwardOptions {
  ForwardTask task;
  std::string patch_size;
  fs::path input, output;
};

FloatArray read_input(const fs::path& path, std::int64_t channels) {
  const NpyFile file(path);
  if (file.shape().size() != 4 || file.shape()[1] != channels) {
    fail("{}: expected an array of shape [batch, {}, height, width], got [{}]", path.string(), channels,
         fmt::join(file.shape(), ", "));
  }
  const auto values = file.values<float>();
  return {file.shape(), {values.begin(), values.end()}};
}

void run_forward(ForwardOptions& options) {
  set_up_torch();
  auto& config = options.task.config;
  const FloatArray input = read_input(options.input, config.in_channels);
  config.patch_size = options.patch_size.empty() ? Size2d{input.shape[2], input.shape[3]}
                                                 : parse_patch_size(options.patch_size);
  const auto outputs = forward_array(options.task, input);
  make_folder(options.output);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const fs::path path = options.output / fmt::format("out_{}.npy", i);
    write_npy<float>(path, outputs[i].shape, outputs[i].values);
    fmt::print("{}\n", path.string());
  }
}

}  // namespace

Run declare_forward(CLI::App& app) {
  auto options = std::make_shared<ForwardOptions>();
  NetworkConfig& config = options->task.config;
  app.add_option("--network", options->task.network, "name of the network")->required()->type_name("NAME");
  app.add_option("--in-channels", config.in_channels, "channels of the input")
      ->required()
      ->check(CLI::PositiveNumber);
  app.add_option("--classes", config.classes, "output channels")->required()->check(CLI::PositiveNumber);
  app.add_option("--weights", options->task.weights, "weights or a checkpoint: .safetensors, .pth, .pt")
      ->type_name("FILE");
  app.add_option("--input", options->input, "float32 array [batch, channels, height, width]")
      ->required()
      ->type_name("NPY");
  app.add_option("--output-dir", options->output, "folder for out_0.npy, out_1.npy, ...")
      ->required()
      ->type_name("FOLDER");
  app.add_flag("--deep-supervision", config.deep_supervision, "write every head, not only the first");
  app.add_option(
         "--patch-size", options->patch_size,
         "size that nnunet, umamba_* and other size-dependent networks are built for (default: the input's)")
      ->type_name("HxW");
  app.add_option("--seed", options->task.seed, "seed of random weights")->check(CLI::NonNegativeNumber);
  app.footer(
      "Example:\n  swin-umamba forward --network swin_umamba_d --in-channels 1 --classes 4 --weights "
      "model.safetensors \\\n"
      "    --input x.npy --output-dir out --deep-supervision");
  return [options] { run_forward(*options); };
}

}  // namespace seg
