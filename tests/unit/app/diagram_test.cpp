// The picture of a cluster in each format, byte by byte, and what holds of every picture: nothing stands outside of it,
// no two lines run over each other, and no text of a cluster can break out of its place.
#include "app/diagram.h"

#include <expat.h>
#include <filesystem>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "app/diagram_parts.h"
#include "base/rng.h"
#include "golden.h"
#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

namespace fs = std::filesystem;

// A valid cluster with these roles, and more of its spec merged in.
Cluster cluster_of(std::string_view roles, std::string_view more = "{}") {
  Json object = sample();
  object["spec"]["roles"] = parsed(roles);
  object["spec"].merge_patch(parsed(more));
  Decoded decoded = decode(object);
  EXPECT_TRUE(decoded.findings.empty()) << decoded.findings.front().path << ": " << decoded.findings.front().message;
  return decoded.cluster;
}

constexpr std::string_view three = R"([
  {"name": "web", "requests": true, "replicas": 2},
  {"name": "workflow", "services": ["workflow:process"], "replicas": 1},
  {"name": "tasks", "services": ["async-task:process"]}
])";

// As many roles as there can be, with names as long as they can be.
Cluster sixteen() {
  const std::vector<std::string> keys = {"workflow:process", "async-task:process", "mail:send",
                                         "@acme/plugin-ocr:scan"};
  Json roles = parsed(R"([{"name": "web-for-everybody-01", "requests": true, "replicas": 4}])");
  for (std::size_t i = 2; i < 16; ++i) {
    Json role = {{"name", "worker-of-many-kinds"}};
    role["name"] = std::string("worker-of-many-k-") + (i < 10 ? "00" : "0") + std::to_string(i);
    role["services"] = {keys[i % 4], keys[(i + 1 + i / 8) % 4]};
    if (i % 5 == 0) {
      role["requests"] = true;
    }
    if (i % 3 == 1) {
      role["autoscaling"] = {{"minReplicas", i % 2}, {"maxReplicas", 2}, {"backlog", {{"target", 7}}}};
    } else if (i % 3 == 2) {
      role["replicas"] = 1;
    }
    roles.push_back(std::move(role));
  }
  roles.push_back({{"name", "what-is-left-is-mine"}, {"services", {"*"}}, {"replicas", 1}});
  return cluster_of(roles.dump(), R"({"pluginServices": ["mail:send", "@acme/plugin-ocr:scan"]})");
}

std::map<std::string, Cluster> cases() {
  return {
      {"three-roles", cluster_of(three)},
      {"everything", cluster_of(R"([{"name": "all", "requests": true, "services": ["*"], "replicas": 1}])")},
      {"mixed", cluster_of(R"([
         {"name": "web", "requests": true, "services": ["workflow:process"],
          "autoscaling": {"minReplicas": 2, "maxReplicas": 6, "cpu": 70, "memory": 80}},
         {"name": "heavy", "services": ["workflow:process", "mail:send"],
          "autoscaling": {"minReplicas": 1, "maxReplicas": 4, "backlog": {"target": 5}}},
         {"name": "everything", "services": ["*"], "replicas": 13}])",
                           R"({"pluginServices": ["mail:send", "ocr:scan"], "service": {"port": 8080},
                               "ingress": {"host": "crm.example.com", "path": "/crm"},
                               "gateway": {"parentRefs": [{"name": "public"}], "hostnames": ["a.example", "b.example"]}})")},
      {"uncovered", cluster_of(R"([
         {"name": "web", "requests": true, "replicas": 2},
         {"name": "mail", "services": ["mail:send"], "replicas": 0}])",
                               R"({"pluginServices": ["mail:send", "ocr:scan"], "maintenance": true})")},
      {"workers-alone", cluster_of(R"([{"name": "workers", "services": ["*"], "autoscaling": {"maxReplicas": 1,
         "triggers": [{"type": "cron"}]}}])",
                                   R"({"stopped": true})")},
      {"sixteen-roles", sixteen()},
  };
}

const std::map<std::string, DiagramFormat> formats = {
    {"txt", DiagramFormat::text}, {"svg", DiagramFormat::svg}, {"mmd", DiagramFormat::mermaid}};

// One element of an XML document, with the text directly in it.
struct Element {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;
  [[nodiscard]] int number(const std::string& key) const {
    const auto found = attributes.find(key);
    return found == attributes.end() ? 0 : std::stoi(found->second);
  }
};

struct Document {
  std::vector<Element> elements;  // in the order of their start
  std::vector<std::size_t> open;
  std::string error;  // "" when it is well-formed
};

Document read_xml(const std::string& text) {
  Document out;
  XML_Parser parser = XML_ParserCreate("UTF-8");
  XML_SetUserData(parser, &out);
  XML_SetElementHandler(
      parser,
      [](void* data, const XML_Char* name, const XML_Char** attributes) {
        auto& document = *static_cast<Document*>(data);
        document.open.push_back(document.elements.size());
        document.elements.push_back({name, {}, {}});
        for (; *attributes != nullptr; attributes += 2) {
          document.elements.back().attributes[attributes[0]] = attributes[1];
        }
      },
      [](void* data, const XML_Char*) { static_cast<Document*>(data)->open.pop_back(); });
  XML_SetCharacterDataHandler(parser, [](void* data, const XML_Char* part, int size) {
    auto& document = *static_cast<Document*>(data);
    document.elements[document.open.back()].text.append(part, static_cast<std::size_t>(size));
  });
  if (XML_Parse(parser, text.data(), static_cast<int>(text.size()), 1) != XML_STATUS_OK) {
    out.error = std::string(XML_ErrorString(XML_GetErrorCode(parser))) + " in line " +
                std::to_string(XML_GetCurrentLineNumber(parser));
  }
  XML_ParserFree(parser);
  return out;
}

std::vector<std::string> texts_of(const Document& document) {
  std::vector<std::string> texts;
  for (const Element& element : document.elements) {
    if (element.name == "text") {
      texts.push_back(element.text);
    }
  }
  return texts;
}

TEST(Diagram, IsWhatItWas) {
  for (const auto& [name, cluster] : cases()) {
    for (const auto& [ending, format] : formats) {
      SCOPED_TRACE(name + "." + ending);
      expect_golden(fs::path(NBO_SOURCE_DIR) / "tests/golden/diagram" / (name + "." + ending),
                    diagram(cluster, format));
    }
  }
}

TEST(Diagram, EveryGoldenFileIsOfACase) {
  const auto known = cases();
  for (const auto& entry : fs::directory_iterator(fs::path(NBO_SOURCE_DIR) / "tests/golden/diagram")) {
    EXPECT_TRUE(known.contains(entry.path().stem().string())) << entry.path();
  }
}

TEST(Diagram, AnSvgIsWellFormedAndSaysWhatItShows) {
  for (const auto& [name, cluster] : cases()) {
    SCOPED_TRACE(name);
    const Document document = read_xml(diagram(cluster, DiagramFormat::svg));
    ASSERT_EQ(document.error, "");
    const Element& svg = document.elements.at(0);
    EXPECT_EQ(svg.name, "svg");
    EXPECT_EQ(svg.attributes.at("xmlns"), "http://www.w3.org/2000/svg");
    EXPECT_EQ(svg.attributes.at("role"), "img");
    EXPECT_EQ(svg.attributes.at("aria-labelledby"), "n-crm-title n-crm-desc");
    EXPECT_EQ(document.elements.at(1).name, "title");
    EXPECT_EQ(document.elements.at(1).attributes.at("id"), "n-crm-title");
    EXPECT_EQ(document.elements.at(1).text, "NocoBaseCluster crm");
    EXPECT_EQ(document.elements.at(2).name, "desc");
    EXPECT_EQ(document.elements.at(2).attributes.at("id"), "n-crm-desc");
    EXPECT_EQ(document.elements.at(2).text, in_words(picture_of(cluster)));
    for (const Element& element : document.elements) {  // nothing is fetched from elsewhere
      EXPECT_FALSE(element.attributes.contains("href") || element.name == "image" || element.name == "script");
      EXPECT_EQ(element.text.find("url("), std::string::npos);
    }
  }
}

TEST(Diagram, EverythingOfAnSvgIsInsideOfIt) {
  for (const auto& [name, cluster] : cases()) {
    SCOPED_TRACE(name);
    const Document document = read_xml(diagram(cluster, DiagramFormat::svg));
    const int width = document.elements.at(0).number("width");
    const int height = document.elements.at(0).number("height");
    for (const Element& element : document.elements) {
      const bool ends = element.attributes.contains("text-anchor");
      const int span = element.name == "text" ? width_of(element.text) * 72 / 10 : element.number("width");
      const int left = element.number("x") - (ends ? span : 0);
      if (element.name == "text" || element.name == "rect") {
        EXPECT_GE(left, 0) << element.text;
        EXPECT_LE(left + span, width) << element.text;
        EXPECT_LE(element.number("y") + element.number("height"), height) << element.text;
      }
    }
  }
}

TEST(Diagram, IsToldInWords) {
  EXPECT_EQ(in_words(picture_of(cases().at("uncovered"))),
            "maintenance: one pod that serves requests runs until spec.maintenance is taken out. "
            "requests come in through Service crm:80 to role web. workflow:process goes to no role. "
            "async-task:process goes to no role. mail:send goes to role mail. ocr:scan goes to no role. "
            "Role web: WORKER_MODE=!, 2 pods, behind Service crm:80. "
            "Role mail: WORKER_MODE=mail:send, 0 pods, behind no Service.");
}

TEST(Diagram, TellsWhatEachRoleIsScaledBy) {
  const auto pods = [](std::string_view role) {
    const Picture picture = picture_of(cluster_of("[" + std::string(role) + "]"));
    const PictureRole& drawn = picture.roles.at(0);
    return drawn.pods + " | " + std::to_string(drawn.fewest) + " " + std::to_string(drawn.most);
  };
  const std::string start = R"({"name": "web", "requests": true, )";
  EXPECT_EQ(pods(start + R"("replicas": 1})"), "1 pod | 1 1");
  EXPECT_EQ(pods(start + R"("replicas": 0})"), "0 pods | 0 0");
  EXPECT_EQ(pods(start + R"("replicas": 32})"), "32 pods | 32 32");
  EXPECT_EQ(pods(R"({"name": "web", "requests": true})"), "1 pod at first, scaled from outside | 1 1");
  EXPECT_EQ(pods(start + R"("autoscaling": {"maxReplicas": 3, "cpu": 70}})"), "1 to 3 pods, by CPU 70 % | 1 3");
  EXPECT_EQ(pods(start + R"("autoscaling": {"minReplicas": 3, "maxReplicas": 3, "memory": 80}})"),
            "3 pods, by memory 80 % | 3 3");
  EXPECT_EQ(pods(start + R"("autoscaling": {"minReplicas": 0, "maxReplicas": 5, "backlog": {"target": 9},
                             "triggers": [{"type": "cron"}, {"type": "kafka"}]}})"),
            "0 to 5 pods, by backlog 9 per pod, 2 triggers | 0 5");
  EXPECT_EQ(pods(start + R"("autoscaling": {"maxReplicas": 2, "metrics": [{"type": "Pods"}]}})"),
            "1 to 2 pods, by 1 metric | 1 2");
}

// Whatever a cluster's texts are: spec and API server refuse these, and this function does not count on it.
Cluster hostile() {
  Cluster cluster = cluster_of(three);
  cluster.name = "a\"b<c>&d#e`f\n\x1b[31mg\xff";
  cluster.spec.image = std::string(3000, 'x');
  cluster.spec.roles[0].name = "</text><script>";
  cluster.spec.plugin_services = {"k]])\"];end",
                                  "\xe2\x80\xae"
                                  "flip",
                                  "\x7f\xc2\x85"};
  return cluster;
}

TEST(Diagram, NoTextBreaksOutOfAnSvg) {
  const Document document = read_xml(diagram(hostile(), DiagramFormat::svg));
  ASSERT_EQ(document.error, "");
  EXPECT_EQ(document.elements.at(1).text, "NocoBaseCluster a\"b<c>&d#e`f\uFFFD\uFFFD[31mg\uFFFD");
  const std::vector<std::string> texts = texts_of(document);
  const std::set<std::string> all(texts.begin(), texts.end());
  EXPECT_EQ(all.count("</text><script>"), 1U);
  EXPECT_EQ(all.count("k]])\"];end"), 1U);
  EXPECT_EQ(all.count("\uFFFDflip"), 1U);
  EXPECT_EQ(all.count("\uFFFD\uFFFD"), 1U);
  EXPECT_EQ(all.count(std::string(100, 'x') + "…"), 1U);
  for (const Element& element : document.elements) {
    EXPECT_NE(element.name, "script");
  }
}

TEST(Diagram, NoTextBreaksOutOfALabelOfMermaid) {
  const std::string text = diagram(hostile(), DiagramFormat::mermaid);
  EXPECT_NE(text.find("  key3([\"k]])#quot;];end<br/>served by no role\"]):::missing\n"), std::string::npos) << text;
  EXPECT_NE(text.find("    role0[\"<b>#lt;/text#gt;#lt;script#gt;</b><br/>WORKER_MODE=!<br/>"), std::string::npos)
      << text;
  EXPECT_NE(text.find("  service[\"Service a#quot;b#lt;c#gt;#amp;d#35;e#96;f\uFFFD\uFFFD[31mg\uFFFD:80\"]\n"),
            std::string::npos)
      << text;
}

TEST(Diagram, NoTextReachesTheTerminalAsAControl) {
  for (const auto& [ending, format] : formats) {
    for (const char c : diagram(hostile(), format)) {
      EXPECT_TRUE(c == '\n' || (static_cast<unsigned char>(c) >= 0x20U && c != '\x7f')) << ending;
    }
  }
}

TEST(Diagram, TextIsCutBetweenCharacters) {
  EXPECT_EQ(legible("äöü", 3), "äöü");
  EXPECT_EQ(legible("äöü", 2), "äö…");
  EXPECT_EQ(legible("", 2), "");
  EXPECT_EQ(width_of("äö…"), 3);
}

// Roles and keys by chance, up to the limits of the API.
Cluster random_cluster(Rng& rng) {
  Cluster cluster = cluster_of(three);
  const std::uint64_t keys = rng.next() % 12;
  for (std::uint64_t i = 0; i < keys; ++i) {
    cluster.spec.plugin_services.push_back("key:" + std::to_string(i));
  }
  const auto all = picture_of(cluster).sources;
  cluster.spec.roles.clear();
  for (std::uint64_t i = rng.next() % 16 + 1; i > 0; --i) {
    Role role;
    role.name = "role-" + std::to_string(i);
    role.requests = rng.next() % 3 == 0;
    if (rng.next() % 5 == 0) {
      role.services = {"*"};
    } else {
      for (const PictureSource& source : all) {
        if (!source.is_requests && rng.next() % 4 == 0) {
          role.services.push_back(source.label);
        }
      }
    }
    role.replicas = static_cast<std::int32_t>(rng.next() % 33);
    cluster.spec.roles.push_back(std::move(role));
  }
  if (rng.next() % 2 == 0) {
    cluster.spec.ingress.emplace().host = "crm.example.com";
  }
  return cluster;
}

TEST(Diagram, NoTwoLinesRunOverEachOther) {
  Rng rng(7);
  std::size_t lanes = 0;
  std::size_t straight = 0;
  for (int run = 0; run < 500; ++run) {
    const Picture picture = picture_of(random_cluster(rng));
    const Layout layout = layout_of(picture);
    std::map<int, std::size_t> rows;  // of sources, and of the ports that they lead to alone
    std::set<int> taken;
    for (std::size_t i = 0; i < picture.sources.size(); ++i) {
      EXPECT_TRUE(rows.emplace(layout.sources[i], i).second) << "two sources in a row";
      EXPECT_LT(layout.sources[i], layout.rows);
      if (layout.lanes[i]) {
        EXPECT_TRUE(taken.insert(*layout.lanes[i]).second) << "two lanes in a column";
        ++lanes;
      } else if (!picture.sources[i].roles.empty()) {
        EXPECT_EQ(layout.targets[i], std::vector<int>{layout.sources[i]});
        EXPECT_TRUE(layout.joined[i].empty());
        ++straight;
      }
      EXPECT_EQ(layout.targets[i].size() + layout.joined[i].size(), picture.sources[i].roles.size());
    }
    EXPECT_EQ(static_cast<int>(taken.size()), layout.lane_count);
    for (std::size_t i = 0; i < picture.sources.size(); ++i) {
      for (const int row : layout.targets[i]) {
        const auto [place, is_new] = rows.emplace(row, i);
        EXPECT_TRUE(is_new || place->second == i) << "a port in the row of another's line";
      }
      for (const int row : layout.joined[i]) {
        EXPECT_FALSE(rows.contains(row)) << "every service in the row of a line";
      }
    }
    for (const auto& [ending, format] : formats) {
      EXPECT_TRUE(diagram(random_cluster(rng), format).ends_with("\n"));
    }
  }
  EXPECT_GT(lanes, 500U);
  EXPECT_GT(straight, 100U);
}

}  // namespace
}  // namespace nocobase_operator::app
