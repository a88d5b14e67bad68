# Builds the daemon with Meson. Sourced, never run.

# build_sandwich DIR [MESON OPTION]...: sets DIR up when it is new, and compiles. Output: progress lines of ninja.
build_sandwich() {
    local directory=$1
    shift
    if [ -f "$directory/build.ninja" ]; then
        meson configure "$directory" "$@"
    else
        say "meson setup $directory $*"
        mkdir -p "$directory"
        meson setup "$directory" "$sandwich_root" "$@" >"$directory.setup.log" 2>&1 || {
            cat "$directory.setup.log" >&2
            rm -f "$directory.setup.log"
            return 1
        }
        rm -f "$directory.setup.log"
    fi
    say "compiling into $directory"
    nice -n 5 meson compile -C "$directory"
}
