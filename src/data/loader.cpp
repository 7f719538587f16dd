#include "data/loader.h"

#include <algorithm>

#include "base/error.h"
#include "data/augment.h"
#include "data/batch_queue.h"
#include "data/patch_sampler.h"

namespace seg {

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

  /// What making one sample takes: the crop, its spline coefficients, and the patch with a copy for a change.
  std::int64_t sample_bytes() const {
    const std::int64_t crop = crop_[0] * crop_[1], patch = config_.patch_size[0] * config_.patch_size[1];
    const auto value = static_cast<std::int64_t>(sizeof(float)),
               label = static_cast<std::int64_t>(sizeof(std::int16_t));
    return crop * (2 * channels_ * value + label) + patch * (channels_ * value + label) + 4 * patch * value;
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

struct Loader::State : BatchQueue<SampleMaker> {
  using BatchQueue::BatchQueue;
};

Loader::Loader(const fs::path& folder, const std::vector<std::string>& ids, const DatasetInfo& info,
               const Configuration& configuration, const LoaderConfig& config)
    : state_(std::make_unique<State>(SampleMaker(folder, ids, info, configuration, config), config.batch_size,
                                     config.threads, config.queue_length)) {}

Loader::~Loader() = default;
Loader::Loader(Loader&&) noexcept = default;

std::int64_t Loader::memory_bytes() const {
  const Batch batch = state_->maker().empty_batch();
  std::size_t bytes = batch.data.size() * sizeof(float);
  for (const auto& target : batch.targets) bytes += target.size() * sizeof(std::int16_t);
  const auto batches = state_->length() + 1;  // one is in use
  return batches * static_cast<std::int64_t>(bytes) + state_->thread_count() * state_->maker().sample_bytes();
}

Batch Loader::next() {
  return state_->take();
}

void Loader::seek(std::int64_t index) {
  state_->seek(index);
}

}  // namespace seg
