// The contents of one case: can its files be read, do they lie on one grid, are their values what they should
// be?
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "data/doctor_parts.h"
#include "image/file_checks.h"
#include "image/image_io.h"

namespace seg {
namespace {

// Geometry that differs by less is a matter of rounding, and may be taken from the image.
constexpr double kTinySpacing = 1e-2;    // relative
constexpr double kTinyOrigin = 0.1;      // of a voxel
constexpr double kTinyDirection = 1e-2;  // cosines

template <class Values>
double largest_difference(const Values& a, const Values& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

bool differ_little(const Geometry& a, const Geometry& b) {
  const double voxel = *std::min_element(a.spacing.begin(), a.spacing.end());
  for (std::size_t i = 0; i < 3; ++i)
    if (std::abs(a.spacing[i] - b.spacing[i]) > kTinySpacing * a.spacing[i]) return false;
  return largest_difference(a.origin, b.origin) <= kTinyOrigin * voxel &&
         largest_difference(a.direction, b.direction) <= kTinyDirection;
}

class CaseChecker {
 public:
  CaseChecker(const Case& files, const DatasetInfo& info, const DatasetCheck& check)
      : files_(files), info_(info), check_(check) {}

  CaseCheck run() {
    std::int64_t channels = 0;
    bool all_read = true;
    for (const fs::path& file : files_.images) {
      const std::int64_t read = check_image(file);
      channels += read;
      all_read = all_read && read > 0;
    }
    if (all_read && !files_.images.empty() && channels != std::ssize(info_.channel_names))
      complain(Severity::error, files_.images.front(),
               fmt::format("the case has {} channels, channel_names of dataset.json has {}", channels,
                           info_.channel_names.size()));
    if (!files_.label.empty()) check_label();
    return std::move(made_);
  }

 private:
  void complain(Severity severity, const fs::path& file, const std::string& problem,
                const std::string& repair = {}) {
    made_.findings.push_back({severity, check_.relative(file), problem, repair});
  }
  FileChange& change_of(const fs::path& file) { return made_.changes[check_.relative(file)]; }

  /// An Error of reading `file`, without its name, which the finding has.
  void complain_unreadable(const fs::path& file, const Error& error) {
    std::string text = error.what();
    for (const char* behind : {" > ", ": ", " "})
      if (const std::string start = file.string() + behind; text.starts_with(start))
        text.erase(0, start.size());
    complain(Severity::error, file, error.hint().empty() ? text : fmt::format("{} ({})", text, error.hint()));
  }

  /// Returns the number of channels, 0 for a file that cannot be read.
  std::int64_t check_image(const fs::path& file) {
    try {
      std::vector<std::string> remarks;
      const LoadedImage image = read_image(file, &remarks);
      check_values(file, image.voxels);
      check_remarks(file, image.voxels, remarks);
      check_grid(file, image.voxels.space(), image.geometry, image.voxels.channels() == 1 && remarks.empty());
      return image.voxels.channels();
    } catch (const Error& error) {
      complain_unreadable(file, error);
      return 0;
    }
  }

  void check_values(const fs::path& file, const Image& image) {
    std::int64_t bad = 0;
    for (const float value : image.data) bad += std::isfinite(value) ? 0 : 1;
    if (bad > 0)
      complain(Severity::error, file, fmt::format("{} voxels are not numbers (NaN) or infinite", bad));
    if (info_.file_ending.starts_with(".nii")) {
      if (const auto hidden = count_nonfinite_nifti(file); hidden > 0)
        complain(Severity::warning, file,
                 fmt::format("{} voxels are not numbers (NaN) or infinite; they are read as 0", hidden));
    }
    const bool constant = std::all_of(image.data.begin(), image.data.end(),
                                      [&](float value) { return value == image.data.front(); });
    if (constant) complain(Severity::warning, file, fmt::format("every voxel is {}", image.data.front()));
  }

  void check_remarks(const fs::path& file, const Image& image, const std::vector<std::string>& remarks) {
    const bool fits = *std::max_element(image.data.begin(), image.data.end()) <= 255 &&
                      (image.channels() == 3 || image.channels() == 1) && image.shape[1] == 1;
    for (const std::string& remark : remarks) {
      complain(Severity::warning, file, "when read, " + remark, fits ? "it is stored so" : "");
      if (fits) change_of(file).as_plain_picture = true;
    }
  }

  /// Compares with the first file of the case; `replaceable` tells whether a file can take its geometry.
  void check_grid(const fs::path& file, const Shape3& size, const Geometry& geometry, bool replaceable) {
    if (!first_) {
      first_ = NamedGrid{check_.relative(file), size, geometry};
      return;
    }
    const auto differences = compare_grids(*first_, {"this file", size, geometry});
    if (!differences.size.empty()) return complain(Severity::error, file, differences.size);
    const bool repairable = replaceable && differ_little(first_->geometry, geometry);
    const std::string repair = repairable ? "it takes the geometry of the image" : "";
    if (!differences.spacing.empty()) complain(Severity::error, file, differences.spacing, repair);
    if (!differences.origin.empty()) complain(Severity::warning, file, differences.origin, repair);
    if (!differences.direction.empty()) complain(Severity::warning, file, differences.direction, repair);
    const bool differ =
        !differences.spacing.empty() || !differences.origin.empty() || !differences.direction.empty();
    if (repairable && differ) change_of(file).geometry = first_->geometry;
  }

  void check_label() {
    try {
      const LoadedLabels labels = read_labels(files_.label);
      check_grid(files_.label, labels.voxels.space(), labels.geometry, true);
      check_label_contents(labels.voxels);
    } catch (const Error& error) {
      complain_unreadable(files_.label, error);
    }
  }

  void check_label_contents(const Labels& labels) {
    std::map<int, std::int64_t> counts;
    std::int64_t run = 0;  // voxels of the same value in a row, so that the map is looked up rarely
    for (std::size_t i = 0; i < labels.data.size(); ++i) {
      ++run;
      if (i + 1 < labels.data.size() && labels.data[i + 1] == labels.data[i]) continue;
      counts[labels.data[i]] += run;
      run = 0;
    }
    const std::map<int, int> values = new_values(counts);
    std::vector<std::string> unexpected;
    bool foreground = false;
    const int highest = static_cast<int>(expected_.size()) - 1;
    for (const auto& [value, count] : counts) {
      const auto renumbered = values.find(value);
      const int now = renumbered == values.end() && values.empty() ? value
                      : renumbered == values.end()                 ? -1
                                                                   : renumbered->second;
      if (now < 0 || now > highest) {
        unexpected.push_back(fmt::format("{} ({} voxels)", value, count));
      } else {
        made_.values.insert(now);
        foreground = foreground || (now > 0 && now != info_.ignore_label());
      }
    }
    if (!unexpected.empty()) {
      complain(Severity::error, files_.label,
               fmt::format("label values {} are not in dataset.json, which has 0 to {}",
                           fmt::join(unexpected, ", "), highest));
    } else if (!foreground) {
      complain(Severity::warning, files_.label, "the label is empty: it holds background only");
    }
    if (!values.empty()) change_of(files_.label).values = values;
  }

  /// How the file's values change: with dataset.json, or from a mask of 0 and 255.
  std::map<int, int> new_values(const std::map<int, std::int64_t>& counts) {
    if (!check_.renumber.empty()) return check_.renumber;
    const bool mask = counts.size() <= 2 && counts.rbegin()->first == 255 && counts.begin()->first >= 0 &&
                      (counts.size() == 1 || counts.begin()->first == 0);
    if (!mask || expected_.size() != 2) return {};
    complain(Severity::error, files_.label, "a mask of 0 and 255, expected 0 and 1", "255 becomes 1");
    return {{0, 0}, {255, 1}};
  }

  static std::set<int> values_of(const DatasetInfo& info) {
    std::set<int> values;
    for (const LabelEntry& label : info.labels) values.insert(label.values.begin(), label.values.end());
    return values;
  }

  const Case& files_;
  const DatasetInfo& info_;
  const DatasetCheck& check_;
  const std::set<int> expected_ = values_of(info_);  ///< consecutive from 0
  std::optional<NamedGrid> first_;
  CaseCheck made_;
};

}  // namespace

CaseCheck check_case(const Case& files, const DatasetInfo& info, const DatasetCheck& check) {
  return CaseChecker(files, info, check).run();
}

}  // namespace seg
