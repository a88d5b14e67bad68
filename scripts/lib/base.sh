# Shell parts that every script shares: messages, elapsed time, where things are. Sourced, never run.
# shellcheck shell=bash disable=SC2034

sandwich_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
started_at=$SECONDS

elapsed() {
    local seconds=$((SECONDS - started_at))
    printf '%d:%02d' $((seconds / 60)) $((seconds % 60))
}

say() { printf '[%s] %s\n' "$(elapsed)" "$*"; }
warn() { printf '%s: warning: %s\n' "${0##*/}" "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" -eq 0 ] && return
    die "this needs root, for apt-get, for accounts of their own for the daemons and for namespaces: sudo $0 $*"
}
