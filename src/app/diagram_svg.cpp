// The picture as one SVG file: its own background and colours, light or dark as the viewer likes it, no font but the
// viewer's own.
#include <algorithm>

#include "app/diagram_parts.h"

namespace nocobase_operator::app {
namespace {

constexpr int row_height = 20;
constexpr int margin = 28;
constexpr int head = 84;           // above the first row's middle
constexpr int note_height = 20;    // that a note adds to it
constexpr int letter = 72;         // tenths of a pixel that a character of a label is wide, at 12 px
constexpr int bold_letter = 90;    // of a role's name, at 15 px
constexpr int narrow_letter = 66;  // of what stands in smaller type
constexpr int padding = 14;
constexpr int lane_width = 14;
constexpr int line_colours = 8;

constexpr std::string_view style = R"(
    text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328 }
    .n-title { font: 600 18px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
    .n-role { font-size: 15px; font-weight: 700 }
    .n-dim { font-size: 11px; fill: #59636e }
    .n-warn { fill: #b42318; font-weight: 700 }
    .n-back { fill: #ffffff }
    .n-box { fill: #f6f8fa; stroke: #59636e; stroke-width: 1.5 }
    .n-card { fill: #f6f8fa; stroke: #d1d9e0; stroke-width: 1.5 }
    .n-lost { stroke: #b42318; stroke-dasharray: 5 4 }
    .n-pod { fill: #1f883d; stroke: #1f883d }
    .n-spare { fill: none; stroke: #1f883d }
    .n-line { fill: none; stroke-width: 2 }
    .n-all { stroke: #59636e }
    .n-tip-all { fill: #59636e }
    .n-c0 { stroke: #0969da } .n-t0 { fill: #0969da }
    .n-c1 { stroke: #bc4c00 } .n-t1 { fill: #bc4c00 }
    .n-c2 { stroke: #8250df } .n-t2 { fill: #8250df }
    .n-c3 { stroke: #1a7f37 } .n-t3 { fill: #1a7f37 }
    .n-c4 { stroke: #bf3989 } .n-t4 { fill: #bf3989 }
    .n-c5 { stroke: #9a6700 } .n-t5 { fill: #9a6700 }
    .n-c6 { stroke: #1b7c83 } .n-t6 { fill: #1b7c83 }
    .n-c7 { stroke: #57606a } .n-t7 { fill: #57606a }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .n-dim { fill: #9198a1 }
      .n-warn { fill: #ff7b72 }
      .n-back { fill: #0d1117 }
      .n-box { fill: #151b23; stroke: #9198a1 }
      .n-card { fill: #151b23; stroke: #3d444d }
      .n-lost { stroke: #ff7b72 }
      .n-pod { fill: #3fb950; stroke: #3fb950 }
      .n-spare { stroke: #3fb950 }
      .n-all { stroke: #9198a1 }
      .n-tip-all { fill: #9198a1 }
      .n-c0 { stroke: #58a6ff } .n-t0 { fill: #58a6ff }
      .n-c1 { stroke: #f0883e } .n-t1 { fill: #f0883e }
      .n-c2 { stroke: #bc8cff } .n-t2 { fill: #bc8cff }
      .n-c3 { stroke: #56d364 } .n-t3 { fill: #56d364 }
      .n-c4 { stroke: #f778ba } .n-t4 { fill: #f778ba }
      .n-c5 { stroke: #e3b341 } .n-t5 { fill: #e3b341 }
      .n-c6 { stroke: #39c5cf } .n-t6 { fill: #39c5cf }
      .n-c7 { stroke: #8b949e } .n-t7 { fill: #8b949e }
    }
  )";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

int pixels(std::string_view text, int tenths) {
  return (width_of(text) * tenths + 9) / 10;
}

// ` name="value"`
std::string attribute(std::string_view name, int value) {
  return " " + std::string(name) + "=\"" + std::to_string(value) + "\"";
}

std::string text_at(int x, int y, std::string_view text, std::string_view kind = "", bool ends_there = false) {
  return "  <text" + attribute("x", x) + attribute("y", y) +
         (kind.empty() ? "" : " class=\"" + std::string(kind) + "\"") + (ends_there ? " text-anchor=\"end\"" : "") +
         ">" + escaped(text) + "</text>\n";
}

struct Box {
  int x = 0, y = 0, width = 0, height = 0;
};

std::string box_at(const Box& box, int radius, std::string_view kind) {
  return "  <rect" + attribute("x", box.x) + attribute("y", box.y) + attribute("width", box.width) +
         attribute("height", box.height) + attribute("rx", radius) + " class=\"" + std::string(kind) + "\"/>\n";
}

std::string colour_of(std::size_t source) {
  return std::to_string(source % line_colours);
}

// A line of a source's colour, or of none where it is of every service.
std::string path(const std::string& course, const std::string& kind) {
  return "  <path class=\"n-line " + kind + "\" d=\"" + course + "\"/>\n";
}

std::string point(int x, int y) {
  return std::to_string(x) + " " + std::to_string(y);
}

std::string across(int from, int to, int y) {
  return "M" + point(from, y) + "H" + std::to_string(to);
}

std::string tip_at(int x, int y, const std::string& kind) {
  return "  <path class=\"" + kind + "\" d=\"M" + point(x, y) + "l-8 -4v8z\"/>\n";
}

std::string dot_at(int x, int y, const std::string& kind) {
  return "  <circle class=\"" + kind + "\"" + attribute("cx", x) + attribute("cy", y) + " r=\"4\"/>\n";
}

class Svg {
 public:
  explicit Svg(const Picture& picture) : picture_(picture), layout_(layout_of(picture)) { place(); }
  [[nodiscard]] std::string draw() const;

 private:
  void place();
  [[nodiscard]] int y_of(int row) const { return top_ + row * row_height; }
  [[nodiscard]] int lane_x(std::size_t source) const { return lanes_x_ + *layout_.lanes[source] * lane_width; }
  [[nodiscard]] std::string draw_lines(std::size_t index) const;
  [[nodiscard]] std::string draw_source(std::size_t index) const;
  [[nodiscard]] std::string draw_every_service() const;
  [[nodiscard]] std::string draw_role(std::size_t index) const;
  [[nodiscard]] int right_of(std::size_t source) const { return margin + source_width(picture_.sources[source]); }
  [[nodiscard]] static int source_width(const PictureSource& source);
  [[nodiscard]] static int pod_step(const PictureRole& role) { return role.most > 12 ? 9 : 14; }

  const Picture& picture_;
  Layout layout_;
  int top_ = head;
  int service_x_ = 0, service_width_ = 0, lanes_x_ = 0, roles_x_ = 0, roles_width_ = 0, width_ = 0, height_ = 0;
};

int Svg::source_width(const PictureSource& source) {
  const int mark = source.roles.empty() ? pixels(not_served, letter) + padding : 0;
  return pixels(source.label, letter) + mark + 2 * padding;
}

void Svg::place() {
  top_ += picture_.note.empty() ? 0 : note_height;
  int sources = pixels(picture_.entrance, narrow_letter);
  for (const PictureSource& source : picture_.sources) {
    sources = std::max(sources, source_width(source));
  }
  service_x_ = margin + sources + 36;
  service_width_ = pixels(picture_.service, letter) + 2 * padding;
  lanes_x_ = service_x_ + service_width_ + 24;
  roles_x_ = lanes_x_ + layout_.lane_count * lane_width + 22;
  for (const PictureRole& role : picture_.roles) {
    roles_width_ = std::max({roles_width_, pixels(role.mode, letter),
                             pixels(role.name, bold_letter) + pixels(standing_of(picture_, role), narrow_letter) + 30,
                             pixels(role.pods, letter) + (role.most > 0 ? role.most * pod_step(role) + 8 : 0)});
    for (const PicturePort& port : role.ports) {
      roles_width_ = std::max(roles_width_, pixels(port.label, letter));
    }
  }
  roles_width_ += 2 * padding;
  const int heading = std::max(pixels("NocoBaseCluster " + picture_.name, 115),
                               std::max(pixels(picture_.image, letter), pixels(picture_.note, letter)));
  width_ = std::max(roles_x_ + roles_width_, margin + heading) + margin;
  height_ = y_of(layout_.rows - 1) + margin;
}

std::string Svg::draw_source(std::size_t index) const {
  const PictureSource& source = picture_.sources[index];
  const int y = y_of(layout_.sources[index]);
  const bool served = !source.roles.empty();
  const std::string_view lost = served ? "n-box" : "n-box n-lost";
  std::string out = box_at({margin, y - 13, source_width(source), 26}, 13, lost);
  out += text_at(margin + padding, y + 4, source.label);
  if (!served) {
    out += text_at(right_of(index) - padding, y + 4, not_served, "n-warn", true);
  }
  if (source.is_requests) {
    out += text_at(margin, y + 28, picture_.entrance, "n-dim");
    out += path(across(right_of(index), service_x_ - 6, y), "n-c0") + tip_at(service_x_, y, "n-t0");
    out += box_at({service_x_, y - 13, service_width_, 26}, 4, lost);
    out += text_at(service_x_ + padding, y + 4, picture_.service);
  }
  return out;
}

std::string Svg::draw_lines(std::size_t index) const {
  const PictureSource& source = picture_.sources[index];
  if (source.roles.empty()) {
    return "";
  }
  const std::string line = "n-c" + colour_of(index);
  const std::string fill = "n-t" + colour_of(index);
  const int y = y_of(layout_.sources[index]);
  const int start = source.is_requests ? service_x_ + service_width_ : right_of(index);
  if (!layout_.lanes[index]) {
    return path(across(start, roles_x_ - 6, y), line) + tip_at(roles_x_, y, fill);
  }
  const LaneSpan span = span_of(layout_, index);
  const int x = lane_x(index);
  std::string course = across(start, x, y) + "M" + point(x, y_of(span.first)) + "V" + std::to_string(y_of(span.last));
  std::string ends;
  for (const int row : layout_.targets[index]) {
    course += across(x, roles_x_ - 6, y_of(row));
    ends += tip_at(roles_x_, y_of(row), fill);
    if ((row != span.first && row != span.last) || row == layout_.sources[index]) {  // else it turns there
      ends += dot_at(x, y_of(row), fill);
    }
  }
  if (span.first < layout_.sources[index] && layout_.sources[index] < span.last) {
    ends += dot_at(x, y, fill);
  }
  return path(course, line) + ends;
}

std::string Svg::draw_every_service() const {
  std::string out;
  for (std::size_t r = 0; r < picture_.roles.size(); ++r) {
    for (std::size_t p = 0; p < picture_.roles[r].ports.size(); ++p) {
      const PicturePort& port = picture_.roles[r].ports[p];
      if (!port.every_service) {
        continue;
      }
      const int y = y_of(layout_.roles[r].ports[p]);
      int first = roles_x_;
      std::string dots;
      for (const std::size_t source : port.sources) {
        first = std::min(first, lane_x(source));
        dots += dot_at(lane_x(source), y, "n-t" + colour_of(source));
      }
      out += path(across(first, roles_x_ - 6, y), "n-all") + tip_at(roles_x_, y, "n-tip-all") + dots;
    }
  }
  return out;
}

std::string Svg::draw_role(std::size_t index) const {
  const PictureRole& role = picture_.roles[index];
  const PlacedRole& placed = layout_.roles[index];
  const int top = y_of(placed.top) - 12;
  const int left = roles_x_ + padding;
  std::string out = box_at({roles_x_, top, roles_width_, y_of(placed.bottom) - 6 - top}, 6, "n-card");
  out += text_at(left, y_of(placed.top) + 6, role.name, "n-role");
  out += text_at(roles_x_ + roles_width_ - padding, y_of(placed.top) + 5, standing_of(picture_, role), "n-dim", true);
  out += text_at(left, y_of(placed.top + 1) + 5, role.mode);
  const int step = pod_step(role);
  const int y = y_of(placed.top + 2);
  for (int i = 0; i < role.most; ++i) {
    out += box_at({left + i * step, y - (step - 4) / 2, step - 4, step - 4}, 2, i < role.fewest ? "n-pod" : "n-spare");
  }
  out += text_at(left + (role.most > 0 ? role.most * step + 8 : 0), y + 4, role.pods);
  for (std::size_t i = 0; i < role.ports.size(); ++i) {
    out += text_at(left, y_of(placed.ports[i]) + 4, role.ports[i].label, "n-dim");
  }
  return out;
}

std::string Svg::draw() const {
  const std::string title = "NocoBaseCluster " + picture_.name;
  const std::string id = "n-" + picture_.name;
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\"" + attribute("width", width_) +
                    attribute("height", height_) + " viewBox=\"0 0 " + point(width_, height_) +
                    "\" role=\"img\" aria-labelledby=\"" + escaped(id) + "-title " + escaped(id) + "-desc\">\n";
  out += "  <title id=\"" + escaped(id) + "-title\">" + escaped(title) + "</title>\n";
  out += "  <desc id=\"" + escaped(id) + "-desc\">" + escaped(in_words(picture_)) + "</desc>\n";
  out += "  <style>" + std::string(style) + "</style>\n";
  out += box_at({0, 0, width_, height_}, 0, "n-back");
  out += text_at(margin, 36, title, "n-title");
  out += text_at(margin, 56, picture_.image, "n-dim");
  if (!picture_.note.empty()) {
    out += text_at(margin, 56 + note_height, picture_.note, "n-warn");
  }
  for (std::size_t i = 0; i < picture_.sources.size(); ++i) {
    out += draw_lines(i);
  }
  out += draw_every_service();
  for (std::size_t i = 0; i < picture_.sources.size(); ++i) {
    out += draw_source(i);
  }
  for (std::size_t i = 0; i < picture_.roles.size(); ++i) {
    out += draw_role(i);
  }
  return out + "</svg>\n";
}

}  // namespace

std::string draw_svg(const Picture& picture) {
  return Svg(picture).draw();
}

}  // namespace nocobase_operator::app
