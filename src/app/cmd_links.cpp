// swin-umamba links: symbolic links by which the program answers to the names of nnU-Net's commands.
#include <CLI/CLI.hpp>

#include <cstdlib>
#include <memory>

#include "app/command.h"
#include "app/dropin.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/start.h"

namespace seg {
namespace {

struct LinkOptions {
  fs::path prefix;
  bool force = false;
};

fs::path default_prefix() {
  const char* home = std::getenv("HOME");
  return home == nullptr ? "/usr/local" : fs::path(home) / ".local";
}

/// A link that an earlier run may have made.
bool is_our_link(const fs::path& path) {
  std::error_code unknown;
  return fs::is_symlink(path) && fs::read_symlink(path, unknown).filename() == "swin-umamba";
}

void run_links(const LinkOptions& options) {
  const fs::path folder = options.prefix / "bin", program = own_path().replace_filename("swin-umamba");
  if (!fs::exists(program)) fail("{} does not exist: the links would lead nowhere", program.string());
  make_folder(folder);
  for (const DropIn& one : drop_ins()) {  // nothing is made where one of them is somebody else's
    const fs::path link = folder / one.name;
    if (fs::exists(fs::symlink_status(link)) && !is_our_link(link) && !options.force) {
      throw Error(fmt::format("{} exists and is not a link to swin-umamba", link.string()),
                  "choose another --prefix, or replace it with --force");
    }
  }
  for (const DropIn& one : drop_ins()) {
    const fs::path link = folder / one.name, made = folder / fmt::format(".{}.new", one.name);
    with_context(link.string(), [&] {
      std::error_code problem;
      fs::remove(made, problem);
      fs::create_symlink(program, made, problem);
      if (!problem) fs::rename(made, link, problem);
      if (problem) fail("cannot make the link: {}", problem.message());
    });
  }
  note("{} names; put {} in front of PATH to use them", drop_ins().size(), folder.string());
  fmt::print("{}\n", folder.string());
}

}  // namespace

Run declare_links(CLI::App& app) {
  auto options = std::make_shared<LinkOptions>();
  options->prefix = default_prefix();
  app.add_option("--prefix", options->prefix, "the links go to its folder bin")
      ->capture_default_str()
      ->type_name("FOLDER");
  app.add_flag("--force", options->force, "replace commands of the same names, such as nnU-Net's own");
  app.footer("Example:\n  swin-umamba links --prefix ~/.local && nnUNetv2_predict -h");
  return [options] { run_links(*options); };
}

}  // namespace seg
