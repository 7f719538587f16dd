// Tells the leak checker about memory that libraries under us never free. For a test's one .cpp.
#pragma once

#ifdef __SANITIZE_ADDRESS__
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libITKniftiio\n"   // file names of every NIfTI file it writes
         "leak:libfontconfig\n";  // its table of fonts, kept for the life of the process
}
#endif
