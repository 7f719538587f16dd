#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include "app/command.h"
#include "base/log.h"
#include "data/phantom.h"

namespace seg {
namespace {

struct PhantomOptions {
  std::string name;
  fs::path output;
  int cases = 12;
  std::uint64_t seed = 0;
};

}  // namespace

Run declare_phantom(CLI::App& app) {
  auto options = std::make_shared<PhantomOptions>();
  app.add_option("name", options->name,
                 "which dataset: abdomen (MR volumes), endoscopy or cells (colour PNG)")
      ->required()
      ->check(CLI::IsMember(phantom_names()));
  app.add_option("-o,--output", options->output, "folder of raw datasets")
      ->envname("nnUNet_raw")
      ->required()
      ->type_name("FOLDER");
  app.add_option("--cases", options->cases,
                 "training cases; a quarter more (at least 2) are made for testing")
      ->check(CLI::Range(1, 900))
      ->capture_default_str();
  app.add_option("--seed", options->seed, "the same seed gives the same files")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.footer("Example:\n  swin-umamba phantom abdomen -o raw --cases 12");
  return [options] {
    make_folder(options->output);
    const fs::path folder = make_phantom(options->name, options->output, options->cases, options->seed);
    note("made {} training cases", options->cases);
    std::printf("%s\n", folder.c_str());
  };
}

}  // namespace seg
