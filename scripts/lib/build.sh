# Builds the daemon with Meson. Sourced, never run.
# shellcheck shell=bash disable=SC2154

build_targets=()

# build_sandwich DIR [MESON OPTION]...: sets DIR up when it is new or was set up with other options (none: any will do), and compiles;
# only the targets in the array build_targets, when that is set.
build_sandwich() {
    local directory=$1 options
    shift
    options="$sandwich_root $*"
    mkdir -p "$directory"
    if [ ! -f "$directory/build.ninja" ] || { [ $# -gt 0 ] && [ "$(cat "$directory/.options" 2>/dev/null)" != "$options" ]; }; then
        say "meson setup $directory $*"
        local mode=()
        [ -f "$directory/build.ninja" ] && mode=(--wipe)
        # unity: files of a room are compiled together, which takes a fraction of the time; for all of it, not for one changed file.
        meson setup "${mode[@]}" "$directory" "$sandwich_root" -Dunity=on -Dunity_size=16 "$@" || return 1
        printf '%s\n' "$options" >"$directory/.options"
    fi
    say "compiling into $directory"
    nice -n 5 meson compile -C "$directory" "${build_targets[@]}"
}
