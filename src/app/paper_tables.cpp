#include "app/paper_tables.h"

#include <array>
#include <cmath>

#include "base/error.h"
#include "base/progress.h"
#include "eval/text_table.h"
#include "net/cost.h"

namespace seg {
namespace {

/// One of the paper's datasets, with nnU-Net's patch size for it.
struct Setting {
  const char* name;
  std::int64_t in_channels, classes;
  Size2d patch_size;
};
constexpr std::array<Setting, 3> kSettings{
    {{"abdomen MRI", 1, 14, {320, 320}}, {"endoscopy", 3, 8, {384, 640}}, {"microscopy", 3, 3, {512, 512}}}};

struct Figures {
  int parameters;  ///< millions
  double flops;    ///< G, one decimal
};

/// A row of the tables (arXiv 2402.03302v2, tables 1 to 3) and the footnotes of its figures, 0 for none.
struct PaperRow {
  const char *title, *network;
  std::array<Figures, kSettings.size()> figures;
  int parameters_note = 0, flops_note = 0;
};
constexpr PaperRow kRows[] = {
    {"nnU-Net", "nnunet", {{{33, 23.3}, {33, 55.9}, {46, 60.1}}}},
    {"SegResNet", "segresnet", {{{6, 24.5}, {6, 58.9}, {6, 62.8}}}},
    {"UNETR", "unetr", {{{87, 42.1}, {88, 111.5}, {88, 120.1}}}},
    {"SwinUNETR", "swin_unetr", {{{25, 27.9}, {25, 67.1}, {25, 71.7}}}},
    {"nnFormer", "nnformer", {{{60, 50.2}, {60, 125.5}, {60, 136.7}}}, 1, 1},
    {"U-Mamba_Bot", "umamba_bot_v1", {{{63, 45.7}, {63, 109.7}, {86, 117.8}}}},
    {"U-Mamba_Enc", "umamba_enc_v1", {{{67, 49.9}, {67, 119.8}, {92, 128.7}}}, 0, 2},
    {"Swin-UMamba†", "swin_umamba_d", {{{28, 18.9}, {28, 45.3}, {27, 48.2}}}},
    {"Swin-UMamba", "swin_umamba", {{{60, 68.0}, {60, 163.6}, {60, 174.4}}}},
};

constexpr const char* kFootnotes =
    "[1] No public configuration of nnFormer has these figures: the official network without its depth axis\n"
    "    comes closest in FLOPs and has 114 M parameters.\n"
    "[2] The paper's count misses U-Mamba's projections x_proj and out_proj, which ran inside a fused "
    "function;\n"
    "    without them ours are its figures. In U-Mamba_Bot they are too small to show.\n";

/// The paper rounds parameters twice: 27.498 M became 27.50, and then 28.
int as_paper_millions(std::int64_t parameters) {
  return static_cast<int>(std::lround(std::round(static_cast<double>(parameters) / 1e4) / 100));
}

std::string marked(std::string figure, int note) {
  return note == 0 ? figure : fmt::format("{} [{}]", figure, note);
}

/// Measures one cell pair and adds its row; returns what does not agree, "" for nothing.
std::string add_row(TextTable& table, const PaperRow& row, std::size_t index) {
  const Setting& setting = kSettings[index];
  const Figures& paper = row.figures[index];
  const auto network = make_network(row.network, {setting.in_channels, setting.classes,
                                                  /*deep_supervision=*/true, setting.patch_size});
  const ForwardCost cost = forward_cost(*network, setting.patch_size);
  const double parameters = static_cast<double>(cost.parameters()) / 1e6;
  const double flops = static_cast<double>(cost.flops(ScanFormula::paper)) / 1e9;
  table.add_row({row.title, marked(fmt::format("{}", paper.parameters), row.parameters_note),
                 fmt::format("{:.2f}", parameters), fmt::format("{:+.2f}", parameters - paper.parameters),
                 marked(fmt::format("{:.1f}", paper.flops), row.flops_note), fmt::format("{:.2f}", flops),
                 fmt::format("{:+.2f}", flops - paper.flops)});
  std::string wrong;
  if (row.parameters_note == 0 && as_paper_millions(cost.parameters()) != paper.parameters) {
    wrong += fmt::format("{}, {}: expected {} M parameters, got {:.2f}\n", setting.name, row.title,
                         paper.parameters, parameters);
  }
  if (row.flops_note == 0 && fmt::format("{:.1f}", flops) != fmt::format("{:.1f}", paper.flops)) {
    wrong += fmt::format("{}, {}: expected {:.1f} GFLOPs, got {:.2f}\n", setting.name, row.title, paper.flops,
                         flops);
  }
  return wrong;
}

}  // namespace

void print_paper_tables() {
  std::string wrong;
  Progress progress("measuring", static_cast<std::int64_t>(kSettings.size() * std::size(kRows)));
  for (std::size_t i = 0; i < kSettings.size(); ++i) {
    TextTable table(
        {"network", "#param M, paper", "ours", "difference", "FLOPs G, paper", "ours", "difference"});
    for (const auto& row : kRows) {
      wrong += add_row(table, row, i);
      progress.advance();
    }
    clear_progress_line();
    const auto& [height, width] = kSettings[i].patch_size;
    fmt::print("{}, {}x{}\n{}\n", kSettings[i].name, height, width, table.text());
  }
  fmt::print("{}", kFootnotes);
  if (!wrong.empty()) fail("figures that should agree with the paper do not:\n{}", wrong);
}

}  // namespace seg
