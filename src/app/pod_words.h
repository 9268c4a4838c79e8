// What keeps a pod from being ready, in the words a person needs: container state, exit code, image, the server's text.
#pragma once
#include <string>

#include "app/observe.h"

namespace nocobase_operator::app {

// Whether something is wrong with it; else it is only on its way.
[[nodiscard]] bool is_failing(const SeenPod& pod);
// "pod crm-web-x: CrashLoopBackOff, exit code 1: Error", "pod crm-web-x is starting". Of a pod that is not ready.
[[nodiscard]] std::string describe(const SeenPod& pod);

}  // namespace nocobase_operator::app
