#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

#include "base/progress.h"

namespace seg {
namespace {

std::atomic<bool> quiet_flag{false};

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made =
        std::make_shared<spdlog::logger>("seg", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%^%v%$");
    return made;
  }();
  return *instance;
}

}  // namespace

void set_quiet(bool quiet) {
  quiet_flag = quiet;
}
bool is_quiet() {
  return quiet_flag;
}

void note_text(std::string_view text) {
  if (quiet_flag) return;
  clear_progress_line();
  logger().info(text);
}

void warn_text(std::string_view text) {
  clear_progress_line();
  logger().warn("warning: {}", text);
}

}  // namespace seg
