// Which entries of Secrets and ConfigMaps a cluster takes, where its spec says so, and what for.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "app/spec.h"
#include "kube/kind.h"

namespace nocobase_operator::app {

struct Use {
  enum class Purpose : std::uint8_t {
    variable,        // an entry becomes the variable of that name
    all_variables,   // every entry becomes a variable, its name after `variable`
    redis_password,  // goes into URLs as it is
    other            // a file, a certificate, a variable of another container
  };
  Purpose purpose = Purpose::other;
  kube::Ref ref;
  std::vector<std::string> keys;  // one of them has to be there; none: all of the object
  std::string variable;           // the name, or for all_variables what stands before each name
  std::string path;               // in the cluster
  bool optional = false;          // a pod starts without it
};

[[nodiscard]] std::vector<Use> uses_of(const Cluster& cluster);

}  // namespace nocobase_operator::app
