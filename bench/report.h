#pragma once

namespace seg::bench {

/// Prints where the time of the engine's networks goes: a table per network, a row per kind of layer, with
/// rates and their share of what this machine can do at best, measured in the same run.
void print_report();

}  // namespace seg::bench
