#include "train/pretrained.h"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "base/error.h"
#include "net/fitting_network.h"
#include "net/network.h"
#include "net/state_dict.h"
#include "train/checkpoint.h"
#include "weights/weights.h"

namespace seg {
namespace {

constexpr std::string_view kEncoder = "vssm_encoder.";
constexpr std::string_view kHeads[] = {"decoder.seg_layers.", "out_layers.", "conv_final.2.",
                                       "out.conv.",           "final.",      "head."};
constexpr std::string_view kOutcomes[] = {"loaded", "adapted", "skipped"};

/// VMamba's parts outside its blocks, by the names of its first release and of later ones.
constexpr struct {
  std::string_view prefix, reason;
} kLeftOut[] = {{"patch_embed.", "patch embedding: left out, as the official trainer does"},
                {"norm.", "last norm: left out, as the official trainer does"},
                {"classifier.norm.", "last norm: left out, as the official trainer does"},
                {"head.", "head of the classifier: left out, as the official trainer does"},
                {"classifier.head.", "head of the classifier: left out, as the official trainer does"}};

using Targets = std::map<std::string, Tensor>;

bool in_blocks(std::string_view key) {
  return key.starts_with("layers.") || key.starts_with("downsamples.");
}

/// The first release's name of a VMamba key, without "vssm_encoder.", merging by stage.
std::string vmamba_key(std::string key) {
  static const std::regex downsample(R"(^layers\.(\d+)\.downsample\.)"),
      norm(R"(^(layers\.\d+\.blocks\.\d+)\.norm\.)"), scan(R"(^(layers\.\d+\.blocks\.\d+)\.op\.)");
  if (key.starts_with(kEncoder)) key.erase(0, kEncoder.size());
  key = std::regex_replace(key, downsample, "downsamples.$1.");
  key = std::regex_replace(key, norm, "$1.ln_1.");
  return std::regex_replace(key, scan, "$1.self_attention.");
}

std::string why_left_out(std::string_view key) {
  for (const auto& [prefix, reason] : kLeftOut) {
    if (key.starts_with(prefix)) return std::string(reason);
  }
  return "not part of VMamba's encoder";
}

/// Weights of a convolution over the image for another number of channels; empty where it is none.
std::optional<Tensor> adapted(const Tensor& given, const Tensor& own, std::int64_t channels) {
  if (given.dim() != 4 || own.dim() != 4 || own.size(1) != channels || given.size(1) < 1) return {};
  auto sizes = given.sizes().vec();
  sizes[1] = channels;
  if (own.sizes() != sizes) return {};
  return (given.sum(1, true) / static_cast<double>(channels)).expand(sizes);
}

/// Sorts a file's tensors into those that are taken and those that are not; copies nothing.
class Matching {
 public:
  Matching(Network& network, const NamedTensors& given, bool encoder_only)
      : channels_(network.in_channels()), own_(state_dict(network)), by_name_(own_.begin(), own_.end()) {
    report.encoder_only = encoder_only;
    for (const auto& [key, tensor] : given) {
      if (encoder_only) {
        add_of_vmamba(key, tensor);
      } else {
        add(key, key, tensor);
      }
    }
    for (const auto& [key, tensor] : first_names(own_)) {
      if (filled_.count(tensor.unsafeGetTensorImpl()) > 0 || seen_.count(key) > 0) continue;
      const bool wanted =
          encoder_only ? key.starts_with(kEncoder) && in_blocks(key.substr(kEncoder.size())) : !is_head(key);
      if (wanted) fit.missing.push_back(key);
      report.rows.push_back({"", key, Taken::skipped, "not taken from the file: starts anew"});
    }
  }

  bool fits() const { return !fit.loaded.empty() && fit.complete(); }

  void copy() const {
    const torch::NoGradGuard no_grad;
    for (const auto& [own, given] : copies_) own.copy_(given);
  }

  PretrainedReport report;
  LoadReport fit;  ///< of what has to be taken

 private:
  void skip(const std::string& file_key, const std::string& key, std::string reason) {
    seen_.insert(key);
    report.rows.push_back({file_key, key, Taken::skipped, std::move(reason)});
  }

  void add_of_vmamba(const std::string& file_key, const Tensor& given) {
    const std::string plain = vmamba_key(file_key), key = std::string(kEncoder) + plain;
    if (in_blocks(plain) && by_name_.count(key) == 0) fit.unexpected.push_back(file_key);
    if (in_blocks(plain)) return add(file_key, key, given);
    skip(file_key, by_name_.count(key) == 0 ? "" : key, why_left_out(plain));
  }

  void add(const std::string& file_key, const std::string& key, const Tensor& given) {
    const auto found = by_name_.find(key);
    if (found == by_name_.end()) return skip(file_key, "", "the network has no such tensor");
    if (!report.encoder_only && is_head(key)) return skip(file_key, key, "segmentation head: starts anew");
    const Tensor& own = found->second;
    if (given.sizes() == own.sizes()) return take(file_key, key, own, given, Taken::loaded, "");
    const auto fitting = report.encoder_only ? std::nullopt : adapted(given, own, channels_);
    if (fitting) {
      return take(file_key, key, own, *fitting, Taken::adapted,
                  fmt::format("input channels: {} became {}", given.size(1), channels_));
    }
    fit.mismatched.push_back(shape_difference(key, own, given));
    skip(file_key, key, "of another shape");
  }

  void take(const std::string& file_key, const std::string& key, const Tensor& own, const Tensor& given,
            Taken outcome, std::string reason) {
    copies_.emplace_back(own, given);
    filled_.insert(own.unsafeGetTensorImpl());
    fit.loaded.push_back(key);
    report.rows.push_back({file_key, key, outcome, std::move(reason)});
  }

  std::int64_t channels_;
  NamedTensors own_;
  Targets by_name_;
  std::set<const void*> filled_;
  std::set<std::string> seen_;  // names with a row already
  std::vector<std::pair<Tensor, Tensor>> copies_;
};

/// What the file is good for instead, as the end of a message.
std::string owner_of(const fs::path& path, const NetworkConfig& config) {
  try {
    return "; it is a checkpoint of " + read_checkpoint_info(path).network;
  } catch (const Error&) {  // bare weights, or those of an unknown trainer
  }
  const NamedArrays file = open_weights(path);
  const auto fit = fitting_network(network_weights(file), config);
  if (!fit) return "; it fits no network of this program";
  return fmt::format("; it fits {} (channels: {}, classes: {})", fit->name, fit->in_channels, fit->classes);
}

/// Whether the file has all names of the network, so that it is a checkpoint of the same.
bool same_network(const Network& network, const NamedTensors& given) {
  const std::map<std::string, Tensor> names(given.begin(), given.end());
  return std::ranges::all_of(first_names(state_dict(network)), [&](const auto& item) {
    return is_head(item.first) || names.contains(item.first);
  });
}

Matching match(Network& network, const fs::path& path) {
  const NamedTensors given = read_network_weights(path);
  return {network, given, !network.pretrained_parameters().empty() && !same_network(network, given)};
}

}  // namespace

bool is_head(const std::string& network_key) {
  return std::ranges::any_of(kHeads, [&](std::string_view head) { return network_key.starts_with(head); });
}

std::size_t PretrainedReport::count(Taken outcome) const {
  return static_cast<std::size_t>(std::ranges::count(rows, outcome, &PretrainedRow::outcome));
}

std::string PretrainedReport::table() const {
  std::string text = "in the file\tin the network\toutcome\treason\n";
  for (const auto& row : rows) {
    std::string name = row.file_key;  // from outside
    std::ranges::replace_if(
        name, [](unsigned char c) { return c < ' '; }, '?');
    text += fmt::format("{}\t{}\t{}\t{}\n", name, row.network_key,
                        kOutcomes[static_cast<std::size_t>(row.outcome)], row.reason);
  }
  return text;
}

PretrainedReport load_pretrained(Network& network, const fs::path& path) {
  return with_context("load pretrained weights " + path.string(), [&] {
    const Matching matching = match(network, path);
    const bool encoder = matching.report.encoder_only;
    if (!matching.fits()) {
      throw Error(
          fmt::format("the file does not fit {}: {}{}", encoder ? "the VMamba-Tiny encoder" : "this network",
                      counts_and_examples(matching.fit), owner_of(path, network.config())),
          encoder ? "expected the weights of VMamba-Tiny (depths 2, 2, 9, 2; dims 96 to 768), or a "
                    "checkpoint of the network itself"
                  : "expected a checkpoint of the same network; where it follows the plans, "
                    "`swin-umamba move-plans` takes those of the other dataset");
    }
    matching.copy();
    return matching.report;
  });
}

bool fits_pretrained(Network& network, const fs::path& path) {
  return match(network, path).fits();
}

}  // namespace seg
