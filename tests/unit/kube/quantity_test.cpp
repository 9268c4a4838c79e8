#include "kube/quantity.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace nocobase_operator::kube {
namespace {

struct Case {
  std::string_view text;
  std::string_view want;
};

// Each was stored by an API server (1.37) or printed by apimachinery's Quantity.String().
TEST(CanonicalQuantity, IsWhatTheApiServerStores) {
  for (const Case& c : std::initializer_list<Case>{// decimal
                                                   {"0.5", "500m"},
                                                   {".5", "500m"},
                                                   {"1000m", "1"},
                                                   {"1", "1"},
                                                   {"1000", "1k"},
                                                   {"1500", "1500"},
                                                   {"1000000000", "1G"},
                                                   {"128974848000m", "128974848"},
                                                   {"0.1", "100m"},
                                                   {"1.", "1."},
                                                   {"1.500", "1.500"},
                                                   {"1.5000", "1500m"},
                                                   {"0.001k", "1"},
                                                   {"1E", "1E"},
                                                   {"1000E", "1"},
                                                   {"0.000001", "1u"},
                                                   {"-0.5", "-500m"},
                                                   {"+1", "+1"},
                                                   {"001", "001"},
                                                   {"0", "0"},
                                                   {"00", "0"},
                                                   {"-0", "0"},
                                                   {"m", "0"},
                                                   {"+", "0"},
                                                   {"99999999999999999999", "99999999999999999999"},
                                                   {"12345678901234567890", "12345678901234567890"},
                                                   // below nano, away from zero
                                                   {"0.0005n", "1n"},
                                                   {"-0.0005n", "-1n"},
                                                   {"1.00000000001", "1000000001n"},
                                                   {"2e-10", "1e-9"},
                                                   {"0.9999999999", "1"},
                                                   {"9.9999999999", "10"},
                                                   // exponent
                                                   {"1e3", "1e3"},
                                                   {"1e9", "1e9"},
                                                   {"1e1", "10"},
                                                   {"1e0", "1e0"},
                                                   {"1.1e3", "1100"},
                                                   {"1e21", "1e21"},
                                                   {"1e-9", "1e-9"},
                                                   {"1e+3", "1e+3"},
                                                   {"10e+3", "10e+3"},
                                                   {"1E3", "1E3"},
                                                   {"1e99", "1e99"},
                                                   {"5E-2", "50e-3"},
                                                   // binary
                                                   {"1024Mi", "1Gi"},
                                                   {"1.5Gi", "1536Mi"},
                                                   {"100Mi", "100Mi"},
                                                   {"1024Ki", "1Mi"},
                                                   {"1000Ki", "1000Ki"},
                                                   {"0.5Ki", "512"},
                                                   {"62.5Ki", "64k"},
                                                   {"9.765625Ki", "10k"},
                                                   {"62.4990234375Ki", "63999"},
                                                   {"0.1Ki", "102400m"},
                                                   {"1.0000000001Gi", "1073741824107374183n"},
                                                   {"+1Ki", "+1Ki"},
                                                   {"01Ki", "01Ki"},
                                                   {"08Ki", "8Ki"},
                                                   {"-1024Ki", "-1Mi"},
                                                   {"0Gi", "0"},
                                                   {"1023", "1023"},
                                                   {"1024", "1024"},
                                                   {"7Ei", "7Ei"},
                                                   {"8Ei", "9223372036854775807"},
                                                   {"-8Ei", "-9223372036854775807"},
                                                   {"9223372036854775808Ki", "9223372036854775807"},
                                                   {"1Ei", "1Ei"},
                                                   {"0.0000000000001Ki", "1n"}}) {
    SCOPED_TRACE(c.text);
    const Result<std::string> got = canonical_quantity(c.text);
    ASSERT_TRUE(got.ok()) << got.error().what;
    EXPECT_EQ(got.value(), c.want);
  }
}

TEST(CanonicalQuantity, RefusesWithTheReason) {
  constexpr std::string_view suffix =
      "its suffix is none of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent";
  constexpr std::string_view form = "want a number and a suffix such as 500m, 2 or 1Gi";
  for (const Case& c : std::initializer_list<Case>{{"", "it is empty"},
                                                   {"1e3m", form},
                                                   {"1 Gi", form},
                                                   {"1Gi ", form},
                                                   {" 1", form},
                                                   {"1gi", form},
                                                   {"1GB", form},
                                                   {"abc", form},
                                                   {"1,5", form},
                                                   {"0x1", form},
                                                   {"1..2", form},
                                                   {"nan", form},
                                                   {"--1", suffix},
                                                   {"1e", suffix},
                                                   {"1e+", suffix},
                                                   {"1i", suffix},
                                                   {"1K", suffix},
                                                   {"1mi", suffix},
                                                   {"1ee3", suffix},
                                                   {"1e+-3", form},
                                                   {"1Ki3", suffix},
                                                   {"1m-", suffix},
                                                   {"Ei", "it has no digit"},
                                                   {"1e1000", "its exponent is out of range"},
                                                   {"1e99999999999", "its exponent is out of range"}}) {
    SCOPED_TRACE(c.text);
    const Result<std::string> got = canonical_quantity(c.text);
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error(),
              (Error{Code::invalid, "\"" + std::string(c.text) + "\" is no quantity: " + std::string(c.want)}));
  }
  EXPECT_TRUE(canonical_quantity(std::string(256, '1')).ok());
  EXPECT_FALSE(canonical_quantity(std::string(257, '1')).ok());
}

TEST(CompareQuantities, GoesByValue) {
  struct Pair {
    std::string_view a;
    std::string_view b;
    std::optional<int> want;
  };
  for (const Pair& c : std::initializer_list<Pair>{{"0.5", "500m", 0},
                                                   {"1024Mi", "1Gi", 0},
                                                   {"1e3", "1k", 0},
                                                   {"1.500", "1500m", 0},
                                                   {"+1", "1", 0},
                                                   {"0", "-0", 0},
                                                   {"0Gi", "m", 0},
                                                   {"1Gi", "1G", 1},
                                                   {"1G", "1Gi", -1},
                                                   {"-1", "1", -1},
                                                   {"-2", "-1", -1},
                                                   {"1", "-1", 1},
                                                   {"0", "1n", -1},
                                                   {"0", "-1n", 1},
                                                   {"1E", "1e18", 0},
                                                   {"1e30", "1e29", 1},
                                                   {"99999999999999999999", "100E", -1},
                                                   {"8Ei", "9223372036854775807", 0},
                                                   {"999m", "1", -1},
                                                   {"1", "1.0000001", -1},
                                                   {"1000000", "1M", 0},
                                                   {"x", "1", {}},
                                                   {"1", "", {}}}) {
    SCOPED_TRACE(std::string(c.a) + " and " + std::string(c.b));
    EXPECT_EQ(compare_quantities(c.a, c.b), c.want);
  }
}

TEST(QuantityText, IsWhatGoReadsFromJson) {
  for (const Case& c : std::initializer_list<Case>{{"0.5", "0.5"},
                                                   {"1", "1"},
                                                   {"-3", "-3"},
                                                   {"1000", "1000"},
                                                   {"1e3", "1000"},
                                                   {"2.0", "2"},
                                                   {"1e15", "1000000000000000"},
                                                   {"1e20", "100000000000000000000"},
                                                   {"1e21", "1e+21"},
                                                   {"0.000001", "0.000001"},
                                                   {"1e-7", "1e-07"},
                                                   {"0.1", "0.1"},
                                                   {"123456789012345678", "123456789012345678"},
                                                   {"\" 1Gi\\n\"", "1Gi"},
                                                   {"\"  \"", ""},
                                                   {"\"x\"", "x"}}) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(quantity_text(Json::parse(c.text)), c.want);
  }
  for (const std::string_view text : {"null", "true", "[]", "{}"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(quantity_text(Json::parse(text)), std::nullopt);
  }
}

// A Deployment whose volumes have one spelling each as sizeLimit, as it was applied and as an API server stored it.
TEST(CanonicalQuantity, AgreesWithAStoredDeployment) {
  std::ifstream file(NBO_SOURCE_DIR "/tests/unit/kube/fixtures/quantities.json");
  std::stringstream text;
  text << file.rdbuf();
  const Json fixture = Json::parse(text.str());
  const Json& wanted = fixture["wanted"]["spec"]["template"]["spec"]["volumes"];
  const Json& stored = fixture["live"]["spec"]["template"]["spec"]["volumes"];
  ASSERT_EQ(wanted.size(), stored.size());
  ASSERT_GT(wanted.size(), 50U);
  for (std::size_t index = 0; index < wanted.size(); ++index) {
    const Json& written = wanted[index]["emptyDir"]["sizeLimit"];
    SCOPED_TRACE(written.dump());
    EXPECT_EQ(canonical_quantity(quantity_text(written).value_or("")).value(), stored[index]["emptyDir"]["sizeLimit"]);
  }
}

}  // namespace
}  // namespace nocobase_operator::kube
