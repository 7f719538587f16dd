// How programs are started, for what libraries read only while they load.
#pragma once
#include "base/files.h"

namespace seg {

/// The file of this program.
fs::path own_path();

/// Starts a program in this one's place. OpenMP threads sleep while they wait (by default they spin, which on
/// a machine with other work to do slows every parallel loop by up to ten times), and large blocks of memory
/// come in huge pages (the system hands small ones out one by one, which takes longer than what is written
/// into them). What the environment has already stays. Returns only where the program cannot be started.
void start_program(const fs::path& program, char** argv);

/// This program anew, unless it was started that way.
void start_anew(char** argv);

}  // namespace seg
