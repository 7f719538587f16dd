#include <CLI/CLI.hpp>

#include <memory>

#include "app/command.h"
#include "app/options.h"
#include "base/error.h"
#include "base/log.h"
#include "base/npy.h"
#include "net/network.h"
#include "net/state_dict.h"
#include "net/threads.h"

namespace seg {
namespace {

struct ForwardOptions {
  std::string network;
  std::int64_t in_channels = 1, classes = 2;
  std::string patch_size;
  fs::path weights, input, output;
  bool deep_supervision = false;
  std::uint64_t seed = 0;
};

Tensor read_input(const fs::path& path, std::int64_t channels) {
  const NpyFile file(path);
  if (file.shape().size() != 4 || file.shape()[1] != channels) {
    fail("{}: expected an array of shape [batch, {}, height, width], got [{}]", path.string(), channels,
         fmt::join(file.shape(), ", "));
  }
  const auto values = file.values<float>();
  Tensor input = torch::empty(file.shape(), torch::kFloat32);
  std::copy(values.begin(), values.end(), input.data_ptr<float>());
  return input;
}

void run_forward(const ForwardOptions& options) {
  apply_thread_count();
  const torch::InferenceMode inference;
  const Tensor input = read_input(options.input, options.in_channels);
  torch::manual_seed(options.seed);
  const Size2d size{input.size(2), input.size(3)};
  const auto network = make_network(
      options.network, {options.in_channels, options.classes, options.deep_supervision,
                        options.patch_size.empty() ? size : parse_patch_size(options.patch_size)});
  if (options.weights.empty()) {
    note("no --weights given: random weights of seed {}", options.seed);
  } else {
    with_context("read " + options.weights.string(),
                 [&] { load_state_dict_strictly(*network, read_network_weights(options.weights)); });
  }
  network->eval();
  const Size2d legal = network->legal_size(size);
  if (legal != size) {
    note("{} is padded to {} inside the network and the outputs are cropped back", fmt::join(size, "x"),
         fmt::join(legal, "x"));
  }
  make_folder(options.output);
  const auto outputs = network->forward(input);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor output = outputs[i].contiguous();
    const fs::path path = options.output / fmt::format("out_{}.npy", i);
    write_npy<float>(path, output.sizes().vec(),
                     {output.data_ptr<float>(), static_cast<std::size_t>(output.numel())});
    fmt::print("{}\n", path.string());
  }
}

}  // namespace

Run declare_forward(CLI::App& app) {
  auto options = std::make_shared<ForwardOptions>();
  app.add_option("--network", options->network, "name of the network")->required()->type_name("NAME");
  app.add_option("--in-channels", options->in_channels, "channels of the input")
      ->required()
      ->check(CLI::PositiveNumber);
  app.add_option("--classes", options->classes, "output channels")->required()->check(CLI::PositiveNumber);
  app.add_option("--weights", options->weights, "weights or a checkpoint: .safetensors, .pth, .pt")
      ->type_name("FILE");
  app.add_option("--input", options->input, "float32 array [batch, channels, height, width]")
      ->required()
      ->type_name("NPY");
  app.add_option("--output-dir", options->output, "folder for out_0.npy, out_1.npy, ...")
      ->required()
      ->type_name("FOLDER");
  app.add_flag("--deep-supervision", options->deep_supervision, "write every head, not only the first");
  app.add_option(
         "--patch-size", options->patch_size,
         "size that nnunet, umamba_* and other size-dependent networks are built for (default: the input's)")
      ->type_name("HxW");
  app.add_option("--seed", options->seed, "seed of random weights")->check(CLI::NonNegativeNumber);
  app.footer(
      "Example:\n  swin-umamba forward --network swin_umamba_d --in-channels 1 --classes 4 --weights "
      "model.safetensors \\\n"
      "    --input x.npy --output-dir out --deep-supervision");
  return [options] { run_forward(*options); };
}

}  // namespace seg
