#include "app/pod.h"

namespace nocobase_operator::app {

// Why it looks as it does, line by line, is in the comments of the script: whoever reads a pod sees them too. Facts
// behind it:
// - The image's PID 1 is a shell with a child in the foreground; it ignores the SIGTERM of the kubelet, and the server
// never
//   gets one (docker/nocobase/docker-entrypoint.sh ends in `yarn start`, without exec).
// - The server's handler is registered with process.once (packages/core/server/src/gateway): a second SIGTERM kills it.
// - The command-line tools above the server have the server's arguments in their own; so has `sh -c`, and so has this
// hook.
//   Hence the two tests: the executable is node, and its first argument is the application's entry file.
// - Ending node in the entrypoint's first steps is right: each is short, none serves anybody, and `set -e` then ends
//   PID 1. It is withheld when something listens on APP_PORT, because then there is a server that was not recognised.
std::string_view drain_script() {
  return R"sh(# Drains this NocoBase server before its container stops. Arguments: seconds to wait, seconds to allow.
delay=${1:-5}
left=${2:-60}
here=$(readlink /proc/self/ns/mnt)

# Process IDs of node in this container.
nodes() {
  for dir in /proc/[0-9]*; do
    case $(readlink "$dir/exe" 2>/dev/null) in
      */node) [ "$(readlink "$dir/ns/mnt" 2>/dev/null)" = "$here" ] && echo "${dir#/proc/}" ;;
    esac
  done
}

# Process ID of the server: node run on the application's entry file with the command start. Not the tools that
# started it, and no other command of the application.
server() {
  for pid in $(nodes); do
    if tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | {
      read -r _
      read -r file
      case $file in */@nocobase/app/lib/index.js) grep -qx start ;; *) false ;; esac
    }; then
      echo "$pid"
      return
    fi
  done
}

# Does process $1 have a handler for SIGTERM (signal 15: bit 2 of the fourth hexadecimal digit from the right)?
handles_term() {
  while read -r key mask; do
    case $key/$mask in
      SigCgt:/*[4567cdefCDEF]???) return 0 ;;
      SigCgt:/*) return 1 ;;
    esac
  done 2>/dev/null <"/proc/$1/status"
  return 1
}

# Does anything listen on the application's port?
listening() {
  grep -qi ":$(printf %04x "${APP_PORT:-13000}") [0-9a-f]*:0000 0a " /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

sleep "$delay" # until no endpoint leads here any more
asked=
while [ "$left" -gt 0 ]; do
  pid=$(server)
  if [ -n "$asked" ]; then
    [ -n "$pid" ] || exit 0 # drained
  elif [ -n "$pid" ]; then
    # Once and no more: a second SIGTERM kills it in the middle of its work. Without a handler, the first would.
    handles_term "$pid" && kill -TERM "$pid" && asked=1
  elif ! listening; then
    early=$(nodes)
    [ -z "$early" ] || kill -TERM $early 2>/dev/null # still preparing: nothing to lose, and the start ends here
  fi
  # A shell as process 1 ignores the SIGTERM that follows this hook and goes when the server is gone: no need to wait.
  # Any other process 1 might pass it on, and that would be the second one.
  [ -n "$asked" ] && ! handles_term 1 && exit 0
  sleep 1
  left=$((left - 1))
done
)sh";
}

}  // namespace nocobase_operator::app
