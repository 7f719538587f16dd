// How programs are started, for what libraries read only while they load.
#pragma once
#include <cstdlib>

#include "base/files.h"

namespace seg {

/// The file of this program.
fs::path own_path();

/// For the programs that are started from here on: OpenMP threads sleep while they wait (by default they
/// spin, which on a machine with other work to do slows every parallel loop by up to ten times), and large
/// blocks of memory come in huge pages (the system hands small ones out one by one, which takes longer than
/// what is written into them). What the environment has already stays.
inline void set_start_environment() {
  setenv("OMP_WAIT_POLICY", "passive", 0);
  setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 0);
}

/// This program anew, unless its environment is set: for those that no launcher starts.
void start_anew(char** argv);

}  // namespace seg
