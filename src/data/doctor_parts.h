// What the parts of the check of a dataset share: dataset.json, the names of files, and the cases. Internal.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "data/dataset.h"
#include "data/doctor.h"

namespace seg {

/// Called with a problem and its repair, which is empty where there is none.
using Complain = std::function<void(const std::string& problem, const std::string& repair)>;

/// Makes dataset.json as it should be, as far as what is meant is clear: keys of the old format and misspelt
/// ones, {name: index} turned round, a missing dot or background, labels that are not consecutive. Returns
/// the old and new values of labels that the label files must follow (empty where none changes).
std::map<int, int> repair_dataset_json(Json& json, const fs::path& root, const Complain& complain);

/// The keys that an object of a JSON text has more than once; reading it keeps the last of each.
std::vector<std::string> repeated_keys(const std::string& text);

/// What is found while checking.
struct DatasetCheck {
  fs::path root;
  std::vector<Finding> findings;
  std::map<std::string, FileChange> changes;
  std::map<int, int> renumber;  ///< of all label files

  void complain(Severity severity, const std::string& file, const std::string& problem,
                const std::string& repair = {});
  std::string relative(const fs::path& file) const;
};

/// The training cases as far as their files are there, by the names that the files have now; complains about
/// all others, and about names of test images.
std::vector<Case> list_for_check(const Json& json, const DatasetInfo& info, DatasetCheck& check);

/// What the files of one case, or a label alone, show.
struct CaseCheck {
  std::vector<Finding> findings;
  std::map<std::string, FileChange> changes;
  std::set<int> values;  ///< of its labels, renumbered
};
CaseCheck check_case(const Case& files, const DatasetInfo& info, const DatasetCheck& check);

}  // namespace seg
