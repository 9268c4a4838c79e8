// crd_fields FILE...: prints needed_fields() as C++, made of these definitions when the program is built. Read when it
// starts, their YAML would be a third of that time.
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "io/yaml.h"
#include "kube/schema.h"

namespace {

namespace kube = nocobase_operator::kube;

std::map<kube::Kind, kube::Fields> fields_in(int count, char** files) {
  std::map<kube::Kind, kube::Fields> out;
  for (int i = 0; i < count; ++i) {
    std::ifstream in(files[i]);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const auto read =
        nocobase_operator::io::read_documents(text, files[i], {}, [&](const kube::SourceDocument& document) {
          for (const kube::Kind kind : {kube::Kind::nocobase_cluster, kube::Kind::nocobase_role}) {
            if (kube::string_at(document.value, {"spec", "names", "kind"}) == kube::info(kind).kind) {
              out[kind] = kube::fields_of_definition(document.value, kube::info(kind).version);
            }
          }
        });
    if (!read.ok()) {
      std::cerr << files[i] << ": " << read.error().what << '\n';
      return {};
    }
  }
  return out;
}

void print(std::string_view name, const kube::Fields& fields) {
  std::cout << "constexpr std::string_view " << name << "[] = {\n";
  for (const std::string& field : fields) {
    std::cout << "    " << kube::Json(field).dump() << ",\n";
  }
  std::cout << "};\n";
}

int print_source(int count, char** files) {
  const auto fields = fields_in(count, files);
  if (fields.size() != 2) {
    std::cerr << "crd_fields: these files are not the definitions of NocoBaseCluster and NocoBaseRole\n";
    return 1;
  }
  std::cout << "#include \"operator/definitions.h\"\n\n#include <iterator>\n#include <string_view>\n\n"
               "namespace nocobase_operator::program {\n\nnamespace {\n\n";
  print("of_clusters", fields.at(kube::Kind::nocobase_cluster));
  print("of_roles", fields.at(kube::Kind::nocobase_role));
  std::cout << "\n}  // namespace\n\nstd::map<kube::Kind, kube::Fields> needed_fields() {\n"
               "  return {{kube::Kind::nocobase_cluster, {std::begin(of_clusters), std::end(of_clusters)}},\n"
               "          {kube::Kind::nocobase_role, {std::begin(of_roles), std::end(of_roles)}}};\n}\n\n"
               "}  // namespace nocobase_operator::program\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return print_source(argc - 1, argv + 1);
  } catch (const std::exception& error) {
    std::cerr << "crd_fields: " << error.what() << '\n';
    return 1;
  }
}
