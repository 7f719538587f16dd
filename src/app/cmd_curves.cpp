#include <CLI/CLI.hpp>

#include <memory>
#include <sstream>

#include "app/command.h"
#include "base/error.h"
#include "eval/pictures.h"
#include "eval/text_table.h"
#include "eval/training_log.h"

namespace seg {
namespace {

struct CurvesOptions {
  fs::path output;
  std::vector<std::string> groups;
};

/// "NAME=FOLDER,FOLDER..." with the curves of its trainings.
CurveGroup read_group(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == 0 || equals == std::string::npos)
    fail_usage("expected NAME=FOLDER or NAME=FOLDER,FOLDER..., got {}", text);
  CurveGroup group{text.substr(0, equals), {}};
  std::istringstream folders(text.substr(equals + 1));
  for (std::string folder; std::getline(folders, folder, ',');)
    group.curves.push_back(logged_pseudo_dice(folder));
  if (group.curves.empty()) fail_usage("expected at least one folder after {}=", group.name);
  return group;
}

void run_curves(const CurvesOptions& options) {
  std::vector<CurveGroup> groups;
  TextTable table({"", "trainings", "epochs", "last mean", "least", "greatest"});
  for (const auto& text : options.groups) {
    const CurveGroup& group = groups.emplace_back(read_group(text));
    const CurveSpread spread = spread_of(group.curves);
    table.add_row({group.name, std::to_string(group.curves.size()), std::to_string(spread.mean.size()),
                   format_score(spread.mean.back()), format_score(spread.low.back()),
                   format_score(spread.high.back())});
  }
  draw_grouped_curves(options.output, groups, "pseudo Dice of the validation batches");
  fmt::print("{}", table.text());
}

}  // namespace

Run declare_curves(CLI::App& app) {
  const auto options = std::make_shared<CurvesOptions>();
  app.add_option("-o,--output", options->output, "picture (.png)")->required()->type_name("FILE");
  app.add_option("groups", options->groups,
                 "a name and the folders of trained folds that share it, such as those of several seeds")
      ->required()
      ->type_name("NAME=FOLDER[,FOLDER...]");
  app.footer(
      "Draws each group's mean validation Dice per epoch, with a band from its least to its greatest value.\n"
      "Example:\n  swin-umamba curves -o curves.png scratch=a/fold_0,a/fold_1 pretrained=b/fold_0,b/fold_1");
  return [options] { run_curves(*options); };
}

}  // namespace seg
