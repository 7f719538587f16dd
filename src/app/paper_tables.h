// The columns of parameters and FLOPs in the paper's tables.
#pragma once

namespace seg {

/// Prints the paper's figures beside ours. Throws Error where a figure that can be reproduced differs.
void print_paper_tables();

}  // namespace seg
