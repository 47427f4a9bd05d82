#!/bin/bash
# Runs the cases of a test program in pieces of four, as many at a time as there are cores, and sums what they say:
#   run_tests.sh PROGRAM [options of doctest]
# Prints what every piece printed, in order; then a line for each case that failed; ends with
# "N passed, N failed, N skipped".
set -u
program=$1
shift
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

cases=$("$program" "$@" --count | grep -oE '[0-9]+$' | tail -n 1)
cores=$(nproc)
if [ -z "$cases" ]; then
    echo "failed: $program cannot count its cases"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
pieces=$(((cases + 3) / 4))

run_piece() {
    local piece=$1 log=$logs/$1
    shift
    "$@" --first=$((piece * cases / pieces + 1)) --last=$(((piece + 1) * cases / pieces)) >"$log" 2>&1
    echo $? >"$log.status"
}
export -f run_piece
export logs cases pieces

seq 0 $((pieces - 1)) | xargs -P "$cores" -I{} bash -c 'run_piece "$@"' _ {} "$program" "$@"

status=0 passed=0 failed=0 skipped=0
for piece in $(seq 0 $((pieces - 1))); do
    grep -avE "^(seed [0-9]+|\\[doctest\\] .*|=+|failed: .*|)\$" "$logs/$piece"
    [ "$(cat "$logs/$piece.status")" = 0 ] || status=1
    summary=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$logs/$piece" | tail -n 1)
    if [ -z "$summary" ]; then   # it ended before its summary: a crash is a failure
        summary="0 passed, 1 failed, 0 skipped"
        status=1
        { echo "failed: it ended before its summary:" && tail -n 5 "$logs/$piece"; } >>"$logs/failures"
    fi
    grep -a '^failed: ' "$logs/$piece" >>"$logs/failures"
    read -r p _ f _ s _ <<<"$summary"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
cat "$logs/failures"
echo "$passed passed, $failed failed, $skipped skipped"
exit $status
