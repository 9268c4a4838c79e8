// Stands in for node in the tests of the drain hook: built as `node`, run with the arguments of NocoBase's processes,
// it does what matters of each of them to a signal, and writes into the file "log" of its working directory what
// happened.
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace {

volatile std::sig_atomic_t asked = 0;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

void append(const char* file, const std::string& line) {
  std::ofstream(file, std::ios::app) << line << std::endl;
}

// Ends by a signal, or by itself when a test forgot it.
int wait_for_the_end() {
  append("ready", "");
  sleep(30);
  return 0;
}

// Catches one SIGTERM and drains for two seconds; a second one kills, as with process.once in Node.js.
int serve(bool late) {
  if (late) {
    append("ready", "");
    sleep(2);
  }
  struct sigaction action {};
  action.sa_handler = [](int) { asked = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGTERM, &action, nullptr);
  append("ready", "");
  for (int i = 0; i < 300 && asked == 0; ++i) {
    usleep(100'000);
  }
  if (asked == 0) {
    return 1;
  }
  append("log", "server asked");
  sleep(2);
  append("log", "server drained");
  return 0;
}

int listen_on_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(13000);
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || listen(fd, 1) != 0) {
    return 2;
  }
  return wait_for_the_end();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string file = argc > 1 ? argv[1] : "";
  const std::string command = argc > 2 ? argv[2] : "";
  if (ends_with(file, "/nocobase-v1") && command == "start") {
    // The command line tool starts the server through a shell and waits for it.
    const int status = std::system(
        "node app/node_modules/@nocobase/app/lib/index.js start --quickstart");  // NOLINT(cert-env33-c) a test
    append("log", "tool ends");
    return status == 0 ? 0 : 1;
  }
  if (ends_with(file, "/@nocobase/app/lib/index.js") && command == "start") {
    return serve(std::getenv("FAKE_LATE") != nullptr);
  }
  if (ends_with(file, "/pm2")) {
    return listen_on_port();
  }
  return wait_for_the_end();
}
