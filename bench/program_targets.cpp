// The whole program on one picture: how long it takes from its start, and how much memory.
#include "program_targets.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/scratch_folder.h"
#include "data/plan.h"
#include "image/image_io.h"
#include "infer/checkpoint_info.h"
#include "targets.h"
#include "weights/model_file.h"

namespace seg::bench {
namespace {

constexpr std::int64_t kSize = NetworkCase::kSize, kClasses = NetworkCase::kClasses;
constexpr int kRuns = 5;

/// A model file of the network with its random weights, for grey pictures.
void write_model(const NetworkCase& network, const char* name, const fs::path& path) {
  Plan plan;
  plan.dataset_name = "Dataset001_Noise";
  plan.image_reader_writer = "NaturalImage2DIO";
  plan.intensities.resize(1);
  plan.configurations.resize(1);
  auto& configuration = plan.configurations[0];
  configuration.patch_size = {kSize, kSize};
  configuration.spacing = {1, 1};
  configuration.normalization.resize(1);
  configuration.use_mask_for_norm.resize(1);
  CheckpointInfo info;
  info.network = name;
  info.network_config = network.network()->config();
  info.patch_size = {kSize, kSize};
  const Json dataset{{"channel_names", {{"0", "grey"}}},
                     {"numTraining", 1},
                     {"file_ending", ".png"},
                     {"labels", {{"background", 0}, {"a", 1}, {"b", 2}, {"c", 3}}}};
  static_assert(kClasses == 4);
  std::vector<TensorView> arrays = network.arrays();
  for (TensorView& array : arrays) array.name = name_in_model("0", array.name);
  write_model_file(path,
                   {.program = "bench",
                    .trainer = "nnUNetTrainer",
                    .configuration = "2d",
                    .network = to_text(network_to_json(info)),
                    .plans = to_text(to_json(plan)),
                    .dataset = to_text(dataset),
                    .folds = R"([{"fold": "0"}])"},
                   arrays);
}

struct Usage {
  double seconds = 0, megabytes = 0;
};

/// Runs a command of the program, which tells its memory on stderr. Throws Error unless it ends with 0.
Usage run(const std::vector<std::string>& command, const fs::path& messages) {
  // A shell in between: the kernel counts a process's peak from the program that started it.
  std::vector<std::string> all{"/bin/sh", "-c", "\"$@\" > /dev/null 2> \"$0\" || exit 1", messages};
  all.insert(all.end(), command.begin(), command.end());
  std::vector<char*> arguments;
  for (std::string& argument : all) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const double start = wall_seconds();
  pid_t process = 0;
  int status = posix_spawn(&process, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (status == 0) waitpid(process, &status, 0);
  const double seconds = wall_seconds() - start;
  const std::string text = read_text(messages), key = "peak memory ";
  const std::size_t found = text.find(key);
  if (status != 0 || found == std::string::npos) fail("{} failed: {}", command[0], text);
  constexpr double kMegabytes = 1.048576;  // of a MiB
  return {seconds, kMegabytes * std::stod(text.substr(found + key.size()))};
}

}  // namespace

void add_program_rows(std::vector<Target>& rows, const char* name, double most_megabytes) {
  NetworkCase network(name);
  const ScratchFolder folder(fs::temp_directory_path() / "bench");
  const fs::path model = folder.path() / "model.seg", picture = folder.path() / "noise_0000.png";
  write_model(network, name, model);
  Labels noise({1, 1, kSize, kSize});
  for (std::size_t i = 0; i < noise.data.size(); ++i)
    noise.data[i] = static_cast<int>(static_cast<std::uint32_t>(i) * 2654435761U >> 24U);
  write_labels(picture, noise, {});
  const fs::path program = fs::read_symlink("/proc/self/exe").replace_filename("swin-umamba");
  const std::vector<std::string> command{program, "predict", "-m", model,
                                         "-i",    picture,   "-o", folder.path() / "labels.png"};

  engine::Engine engine = network.engine();
  network.run(engine);
  Usage least{1e30, 1e30};
  double seconds = 1e30;
  for (int i = 0; i < kRuns; ++i) {
    const Usage usage = run(command, folder.path() / "messages");
    least = {std::min(least.seconds, usage.seconds), std::min(least.megabytes, usage.megabytes)};
    seconds = std::min(seconds, best_wall_seconds(1, [&] { network.run(engine); }));
  }
  rows.push_back({fmt::format("{}, from start to a predicted PNG, against its network", name), "s", seconds,
                  least.seconds, 1.5 * seconds});
  rows.push_back({fmt::format("{}, memory of that, against its file", name), "MB",
                  static_cast<double>(fs::file_size(model)) / 1e6, least.megabytes, most_megabytes});
}

}  // namespace seg::bench
