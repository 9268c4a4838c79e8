#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "app/names.h"
#include "io/yaml.h"
#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

Json definition(const std::string& file) {
  Json out;
  const auto read = io::read_documents(text_of(std::string(NBO_SOURCE_DIR) + "/crds/" + file), file, {},
                                       [&out](const kube::SourceDocument& document) { out = document.value; });
  EXPECT_TRUE(read.ok() && read.value() == 1) << file;
  return out;
}

Json schema_of(const Json& crd) {
  return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
}

bool is_open(const Json& schema) {
  return schema.contains("x-kubernetes-preserve-unknown-fields");
}

// Every object of the schema that has properties of its own and takes no others: its path ("spec.roles[].autoscaling")
// and their names.
void collect(const Json& schema, const std::string& path, std::map<std::string, std::set<std::string>>& out) {
  if (schema.contains("items")) {
    collect(schema["items"], path + "[]", out);
  }
  if (!schema.contains("properties") || is_open(schema)) {
    return;
  }
  for (const auto& [name, property] : schema["properties"].items()) {
    out[path].insert(name);
    collect(property, path.empty() ? name : path + "." + name, out);
  }
}

std::map<std::string, std::set<std::string>> schema_fields() {
  Json schema = schema_of(definition("nocobase.com_nocobaseclusters.yaml"));
  schema["properties"] = {{"spec", schema["properties"]["spec"]}};
  std::map<std::string, std::set<std::string>> out;
  collect(schema, "", out);
  return out;
}

// An object in which `path` leads to `leaf`.
Json nested(const std::string& path, Json leaf) {
  std::vector<std::string> parts;
  std::istringstream in(path);
  for (std::string part; std::getline(in, part, '.');) {
    parts.push_back(part);
  }
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    const bool list = part->ends_with("[]");
    leaf = {{list ? part->substr(0, part->size() - 2) : *part, list ? Json::array({leaf}) : leaf}};
  }
  return leaf;
}

// Every text in the sources of decode() that could name a field.
std::set<std::string> words_of_decode() {
  std::set<std::string> out;
  const std::regex word("\"([a-z][A-Za-z]*)\"");
  for (const auto* const file : {"decode.cpp", "decode_fields.cpp", "decode_parts.cpp"}) {
    const std::string text = text_of(std::string(NBO_SOURCE_DIR) + "/src/app/" + file);
    for (std::sregex_iterator match(text.begin(), text.end(), word); match != std::sregex_iterator(); ++match) {
      out.insert((*match)[1]);
    }
  }
  return out;
}

TEST(Schema, it_has_the_fields_that_decode_reads_and_no_others) {
  const auto schema = schema_fields();
  std::set<std::string> words = words_of_decode();
  for (const auto& [path, names] : schema) {
    words.insert(names.begin(), names.end());
  }
  ASSERT_GT(words.size(), 100U);
  for (const auto& [path, names] : schema) {
    if (path.empty()) {
      continue;
    }
    for (const std::string& name : words) {
      Json member = Json::object();
      member[name] = nullptr;
      bool known = true;
      for (const kube::Finding& finding : decode(nested(path, member)).findings) {
        known = known && !(finding.code == "NB001" && finding.path.ends_with("." + name));
      }
      EXPECT_EQ(known, names.contains(name)) << path << "." << name;
    }
  }
}

void expect_described(const Json& schema, const std::string& path) {
  const bool of_a_list = path.ends_with("[]");
  EXPECT_TRUE(of_a_list || schema.contains("description")) << path << " has no description";
  if (schema.contains("properties")) {
    for (const auto& [name, property] : schema["properties"].items()) {
      expect_described(property, path + "." + name);
    }
  }
  if (schema.contains("items")) {
    expect_described(schema["items"], path + "[]");
  }
}

TEST(Schema, every_field_is_described) {
  for (const auto* const file : {"nocobase.com_nocobaseclusters.yaml", "nocobase.com_nocobaseroles.yaml"}) {
    const Json schema = schema_of(definition(file));
    EXPECT_TRUE(schema.contains("description"));
    for (const auto* const part : {"spec", "status"}) {
      expect_described(schema["properties"][part], part);
    }
  }
}

TEST(Schema, the_one_default_is_that_of_status) {
  for (const auto* const file : {"nocobase.com_nocobaseclusters.yaml", "nocobase.com_nocobaseroles.yaml"}) {
    Json schema = schema_of(definition(file));
    EXPECT_EQ(schema["properties"]["status"]["default"], Json({{"observedGeneration", -1}}));
    schema["properties"]["status"].erase("default");
    const std::string text = schema.dump();
    EXPECT_EQ(text.find("\"default\""), std::string::npos);
  }
}

// Calls `visit` with every list of the schema and its path.
void each_list(const Json& schema, const std::string& path,
               const std::function<void(const std::string&, const Json&)>& visit) {
  if (schema.contains("items")) {
    visit(path, schema);
    each_list(schema["items"], path + "[]", visit);
  }
  if (schema.contains("properties")) {
    for (const auto& [name, property] : schema["properties"].items()) {
      each_list(property, path.empty() ? name : path + "." + name, visit);
    }
  }
}

// So that each entry may have a field manager of its own, and a second one of that name is refused.
TEST(Schema, lists_of_what_has_a_name_are_maps_by_it) {
  std::set<std::string> found;
  each_list(schema_of(definition("nocobase.com_nocobaseclusters.yaml")), "",
            [&](const std::string& path, const Json& list) {
              if (list["items"].value("properties", Json::object()).contains("name")) {
                found.insert(path);
                EXPECT_EQ(list.value("x-kubernetes-list-type", ""), "map") << path;
                EXPECT_EQ(list.value("x-kubernetes-list-map-keys", Json()), Json::array({"name"})) << path;
              }
            });
  EXPECT_EQ(found, (std::set<std::string>{"spec.env", "spec.imagePullSecrets", "spec.roles", "spec.roles[].env",
                                          "spec.setup.env", "status.roles"}));
}

// Whoever edits a cluster may use what is in its namespace and nothing else.
TEST(Schema, no_reference_leaves_the_namespace) {
  for (const auto& [path, names] : schema_fields()) {
    EXPECT_FALSE(names.contains("namespace")) << path;
  }
}

TEST(Schema, it_reserves_the_variables_and_role_names_that_the_program_reserves) {
  const Json spec = schema_of(definition("nocobase.com_nocobaseclusters.yaml"))["properties"]["spec"]["properties"];
  std::string variables;
  for (const auto name : reserved_variables) {
    variables += (variables.empty() ? "'" : ", '") + std::string(name) + "'";
  }
  std::string roles;
  for (const auto name : reserved_role_names) {
    roles += (roles.empty() ? "'" : ", '") + std::string(name) + "'";
  }
  const Json& role = spec["roles"]["items"]["properties"];
  for (const Json& env : {spec["env"], role["env"], spec["setup"]["properties"]["env"]}) {
    EXPECT_EQ(env["items"]["properties"]["name"]["x-kubernetes-validations"][1]["rule"],
              "!(self in [" + variables + "])");
  }
  EXPECT_EQ(role["name"]["x-kubernetes-validations"][0]["rule"], "!(self in [" + roles + "])");
}

// kubectl apply keeps a copy of what it applied in an annotation, and annotations hold 256 KiB.
TEST(Schema, it_is_small_enough_for_kubectl_apply) {
  EXPECT_LT(definition("nocobase.com_nocobaseclusters.yaml").dump().size(), 250'000U);
}

}  // namespace
}  // namespace nocobase_operator::app
