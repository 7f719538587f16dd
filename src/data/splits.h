// nnU-Net's cross-validation splits.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "base/files.h"

namespace seg {

inline constexpr std::size_t kFolds = 5;  ///< of cross-validation

struct Split {
  std::vector<std::string> train, val;
};

/// Five folds over the sorted identifiers, equal to scikit-learn's KFold(5, shuffle=True,
/// random_state=12345).
std::vector<Split> make_splits(std::vector<std::string> ids);

/// Reads splits_final.json, or makes and writes it. `fold` "0".."4" or "all" (train and val are all cases);
/// a number not in the file gives nnU-Net's random 80:20 split.
Split split_for_fold(const fs::path& splits_file, const std::vector<std::string>& ids,
                     const std::string& fold);

}  // namespace seg
