// Rows of `bench --targets cpu` that start the program beside this one.
#pragma once
#include <vector>

#include "network_case.h"
#include "targets.h"

namespace seg::bench {

/// swin-umamba's time from its start to the prediction of one PNG, and its memory. Throws Error where it
/// fails.
void add_program_rows(std::vector<Target>& rows, const char* name, double most_megabytes);

}  // namespace seg::bench
