#include "app/rules.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace nocobase_operator::app {
namespace {

using kube::Severity;
constexpr auto error = Severity::error;
constexpr auto warning = Severity::warning;
constexpr auto info = Severity::info;
constexpr auto crd = Enforcer::crd;
constexpr auto strict = Enforcer::strict;
constexpr auto ours = Enforcer::program;
constexpr auto offline = Enforcer::validate;

constexpr std::array table = std::to_array<Rule>({
    // Shape: NB001 to NB019
    {"NB001", error, strict, "unknown field",
     "A field that no schema knows is dropped silently unless validation is strict: a misspelt limit is no limit."},
    {"NB002", error, strict, "key given twice",
     "Readers disagree on which of two equal keys counts; the API server refuses them under strict validation."},
    {"NB003", error, crd, "wrong type",
     "The API server takes no number where text is wanted, nor the other way round."},
    {"NB004", error, crd, "number out of range", "The schema gives each number its limits."},
    {"NB005", error, crd, "missing field", "The field has no default that would be right for everybody."},
    {"NB006", error, crd, "unknown value", "The field takes one of a few words, letter case included."},
    {"NB007", error, crd, "wrong form",
     "The text cannot be what the field holds: a name, a host, a quantity, an image."},
    {"NB008", error, crd, "too long, too short, too many or too few",
     "Limits keep objects small enough to store and rules cheap enough to check."},
    {"NB009", error, crd, "listed twice",
     "Entries of this list are told apart by name, as server-side apply needs it."},
    {"NB010", error, ours, "broken alias or merge", "A YAML alias or merge key that points at nothing readable."},
    {"NB011", error, ours, "too large or too deep",
     "etcd takes objects of 1.5 MiB; nothing larger or deeper than the limits can be stored."},
    {"NB012", error, ours, "YAML sign where a service belongs",
     "An unquoted ! is a YAML tag and leaves an empty text, * is an alias and - a list item: only quotes make them "
     "text. Requests are written as `requests: true`."},
    {"NB013", error, crd, "another API", "The object is of another group, version or kind."},
    {"NB014", error, crd, "name of the cluster",
     "Children are named after the cluster and its roles; Services need a DNS-1035 label and labels hold 63 "
     "characters."},
    {"NB015", warning, ours, "number that reads otherwise",
     "YAML 1.1, which kubectl reads, takes 010 for the octal 8, 0x10 for 16 and 1_000 for 1000."},
    {"NB016", error, ours, "not YAML",
     "A file that cannot be read is a file of which nothing was checked: kubectl and GitOps engines refuse it too."},

    // Roles: NB020 to NB039
    {"NB020", error, crd, "reserved role name",
     "The operator names children of its own after the cluster with this suffix."},
    {"NB021", error, crd, "role that serves nothing",
     "An empty WORKER_MODE means everything (packages/core/server/src/worker-mode.ts), so no WORKER_MODE can say "
     "nothing."},
    {"NB022", error, crd, "`*` beside other services",
     "`*` is a wildcard only as the whole WORKER_MODE (packages/core/server/src/worker-mode.ts)."},
    {"NB023", error, crd, "replicas and autoscaling together", "Two would write one number."},
    {"NB024", error, crd, "minReplicas above maxReplicas", "The autoscaler could satisfy neither."},
    {"NB025", error, crd, "autoscaling on nothing", "An autoscaler needs something to measure."},
    {"NB026", error, crd, "metrics beside backlog or triggers",
     "metrics[] belong to a HorizontalPodAutoscaler, backlog and triggers to a KEDA ScaledObject; two autoscalers of "
     "one role would fight."},
    {"NB027", error, crd, "more than 32 pods",
     "Worker ids have 5 bits (packages/core/snowflake-id/src/snowflake-id.ts): pod 33 makes primary keys that clash."},
    {"NB028", error, ours, "utilisation without a request",
     "Utilisation is a percentage of the request; without one the autoscaler reports FailedGetResourceMetric and does "
     "nothing."},
    {"NB029", error, crd, "ClusterTriggerAuthentication",
     "It reaches Secrets of other namespaces; whoever edits a cluster may use those of its own only."},
    {"NB030", error, crd, "minAvailable and maxUnavailable together", "policy/v1 takes one of them."},
    {"NB031", warning, ours, "budget that forbids every eviction", "A node drain would wait for ever."},
    {"NB032", warning, ours, "grace period shorter than the drain",
     "What runs when it ends is killed: an execution that was started is never resumed "
     "(plugin-workflow/src/server/Dispatcher.ts)."},
    {"NB033", error, ours, "WORKER_MODE cannot be written",
     "What the operator writes must read back as exactly the role."},
    {"NB034", warning, ours, "zero pods without a queue to wake them",
     "With no pod there is no utilisation: a HorizontalPodAutoscaler stays at zero, or refuses zero."},
    {"NB035", error, ours, "backlog that cannot be read",
     "Only workflows and asynchronous tasks keep what waits in the database, and KEDA logs in to a server with a "
     "password."},
    {"NB036", warning, ours, "zero pods, and nobody else serves it",
     "What is resumed (a delay that is over, a form that is filled in) is a message and no row: it is counted nowhere "
     "(plugin-workflow/src/server/Dispatcher.ts)."},
    {"NB037", warning, ours, "backlog of a version that does not tell it",
     "executions.startedAt came with 2.1.0 (plugin-workflow/src/common/collections/executions.ts): before it KEDA's "
     "query "
     "fails."},
    {"NB038", warning, ours, "budget that keeps the only pod",
     "A node drain would wait for ever, so no PodDisruptionBudget is made."},

    {"NB039", warning, ours, "memory limit below what a pod takes",
     "NocoBase takes 550 MB when it has started and more under load; its own minimum is 2 GB "
     "(docs: get-started/system-requirements). A pod above its limit is killed, with what it runs."},

    // Coverage: NB040 to NB049
    {"NB040", error, offline, "requests are served by nobody", "The Service would have no endpoints."},
    {"NB041", warning, ours, "service is served by nobody",
     "Its work stays in the queue (serving() is false in every pod)."},
    {"NB042", warning, ours, "service misspelt?",
     "Upstream accepts any key silently and compares it exactly (packages/core/server/src/worker-mode.ts)."},
    {"NB043", info, ours, "unknown service",
     "Only workflow:process and async-task:process exist in the open-source code; plugins may define more."},

    // Environment: NB050 to NB069
    {"NB050", error, crd, "variable of the operator in env",
     "The operator sets it from other fields, and its safety rests on it."},
    {"NB051", error, ours, "variable of the operator in podTemplate",
     "The operator sets it from other fields, and its safety rests on it."},
    {"NB052", error, crd, "value and valueFrom together", "core/v1 takes one of them."},
    {"NB053", error, ours, "placeholder", "A template's placeholder was never replaced."},
    {"NB054", warning, ours, "secret written out",
     "Everybody who may read the object, and every backup of it, sees the value."},
    {"NB055", error, ours, "malformed Redis URL",
     "The node client takes redis://host:port/number; upstream's own example has one slash and connects to localhost."},
    {"NB056", warning, ours, "localhost", "In a pod localhost is the pod itself."},
    {"NB057", error, ours, "roles disagree",
     "All roles share storage/nocobase.conf, plugin URLs and the public path; each start of a role would undo the "
     "others'."},
    {"NB058", error, ours, "podTemplate changes a label of the operator",
     "Selectors and ownership rest on it and never change."},
    {"NB059", error, ours, "variable that another field sets",
     "Both would be true; the one in env would silently win."},

    {"NB060", error, offline, "malformed URL", "After the scheme stand two slashes; with one there is no host."},
    {"NB061", warning, ours, "variable without effect", "Nothing reads it, so what it was to do does not happen."},
    {"NB062", error, offline, "TZ and DB_TIMEZONE differ",
     "The application refuses to start (initEnv of packages/core/cli-v1/src/util.js)."},
    {"NB063", warning, ours, "time zone with summer time",
     "A zone's name in DB_TIMEZONE, or in TZ where that is absent, becomes the offset of the day a pod starts on "
     "(packages/core/cli-v1/src/util.js): written in summer and read in winter, dates of MySQL are an hour off; and an "
     "offset beside such a zone keeps the application from starting for half of the year."},
    {"NB064", warning, ours, "no number", "It is read as not-a-number, which switches the limit off or breaks it."},
    {"NB065", warning, ours, "word that is not understood",
     "The word is compared exactly; any other counts as none, or as the default, without a message "
     "(DB_LOGGING: packages/core/database/src/helpers.ts; TELEMETRY_ENABLED: "
     "packages/core/app/src/config/telemetry.ts; "
     "log words: .env.example; an unknown zone is taken for UTC)."},
    {"NB066", warning, ours, "APP_MODE is not WORKER_MODE",
     "APP_MODE=worker is about several applications (docs: multi-app); it keeps no service from a pod."},
    {"NB067", warning, ours, "path without slashes",
     "Paths are joined as they are (initEnv and buildIndexHtml of packages/core/cli-v1/src/util.js): without the "
     "slashes, files of the client are not found."},
    {"NB068", warning, ours, "blank at an end", "It is part of the value, and nobody sees it."},
    {"NB069", warning, ours, "metrics where nobody looks",
     "The PodMonitor, the annotations and the NetworkPolicy name the port that the operator sets."},

    // Image: NB070 to NB079
    {"NB070", warning, ours, "moving tag",
     "The tag is published again for each release: two pods of one role may run different versions, and an upgrade "
     "happens by accident."},
    {"NB071", warning, ours, "version unknown",
     "Without a version the operator cannot tell an upgrade from a downgrade, nor warn of old versions."},
    {"NB072", error, ours, "too old for several pods",
     "SKIP_SAME_VERSION_UPGRADE came with 2.0.0; before it every pod start upgrades the live schema without a lock "
     "(packages/core/server/src/application.ts)."},
    {"NB073", warning, ours, "older than advised for several pods",
     "2.1.31 moved workflow starts to the event queue and 2.1.41 renews Redis locks; before them work is lost or done "
     "twice."},

    {"NB074", error, offline, "port that the image does not open",
     "nginx listens on 80; images whose tag ends in -no-nginx have none, and NocoBase itself listens on 13000: the "
     "probe never succeeds."},
    {"NB075", warning, ours, "tag that was never published",
     "Images without nginx are published since 2.1.18 (.github/workflows/release.yml)."},
    {"NB076", warning, ours, "older than APP_LAUNCH_MODE",
     "APP_LAUNCH_MODE=node came with 1.6.22; before it pm2 ends the server 1.6 seconds after it was told to stop, "
     "whatever it runs."},
    {"NB077", warning, ours, "port taken by another container",
     "Containers of a pod share its ports: one of the two does not start."},

    // Database: NB080 to NB089
    {"NB080", error, crd, "sqlite with more than one pod", "A SQLite file has one writer."},
    {"NB081", error, crd, "database without host, name or user", "Every dialect but sqlite connects over the network."},
    {"NB083", error, ours, "more connections than allowed",
     "Each pod opens a pool of its own (DB_POOL_MAX, 5 by default) per data source."},
    {"NB084", info, ours, "many connections", "PostgreSQL allows 100 by default, MySQL 151."},
    {"NB085", warning, ours, "schema without effect",
     "Only PostgreSQL and KingbaseES have schemas within a database (packages/core/database/src/helpers.ts)."},
    {"NB086", warning, ours, "database without a password", "DB_PASSWORD stays empty."},
    {"NB087", warning, ours, "administrator of the database server",
     "Whoever breaks into the application then has every database of the server."},
    {"NB088", warning, ours, "pool with more at least than at most",
     "The pool keeps DB_POOL_MIN connections open and may open DB_POOL_MAX, 5 by default "
     "(packages/core/database/src/helpers.ts)."},

    // Coordination: NB090 to NB099
    {"NB090", warning, ours, "several pods without coordination",
     "Queue, cache and locks are then each pod's own: changes are not seen elsewhere, work is lost or done twice "
     "(packages/core/server/src/event-queue.ts)."},
    {"NB091", error, crd, "Redis host and urls", "Either one host for everything, or a whole URL for each function."},
    {"NB092", error, crd, "RabbitMQ without its URL, or the other way round",
     "The queue adapter needs one URL, and only one queue is used."},
    {"NB093", error, crd, "Redis queue without Redis", "There is nothing to connect to."},
    {"NB094", warning, ours, "Redis number shared",
     "Clearing the cache empties its whole database (packages/core/cache/src/cache.ts)."},
    {"NB095", warning, ours, "Redis number above 15",
     "A Redis server has 16 databases unless it is configured otherwise."},
    {"NB096", warning, ours, "function without a Redis URL", "That function stays each pod's own."},
    {"NB097", info, ours, "adapters not named",
     "The Redis and RabbitMQ adapters are plugins; an adapter that is switched on but not enabled fails at every use "
     "(packages/core/lock-manager/src/lock-manager.ts)."},

    {"NB098", warning, ours, "adapter without its plugin",
     "The operator switches on adapters for all that coordination names; one that no plugin brings fails at every use "
     "(packages/core/lock-manager/src/lock-manager.ts), or silently stays each pod's own."},
    {"NB099", warning, ours, "outdated name of a plugin",
     "NocoBase's own Kubernetes page still has it (docs: cluster-mode/kubernetes); no such package is found."},

    // Storage: NB100 to NB109
    {"NB100", error, ours, "claim of size zero", "core/v1 wants more than zero."},
    {"NB101", error, ours, "claim for one node, several pods",
     "A ReadWriteOnce volume attaches to one node: pods on others wait for ever."},
    {"NB102", warning, ours, "field without effect on an existing claim",
     "The operator does not change a claim it did not make."},

    {"NB103", error, offline, "mount over a volume of the operator",
     "Files of this role would be elsewhere than those of the others, or on no shared volume; a PM2_HOME that is a "
     "mount point itself keeps NocoBase from starting."},
    {"NB104", warning, ours, "mount that NocoBase does not use",
     "Guides mount /app/storage; NocoBase writes to /app/nocobase/storage, and what is written there is lost."},
    {"NB105", error, offline, "storage that cannot be written", "NocoBase writes keys, plugins and uploads there."},
    {"NB106", warning, ours, "container that may not write",
     "The image runs as root and writes to node_modules, /etc/nginx and its home when it starts "
     "(docker/nocobase/docker-entrypoint.sh)."},

    // Lifecycle: NB110 to NB119
    {"NB110", warning, ours, "maintenance and stopped together", "stopped wins."},
    {"NB111", error, ours, "job template without containers", "No Job can be made of it."},
    {"NB112", info, ours, "upgrades without a backup",
     "There is no way back from an upgrade but a backup (upstream: downgrades are not supported)."},
    {"NB113", warning, ours, "field without effect", "Another field switches it off."},
    {"NB114", warning, ours, "downgrades are allowed",
     "The next older image is then set up without a word, whatever version the database is of."},

    // Changes: NB120 to NB129
    {"NB120", error, crd, "storage shrinks", "Claims only grow."},
    {"NB121", error, crd, "storage changes in place",
     "A claim's class, modes and name cannot change; the data would stay behind."},
    {"NB122", error, crd, "database layout changes",
     "The tables were made with it: another dialect, schema, prefix or spelling finds none of them."},
    {"NB123", warning, ours, "downgrade",
     "Upstream supports upgrades only; an older image silently rewrites the version of a newer database."},
    {"NB124", warning, ours, "keys change",
     "Sessions end with another APP_KEY, and data encrypted with another APP_AES_SECRET_KEY cannot be read."},

    // Secrets and ConfigMaps in the same input: NB130 to NB139
    {"NB130", error, ours, "key not in the Secret or ConfigMap",
     "The container would not start (CreateContainerConfigError), and a volume would not be mounted."},
    {"NB131", error, ours, "APP_KEY unusable",
     "Empty, it signs tokens with a public constant; a placeholder is ignored "
     "(packages/core/cli-v1/src/util.js, packages/core/auth/src/auth-manager.ts); a line break at its end belongs to "
     "it, "
     "and the operator refuses it."},
    {"NB132", warning, ours, "line break at the end", "It is part of the value; made with echo instead of printf?"},
    {"NB133", error, ours, "APP_AES_SECRET_KEY unusable",
     "It is read as 32 bytes in hex; anything else, a line break at the end too, is cut silently "
     "(packages/core/server/src/aes-encryptor.ts)."},
    {"NB134", warning, ours, "variable of the operator in envFrom",
     "The operator sets it from other fields: then the entry has no effect. Or its safety rests on the variable being "
     "absent: then the entry takes effect unseen."},
    {"NB135", error, ours, "entry that is no text or no base64",
     "The API server refuses the object: data of a Secret is base64, everything else is text, and an unquoted number "
     "is neither."},
    {"NB136", warning, ours, "APP_KEY is short",
     "It signs tokens with HS256, for which RFC 7518 (3.2) wants 256 bits: whoever guesses it signs in as anybody."},
    {"NB137", error, ours, "password that everybody knows",
     "It is the one of the first administrator where nobody chose another "
     "(packages/plugins/@nocobase/plugin-users/src/server/server.ts)."},
    {"NB138", error, ours, "malformed RabbitMQ URL", "The queue adapter takes amqp://user:password@host:port."},
    {"NB139", error, ours, "password that breaks its URL",
     "The operator makes Redis URLs of host and password, which goes into them as it is in the Secret: a pod's "
     "environment offers no encoding."},

    // Several clusters in the same input: NB140 to NB149
    {"NB140", warning, ours, "database of another cluster",
     "Both would migrate it, and each would run the other's workflows."},
    {"NB141", warning, ours, "Redis number of another cluster",
     "Channels and keys begin with the name of the application, which is main in every installation "
     "(packages/core/server/src/event-queue.ts): the clusters would take each other's work and empty each other's "
     "cache."},
    {"NB142", warning, ours, "claim of another cluster",
     "Keys, plugins and uploads of the two would replace each other."},
    {"NB143", error, ours, "cluster listed twice", "kubectl applies both, and the last one stays."},
});

constexpr bool is_sorted_by_code() {
  for (std::size_t i = 1; i < table.size(); ++i) {
    if (table[i - 1].code >= table[i].code) {
      return false;
    }
  }
  return true;
}
static_assert(is_sorted_by_code());

struct Group {
  std::string_view first;  // code
  std::string_view name;
};
constexpr std::array groups = std::to_array<Group>({{"NB001", "shape"},
                                                    {"NB020", "roles"},
                                                    {"NB040", "coverage"},
                                                    {"NB050", "environment"},
                                                    {"NB070", "image"},
                                                    {"NB080", "database"},
                                                    {"NB090", "coordination"},
                                                    {"NB100", "storage"},
                                                    {"NB110", "lifecycle"},
                                                    {"NB120", "changes"},
                                                    {"NB130", "secrets and config maps"},
                                                    {"NB140", "several clusters"}});

}  // namespace

std::span<const Rule> rules() {
  return table;
}

const Rule& rule(std::string_view code) {
  const auto* const found =
      std::lower_bound(table.begin(), table.end(), code, [](const Rule& r, std::string_view c) { return r.code < c; });
  CHECK(found != table.end() && found->code == code);
  return *found;
}

std::string_view group_of(std::string_view code) {
  const auto* const after = std::upper_bound(groups.begin(), groups.end(), code,
                                             [](std::string_view c, const Group& g) { return c < g.first; });
  CHECK(after != groups.begin());
  return (after - 1)->name;
}

std::string page_of(std::string_view code) {
  return "docs/rules/" + std::string(code) + ".md";
}

}  // namespace nocobase_operator::app
