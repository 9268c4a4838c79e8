// The picture in box drawing characters, a cell per character.
#include <algorithm>

#include "app/diagram_parts.h"

namespace nocobase_operator::app {
namespace {

enum Side : unsigned { up = 1, down = 2, left = 4, right = 8 };

// By the sides that lines leave a cell at.
constexpr std::string_view line_characters[] = {" ", "╵", "╷", "│", "╴", "┘", "┐", "┤",
                                                "╶", "└", "┌", "├", "─", "┴", "┬", "┼"};

class Canvas {
 public:
  Canvas(int rows, int columns)
      : columns_(columns), cells_(static_cast<std::size_t>(rows * columns)), sides_(cells_.size(), 0U) {}

  // From one column to another, both included.
  void across(int row, int from, int to) {
    for (int column = from; column <= to; ++column) {
      sides(row, column) |= (column > from ? left : 0U) | (column < to ? right : 0U);
    }
  }
  void along(int column, int from, int to) {
    for (int row = from; row <= to; ++row) {
      sides(row, column) |= (row > from ? up : 0U) | (row < to ? down : 0U);
    }
  }
  // The line that begins in the cell comes out of the text on its left.
  void begin_at_text(int row, int column) { sides(row, column) |= left; }
  // Text over whatever is there. Each character of it is one cell wide.
  void write(int row, int column, std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++column) {
      std::size_t end = at + 1;
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        ++end;
      }
      cells_[index(row, column)] = text.substr(at, end - at);
      at = end;
    }
  }
  [[nodiscard]] std::string line(int row) const {
    std::string text;
    for (int column = 0; column < columns_; ++column) {
      const std::size_t at = index(row, column);
      text += cells_[at].empty() ? line_characters[sides_[at]] : std::string_view(cells_[at]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }

 private:
  [[nodiscard]] std::size_t index(int row, int column) const {
    return static_cast<std::size_t>(row * columns_ + column);
  }
  unsigned& sides(int row, int column) { return sides_[index(row, column)]; }

  int columns_;
  std::vector<std::string> cells_;
  std::vector<unsigned> sides_;
};

// Where things stand from left to right.
struct Columns {
  int service = 0;  // the Service's first character
  int lanes = 0;
  int roles = 0;  // the left border of the boxes
  int end = 0;    // one after their right border
};

std::string source_text(const PictureSource& source) {
  return source.label + (source.roles.empty() ? " ✗ " + std::string(not_served) : "");
}

// What stands in a role's upper border.
std::string head_of(const Picture& picture, const PictureRole& role) {
  return " " + role.name + " ─ " + standing_of(picture, role) + " ";
}

// As many squares as pods, full ones for those that are there at least.
std::string squares(const PictureRole& role) {
  std::string text;
  for (int i = 0; i < role.most; ++i) {
    text += i < role.fewest ? "■" : "□";
  }
  return text + (text.empty() ? "" : " ") + role.pods;
}

Columns columns_of(const Picture& picture, const Layout& layout) {
  Columns out;
  int sources = width_of(picture.entrance);
  for (const PictureSource& source : picture.sources) {
    sources = std::max(sources, width_of(source_text(source)));
  }
  out.service = sources + 4;
  out.lanes = out.service + width_of(picture.service) + 2;
  out.roles = out.lanes + 2 * layout.lane_count + 2;
  int inner = 0;
  for (const PictureRole& role : picture.roles) {
    inner =
        std::max({inner, width_of(head_of(picture, role)) + 1, width_of(role.mode) + 2, width_of(squares(role)) + 2});
    for (const PicturePort& port : role.ports) {
      inner = std::max(inner, width_of(port.label) + 2);
    }
  }
  out.end = out.roles + inner + 2;
  return out;
}

int column_of(const Columns& columns, int lane) {
  return columns.lanes + 2 * lane;
}

void draw_role(const Picture& picture, std::size_t index, const Layout& layout, const Columns& columns,
               Canvas& canvas) {
  const PictureRole& role = picture.roles[index];
  const PlacedRole& placed = layout.roles[index];
  canvas.across(placed.top, columns.roles, columns.end - 1);
  canvas.across(placed.bottom, columns.roles, columns.end - 1);
  canvas.along(columns.roles, placed.top, placed.bottom);
  canvas.along(columns.end - 1, placed.top, placed.bottom);
  canvas.write(placed.top, columns.roles + 2, head_of(picture, role));
  canvas.write(placed.top + 1, columns.roles + 2, role.mode);
  canvas.write(placed.top + 2, columns.roles + 2, squares(role));
  for (std::size_t i = 0; i < role.ports.size(); ++i) {
    canvas.write(placed.ports[i], columns.roles - 1, "▶");
    canvas.write(placed.ports[i], columns.roles + 2, role.ports[i].label);
  }
}

// The line of every service, from the first lane that comes in.
void draw_every_service(const Picture& picture, const Layout& layout, const Columns& columns, Canvas& canvas) {
  for (std::size_t r = 0; r < picture.roles.size(); ++r) {
    for (std::size_t p = 0; p < picture.roles[r].ports.size(); ++p) {
      const PicturePort& port = picture.roles[r].ports[p];
      if (!port.every_service) {
        continue;
      }
      const int row = layout.roles[r].ports[p];
      int first = columns.roles;
      for (const std::size_t source : port.sources) {
        first = std::min(first, column_of(columns, *layout.lanes[source]));
      }
      canvas.across(row, first, columns.roles - 1);
      for (const std::size_t source : port.sources) {
        canvas.write(row, column_of(columns, *layout.lanes[source]), "●");
      }
    }
  }
}

void draw_source(const Picture& picture, std::size_t index, const Layout& layout, const Columns& columns,
                 Canvas& canvas) {
  const PictureSource& source = picture.sources[index];
  const int row = layout.sources[index];
  const std::string text = source_text(source);
  canvas.write(row, 0, text);
  int start = width_of(text) + 1;
  if (source.is_requests) {
    canvas.write(row + 1, 0, picture.entrance);
    canvas.begin_at_text(row, start);
    canvas.across(row, start, columns.service - 2);
    canvas.write(row, columns.service - 2, "▶");
    canvas.write(row, columns.service, picture.service);
    start = columns.service + width_of(picture.service) + 1;
  }
  if (source.roles.empty()) {
    return;
  }
  canvas.begin_at_text(row, start);
  if (!layout.lanes[index]) {
    canvas.across(row, start, columns.roles - 1);
    return;
  }
  const int lane = column_of(columns, *layout.lanes[index]);
  const LaneSpan span = span_of(layout, index);
  canvas.across(row, start, lane);
  canvas.along(lane, span.first, span.last);
  for (const int target : layout.targets[index]) {
    canvas.across(target, lane, columns.roles - 1);
  }
}

}  // namespace

std::string draw_text(const Picture& picture) {
  const Layout layout = layout_of(picture);
  const Columns columns = columns_of(picture, layout);
  Canvas canvas(layout.rows, columns.end);
  for (std::size_t i = 0; i < picture.sources.size(); ++i) {
    draw_source(picture, i, layout, columns, canvas);
  }
  draw_every_service(picture, layout, columns, canvas);
  for (std::size_t i = 0; i < picture.roles.size(); ++i) {
    draw_role(picture, i, layout, columns, canvas);
  }
  std::string text = "NocoBaseCluster " + picture.name + ", " + picture.image + "\n";
  text += picture.note.empty() ? "\n" : picture.note + "\n\n";
  for (int row = 0; row < layout.rows; ++row) {
    text += canvas.line(row) + "\n";
  }
  return text;
}

}  // namespace nocobase_operator::app
