// Forward declaration of the project's JSON type for headers (the full header costs seconds per file).
#pragma once
#include <nlohmann/json_fwd.hpp>

namespace seg {
using Json = nlohmann::ordered_json;
}  // namespace seg
