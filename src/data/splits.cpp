#include "data/splits.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/json.h"
#include "base/numpy_random.h"
#include "base/whole_number.h"

namespace seg {
namespace {

constexpr std::uint32_t kFoldSeed = 12345;
constexpr double kTrainShare = 0.8;  // of a fold that the splits file does not hold

std::vector<Split> splits_from_json(const Json& json) {
  if (!json.is_array()) fail("expected a list of folds");
  std::vector<Split> splits;
  for (const Json& fold : json) {
    splits.push_back(
        {get<std::vector<std::string>>(fold, "train"), get<std::vector<std::string>>(fold, "val")});
  }
  return splits;
}

Json to_json(const std::vector<Split>& splits) {
  Json json = Json::array();
  for (const Split& split : splits) json.push_back({{"train", split.train}, {"val", split.val}});
  return json;
}

/// nnU-Net's split for a fold the file does not hold; `train` keeps the order of the draws.
Split random_split(const std::vector<std::string>& ids, std::uint32_t fold) {
  const auto count = static_cast<std::uint32_t>(ids.size());
  const auto size = static_cast<std::uint32_t>(static_cast<double>(count) * kTrainShare);
  Split split;
  std::vector<bool> drawn(ids.size(), false);
  for (const auto i : NumpyRandom(kFoldSeed + fold).choice(count, size)) {
    split.train.push_back(ids[i]);
    drawn[i] = true;
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!drawn[i]) split.val.push_back(ids[i]);
  }
  return split;
}

void check_known(const Split& split, const std::vector<std::string>& ids) {
  for (const auto* part : {&split.train, &split.val}) {
    for (const auto& id : *part) {
      if (!std::binary_search(ids.begin(), ids.end(), id)) {
        throw Error(fmt::format("case \"{}\" is not in the dataset", id),
                    "remove the splits file to have it made again");
      }
    }
  }
  if (split.train.empty()) fail("the fold has no training case");
}

}  // namespace

std::vector<Split> make_splits(std::vector<std::string> ids) {
  if (ids.size() < kFolds) {
    throw Error(
        fmt::format("{} cross-validation folds need at least {} cases, got {}", kFolds, kFolds, ids.size()),
        "use fold \"all\"");
  }
  std::sort(ids.begin(), ids.end());
  const auto order = NumpyRandom(kFoldSeed).permutation(static_cast<std::uint32_t>(ids.size()));
  std::vector<Split> splits(kFolds);
  std::size_t begin = 0;
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    const std::size_t end = begin + ids.size() / kFolds + (fold < ids.size() % kFolds ? 1 : 0);
    const std::set<std::uint32_t> held_out(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                           order.begin() + static_cast<std::ptrdiff_t>(end));
    for (std::uint32_t i = 0; i < ids.size(); ++i)
      (held_out.contains(i) ? splits[fold].val : splits[fold].train).push_back(ids[i]);
    begin = end;
  }
  return splits;
}

Split split_for_fold(const fs::path& splits_file, const std::vector<std::string>& ids,
                     const std::string& fold) {
  std::vector<std::string> sorted = ids;
  std::sort(sorted.begin(), sorted.end());
  if (fold == "all") return {sorted, sorted};
  const auto number = whole_number(fold);
  if (!number) fail_usage("unknown fold \"{}\": expected a number or \"all\"", fold);
  if (!fs::exists(splits_file)) write_json(splits_file, to_json(make_splits(sorted)));
  return with_context(splits_file.string(), [&] {
    const auto splits = splits_from_json(read_json(splits_file));
    Split split = std::cmp_less(*number, splits.size()) ? splits[*number] : random_split(sorted, *number);
    with_context("fold " + fold, [&] { check_known(split, sorted); });
    return split;
  });
}

}  // namespace seg
