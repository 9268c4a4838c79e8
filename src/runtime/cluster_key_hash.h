// std::hash for app::ClusterKey.
#pragma once
#include <cstddef>
#include <functional>
#include <string>

#include "app/observe.h"

namespace nocobase_operator::runtime {

struct ClusterKeyHash {
  [[nodiscard]] std::size_t operator()(const app::ClusterKey& key) const {
    const std::size_t name = std::hash<std::string>{}(key.name);
    return std::hash<std::string>{}(key.ns) * 31 + name;
  }
};

}  // namespace nocobase_operator::runtime
