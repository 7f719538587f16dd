// Batches made ahead by background threads, in an order that does not depend on how many there are.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace seg {

/// A Maker has `Batch empty_batch() const`, a batch with room for its samples, and
/// `void make(std::int64_t index, Batch& batch) const`, which threads call at the same time to fill place
/// `index % batch_size` with sample `index` of an endless sequence.
/// Threads take samples one by one, so that the first batch is ready soon; a ring of batches keeps their
/// order.
template <class Maker>
class BatchQueue {
 public:
  using Batch = decltype(std::declval<const Maker&>().empty_batch());

  BatchQueue(Maker maker, std::int64_t batch_size, int threads, int length)
      : maker_(std::move(maker)),
        batch_size_(batch_size),
        thread_count_(threads),
        ring_(static_cast<std::size_t>(length)) {
    start(0);
  }
  ~BatchQueue() { stop(); }
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  const Maker& maker() const { return maker_; }
  int thread_count() const { return thread_count_; }
  std::int64_t length() const { return static_cast<std::int64_t>(ring_.size()); }

  /// Blocks until the next batch is ready; an error of a background thread is thrown here.
  Batch take() {
    Slot empty{maker_.empty_batch(), batch_size_};
    std::unique_lock lock(mutex_);
    Slot& slot = slot_of(next_batch_);
    ready_.wait(lock, [&] { return error_ || slot.missing == 0; });
    if (slot.missing > 0) std::rethrow_exception(error_);
    std::swap(slot, empty);
    ++next_batch_;
    lock.unlock();
    room_.notify_all();
    return std::move(empty.batch);
  }

  /// Continues with batch number `batch`.
  void seek(std::int64_t batch) {
    stop();
    start(batch);
  }

 private:
  struct Slot {
    Batch batch;
    std::int64_t missing = 0;  ///< samples not made yet
  };

  void start(std::int64_t first_batch) {
    stopping_ = false;
    error_ = nullptr;
    next_batch_ = first_batch;
    next_sample_ = first_batch * batch_size_;
    for (Slot& slot : ring_) slot = {maker_.empty_batch(), batch_size_};
    for (int i = 0; i < thread_count_; ++i) threads_.emplace_back([this] { work(); });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    room_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  Slot& slot_of(std::int64_t batch) { return ring_[static_cast<std::size_t>(batch) % ring_.size()]; }
  bool has_room() const { return next_sample_ / batch_size_ < next_batch_ + length(); }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      room_.wait(lock, [&] { return stopping_ || error_ || has_room(); });
      if (stopping_ || error_) return;
      const std::int64_t sample = next_sample_++;
      Slot& slot = slot_of(sample / batch_size_);
      lock.unlock();
      std::exception_ptr failure;
      try {
        maker_.make(sample, slot.batch);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure) {
        if (!error_) error_ = failure;
        ready_.notify_all();
      } else if (--slot.missing == 0) {
        ready_.notify_all();
      }
    }
  }

  const Maker maker_;
  const std::int64_t batch_size_;
  const int thread_count_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;  // guards all below
  std::condition_variable room_, ready_;
  std::vector<Slot> ring_;
  std::int64_t next_sample_ = 0;  ///< to be made
  std::int64_t next_batch_ = 0;   ///< to be handed out
  bool stopping_ = false;
  std::exception_ptr error_;
};

}  // namespace seg
