#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <map>
#include <memory>

#include "app/command.h"
#include "app/options.h"
#include "app/paper_tables.h"
#include "base/error.h"
#include "base/json.h"
#include "base/progress.h"
#include "eval/text_table.h"
#include "net/cost.h"
#include "net/set_up_torch.h"

namespace seg {
namespace {

struct InfoOptions {
  std::string network = "all", size = "320x320";
  std::int64_t in_channels = 1, classes = 2;
  ScanFormula formula = ScanFormula::paper;
  bool json = false, markdown = false, time = false, paper_tables = false;
};

struct NetworkInfo {
  const NetworkEntry* entry = nullptr;
  ForwardCost cost;
  std::int64_t training_bytes = 0;
  double seconds = 0;  ///< of a forward pass, the shortest of a few
};

constexpr std::string_view kTimeReference = "swin_umamba_d";

std::vector<NetworkInfo> measure(const InfoOptions& options, const Size2d& size) {
  std::vector<const NetworkEntry*> chosen;
  if (options.network == "all") {
    for (const auto& entry : networks()) chosen.push_back(&entry);
  } else {
    chosen.push_back(&find_network(options.network));
  }
  Progress progress("measuring", chosen.size());
  std::vector<NetworkInfo> infos;
  for (const NetworkEntry* entry : chosen) {
    NetworkInfo info{entry, {}, 0, 0};
    const auto network = entry->make({options.in_channels, options.classes, /*deep_supervision=*/true, size});
    info.cost = forward_cost(*network, size);
    info.training_bytes = bytes_kept_for_training(*network, size);
    if (options.time) info.seconds = forward_seconds(*network, size);
    infos.push_back(std::move(info));
    progress.advance();
  }
  return infos;
}

std::string millions(std::int64_t count) {
  return fmt::format("{:.2f} M", static_cast<double>(count) / 1e6);
}
std::string billions(std::int64_t count) {
  return fmt::format("{:.2f} G", static_cast<double>(count) / 1e9);
}
std::string mebibytes(std::int64_t bytes) {
  return fmt::format("{:.0f} MiB", static_cast<double>(bytes) / (1 << 20));
}

Json to_json(const InfoOptions& options, const Size2d& size, const NetworkInfo& info) {
  Json json{{"network", info.entry->name},
            {"size", size},
            {"in_channels", options.in_channels},
            {"classes", options.classes},
            {"parameters", info.cost.parameters()},
            {"flops", info.cost.flops(options.formula)},
            {"by_operator", info.cost.by_operator},
            {"inference_peak_bytes", info.cost.peak_bytes},
            {"kept_for_training_bytes", info.training_bytes}};
  std::int64_t counted = 0;
  Json scans = Json::array(), stages = Json::array();
  for (const auto& stage : info.cost.stages) {
    counted += stage.counted;
    stages.push_back(
        {{"name", stage.name}, {"parameters", stage.parameters}, {"flops", stage.flops(options.formula)}});
    for (const auto& scan : stage.scans) {
      scans.push_back({{"B", scan.batch}, {"D", scan.channels}, {"L", scan.length}, {"N", scan.states}});
    }
  }
  json["flops_without_scans"] = counted;
  json["scans"] = scans;
  json["stages"] = stages;
  if (options.time) json["seconds"] = info.seconds;
  return json;
}

void print_one(const InfoOptions& options, const NetworkInfo& info) {
  const std::int64_t flops = info.cost.flops(options.formula);
  fmt::print("{}: {}\n\n", info.entry->name, info.entry->summary);
  fmt::print("parameters         {}\nFLOPs              {}  (a multiply-add is one)\n",
             millions(info.cost.parameters()), billions(flops));
  fmt::print("activations        {} at most in inference, {} kept for training\n",
             mebibytes(info.cost.peak_bytes), mebibytes(info.training_bytes));
  if (options.time) fmt::print("forward pass       {:.3f} s\n", info.seconds);
  TextTable operators({"operator", "FLOPs"});
  std::int64_t counted = 0;
  for (const auto& [name, count] : info.cost.by_operator) {
    operators.add_row({name, billions(count)});
    counted += count;
  }
  if (flops != counted) operators.add_row({"selective scan", billions(flops - counted)});
  TextTable stages({"stage", "parameters", "FLOPs"});
  for (const auto& stage : info.cost.stages) {
    stages.add_row({stage.name, millions(stage.parameters), billions(stage.flops(options.formula))});
  }
  fmt::print("\n{}\n{}", operators.text(), stages.text());
}

std::string markdown_row(const std::vector<std::string>& cells) {
  return fmt::format("| {} |\n", fmt::join(cells, " | "));
}

/// One row per network; times as multiples of kTimeReference's.
void print_overview(const InfoOptions& options, const std::vector<NetworkInfo>& infos) {
  std::vector<std::string> header{"network", "parameters", "FLOPs", "inference memory", "training memory"};
  if (options.time) header.emplace_back("time");
  double reference = 0;
  for (const auto& info : infos) {
    if (info.entry->name == kTimeReference) reference = info.seconds;
  }
  TextTable table(header);
  std::string markdown = markdown_row(header) + markdown_row({header.size(), "---"});
  for (const auto& info : infos) {
    std::vector<std::string> row{std::string(info.entry->name), millions(info.cost.parameters()),
                                 billions(info.cost.flops(options.formula)), mebibytes(info.cost.peak_bytes),
                                 mebibytes(info.training_bytes)};
    if (options.time) row.push_back(fmt::format("{:.2f}", info.seconds / reference));
    markdown += markdown_row(row);
    table.add_row(std::move(row));
  }
  fmt::print("{}", options.markdown ? markdown : table.text());
}

void run_info(const InfoOptions& options) {
  set_up_torch();
  if (options.paper_tables) return print_paper_tables();
  const Size2d size = parse_patch_size(options.size, "--size");
  const auto infos = measure(options, size);
  if (options.json) {
    Json json = Json::array();
    for (const auto& info : infos) json.push_back(to_json(options, size, info));
    fmt::print("{}\n", to_text(options.network == "all" ? json : json[0]));
  } else if (options.network == "all") {
    print_overview(options, infos);
  } else {
    print_one(options, infos[0]);
  }
}

}  // namespace

Run declare_info(CLI::App& app) {
  auto options = std::make_shared<InfoOptions>();
  app.add_option("--network", options->network, "name of the network, or all (the default)")
      ->type_name("NAME");
  app.add_option("--in-channels", options->in_channels, "channels of the input, 1 unless given")
      ->check(CLI::PositiveNumber);
  app.add_option("--classes", options->classes, "output channels, 2 unless given")
      ->check(CLI::PositiveNumber);
  app.add_option("--size", options->size, "size of the image, which size-dependent networks are built for")
      ->type_name("HxW");
  app.add_option("--flops", options->formula,
                 "formula for selective scans: paper (9BLDN + BDL), or v1, which arXiv v1 quotes")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, ScanFormula>{{"paper", ScanFormula::paper}, {"v1", ScanFormula::v1}}));
  app.add_flag("--time", options->time,
               "time a forward pass; of all networks as multiples of swin_umamba_d's time");
  app.add_flag("--json", options->json, "print JSON");
  app.add_flag("--markdown", options->markdown, "print the table of all networks as Markdown")
      ->excludes("--json");
  auto* tables =
      app.add_flag("--paper-tables", options->paper_tables,
                   "print the paper's columns of parameters and FLOPs beside ours; fails where they should "
                   "agree and do not (takes a minute)");
  for (const char* other :
       {"--network", "--in-channels", "--classes", "--size", "--flops", "--time", "--json", "--markdown"}) {
    tables->excludes(other);
  }
  app.footer(
      "FLOPs are counted as the paper does: a multiply-add is one, deep supervision is on.\n"
      "Example:\n  swin-umamba info --network swin_umamba --in-channels 1 --classes 14 --size 320x320");
  return [options] { run_info(*options); };
}

}  // namespace seg
