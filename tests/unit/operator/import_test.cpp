// The command `import` on inputs of every sort: what it prints, what `validate` then says, and that it tells no secret.
#include "operator/import.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/children.h"
#include "app/validate.h"
#include "golden.h"
#include "io/yaml.h"
#include "kube/json.h"

namespace nocobase_operator::program {
namespace {

namespace fs = std::filesystem;

const fs::path root = NBO_SOURCE_DIR;
const fs::path inputs = root / "tests/data/import";

// What a command printed, run in the folder of its input so that files are named as a person would.
struct Printed {
  int code = 0;
  std::string out, err;
};

Printed run_in(const fs::path& folder, ImportOptions options) {
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  std::ostringstream out;
  std::ostringstream err;
  Printed run;
  run.code = import_files(options, {out, err, false});
  run.out = out.str();
  run.err = err.str();
  fs::current_path(before);
  return run;
}

std::string input_of(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with('.')) {
      names.push_back(entry.path().filename().string());
    }
  }
  return names.size() == 1 ? names.front() : "";
}

Printed run_case(const std::string& name) {
  ImportOptions options;
  options.inputs = {input_of(inputs / name)};
  return run_in(inputs / name, options);
}

std::vector<kube::SourceDocument> documents_in(const std::string& text) {
  std::vector<kube::SourceDocument> out;
  const auto count = io::read_documents(text, "out.yaml", {},
                                        [&out](kube::SourceDocument document) { out.push_back(std::move(document)); });
  EXPECT_TRUE(count.ok()) << count.error().what;
  return out;
}

kube::SourceDocument cluster_in(const std::string& text) {
  std::vector<kube::SourceDocument> documents = documents_in(text);
  if (documents.empty()) {
    ADD_FAILURE() << "nothing was printed";
    return {};
  }
  EXPECT_EQ(kube::string_at(documents.back().value, {"kind"}), "NocoBaseCluster");
  return std::move(documents.back());
}

struct Expected {
  int code;
  std::vector<std::string> findings;  // errors and warnings of validate
};

// Every folder of tests/data/import.
const std::map<std::string, Expected>& expected() {
  static const std::map<std::string, Expected> cases = {
      {"stock-postgres", {1, {"NB070"}}},   {"mysql-offset-zone", {1, {"NB062", "NB070", "NB087"}}},
      {"mariadb-sub-path", {1, {"NB087"}}}, {"env-file-tunnel", {1, {"NB070"}}},
      {"legacy-alpha", {1, {"NB076"}}},     {"paas-template", {1, {"NB053"}}},
      {"sqlite-single", {1, {}}},           {"no-nginx-stack", {1, {"NB053", "NB053"}}},
      {"role-split-anchors", {1, {}}},      {"two-hosts", {1, {}}},
      {"k8s-guide", {1, {"NB070"}}},        {"k8s-blog", {1, {"NB053", "NB053", "NB070", "NB090", "NB101"}}},
      {"chart-values", {1, {"NB070"}}},     {"container-app", {1, {"NB053", "NB073", "NB090"}}},
      {"kingbase", {1, {"NB053"}}},         {"hosting-template", {1, {"NB053", "NB053", "NB053"}}},
      {"k8s-split", {1, {"NB098"}}},        {"k8s-complete", {0, {}}},
  };
  return cases;
}

TEST(ImportGolden, every_folder_is_a_case) {
  std::set<std::string> folders;
  for (const auto& entry : fs::directory_iterator(inputs)) {
    folders.insert(entry.path().filename().string());
    EXPECT_TRUE(expected().contains(entry.path().filename().string())) << entry.path();
  }
  EXPECT_EQ(folders.size(), expected().size());
}

TEST(ImportGolden, is_what_it_was) {
  for (const auto& [name, want] : expected()) {
    SCOPED_TRACE(name);
    const Printed run = run_case(name);
    EXPECT_EQ(run.code, want.code);
    expect_golden(root / "tests/golden/import" / (name + ".yaml"), run.out);
    const fs::path told = root / "tests/golden/import" / (name + ".txt");
    if (run.err.empty()) {
      EXPECT_FALSE(fs::exists(told));
    } else {
      expect_golden(told, run.err);
    }
  }
}

TEST(ImportGolden, validate_says_of_it_only_what_is_wrong_with_the_input) {
  for (const auto& [name, want] : expected()) {
    SCOPED_TRACE(name);
    std::vector<std::string> codes;
    for (const kube::Finding& finding : app::check(cluster_in(run_case(name).out))) {
      if (finding.severity != kube::Severity::info) {
        codes.push_back(finding.code);
      }
    }
    std::sort(codes.begin(), codes.end());
    EXPECT_EQ(codes, want.findings);
  }
}

TEST(ImportGolden, renders) {
  for (const auto& [name, want] : expected()) {
    SCOPED_TRACE(name);
    const app::Decoded decoded = app::decode(cluster_in(run_case(name).out).value);
    ASSERT_TRUE(decoded.findings.empty());
    const auto children = app::render({&decoded.cluster, app::initial_counts(decoded.cluster), 0});
    ASSERT_TRUE(children.ok()) << children.error().what;
    EXPECT_GE(children.value().size(), 4U);
  }
}

// The values of the Secrets stand in them alone.
TEST(ImportGolden, tells_no_secret) {
  std::size_t secrets = 0;
  for (const auto& [name, want] : expected()) {
    SCOPED_TRACE(name);
    const Printed run = run_case(name);
    const std::string cluster = kube::dump(cluster_in(run.out).value);
    const std::string comments = run.out.substr(0, run.out.find("apiVersion:"));
    for (const kube::SourceDocument& document : documents_in(run.out)) {
      const kube::Json* const data = kube::find(document.value, "stringData");
      if (data == nullptr) {
        continue;
      }
      for (const auto& [key, value] : data->items()) {
        const auto& text = value.get_ref<const std::string&>();
        ++secrets;
        ASSERT_GE(text.size(), 8U);
        EXPECT_EQ(cluster.find(text), std::string::npos) << key;
        EXPECT_EQ(comments.find(text), std::string::npos) << key;
        EXPECT_EQ(run.err.find(text), std::string::npos) << key;
      }
    }
  }
  EXPECT_EQ(secrets, 19U);
}

TEST(ImportGolden, json_has_the_same_objects_and_remarks) {
  for (const auto& [name, want] : expected()) {
    SCOPED_TRACE(name);
    ImportOptions options;
    options.inputs = {input_of(inputs / name)};
    options.output = "json";
    const Printed run = run_in(inputs / name, options);
    EXPECT_EQ(run.code, want.code);
    EXPECT_EQ(run.err, "");
    const auto json = kube::parse_json(run.out);
    ASSERT_TRUE(json.ok());
    const Printed plain = run_case(name);
    std::vector<kube::Json> objects;
    for (const kube::SourceDocument& document : documents_in(plain.out)) {
      objects.push_back(document.value);
    }
    EXPECT_EQ(json.value().at("items"), kube::Json(objects));
    std::string lines;
    for (const kube::Json& remark : json.value().at("remarks")) {
      lines += remark.at("file").get<std::string>();
      if (remark.at("line") != 0) {
        lines +=
            ":" + std::to_string(remark.at("line").get<int>()) + ":" + std::to_string(remark.at("column").get<int>());
      }
      lines += ": " + remark.at("kind").get<std::string>() + " " + remark.at("subject").get<std::string>() + ": " +
               remark.at("message").get<std::string>() + "\n";
      if (remark.at("advice") != "") {
        lines += "    " + remark.at("advice").get<std::string>() + "\n";
      }
    }
    EXPECT_EQ(lines, plain.err);
  }
}

// A folder of its own for one test, gone afterwards.
class ImportTest : public ::testing::Test {
 protected:
  ImportTest() {
    std::string name = (fs::temp_directory_path() / "nbo-import-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~ImportTest() override { fs::remove_all(folder_); }
  ImportTest(const ImportTest&) = delete;
  ImportTest& operator=(const ImportTest&) = delete;

  void file(const std::string& name, const std::string& content) const { std::ofstream(folder_ / name) << content; }
  [[nodiscard]] Printed run(ImportOptions options) const { return run_in(folder_, std::move(options)); }
  [[nodiscard]] Printed run(std::vector<std::string> files) const {
    ImportOptions options;
    options.inputs = std::move(files);
    return run(options);
  }
  [[nodiscard]] kube::Json spec(const std::vector<std::string>& files) const {
    return cluster_in(run(files).out).value["spec"];
  }

  fs::path folder_;
};

bool has_line(const std::string& text, const std::string& start) {
  return text.starts_with(start) || text.find("\n" + start) != std::string::npos;
}

const char* const small = R"(services:
  app:
    image: nocobase/nocobase:2.2.15
    environment: {DB_DIALECT: postgres, DB_HOST: pg, DB_DATABASE: a, DB_USER: b, DB_PASSWORD: "${PASSWORD}"}
)";

// What stands between ``` and ``` in a page, in order.
std::vector<std::string> blocks_of(const std::string& page) {
  std::vector<std::string> out;
  for (std::size_t at = page.find("\n```"); at != std::string::npos; at = page.find("\n```", at)) {
    const std::size_t start = page.find('\n', at + 1) + 1;
    const std::size_t end = page.find("```", start);
    out.push_back(page.substr(start, end - start));
    at = end + 3;
  }
  return out;
}

TEST_F(ImportTest, does_what_its_page_says) {
  const std::vector<std::string> blocks = blocks_of(golden_text(root / "docs/import.md"));
  ASSERT_EQ(blocks.size(), 4U);
  file("compose.yml", blocks[0]);
  file(".env", blocks[1]);
  const Printed printed = run({"compose.yml"});
  EXPECT_EQ(printed.code, exit_findings);
  EXPECT_EQ(printed.err, blocks[2]);
  EXPECT_EQ(printed.out, blocks[3]);
}

TEST_F(ImportTest, variables_come_from_the_file_beside_or_from_those_that_are_named) {
  file("compose.yml", small);
  file(".env", "PASSWORD=beside-it\n");
  file("other.env", "PASSWORD=named-one\n");
  EXPECT_NE(run({"compose.yml"}).out.find("password: beside-it\n"), std::string::npos);
  ImportOptions options;
  options.inputs = {"compose.yml"};
  options.env_files = {"other.env"};
  EXPECT_NE(run(options).out.find("password: named-one\n"), std::string::npos);
  EXPECT_NE(run({"compose.yml", "other.env"}).out.find("password: named-one\n"), std::string::npos);
}

TEST_F(ImportTest, a_variable_that_nobody_sets_is_told_and_kept_out) {
  file("compose.yml", small);
  const Printed result = run({"compose.yml"});
  EXPECT_EQ(result.code, exit_findings);
  EXPECT_TRUE(has_line(result.err, "compose.yml:4:82: needs DB_PASSWORD: PASSWORD has no value here\n")) << result.err;
  EXPECT_EQ(result.out.find("kind: Secret"), std::string::npos);
  EXPECT_EQ(cluster_in(result.out).value["spec"]["database"]["passwordSecretRef"],
            kube::Json({{"name", "nocobase-database"}, {"key", "password"}}));
}

TEST_F(ImportTest, env_files_are_read_in_order_and_environment_wins) {
  file("compose.yml", R"(services:
  app:
    image: nocobase/nocobase:2.2.15
    env_file: [a.env, {path: b.env, format: raw}, {path: none.env, required: false}]
    environment: {DB_DIALECT: mysql, LOGGER_LEVEL: warn}
)");
  file("a.env", "DB_DIALECT=postgres\nDB_HOST=one\nDB_USER=u\nDB_DATABASE=d\nLOGGER_LEVEL=info\nX=1\n");
  file("b.env", "DB_HOST=two\nX=a$b#c\n");
  const kube::Json got = spec({"compose.yml"});
  EXPECT_EQ(got["database"]["dialect"], "mysql");
  EXPECT_EQ(got["database"]["host"], "two");
  EXPECT_EQ(got["env"],
            kube::Json::parse(R"([{"name": "LOGGER_LEVEL", "value": "warn"}, {"name": "X", "value": "a$$b#c"}])"));
}

TEST_F(ImportTest, profiles_are_left_out_unless_they_are_named) {
  file("compose.yml", std::string(small) + R"(  jobs:
    image: nocobase/nocobase:2.2.15
    profiles: [scale]
    environment: {DB_DIALECT: postgres, DB_HOST: pg, DB_DATABASE: a, DB_USER: b, DB_PASSWORD: "${PASSWORD}", WORKER_MODE: "*"}
)");
  file(".env", "PASSWORD=beside-it\n");
  EXPECT_EQ(spec({"compose.yml"})["roles"].size(), 1U);
  EXPECT_TRUE(has_line(run({"compose.yml"}).err,
                       "compose.yml:5:3: dropped services.jobs: it is started only with the profile scale\n"));
  ImportOptions options;
  options.inputs = {"compose.yml"};
  options.profiles = {"scale"};
  EXPECT_EQ(cluster_in(run(options).out).value["spec"]["roles"],
            kube::Json::parse(R"([{"name": "app", "replicas": 1, "requests": true, "services": ["*"]},
                                  {"name": "jobs", "replicas": 1, "services": ["*"]}])"));
}

TEST_F(ImportTest, services_extend_others_and_later_files_win) {
  file("base.yml", R"(services:
  base:
    image: nocobase/nocobase:2.2.15
    profiles: [never]
    deploy: {replicas: 2, resources: {limits: {cpus: "1.5", memory: 2G}, reservations: {memory: 512m}}}
    environment: [DB_DIALECT=postgres, DB_HOST=pg, DB_USER=u, DB_DATABASE=d, DB_POOL_MAX=5]
  app:
    extends: {service: base}
    profiles: []
    environment: [DB_POOL_MAX=9]
)");
  file("prod.yml", "services:\n  app:\n    profiles: [prod]\n    environment: {DB_HOST: pg-prod}\n");
  ImportOptions options;
  options.inputs = {"base.yml", "prod.yml"};
  options.profiles = {"prod"};
  const kube::Json got = cluster_in(run(options).out).value["spec"];
  EXPECT_EQ(got["database"]["host"], "pg-prod");
  EXPECT_EQ(got["env"], kube::Json::parse(R"([{"name": "DB_POOL_MAX", "value": "9"}])"));
  EXPECT_EQ(got["roles"], kube::Json::parse(R"([{"name": "app", "replicas": 2, "requests": true, "services": ["*"],
      "resources": {"limits": {"cpu": "1.5", "memory": "2Gi"}, "requests": {"memory": "512Mi"}}}])"));
}

TEST_F(ImportTest, worker_modes_become_roles) {
  const auto roles_of = [this](const std::string& mode) {
    file("compose.yml",
         "services:\n  app:\n    image: nocobase/nocobase:2.2.15\n    environment:\n"
         "      DB_DIALECT: sqlite\n      WORKER_MODE: " +
             mode + "\n");
    return spec({"compose.yml"});
  };
  EXPECT_EQ(roles_of("'!'")["roles"], kube::Json::parse(R"([{"name": "app", "replicas": 1, "requests": true}])"));
  EXPECT_EQ(roles_of("''")["roles"],
            kube::Json::parse(R"([{"name": "app", "replicas": 1, "requests": true, "services": ["*"]}])"));
  EXPECT_EQ(
      roles_of("'!,workflow:process'")["roles"],
      kube::Json::parse(R"([{"name": "app", "replicas": 1, "requests": true, "services": ["workflow:process"]}])"));
  const kube::Json plugin = roles_of("'acme:report,workflow:proces'");
  EXPECT_EQ(plugin["roles"][0]["services"], kube::Json::parse(R"(["acme:report", "workflow:proces"])"));
  EXPECT_EQ(plugin["pluginServices"], kube::Json::parse(R"(["acme:report"])"));
}

TEST_F(ImportTest, a_worker_mode_with_a_blank_in_it_serves_what_it_serves_today) {
  file("compose.yml",
       "services:\n  app:\n    image: nocobase/nocobase:2.2.15\n    environment:\n"
       "      DB_DIALECT: sqlite\n      WORKER_MODE: '!, workflow:process'\n");
  const Printed result = run({"compose.yml"});
  EXPECT_EQ(cluster_in(result.out).value["spec"]["roles"],
            kube::Json::parse(R"([{"name": "app", "replicas": 1, "requests": true}])"));
  EXPECT_TRUE(has_line(result.err,
                       "compose.yml:6:7: needs WORKER_MODE: \"!, workflow:process\" names \" workflow:process\", which "
                       "no role can name: it is left out\n"))
      << result.err;
}

TEST_F(ImportTest, an_unquoted_sign_is_told) {
  file("compose.yml",
       "services:\n  app:\n    image: nocobase/nocobase:2.2.15\n    environment:\n"
       "      DB_DIALECT: sqlite\n      WORKER_MODE: !\n");
  const Printed result = run({"compose.yml"});
  EXPECT_TRUE(has_line(result.err, "compose.yml:6:7: needs WORKER_MODE: the unquoted ! is a YAML tag: ")) << result.err;
  EXPECT_EQ(cluster_in(result.out).value["spec"]["roles"][0]["services"], kube::Json::parse(R"(["*"])"));
}

TEST_F(ImportTest, what_serves_nothing_is_no_role) {
  for (const std::string mode : {"'-'", "' * '", "','", "' '"}) {
    SCOPED_TRACE(mode);
    file("compose.yml",
         "services:\n  app:\n    image: nocobase/nocobase:2.2.15\n    environment:\n"
         "      DB_DIALECT: sqlite\n      WORKER_MODE: " +
             mode + "\n");
    const Printed result = run({"compose.yml"});
    EXPECT_EQ(result.code, exit_unusable_input);
    EXPECT_EQ(result.err,
              "compose.yml: no role can be written for any WORKER_MODE in it, because none serves anything\n");
  }
}

TEST_F(ImportTest, several_redis_servers_become_urls) {
  file("settings.env",
       "DB_DIALECT=postgres\nDB_HOST=pg\nDB_USER=u\nDB_DATABASE=d\nDB_PASSWORD=p\n"
       "CACHE_DEFAULT_STORE=redis\nCACHE_REDIS_URL=redis://:cache-secret@one:6379/0\n"
       "LOCK_ADAPTER_DEFAULT=redis\nLOCK_ADAPTER_REDIS_URL=redis://two:6379/0\n");
  const Printed result = run({"settings.env"});
  EXPECT_EQ(cluster_in(result.out).value["spec"]["coordination"]["redis"],
            kube::Json::parse(R"({"urls": {"cacheSecretRef": {"name": "nocobase-redis", "key": "cache-url"},
                                           "lockSecretRef": {"name": "nocobase-redis", "key": "lock-url"}}})"));
  EXPECT_NE(result.out.find("  cache-url: redis://:cache-secret@one:6379/0\n"), std::string::npos) << result.out;
  EXPECT_TRUE(has_line(result.err, "settings.env:1:1: needs QUEUE_ADAPTER_REDIS_URL: it is not set"));
}

TEST_F(ImportTest, a_queue_of_rabbitmq_has_its_url_in_a_secret) {
  file("settings.env", "DB_DIALECT=sqlite\nQUEUE_ADAPTER=rabbitmq\nQUEUE_ADAPTER_RABBITMQ_URL=amqp://u:hush-hush@mq\n");
  const Printed result = run({"settings.env"});
  EXPECT_EQ(cluster_in(result.out).value["spec"]["coordination"],
            kube::Json::parse(
                R"({"queue": "RabbitMQ", "rabbitmq": {"urlSecretRef": {"name": "nocobase-rabbitmq", "key": "url"}}})"));
  EXPECT_NE(result.out.find("  url: amqp://u:hush-hush@mq\n"), std::string::npos);
}

TEST_F(ImportTest, name_namespace_and_image_can_be_said) {
  file("settings.env", "DB_DIALECT=kingbase\nDB_HOST=k\nDB_USER=u\nDB_DATABASE=d\nDB_PASSWORD=p\n");
  ImportOptions options;
  options.inputs = {"settings.env"};
  options.name = "crm";
  options.ns = "apps";
  options.image = "nocobase/nocobase:2.2.15-full";
  const std::vector<kube::SourceDocument> documents = documents_in(run(options).out);
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[0].value["metadata"], kube::Json::parse(R"({"name": "crm-database", "namespace": "apps"})"));
  EXPECT_EQ(documents[1].value["metadata"], kube::Json::parse(R"({"name": "crm", "namespace": "apps"})"));
  EXPECT_EQ(documents[1].value["spec"]["image"], "nocobase/nocobase:2.2.15-full");
  options.name = "Not A Name";
  const Printed refused = run(options);
  EXPECT_EQ(refused.code, exit_unusable_input);
  EXPECT_TRUE(refused.err.starts_with("--name: want ")) << refused.err;
}

TEST_F(ImportTest, either_half_can_be_printed_alone) {
  file("settings.env", "DB_DIALECT=mysql\nDB_HOST=k\nDB_USER=u\nDB_DATABASE=d\nDB_PASSWORD=only-once\n");
  ImportOptions options;
  options.inputs = {"settings.env"};
  options.only = "cluster";
  const Printed cluster = run(options);
  EXPECT_EQ(documents_in(cluster.out).size(), 1U);
  EXPECT_EQ(cluster.out.find("only-once"), std::string::npos);
  options.only = "secrets";
  EXPECT_EQ(run(options).out,
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: nocobase-database\nstringData:\n  password: only-once\n"
            "type: Opaque\n");
}

TEST_F(ImportTest, input_that_is_no_use_says_why) {
  struct Case {
    std::string_view content;
    std::string_view message;
  };
  const Case cases[] = {
      {"", "nothing to import: want a docker-compose file, "},
      {"a: 1\n", "in.yaml:1:1: import does not know what this is: want "},
      {"services: {db: {image: postgres}}\n", "in.yaml: no service runs NocoBase: "},
      {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
       "in.yaml: no Deployment or StatefulSet runs NocoBase: "},
      {"apiVersion: nocobase.com/v1alpha1\nkind: NocoBaseCluster\n", "in.yaml:1:1: this is a NocoBaseCluster already"},
      {"services: {a: {image: nocobase}}\n---\napiVersion: v1\nkind: Secret\n",
       "in.yaml:2:1: this is another sort of input than what stands before it"},
      {"A=1\n", "in.yaml: neither DB_DIALECT nor WORKER_MODE is in it"},
      {"A=1\nno variable\n", "in.yaml:2:1: this is no variable: want NAME=value"},
      {"A='1\n", "in.yaml:1:1: the quoted value of A is not closed"},
      {"a: [\n", "in.yaml:"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.content);
    file("in.yaml", std::string(one.content));
    const Printed result = run({"in.yaml"});
    EXPECT_EQ(result.code, exit_unusable_input);
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(result.err.starts_with(one.message)) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

}  // namespace
}  // namespace nocobase_operator::program
