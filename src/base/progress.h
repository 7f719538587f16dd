// Progress of long work on stderr: a bar with rate and time left on a terminal, plain lines elsewhere.
#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace seg {

/// Counts finished units of work. Thread-safe; the last state is written when it goes out of scope.
class Progress {
 public:
  Progress(std::string label, std::int64_t total, std::string unit = "it");
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::int64_t count = 1);
  /// A short text shown behind the bar, such as the running loss.
  void set_suffix(std::string suffix);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(bool last);  // with mutex_ held

  std::string label_, unit_, suffix_;
  std::int64_t total_, done_ = 0;
  Clock::time_point start_, last_drawn_;
  std::mutex mutex_;
};

/// Wipes a half-drawn bar so that a message starts on a clean line.
void clear_progress_line();

/// Seconds as "1:02:03" or "4:05".
std::string format_duration(double seconds);

}  // namespace seg
