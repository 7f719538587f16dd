#include "data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "data/augment.h"
#include "data/patch_sampler.h"

namespace seg {
namespace {

/// Makes single samples; const, so that threads share one.
class SampleMaker {
 public:
  SampleMaker(const fs::path& folder, const std::vector<std::string>& ids, const DatasetInfo& info,
              const Configuration& configuration, const LoaderConfig& config)
      : folder_(folder),
        config_(config),
        use_mask_(configuration.use_mask_for_norm),
        rule_(TargetRule::from(info)) {
    if (ids.empty()) fail("{}: no cases to load", folder.string());
    if (config.batch_size < 1 || config.threads < 1 || config.queue_length < 1 || config.scales.empty() ||
        config.patch_size[0] < 1 || config.patch_size[1] < 1) {
      fail(
          "loader: expected positive sizes and a scale, got batch {}, patch {}x{}, {} threads, queue {}, {} "
          "scales",
          config.batch_size, config.patch_size[0], config.patch_size[1], config.threads, config.queue_length,
          config.scales.size());
    }
    channels_ = static_cast<std::int64_t>(configuration.normalization.size());
    use_mask_.resize(static_cast<std::size_t>(channels_), false);
    for (const auto& id : ids) {
      if (const auto got = StoredCase(folder, id).shape()[0]; got != channels_) {
        fail("{}: expected {} channels, got {}", (folder / (id + ".npy")).string(), channels_, got);
      }
      cases_.push_back(read_case_entry(folder, id, info));
    }
    parameters_.max_rotation = rotation_limit(config.patch_size);
    crop_ = config.augment ? initial_patch_size(config.patch_size) : config.patch_size;
  }

  /// A batch with room for its samples.
  Batch empty_batch() const {
    Batch batch;
    batch.size = config_.batch_size;
    batch.channels = channels_;
    batch.height = config_.patch_size[0];
    batch.width = config_.patch_size[1];
    batch.target_channels = rule_.channels();
    batch.data.resize(static_cast<std::size_t>(batch.size * channels_ * batch.height * batch.width));
    for (const auto& scale : config_.scales) {
      const Size2 size = target_size(config_.patch_size, scale);
      batch.target_sizes.push_back(size);
      batch.targets.emplace_back(
          static_cast<std::size_t>(batch.size * batch.target_channels * size[0] * size[1]));
    }
    return batch;
  }

  /// Fills place `index % batch_size` of `batch` with sample `index` of the endless sequence.
  void make(std::int64_t index, Batch& batch) const {
    const std::int64_t place = index % config_.batch_size;
    Rng rng(config_.seed, static_cast<std::uint64_t>(index));
    const auto& entry = cases_[static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(cases_.size())))];
    const StoredCase stored(folder_, entry.id);
    const bool forced = is_foreground_forced(place, config_.batch_size, config_.foreground_share);
    const auto position = draw_position(stored, entry, forced, crop_, config_.patch_size, rng);
    Patch patch = cut_patch(stored, position, crop_);
    if (config_.augment) {
      patch = augment(patch, config_.patch_size, parameters_, rng);
      mask_outside(patch, use_mask_);
    }
    std::copy(patch.data.begin(), patch.data.end(),
              batch.data.begin() + place * static_cast<std::int64_t>(patch.data.size()));
    for (std::size_t i = 0; i < batch.targets.size(); ++i) {
      const Size2 size = batch.target_sizes[i];
      write_target(patch, rule_, size,
                   batch.targets[i].data() + place * batch.target_channels * size[0] * size[1]);
    }
  }

 private:
  fs::path folder_;
  LoaderConfig config_;
  std::vector<bool> use_mask_;
  TargetRule rule_;
  std::int64_t channels_ = 0;
  std::vector<CaseEntry> cases_;
  AugmentationParameters parameters_;
  Size2 crop_{};
};

}  // namespace

/// Threads take samples one by one, so that the first batch is ready soon; a ring of batches keeps their
/// order.
struct Loader::State {
  struct Slot {
    Batch batch;
    std::int64_t missing = 0;  ///< samples not made yet
  };

  State(SampleMaker sample_maker, const LoaderConfig& config)
      : maker(std::move(sample_maker)),
        batch_size(config.batch_size),
        thread_count(config.threads),
        ring(static_cast<std::size_t>(config.queue_length)) {
    start(0);
  }
  ~State() { stop(); }

  void start(std::int64_t first_batch) {
    stopping = false;
    error = nullptr;
    next_batch = first_batch;
    next_sample = first_batch * batch_size;
    for (Slot& slot : ring) slot = {maker.empty_batch(), batch_size};
    for (int i = 0; i < thread_count; ++i) threads.emplace_back([this] { work(); });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    room.notify_all();
    for (auto& thread : threads) thread.join();
    threads.clear();
  }

  Slot& slot_of(std::int64_t batch) { return ring[static_cast<std::size_t>(batch) % ring.size()]; }
  bool has_room() const {
    return next_sample / batch_size < next_batch + static_cast<std::int64_t>(ring.size());
  }

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      room.wait(lock, [&] { return stopping || error || has_room(); });
      if (stopping || error) return;
      const std::int64_t sample = next_sample++;
      Slot& slot = slot_of(sample / batch_size);
      lock.unlock();
      std::exception_ptr failure;
      try {
        maker.make(sample, slot.batch);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure) {
        if (!error) error = failure;
        ready.notify_all();
      } else if (--slot.missing == 0) {
        ready.notify_all();
      }
    }
  }

  Batch take() {
    Slot empty{maker.empty_batch(), batch_size};
    std::unique_lock lock(mutex);
    Slot& slot = slot_of(next_batch);
    ready.wait(lock, [&] { return error || slot.missing == 0; });
    if (slot.missing > 0) std::rethrow_exception(error);
    std::swap(slot, empty);
    ++next_batch;
    lock.unlock();
    room.notify_all();
    return std::move(empty.batch);
  }

  const SampleMaker maker;
  const std::int64_t batch_size;
  const int thread_count;
  std::vector<std::thread> threads;

  std::mutex mutex;  // guards all below
  std::condition_variable room, ready;
  std::vector<Slot> ring;
  std::int64_t next_sample = 0;  ///< to be made
  std::int64_t next_batch = 0;   ///< to be handed out
  bool stopping = false;
  std::exception_ptr error;
};

Loader::Loader(const fs::path& folder, const std::vector<std::string>& ids, const DatasetInfo& info,
               const Configuration& configuration, const LoaderConfig& config)
    : state_(std::make_unique<State>(SampleMaker(folder, ids, info, configuration, config), config)) {}

Loader::~Loader() = default;
Loader::Loader(Loader&&) noexcept = default;

Batch Loader::next() {
  return state_->take();
}

void Loader::seek(std::int64_t index) {
  state_->stop();
  state_->start(index);
}

}  // namespace seg
