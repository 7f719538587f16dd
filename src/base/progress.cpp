#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/log.h"

namespace seg {
namespace {

constexpr int kBarWidth = 24;
constexpr std::chrono::milliseconds kTerminalInterval{100};
constexpr std::chrono::seconds kPlainInterval{20};

bool on_terminal() {
  static const bool terminal = isatty(STDERR_FILENO) != 0;
  return terminal;
}

}  // namespace

std::string format_duration(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  const auto hours = total / 3600, minutes = total / 60 % 60, rest = total % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, rest)
                   : fmt::format("{}:{:02}", minutes, rest);
}

void clear_progress_line() {
  if (on_terminal() && !is_quiet()) fmt::print(stderr, "\r\033[K");
}

Progress::Progress(std::string label, std::int64_t total, std::string unit)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      start_(Clock::now()),
      last_drawn_(start_) {}

Progress::~Progress() {
  const std::lock_guard lock(mutex_);
  draw(true);
}

void Progress::set_suffix(std::string suffix) {
  const std::lock_guard lock(mutex_);
  suffix_ = std::move(suffix);
}

void Progress::advance(std::int64_t count) {
  const std::lock_guard lock(mutex_);
  done_ += count;
  const auto interval = on_terminal() ? Clock::duration(kTerminalInterval) : Clock::duration(kPlainInterval);
  if (Clock::now() - last_drawn_ >= interval) draw(false);
}

void Progress::draw(bool last) {
  if (is_quiet()) return;
  last_drawn_ = Clock::now();
  const double elapsed = std::chrono::duration<double>(last_drawn_ - start_).count();
  const double share =
      total_ > 0 ? std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)) : 1.0;
  const double rate = elapsed > 0 ? static_cast<double>(done_) / elapsed : 0;
  const std::string speed = rate >= 1 || rate == 0 ? fmt::format("{:.1f} {}/s", rate, unit_)
                                                   : fmt::format("{:.1f} s/{}", 1 / rate, unit_);
  const std::string time =
      last || rate == 0 ? fmt::format("{} elapsed", format_duration(elapsed))
                        : fmt::format("{} left", format_duration(static_cast<double>(total_ - done_) / rate));
  const std::string tail = suffix_.empty() ? "" : "  " + suffix_;
  if (on_terminal()) {
    const int filled = static_cast<int>(std::lround(share * kBarWidth));
    fmt::print(stderr, "\r\033[K{} [{:#>{}}{:->{}}] {}/{}  {}  {}{}{}", label_, "", filled, "",
               kBarWidth - filled, done_, total_, speed, time, tail, last ? "\n" : "");
    std::fflush(stderr);
  } else {
    fmt::print(stderr, "{}: {}/{} ({:.0f} %)  {}  {}{}\n", label_, done_, total_, share * 100, speed, time,
               tail);
  }
}

}  // namespace seg
