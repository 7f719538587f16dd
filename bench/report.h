#pragma once

namespace seg::bench {

/// Prints where the time of the engine's networks goes: a table per network, a row per kind of layer, with
/// rates and their share of what this machine can do at best, measured in the same run; and what small tiles
/// gain by going through together.
void print_report();

/// Prints where a training step of the network spends its time: a table of the operators that take longest,
/// each without those that it calls.
void print_training_report(const char* name);

}  // namespace seg::bench
