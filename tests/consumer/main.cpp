#include <iostream>

#include <worker_mode/worker_mode.h>

namespace wm = nocobase::worker_mode;

int main() {
  const wm::Mode mode = wm::Mode::parse("!,workflow:process");
  std::cout << mode.serves_requests() << mode.serves("workflow:process") << mode.serves("async-task:process") << '\n'
            << wm::describe(mode) << '\n';

  const wm::Formatted value = wm::format({true, {"workflow:process"}});
  std::cout << value.value << '\n' << wm::to_text(wm::format({false, {}}).error) << '\n';

  for (const wm::Finding& finding : wm::lint("!, workflow:process")) {
    std::cout << finding.code() << ' ' << wm::to_text(finding.severity()) << ' ' << finding.offset << ": "
              << finding.message << '\n';
  }
}
