#include "base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/errors.h"

namespace seg {
namespace {

/// Runs each test with a few threads, whatever the machine has.
class ParallelFor : public ::testing::Test {
 protected:
  ParallelFor() { set_thread_count(3); }
  ~ParallelFor() override { set_thread_count(0); }
};

TEST_F(ParallelFor, VisitsEveryIndexOnce) {
  std::vector<std::atomic<int>> visits(1000);
  parallel_for(1000, [&](std::int64_t i) { ++visits[static_cast<std::size_t>(i)]; });
  for (const auto& count : visits) EXPECT_EQ(count, 1);
  parallel_for(0, [](std::int64_t) { FAIL() << "no index to visit"; });
  parallel_for(-5, [](std::int64_t) { FAIL() << "no index to visit"; });
}

TEST_F(ParallelFor, ApartVisitsEveryIndexOnce) {
  for (const std::int64_t total : {0, 1, 2, 3, 7, 1000}) {
    std::vector<std::atomic<int>> visits(static_cast<std::size_t>(total));
    parallel_for_apart(total, [&](std::int64_t i) { ++visits.at(static_cast<std::size_t>(i)); });
    for (const auto& count : visits) EXPECT_EQ(count, 1) << total;
  }
}

TEST_F(ParallelFor, ApartStartsFarFromEachOther) {
  std::mutex mutex;
  std::set<std::int64_t> first;
  std::atomic<int> waiting{0};
  parallel_for_apart(30, [&](std::int64_t i) {
    if (++waiting <= 3) {
      const std::lock_guard lock(mutex);
      first.insert(i);
    }
    while (waiting < 3) std::this_thread::yield();  // so that each of the three threads has one
  });
  EXPECT_EQ(first, (std::set<std::int64_t>{0, 10, 20}));
}

TEST_F(ParallelFor, UsesTheThreadsItMay) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  const auto record = [&](std::int64_t) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  };
  set_thread_count(1);
  parallel_for(64, record);
  EXPECT_EQ(threads, std::set<std::thread::id>{std::this_thread::get_id()});
  threads.clear();
  set_thread_count(3);
  std::atomic<int> waiting{0};
  // Two iterations that each wait for the other need two threads.
  parallel_for(2, [&](std::int64_t i) {
    ++waiting;
    while (waiting < 2) std::this_thread::yield();
    record(i);
  });
  EXPECT_EQ(threads.size(), 2u);
}

TEST_F(ParallelFor, RethrowsTheErrorWithItsTypeAndStops) {
  std::atomic<int> started{0};
  const std::string text = testing::error_of([&] {
    parallel_for(100000, [&](std::int64_t i) {
      ++started;
      if (i == 3) fail("case {} is broken", i);
    });
  });
  EXPECT_EQ(text, "case 3 is broken");
  EXPECT_LT(started, 100000);
  EXPECT_THROW(parallel_for(4, [](std::int64_t) { throw std::out_of_range("far"); }), std::out_of_range);
  set_thread_count(1);
  EXPECT_THROW(parallel_for(4, [](std::int64_t) { throw std::out_of_range("far"); }), std::out_of_range);
}

TEST_F(ParallelFor, RunsSeriallyInsideAnother) {
  std::vector<std::atomic<int>> visits(12);
  std::atomic<int> strayed{0};
  parallel_for(3, [&](std::int64_t outer) {
    const auto here = std::this_thread::get_id();
    parallel_for(4, [&](std::int64_t inner) {
      if (std::this_thread::get_id() != here) ++strayed;
      ++visits[static_cast<std::size_t>(outer * 4 + inner)];
    });
  });
  EXPECT_EQ(strayed, 0);
  for (const auto& count : visits) EXPECT_EQ(count, 1);
}

TEST_F(ParallelFor, CountFallsBackToTheCores) {
  EXPECT_EQ(thread_count(), 3);
  set_thread_count(0);
  EXPECT_GE(thread_count(), 1);
  set_thread_count(-4);
  EXPECT_GE(thread_count(), 1);
}

}  // namespace
}  // namespace seg
