#include <algorithm>
#include <numeric>
#include <set>

#include "app/diagram_parts.h"

namespace nocobase_operator::app {
namespace {

constexpr int rows_before_ports = 3;  // name, mode, pods
constexpr int between_sources = 2;

std::vector<PlacedRole> stacked(const Picture& picture) {
  std::vector<PlacedRole> out;
  int row = 0;
  for (const PictureRole& role : picture.roles) {
    PlacedRole placed;
    placed.top = row;
    row += rows_before_ports;
    for (std::size_t i = 0; i < role.ports.size(); ++i) {
      placed.ports.push_back(row++);
    }
    placed.bottom = row++;
    out.push_back(std::move(placed));
  }
  return out;
}

void find_targets(const Picture& picture, Layout& layout) {
  layout.targets.resize(picture.sources.size());
  layout.joined.resize(picture.sources.size());
  for (std::size_t r = 0; r < picture.roles.size(); ++r) {
    const std::vector<PicturePort>& ports = picture.roles[r].ports;
    for (std::size_t p = 0; p < ports.size(); ++p) {
      for (const std::size_t source : ports[p].sources) {
        (ports[p].every_service ? layout.joined : layout.targets)[source].push_back(layout.roles[r].ports[p]);
      }
    }
  }
}

// The row a source would have if it were alone: that of the first port it leads to.
int wish_of(const Layout& layout, std::size_t source) {
  int wish = layout.rows;  // what nobody serves comes last
  for (const auto* const rows : {&layout.targets[source], &layout.joined[source]}) {
    if (!rows->empty()) {
      wish = std::min(wish, rows->front());
    }
  }
  return wish;
}

// Puts each source at the row it wishes for or below, apart from each other and off rows where other lines come in.
void place_sources(const Picture& picture, Layout& layout) {
  std::set<int> taken;
  for (const PlacedRole& role : layout.roles) {
    taken.insert(role.ports.begin(), role.ports.end());
  }
  std::vector<std::size_t> order(picture.sources.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return wish_of(layout, a) < wish_of(layout, b); });
  layout.sources.resize(order.size());
  int free = rows_before_ports;
  for (const std::size_t source : order) {
    const bool served = !picture.sources[source].roles.empty();
    const std::vector<int>& own = layout.targets[source];
    int row = std::max(free, served ? wish_of(layout, source) : free);
    while (taken.contains(row) && std::find(own.begin(), own.end(), row) == own.end()) {
      ++row;
    }
    layout.sources[source] = row;
    const bool two_rows = picture.sources[source].is_requests && !picture.entrance.empty();
    free = row + between_sources + (two_rows ? 1 : 0);
    layout.rows = std::max(layout.rows, free - 1);
  }
}

bool is_straight(const Layout& layout, std::size_t source) {
  return layout.joined[source].empty() && layout.targets[source] == std::vector<int>{layout.sources[source]};
}

bool is_within(int row, LaneSpan span) {
  return span.first <= row && row <= span.last;
}

// How often lines cross when the lane of `left` is left of that of `right`.
std::ptrdiff_t crossings(const Layout& layout, std::size_t left, std::size_t right) {
  const LaneSpan other = span_of(layout, right);
  const auto& rows = layout.targets[left];
  return std::count_if(rows.begin(), rows.end(), [&](int row) { return is_within(row, other); }) +
         (is_within(layout.sources[right], span_of(layout, left)) ? 1 : 0);
}

// Every swap takes crossings away and changes none of the others, so it ends.
void order_lanes(Layout& layout) {
  std::vector<std::size_t> order;
  for (std::size_t source = 0; source < layout.sources.size(); ++source) {
    const bool served = !layout.targets[source].empty() || !layout.joined[source].empty();
    if (served && !is_straight(layout, source)) {
      order.push_back(source);
    }
  }
  for (bool better = true; better;) {
    better = false;
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (crossings(layout, order[i], order[i - 1]) < crossings(layout, order[i - 1], order[i])) {
        std::swap(order[i], order[i - 1]);
        better = true;
      }
    }
  }
  layout.lanes.resize(layout.sources.size());
  for (const std::size_t source : order) {
    layout.lanes[source] = layout.lane_count++;
  }
}

}  // namespace

LaneSpan span_of(const Layout& layout, std::size_t source) {
  LaneSpan span{layout.sources[source], layout.sources[source]};
  for (const auto* const rows : {&layout.targets[source], &layout.joined[source]}) {
    for (const int row : *rows) {
      span.first = std::min(span.first, row);
      span.last = std::max(span.last, row);
    }
  }
  return span;
}

Layout layout_of(const Picture& picture) {
  Layout layout;
  layout.roles = stacked(picture);
  layout.rows = layout.roles.empty() ? 0 : layout.roles.back().bottom + 1;
  find_targets(picture, layout);
  place_sources(picture, layout);
  order_lanes(layout);
  return layout;
}

}  // namespace nocobase_operator::app
