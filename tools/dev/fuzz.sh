#!/bin/bash
# fuzz.sh SECONDS [RUNS] [TARGET...]: runs fuzz targets built in build/fuzz one after another, each for so long or so many
# executions (0: no such bound), on one core; a line for each. What was learned stays in build/fuzz/learned/TARGET. Fails
# where an input crashed a target, and leaves it as build/fuzz/TARGET-crash-….
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=$1 runs=$2
shift 2
[ $# -gt 0 ] || set -- $(ls tests/fuzz/corpus)

export ASAN_OPTIONS=quarantine_size_mb=2:malloc_context_size=0 UBSAN_OPTIONS=print_stacktrace=1
export TMPDIR=$PWD/build/fuzz/tmp   # readers of folders get theirs here
found=0
printf '%-18s %12s %10s %9s %8s\n' target executions per_s coverage crashes
for target in "$@"; do
    rm -rf "$TMPDIR" && mkdir -p "$TMPDIR" "build/fuzz/learned/$target"
    rm -f "build/fuzz/$target"-{crash,leak,timeout,oom}-*
    log=build/fuzz/$target.log
    # The longest single allocation: 4 bytes a byte of the longest input, and 16 MiB; but a template may run.
    limits="-entropic=0 -timeout=2 -rss_limit_mb=1024 -malloc_limit_mb=17 -max_len=4096"
    [ "$target" != template ] || limits="-entropic=0 -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=128 -max_len=1024"
    build/fuzz/fuzz_$target $limits -max_total_time="$seconds" -runs="$([ "$runs" = 0 ] && echo -1 || echo "$runs")" \
        -print_final_stats=1 -artifact_prefix="build/fuzz/$target-" "build/fuzz/learned/$target" \
        "tests/fuzz/corpus/$target" >"$log" 2>&1 || true
    stat() { grep -a "^stat::$1:" "$log" | grep -oE '[0-9]+$' || echo 0; }
    coverage=$(grep -aoE 'cov: [0-9]+' "$log" | tail -n 1 | grep -oE '[0-9]+' || echo 0)
    crashes=$(find build/fuzz -maxdepth 1 -name "$target-*-*" | wc -l)
    # A program that did not end by itself left no statistics.
    [ "$(stat number_of_executed_units)" != 0 ] || [ "$crashes" != 0 ] || crashes=1
    printf '%-18s %12s %10s %9s %8s\n' "$target" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" \
        "$coverage" "$crashes"
    if [ "$crashes" != 0 ]; then
        found=1
        grep -aE 'ERROR|runtime error|SUMMARY|what\(\)|made the reader' "$log" | head -n 5 | sed 's/^/    /' || true
        find build/fuzz -maxdepth 1 -name "$target-*-*" | sed 's/^/    /'
    fi
done
exit $found
