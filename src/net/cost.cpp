#include "net/cost.h"

#include <ATen/record_function.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "net/network.h"
#include "net/torch_compat.h"

namespace seg {
namespace {

std::int64_t product(c10::IntArrayRef sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

/// fvcore takes an einsum's cost from a text of NumPy's with four digits, and halves it: a multiply-add is
/// one.
std::int64_t einsum_flops(double operations) {
  return static_cast<std::int64_t>(std::floor(std::stod(fmt::format("{:.3e}", operations)) / 2));
}

/// "layers.0.blocks.1.norm1.weight" -> "layers.0": up to the first number, or the first name.
std::string stage_name(const std::string& parameter) {
  for (std::size_t end = parameter.find('.'), begin = 0; end != std::string::npos;
       begin = end + 1, end = parameter.find('.', begin)) {
    if (std::isdigit(static_cast<unsigned char>(parameter[begin])) != 0) return parameter.substr(0, end);
  }
  return parameter.substr(0, parameter.find('.'));
}

/// An operator between its start and its end; what it costs may depend on its output.
struct Running : at::ObserverContext {
  std::string name;
  std::int64_t factor = 0;   ///< per element of the output's ...
  std::size_t from_dim = 0;  ///< ... dimensions from this one on
  std::int64_t flops = 0;    ///< known from the inputs
  bool scan = false;         ///< with a selective scan, which is counted apart
};

class Counter;
thread_local Counter* active = nullptr;

/// Collects the operators that LibTorch reports, and our scans, which report in the same way. Of nested ones
/// only the outermost known one counts. Operators belong to the stage whose parameters were last seen.
class Counter {
 public:
  explicit Counter(const Network& network) {
    std::set<const void*> seen;
    for (const auto& item : network.named_parameters()) {
      if (!seen.insert(item.value().unsafeGetTensorImpl()).second) continue;
      StageCost& stage = stages_[stage_name(item.key())];
      stage.name = stage_name(item.key());
      stage.parameters += item.value().numel();
      stage_of_[item.value().unsafeGetTensorImpl()] = &stage;
    }
    active = this;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&started, &ended)
                                             .needsInputs(true)
                                             .needsOutputs(true)
                                             .scopes({at::RecordScope::FUNCTION}));
  }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  ~Counter() {
    at::removeCallback(handle_);
    active = nullptr;
  }

  ForwardCost result() const {
    ForwardCost cost;
    cost.by_operator = by_operator_;
    for (const StageCost* stage : order_) cost.stages.push_back(*stage);
    for (const auto& [name, stage] : stages_) {  // parameters that no operator met
      if (std::find(order_.begin(), order_.end(), &stage) == order_.end()) cost.stages.push_back(stage);
    }
    return cost;
  }

 private:
  static std::unique_ptr<at::ObserverContext> started(const at::RecordFunction& function) {
    return active != nullptr ? active->start(function) : nullptr;
  }
  static void ended(const at::RecordFunction& function, at::ObserverContext* context) {
    if (active != nullptr && context != nullptr) active->end(function, static_cast<Running&>(*context));
  }

  std::unique_ptr<Running> start(const at::RecordFunction& function) {
    const auto inputs = function.inputs();
    for (const auto& input : inputs) {
      if (input.isTensor()) enter_stage(input.toTensor());
    }
    if (nested_) return nullptr;
    auto running = count(function.name(), inputs);
    nested_ = running != nullptr;
    return running;
  }

  void end(const at::RecordFunction& function, const Running& running) {
    nested_ = false;
    std::int64_t flops = running.flops;
    if (running.factor != 0) {
      const auto sizes = function.outputs().at(0).toTensor().sizes().slice(running.from_dim);
      flops = running.factor * product(sizes);
    }
    add(running.name, flops);
    if (running.scan) since_scan_.clear();
  }

  void add(const std::string& name, std::int64_t flops) {
    by_operator_[name] += flops;
    current().counted += flops;
    since_scan_.emplace_back(name, flops);
  }

  /// The reference's count lacks operators that nothing depends on, back to the last scan, which it keeps.
  void drop_unused() {
    for (const auto& [name, flops] : since_scan_) {
      by_operator_[name] -= flops;
      current().counted -= flops;
    }
    since_scan_.clear();
  }

  static std::unique_ptr<Running> known(const char* name, std::int64_t flops) {
    auto running = std::make_unique<Running>();
    running->name = name;
    running->flops = flops;
    return running;
  }
  static std::unique_ptr<Running> by_output(const char* name, std::int64_t factor, std::size_t from_dim) {
    auto running = known(name, 0);
    running->factor = factor;
    running->from_dim = from_dim;
    return running;
  }

  /// fvcore's rules; nothing for operators that it does not count.
  std::unique_ptr<Running> count(std::string_view name, c10::ArrayRef<const c10::IValue> inputs) {
    const auto sizes = [&](std::size_t i) { return inputs[i].toTensor().sizes(); };
    const auto norm = [&](const char* label, std::size_t weight) {
      const bool affine = inputs[weight].isTensor() && inputs[weight].toTensor().defined();
      return known(label, product(sizes(0)) * (affine ? 5 : 4));
    };
    if (name == "aten::convolution") {
      const std::int64_t per_position = sizes(0)[0] * product(sizes(1));
      const bool transposed = inputs[6].toBool();
      return transposed ? known("conv", per_position * product(sizes(0).slice(2)))
                        : by_output("conv", per_position, 2);
    }
    if (name == "aten::linear") return known("linear", product(sizes(0)) * sizes(1)[0]);
    if (name == "aten::addmm") return known("linear", product(sizes(1)) * sizes(2)[1]);
    if (name == "aten::matmul" || name == "aten::bmm") {  // a layer without bias is a product with a matrix
      return known(sizes(1).size() == 2 ? "linear" : "matmul", product(sizes(0)) * sizes(1).back());
    }
    if (name == "aten::einsum") return known("einsum", einsum_cost(inputs));
    if (name == "aten::layer_norm") return norm("layer_norm", 2);
    if (name == "aten::group_norm") return norm("group_norm", 2);
    if (name == "aten::instance_norm") return norm("instance_norm", 1);
    if (name == "aten::upsample_bilinear2d") return by_output("upsample_bilinear2d", 4, 0);
    if (name == "aten::upsample_nearest2d") return by_output("upsample_nearest2d", 1, 0);
    if (name == "seg::cross_scan") return cross_scan(sizes(0), sizes(1), sizes(2), sizes(3));
    if (name == "seg::mamba_scan") {  // u [B, L, D], dt_proj [D, R], A [D, N]; its output is gated
      return scan({sizes(0)[0], sizes(0)[2], sizes(0)[1], sizes(2)[1], true}, "matmul",
                  product(sizes(0)) * sizes(1)[1]);
    }
    if (name == "seg::upsampled_conv") {  // x [B, in, H, W], weight, pixels per pixel of x
      const std::int64_t input = product(sizes(0)), repeated = inputs[2].toInt();
      add("upsample_nearest2d", input * repeated);
      return known("conv", input * repeated * sizes(1)[0]);
    }
    if (name == "seg::unused") drop_unused();
    return nullptr;
  }

  /// Two factors of an equation: a multiplication and an addition for every index combination.
  static std::int64_t einsum_cost(c10::ArrayRef<const c10::IValue> inputs) {
    const std::string equation = inputs[0].toStringRef();
    const auto factors = inputs[1].toTensorVector();
    std::map<char, std::int64_t> size_of;
    std::size_t factor = 0, dim = 0;
    for (const char letter : equation.substr(0, equation.find("->"))) {
      if (letter == ',') {
        ++factor;
        dim = 0;
      } else {
        size_of[letter] = factors.at(factor).size(static_cast<std::int64_t>(dim++));
      }
    }
    double operations = 2;
    for (const auto& [letter, size] : size_of) operations *= static_cast<double>(size);
    return einsum_flops(operations);
  }

  /// u [B, H, W, D], x_proj [4, R + 2N, D], dt_proj [4, D, R], A [4D, N]: two einsums and the scan itself.
  std::unique_ptr<Running> cross_scan(c10::IntArrayRef u, c10::IntArrayRef x_proj, c10::IntArrayRef dt_proj,
                                      c10::IntArrayRef a) {
    const std::int64_t length = u[1] * u[2];
    const auto operations = [&](c10::IntArrayRef weight) {
      return 2.0 * static_cast<double>(u[0] * length) * static_cast<double>(product(weight));
    };
    return scan({u[0], a[0], length, a[1], false}, "einsum",
                einsum_flops(operations(x_proj)) + einsum_flops(operations(dt_proj)));
  }

  /// A scan and the products before it.
  std::unique_ptr<Running> scan(const ScanShape& shape, const char* name, std::int64_t flops) {
    current().scans.push_back(shape);
    auto running = known(name, flops);
    running->scan = true;
    return running;
  }

  void enter_stage(const Tensor& tensor) {
    const auto found = stage_of_.find(tensor.unsafeGetTensorImpl());
    if (found == stage_of_.end()) return;
    current_ = found->second;
    if (std::find(order_.begin(), order_.end(), current_) == order_.end()) order_.push_back(current_);
  }
  /// Operators before the first parameter belong to a stage of no name.
  StageCost& current() {
    if (current_ == nullptr) {
      current_ = &stages_[""];
      order_.push_back(current_);
    }
    return *current_;
  }

  std::map<std::string, StageCost> stages_;
  std::map<const void*, StageCost*> stage_of_;
  std::vector<StageCost*> order_;
  StageCost* current_ = nullptr;
  std::map<std::string, std::int64_t> by_operator_;
  std::vector<std::pair<std::string, std::int64_t>>
      since_scan_;  ///< operators after the last scan, all of one stage
  bool nested_ = false;
  at::CallbackHandle handle_ = 0;
};

/// Follows LibTorch's allocations on this thread.
class MemoryMeter : public c10::MemoryReportingInfoBase {
 public:
  std::int64_t now = 0, peak = 0;

  void reportMemoryUsage(void* /*pointer*/, std::int64_t size, AllocatorTotal /*allocated*/,
                         AllocatorTotal /*reserved*/, c10::Device /*device*/) override {
    now += size;
    peak = std::max(peak, now);
  }
  bool memoryProfilingEnabled() const override { return true; }
};

Tensor some_image(const Network& network, const Size2d& size) {
  return torch::zeros({1, network.in_channels(), size[0], size[1]});
}

}  // namespace

std::int64_t scan_flops(const ScanShape& scan, ScanFormula formula) {
  const std::int64_t elements = scan.batch * scan.channels * scan.length, n = scan.states;
  const std::int64_t skip_and_gate = elements * (scan.gated ? 2 : 1);
  if (formula == ScanFormula::paper) return 9 * elements * n + skip_and_gate;
  const auto all = static_cast<double>(elements * n);
  const std::int64_t one_step = scan.batch * scan.channels * n;
  return einsum_flops(all) + einsum_flops(2 * all) +
         scan.length * (one_step + einsum_flops(2 * static_cast<double>(one_step))) + skip_and_gate;
}

std::int64_t StageCost::flops(ScanFormula formula) const {
  std::int64_t sum = counted;
  for (const auto& scan : scans) sum += scan_flops(scan, formula);
  return sum;
}

std::int64_t ForwardCost::parameters() const {
  std::int64_t sum = 0;
  for (const auto& stage : stages) sum += stage.parameters;
  return sum;
}

std::int64_t ForwardCost::flops(ScanFormula formula) const {
  std::int64_t sum = 0;
  for (const auto& stage : stages) sum += stage.flops(formula);
  return sum;
}

ForwardCost forward_cost(Network& network, const Size2d& size) {
  const torch::InferenceMode inference;
  network.eval();
  const Tensor image = some_image(network, size);
  const auto meter = std::make_shared<MemoryMeter>();
  const c10::DebugInfoGuard metered(c10::DebugInfoKind::PROFILER_STATE, meter);
  const Counter counter(network);
  network.forward(image);
  ForwardCost cost = counter.result();
  cost.peak_bytes = meter->peak;
  return cost;
}

std::int64_t bytes_kept_for_training(Network& network, const Size2d& size) {
  network.train();
  const Tensor image = some_image(network, size);
  const auto meter = std::make_shared<MemoryMeter>();
  const c10::DebugInfoGuard metered(c10::DebugInfoKind::PROFILER_STATE, meter);
  const auto outputs = network.forward(image);
  return meter->now;
}

double forward_seconds(Network& network, const Size2d& size) {
  constexpr int kTimedRuns = 3;
  const torch::InferenceMode inference;
  network.eval();
  network.set_deep_supervision(false);
  const Tensor image = torch::randn({1, network.in_channels(), size[0], size[1]});
  double shortest = std::numeric_limits<double>::infinity();
  for (int run = 0; run <= kTimedRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    network.forward(image);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (run > 0) shortest = std::min(shortest, took.count());  // the first one also allocates
  }
  return shortest;
}

}  // namespace seg
