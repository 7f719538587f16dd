// Which vector instructions the kernels use; the best that the machine has unless told otherwise.
#pragma once
#include <string>
#include <vector>

namespace seg {

/// Instruction sets that the kernels were compiled for and this machine has, best first (Highway's names,
/// such as "AVX3" for AVX-512, "AVX2", "SSE4", "NEON").
std::vector<std::string> instruction_sets();

/// Makes all kernels use one of them; an empty name means the best again. Throws Error for any other name.
void use_instruction_set(const std::string& name);

}  // namespace seg
