// The picture as a Mermaid flowchart. Labels are quoted, and what has a meaning in them is written as an entity.
#include "app/diagram_parts.h"

namespace nocobase_operator::app {
namespace {

// https://mermaid.js.org/syntax/flowchart.html, "Entity codes to escape characters".
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "#quot;";
        break;
      case '#':
        out += "#35;";
        break;
      case '&':
        out += "#amp;";
        break;
      case '<':
        out += "#lt;";
        break;
      case '>':
        out += "#gt;";
        break;
      case '`':  // a label between backquotes is Markdown
        out += "#96;";
        break;
      case '*':  // so is emphasis in some renderers
        out += "#42;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string line(const std::string& text) {
  return "  " + text + "\n";
}

std::string source_id(const PictureSource& source, std::size_t index) {
  return source.is_requests ? "requests" : "key" + std::to_string(index);
}

}  // namespace

std::string draw_mermaid(const Picture& picture) {
  std::string text = "flowchart LR\n";
  text += line("accTitle: NocoBaseCluster " + escaped(picture.name));
  text += line("accDescr: " + escaped(in_words(picture)));
  std::string lines;
  bool missing = false;
  for (std::size_t i = 0; i < picture.sources.size(); ++i) {
    const PictureSource& source = picture.sources[i];
    const std::string id = source_id(source, i);
    const bool served = !source.roles.empty();
    missing = missing || !served;
    text += line(id + "([\"" + escaped(source.label) + (served ? "" : "<br/>" + std::string(not_served)) + "\"])" +
                 (served ? "" : ":::missing"));
    std::string from = id;
    if (source.is_requests) {
      if (!picture.entrance.empty()) {
        text += line("entrance[\"" + escaped(picture.entrance) + "\"]");
        lines += line(from + " --> entrance");
        from = "entrance";
      }
      text += line("service[\"" + escaped(picture.service) + "\"]");
      lines += line(from + " --> service");
      from = "service";
    }
    for (const std::size_t role : source.roles) {
      lines += line(from + " --> role" + std::to_string(role));
    }
  }
  text += line("subgraph cluster [\"NocoBaseCluster " + escaped(picture.name + ", " + picture.image) +
               (picture.note.empty() ? "" : "<br/>" + escaped(picture.note)) + "\"]");
  for (std::size_t i = 0; i < picture.roles.size(); ++i) {
    const PictureRole& role = picture.roles[i];
    text += line("  role" + std::to_string(i) + "[\"<b>" + escaped(role.name) + "</b><br/>" + escaped(role.mode) +
                 "<br/>" + escaped(role.pods) + "<br/>" + escaped(standing_of(picture, role)) + "\"]");
  }
  text += line("end") + lines;
  if (missing) {
    text += line("classDef missing stroke:#d1242f,stroke-width:2px,stroke-dasharray:5 4");
  }
  return text;
}

}  // namespace nocobase_operator::app
