#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "worker_mode/worker_mode.h"

namespace nocobase::worker_mode {

// GoogleTest shows these where two lists differ.
static void PrintTo(const Finding& f, std::ostream* out) {  // NOLINT(readability-identifier-naming): GoogleTest's name
  *out << f.code() << ' ' << f.offset << '+' << f.length << " [" << f.message << "] [" << f.advice << ']';
}

namespace {

// What lint() says after the summary, which has tests of its own.
std::vector<Finding> findings_of(std::string_view value, const std::vector<std::string>& extra = {}) {
  std::vector<Finding> findings = lint(value, {extra});
  EXPECT_EQ(findings.front(), (Finding{Rule::summary, 0, value.size(),
                                       "the value " + describe(Mode::parse(value), known_keys(extra)), ""}));
  findings.erase(findings.begin());
  return findings;
}

struct Case {
  std::string_view name;
  std::string value;
  std::vector<Finding> want;
};

void expect_findings(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(findings_of(c.value), c.want);
  }
}

const std::string for_everything = "for requests and every service, set WORKER_MODE to an empty string";
const std::string no_key_in_it = "the value is not empty, so it does not mean everything, and no key is in it";
const std::string quote_counts = "the quotation mark is part of what NocoBase compares";
const std::string trimmed = "NocoBase trims white space around the whole value, other readers may not";
const std::string star_in_list =
    "* means every service only when it is the whole value; in a list it is an unknown key";
const std::string dash_in_list = "- means something only as the whole value; in a list it is an unknown key";
const std::string no_item = "nothing stands between these commas";
const std::string leave_out = "leave it out";
const std::string leave_blank_out = "leave the white space out";
const std::string leave_comma_out = "leave the extra comma out";
const std::string plugin_only = "right only if an installed plugin defines this key";

TEST(Lint, ValuesThatAreRightGetNothingButTheSummary) {
  for (const std::string_view value :
       {"!", "*", "workflow:process", "async-task:process", "!,workflow:process", "workflow:process,async-task:process",
        "async-task:process,workflow:process,!"}) {
    SCOPED_TRACE(value);
    EXPECT_EQ(findings_of(value), std::vector<Finding>{});
  }
}

TEST(Lint, TheSummarySaysWhatIsReallyServed) {
  struct Summary {
    std::string_view value;
    std::string_view want;
  };
  const std::vector<Summary> cases = {
      {"!,*", "the value serves requests; not workflow:process or async-task:process; unknown: \"*\""},
      {" * ", "the value serves nothing that is known; unknown: \"*\""},
      {"workflow:process, async-task:process",
       "the value serves workflow:process; not requests or async-task:process; unknown: \" async-task:process\""},
      {" ", "the value serves nothing: neither requests nor any service"},
      {"", "the value serves everything: requests and every service"},
  };
  for (const Summary& c : cases) {
    SCOPED_TRACE(c.value);
    EXPECT_EQ(lint(c.value).front().message, c.want);
    EXPECT_EQ(lint(c.value).front().severity(), Severity::info);
  }
}

TEST(Lint, TheValueAsAWhole) {
  expect_findings({
      {"empty",
       "",
       {{Rule::empty_value, 0, 0, "the value is empty, which means everything",
         "right if everything is meant; an unquoted ! in YAML reads as an empty string, so quote it: \"!\""}}},
      {"transient",
       "-",
       {{Rule::transient_value, 0, 1,
         "NocoBase gives - to its own worker threads; a pod that has it answers every API call with 503, for ever",
         "list what the pod is to serve; to run none, scale the role to zero"}}},
      {"blank", " \t", {{Rule::blank_value, 0, 2, no_key_in_it, for_everything}}},
      {"a comma", ",", {{Rule::blank_value, 0, 1, no_key_in_it, for_everything}}},
      {"commas and blanks", " , ,", {{Rule::blank_value, 0, 4, no_key_in_it, for_everything}}},
      {"padded dash",
       "- ",
       {{Rule::padded_dash, 0, 2, "with white space around it, - is not the transient mode but an unknown key",
         "list what is to be served"}}},
      {"padded star",
       " *\n",
       {{Rule::padded_star, 0, 3, "with white space around it, * is not every service but an unknown key",
         "write \"*\""}}},
      {"white space around",
       " !,workflow:process\r\n",
       {{Rule::outer_blank, 0, 1, trimmed, leave_out}, {Rule::outer_blank, 19, 2, trimmed, leave_out}}},
      {"not UTF-8, said once",
       "!,a\xE2\x80,\xFF",
       {{Rule::not_utf8, 3, 2, "these bytes are not UTF-8; Node.js reads U+FFFD in their place",
         "write the key in UTF-8"}}},
  });
}

TEST(Lint, WhiteSpaceAndCommasInAList) {
  expect_findings({
      {"a space after the comma",
       "!, workflow:process",
       {{Rule::item_blank, 2, 17,
         "\" workflow:process\" is compared with its white space and never matches \"workflow:process\"",
         leave_blank_out}}},
      {"a no-break space before the comma",
       "!\xC2\xA0,workflow:process",
       {{Rule::item_blank, 0, 3, "\"!\\u00a0\" is compared with its white space and never matches \"!\"",
         leave_blank_out}}},
      {"white space and a second mistake",
       "!, workflow",
       {{Rule::item_blank, 2, 9, "\" workflow\" is compared with its white space and never matches \"workflow\"",
         leave_blank_out},
        {Rule::unknown_key, 3, 8, "no known service has the key \"workflow\"", "did you mean \"workflow:process\"?"}}},
      {"white space as separator",
       "workflow:process \t async-task:process",
       {{Rule::inner_blank, 16, 1,
         "white space does not separate keys; all of \"workflow:process \\u0009 async-task:process\" is one key",
         "write \"workflow:process,async-task:process\""}}},
      {"comma at the start", ",!", {{Rule::empty_item, 0, 0, no_item, leave_comma_out}}},
      {"comma at the end", "!,", {{Rule::empty_item, 2, 0, no_item, leave_comma_out}}},
      {"two commas", "!,,workflow:process", {{Rule::empty_item, 2, 0, no_item, leave_comma_out}}},
      {"a blank item", "!,  ,workflow:process", {{Rule::empty_item, 2, 2, no_item, leave_comma_out}}},
      {"repeated",
       "!,workflow:process,!,workflow:process",
       {{Rule::repeated_item, 19, 1, "\"!\" is already in the list", leave_out},
        {Rule::repeated_item, 21, 16, "\"workflow:process\" is already in the list", leave_out}}},
      {"an unknown key is said to be unknown once",
       "x,x",
       {{Rule::unknown_key, 0, 1, "no known service has the key \"x\"", plugin_only},
        {Rule::repeated_item, 2, 1, "\"x\" is already in the list", leave_out}}},
  });
}

TEST(Lint, SignsThatMeanNothingWhereTheyStand) {
  expect_findings({
      {"star with requests", "!,*", {{Rule::star_in_list, 2, 1, star_in_list, for_everything}}},
      {"star with a key",
       "*,workflow:process",
       {{Rule::star_in_list, 0, 1, star_in_list, "for every service, write \"*\" alone"}}},
      {"dash in a list", "-,!", {{Rule::dash_in_list, 0, 1, dash_in_list, leave_out}}},
      {"bang glued to a key",
       "!workflow:process",
       {{Rule::glued_bang, 0, 17,
         "! means requests only as an item of its own; \"!workflow:process\" is one unknown key",
         "write \"!,workflow:process\""}}},
      {"bang and a space",
       "! workflow:process",
       {{Rule::glued_bang, 0, 18,
         "! means requests only as an item of its own; \"! workflow:process\" is one unknown key",
         "write \"!,workflow:process\""}}},
      {"two bangs",
       "!!",
       {{Rule::glued_bang, 0, 2, "! means requests only as an item of its own; \"!!\" is one unknown key",
         "write \"!\""}}},
      {"bang and dash",
       "!-",
       {{Rule::glued_bang, 0, 2, "! means requests only as an item of its own; \"!-\" is one unknown key",
         "write \"!\""}}},
      {"bang and star",
       "!*",
       {{Rule::glued_bang, 0, 2, "! means requests only as an item of its own; \"!*\" is one unknown key",
         for_everything}}},
      {"dash glued to a key",
       "!,-workflow:process",
       {{Rule::glued_dash, 2, 17, "nothing can be taken out with -; \"-workflow:process\" is one unknown key",
         "list what is to be served and nothing else"}}},
      {"stars",
       "**",
       {{Rule::star_in_key, 0, 2, "\"**\" is compared as it stands; * is not a pattern",
         "for every service, write \"*\" alone"}}},
      {"pattern",
       "!,workflow:*",
       {{Rule::star_in_key, 2, 10, "\"workflow:*\" is compared as it stands; * is not a pattern",
         "list each key in full"}}},
  });
}

TEST(Lint, CharactersThatWereTakenForOthers) {
  expect_findings({
      {"double quotes", "\"!\"", {{Rule::quote, 0, 1, quote_counts, "write \"!\""}}},
      {"nothing in quotes", "''", {{Rule::quote, 0, 1, quote_counts, "list what is to be served"}}},
      {"a list in quotes",
       "'workflow:process,!'",
       {{Rule::quote, 0, 1, quote_counts, "write \"workflow:process\""},
        {Rule::quote, 19, 1, quote_counts, "write \"!\""}}},
      {"typographic quotes", "“!”", {{Rule::quote, 0, 3, quote_counts, "write \"!\""}}},
      {"semicolon",
       "!;workflow:process",
       {{Rule::other_separator, 1, 1, "\";\" does not separate keys; all of \"!;workflow:process\" is one key",
         "write \"!,workflow:process\""}}},
      {"bar",
       "!,workflow:process|async-task:process",
       {{Rule::other_separator, 18, 1,
         "\"|\" does not separate keys; all of \"workflow:process|async-task:process\" is one key",
         "write \"workflow:process,async-task:process\""}}},
      {"full-width bang", "！", {{Rule::look_alike, 0, 3, "\"！\" only looks like \"!\"", "write \"!\""}}},
      {"full-width star", "＊", {{Rule::look_alike, 0, 3, "\"＊\" only looks like \"*\"", "write \"*\""}}},
      {"full-width dash",
       "－",
       {{Rule::look_alike, 0, 3, "\"－\" only looks like \"-\"", "list what is to be served"}}},
      {"em dash", "—", {{Rule::look_alike, 0, 3, "\"—\" only looks like \"-\"", "list what is to be served"}}},
      {"full-width comma",
       "!，workflow:process",
       {{Rule::look_alike, 1, 3, "\"，\" only looks like \",\"", "write \"!,workflow:process\""}}},
      {"full-width colon",
       "!,workflow：process",
       {{Rule::look_alike, 10, 3, "\"：\" only looks like \":\"", "write \"workflow:process\""}}},
      {"all at once",
       "“！；workflow：process”",
       {{Rule::look_alike, 3, 3, "\"！\" only looks like \"!\"", "write \"!,workflow:process\""}}},
      {"zero-width space",
       "workflow\xE2\x80\x8B:process",
       {{Rule::invisible, 8, 3, "\"\\u200b\" cannot be seen and is part of the key", "write \"workflow:process\""}}},
      {"escape",
       "workflow:process\x1B",
       {{Rule::invisible, 16, 1, "\"\\u001b\" cannot be seen and is part of the key", "write \"workflow:process\""}}},
      {"a tag character beyond U+FFFF",
       "!,async-task:process\xF3\xA0\x80\xA1",
       {{Rule::invisible, 20, 4, "\"\\u{0e0021}\" cannot be seen and is part of the key",
         "write \"async-task:process\""}}},
  });
}

TEST(Lint, KeysThatNobodyAsksFor) {
  expect_findings({
      {"another case",
       "!,Workflow:Process",
       {{Rule::wrong_case, 2, 16, "\"Workflow:Process\" is not \"workflow:process\": keys are case-sensitive",
         "write \"workflow:process\""}}},
      {"one edit away",
       "workflow:proces",
       {{Rule::unknown_key, 0, 15, "no known service has the key \"workflow:proces\"",
         "did you mean \"workflow:process\"?"}}},
      {"half a key",
       "async-task",
       {{Rule::unknown_key, 0, 10, "no known service has the key \"async-task\"",
         "did you mean \"async-task:process\"?"}}},
      {"far away", "true", {{Rule::unknown_key, 0, 4, "no known service has the key \"true\"", plugin_only}}},
      {"Chinese", "工作流", {{Rule::unknown_key, 0, 9, "no known service has the key \"工作流\"", plugin_only}}},
  });
}

TEST(Lint, KeysOfTheCallerAreKnownHoweverOddTheyLook) {
  const std::vector<std::string> extra = {"mail:send", "a;b", "x*", "Workflow:Process", "“q”"};
  EXPECT_EQ(findings_of("mail:send,a;b,x*,Workflow:Process,“q”", extra), std::vector<Finding>{});
  EXPECT_EQ(findings_of("mail:sent", extra),
            (std::vector<Finding>{{Rule::unknown_key, 0, 9, "no known service has the key \"mail:sent\"",
                                   "did you mean \"mail:send\"?"}}));
  EXPECT_EQ(findings_of("!,*", {"*", "!", "-", ""}),
            (std::vector<Finding>{{Rule::star_in_list, 2, 1, star_in_list, for_everything}}));
}

TEST(Lint, AValueLongerThanLinuxAcceptsIsAnError) {
  const std::string key(max_value_size, 'k');
  EXPECT_EQ(findings_of(key, {key}), std::vector<Finding>{});
  EXPECT_EQ(
      findings_of(key + "kk", {key + "kk"}),
      (std::vector<Finding>{{Rule::value_too_long, max_value_size, 2,
                             "Linux starts no process with a WORKER_MODE of more than 131059 bytes; this has 131061",
                             "split the keys over several roles"}}));
}

TEST(Lint, SaysTheRestWithoutTheSummaryToo) {
  for (const std::string_view value : {"!", "", "! ,a", "workflow:process,workflow:proces", "*,a", "-"}) {
    SCOPED_TRACE(value);
    EXPECT_EQ(lint(value, {{"b"}, false}), findings_of(value, {"b"}));
  }
}

TEST(Lint, StopsAfterTooManyFindings) {
  std::string value;
  for (int i = 0; i < 20'000; ++i) {
    value += "!,";
  }
  const std::vector<Finding> findings = lint(value);
  ASSERT_EQ(findings.size(), max_findings + 1);
  EXPECT_EQ(findings[max_findings - 1].rule, Rule::repeated_item);
  EXPECT_EQ(findings.back(), (Finding{Rule::too_many, value.size(), 0,
                                      "more than 100 findings; the rest was not looked at", "mend these first"}));
  // Exactly as many as allowed are not too many: the summary and 99 repeats.
  std::string most = "!";
  for (std::size_t i = 1; i < max_findings; ++i) {
    most += ",!";
  }
  EXPECT_EQ(lint(most).size(), max_findings);
  EXPECT_EQ(lint(most).back().rule, Rule::repeated_item);
}

TEST(LintRules, TheTableFollowsTheEnumAndTheCodesRise) {
  for (std::size_t i = 0; i < lint_rules.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(lint_rules[i].rule), i);
    EXPECT_EQ(&info(lint_rules[i].rule), &lint_rules[i]);
    EXPECT_TRUE(i == 0 || lint_rules[i - 1].code < lint_rules[i].code);
    EXPECT_EQ(lint_rules[i].code.size(), 5U);
  }
  EXPECT_EQ(lint_rules.back().rule, Rule::too_many);
  EXPECT_EQ(to_text(Severity::info), "info");
  EXPECT_EQ(to_text(Severity::warning), "warning");
  EXPECT_EQ(to_text(Severity::error), "error");
}

TEST(LintRules, TheDocumentHasARowForEachAndNoOther) {
  std::ifstream file(NBO_SOURCE_DIR "/docs/worker-mode.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::size_t rows = 0;
  for (std::size_t at = text.find("\n| WM"); at != std::string::npos; at = text.find("\n| WM", at + 1)) {
    ++rows;
  }
  EXPECT_EQ(rows, lint_rules.size());
  for (const RuleInfo& rule : lint_rules) {
    const std::string row = "\n| " + std::string(rule.code) + " | " + std::string(to_text(rule.severity)) + " | " +
                            std::string(rule.title) + " |";
    EXPECT_NE(text.find(row), std::string::npos) << row;
  }
}

}  // namespace
}  // namespace nocobase::worker_mode
