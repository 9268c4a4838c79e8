// What a diagram shows and where: the same for every format. Nobody but diagram includes it.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/legible.h"
#include "app/spec.h"

namespace nocobase_operator::app {

// One line into a role: requests, a service key, or every service there is.
struct PicturePort {
  std::string label;
  std::vector<std::size_t> sources;  // that come in here; several only for every service
  bool every_service = false;
};

struct PictureRole {
  std::string name;
  std::string mode;  // "WORKER_MODE=!"
  std::string pods;  // "1 to 6 pods, by CPU 70 %"
  int fewest = 0;    // pods that are drawn full
  int most = 0;      // pods that are drawn, full or empty
  bool requests = false;
  std::vector<PicturePort> ports;
};

// Requests, or a service key.
struct PictureSource {
  std::string label;
  bool is_requests = false;
  std::vector<std::size_t> roles;  // that serve it, in the order of the spec
};

struct Picture {
  std::string name, image;
  std::string note;      // why fewer pods run than are drawn; "" for none
  std::string service;   // "Service crm:80"
  std::string entrance;  // "Ingress crm.example.com"; "" for none
  std::vector<PictureSource> sources;
  std::vector<PictureRole> roles;
};

[[nodiscard]] Picture picture_of(const Cluster& cluster);
// What is wrong with a source that no role serves.
inline constexpr std::string_view not_served = "served by no role";
// How a role stands to the Service: "behind Service crm:80" or "behind no Service".
[[nodiscard]] std::string standing_of(const Picture& picture, const PictureRole& role);
// The whole picture in sentences.
[[nodiscard]] std::string in_words(const Picture& picture);

// A role as a box of rows: its name, its mode, its pods, a row per port, an end.
struct PlacedRole {
  int top = 0;
  std::vector<int> ports;
  int bottom = 0;
};

// Everything stands in rows. A line leads from a source to its lane, a column of its own, along it, and from there to
// ports; where it needs no turn it has no lane. No two lines share a row but to cross, or to meet at a port that takes
// every service.
struct Layout {
  std::vector<int> sources;               // the row of each
  std::vector<std::optional<int>> lanes;  // of each source, from the left
  std::vector<std::vector<int>> targets;  // of each source: rows of ports that are its own
  std::vector<std::vector<int>> joined;   // of each source: rows of ports that take every service
  std::vector<PlacedRole> roles;
  int lane_count = 0;
  int rows = 0;
};

[[nodiscard]] Layout layout_of(const Picture& picture);

// The first and last row of a lane.
struct LaneSpan {
  int first = 0;
  int last = 0;
};
[[nodiscard]] LaneSpan span_of(const Layout& layout, std::size_t source);

[[nodiscard]] std::string draw_mermaid(const Picture& picture);
[[nodiscard]] std::string draw_svg(const Picture& picture);
[[nodiscard]] std::string draw_text(const Picture& picture);

}  // namespace nocobase_operator::app
