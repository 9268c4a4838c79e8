// A proxy between the operator and the API server that fails as networks, load balancers and servers do, by a schedule
// that a seed decides. It ends TLS with a certificate of its own and passes requests on as they are.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace nocobase_operator::e2e {

// What happens to a request instead of its being answered.
enum class Fault : std::uint8_t {
  none,
  drop,           // the connection ends before the request is passed on
  reset,          // the same, with a reset
  lose_reply,     // the request is passed on and its answer is not
  delay,          // the answer comes late
  cut,            // the answer ends in the middle
  cut_by_reset,   // the same, with a reset
  expired_event,  // the answer breaks off with a watch's event that says 410
  garbage_event,  // the answer breaks off with bytes that are no JSON
  silence,        // no answer and no end, until the client gives up
  gone,           // 410
  throttled,      // 429 with Retry-After
  broken,         // 500
  unavailable,    // 503
  garbage_body,   // 200 with a body that is no JSON
  garbage,        // bytes that are no HTTP
  unprocessable,  // 422, as of a server that does not know what is asked for; never by the schedule
};
[[nodiscard]] std::string_view name_of(Fault fault);

class FaultProxy {
 public:
  struct Options {
    std::string server;   // the API server, "https://127.0.0.1:PORT"
    std::string ca_file;  // that signed its certificate
    std::uint64_t seed = 1;
  };
  // Chooses the fault of a request by its method and path, in place of the schedule. Called on any thread.
  using Choice = std::function<Fault(std::string_view method, std::string_view target)>;

  explicit FaultProxy(Options options);
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;
  FaultProxy(FaultProxy&&) = delete;
  FaultProxy& operator=(FaultProxy&&) = delete;
  ~FaultProxy();

  // Where it listens, and the certificate that a client is to trust.
  [[nodiscard]] std::string url() const;
  [[nodiscard]] const std::string& ca_pem() const;

  // From now on about every third request meets a fault, connections end at any time, and now and then nothing is
  // passed on for some seconds.
  void start_faults();
  // From now on only requests for which it says so meet a fault.
  void choose_faults(Choice choice);
  void stop_faults();
  // How often each happened, by name.
  [[nodiscard]] std::map<std::string, int> counts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nocobase_operator::e2e
