#include "data/picture_loader.h"

#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "base/rng.h"
#include "base/threads.h"
#include "data/batch_queue.h"
#include "data/picture_augment.h"

namespace seg {
namespace {

constexpr std::uint64_t kOrderStream = 0x6F72646572;  // the order of an epoch, beside its samples' numbers

PictureBatch batch_of(std::int64_t size, std::int64_t side) {
  return {size, std::vector<float>(static_cast<std::size_t>(size * 3 * side * side)),
          std::vector<std::int64_t>(static_cast<std::size_t>(size))};
}

void put(const Image& picture, std::int64_t label, std::int64_t place, PictureBatch& batch) {
  std::ranges::copy(picture.data, batch.data.begin() + place * picture.count());
  batch.classes[static_cast<std::size_t>(place)] = label;
}

}  // namespace

/// The order of the epoch that samples are taken from, drawn anew when another one begins.
class EpochOrder {
 public:
  EpochOrder(std::int64_t count, std::uint64_t seed) : count_(count), seed_(seed) {}

  std::int64_t at(std::int64_t epoch, std::int64_t place) {
    const std::lock_guard lock(mutex_);
    if (epoch != epoch_)
      order_ = shuffled(count_, Rng(seed_ ^ kOrderStream, static_cast<std::uint64_t>(epoch)));
    epoch_ = epoch;
    return order_[static_cast<std::size_t>(place)];
  }

 private:
  const std::int64_t count_;
  const std::uint64_t seed_;
  std::mutex mutex_;  // guards all below
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;
};

class PictureMaker {
 public:
  PictureMaker(std::shared_ptr<const ImageSource> source, const PictureLoaderConfig& config)
      : source_(std::move(source)),
        config_(config),
        order_(std::make_shared<EpochOrder>(source_->count(), config.seed)) {
    if (source_->count() < config.batch_size) {
      throw Error(fmt::format("expected a batch of {} pictures to train on at least, got {} pictures",
                              config.batch_size, source_->count()),
                  "choose a smaller --batch-size");
    }
  }

  std::int64_t batches_per_epoch() const { return source_->count() / config_.batch_size; }
  PictureBatch empty_batch() const { return batch_of(config_.batch_size, config_.side); }

  void make(std::int64_t index, PictureBatch& batch) const {
    const std::int64_t in_epoch = batches_per_epoch() * config_.batch_size;
    const std::int64_t picture = order_->at(index / in_epoch, index % in_epoch);
    Rng rng(config_.seed, static_cast<std::uint64_t>(index));
    put(training_picture(source_->read(picture), config_.side, config_.centred, rng),
        source_->class_of(picture), index % config_.batch_size, batch);
  }

 private:
  std::shared_ptr<const ImageSource> source_;
  PictureLoaderConfig config_;
  std::shared_ptr<EpochOrder> order_;
};

struct PictureLoader::State : BatchQueue<PictureMaker> {
  using BatchQueue::BatchQueue;
};

PictureLoader::PictureLoader(std::shared_ptr<const ImageSource> source, const PictureLoaderConfig& config)
    : state_(std::make_unique<State>(PictureMaker(std::move(source), config), config.batch_size,
                                     config.threads, config.queue_length)) {}

PictureLoader::~PictureLoader() = default;

std::int64_t PictureLoader::batches_per_epoch() const {
  return state_->maker().batches_per_epoch();
}

PictureBatch PictureLoader::next() {
  return state_->take();
}

void PictureLoader::seek(std::int64_t index) {
  state_->seek(index);
}

PictureBatch evaluation_batch(const ImageSource& source, std::int64_t first, std::int64_t count,
                              std::int64_t side) {
  PictureBatch batch = batch_of(std::min(count, source.count() - first), side);
  parallel_for(batch.size, [&](std::int64_t i) {
    put(evaluation_picture(source.read(first + i), side), source.class_of(first + i), i, batch);
  });
  return batch;
}

}  // namespace seg
