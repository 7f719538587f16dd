// The program under the names of nnU-Net's commands: a link called nnUNetv2_predict takes that command's
// arguments. Each is translated into command lines of our own; nothing is implemented twice.
// Source: the argument parsers of nnU-Net 2.1 to 2.8.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/dropin_arguments.h"

namespace seg {

/// "predict", "-i", "images", ...
using CommandLine = std::vector<std::string>;

struct DropIn {
  std::string_view name;  ///< "nnUNetv2_predict"
  std::span<const Argument> arguments;
  std::vector<CommandLine> (*translate)(const Arguments& given);  ///< to be run one after the other
};

std::span<const DropIn> drop_ins();

/// The command that a program called `name` stands for, nullptr for our own name. Throws a usage Error for
/// a command of nnU-Net that is not offered.
const DropIn* find_drop_in(std::string_view name);

}  // namespace seg
