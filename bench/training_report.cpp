// Where a training step's time goes, by LibTorch's operators and our own.
#include <ATen/record_function.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/threads.h"
#include "report.h"
#include "targets.h"
#include "training_case.h"

namespace seg::bench {
namespace {

struct Started : at::ObserverContext {
  double at = wall_seconds();
};

std::mutex guard;
std::map<std::string, double> seconds;         // of an operator itself, without those that it calls
thread_local std::vector<double> called_from;  // seconds of what the running operators have called

std::unique_ptr<at::ObserverContext> start(const at::RecordFunction&) {
  called_from.push_back(0);
  return std::make_unique<Started>();
}

void end(const at::RecordFunction& function, at::ObserverContext* context) {
  const double took = wall_seconds() - static_cast<const Started*>(context)->at;
  const double own = took - called_from.back();
  called_from.pop_back();
  if (!called_from.empty()) called_from.back() += took;
  const std::lock_guard lock(guard);
  seconds[function.name()] += own;
}

void print_row(const std::string& name, double part, double all) {
  fmt::print("| {} | {:.0f} | {:.0f} % |\n", name, 1e3 * part, 100 * part / all);
}

}  // namespace

void print_training_report(const char* name) {
  constexpr std::size_t kRows = 12;
  constexpr int kSteps = 3;
  TrainingCase training(name);
  training.step();
  seconds.clear();
  const auto handle =
      at::addGlobalCallback(at::RecordFunctionCallback(start, end)
                                .scopes({at::RecordScope::FUNCTION, at::RecordScope::USER_SCOPE}));
  const double begin = wall_seconds();
  for (int i = 0; i < kSteps; ++i) training.step();
  const double all = (wall_seconds() - begin) / kSteps;
  at::removeCallback(handle);

  std::vector<std::pair<double, std::string>> rows;
  for (const auto& [operation, total] : seconds) rows.emplace_back(total / kSteps, operation);
  std::ranges::sort(rows, std::ranges::greater());
  fmt::print(
      "\n{}, a training step of {} images of {}x{}, {} threads\n\n| operator | ms | of all "
      "|\n|---|---|---|\n",
      name, TrainingCase::kImages, TrainingCase::kSize, TrainingCase::kSize, thread_count());
  double rest = all;
  for (std::size_t i = 0; i < std::min(kRows, rows.size()); ++i) {
    print_row(rows[i].second, rows[i].first, all);
    rest -= rows[i].first;
  }
  print_row("others", rest, all);
  print_row("all", all, all);
}

}  // namespace seg::bench
