// Every tolerance of the tests, each with its reason. The goldens' READMEs are the source; none may be
// loosened.
#pragma once

namespace seg::testing {}  // namespace seg::testing
