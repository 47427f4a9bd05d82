#!/bin/bash
# check_readme.sh [MARK]: runs every command of README.md's blocks that are marked so (sh), in order, in an empty folder
# that sees ./llmft and examples/ alone. "COMMAND   # TEXT" has to print TEXT on its stdout, but for spaces around it.
set -euo pipefail
mark=${1:-sh}
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
ln -s "$root/llmft" "$root/examples" .

count=0
while read -r line; do
    command=${line%%   #*}
    wanted=
    [ "$command" = "$line" ] || wanted=${line##*   # }
    if ! eval "$command" >stdout 2>stderr </dev/null; then
        cat stdout stderr
        echo "README.md: failed: $command" >&2
        exit 1
    fi
    printed=$(xargs <stdout)
    if [ -n "$wanted" ] && [ "$printed" != "$wanted" ]; then
        echo "README.md: $command: printed '$printed', wanted '$wanted'" >&2
        exit 1
    fi
    count=$((count + 1))
done < <(sed -n "/^\`\`\`$mark\$/,/^\`\`\`\$/{/^\`\`\`/!p}" "$root/README.md" | sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}')
[ $count -gt 0 ] || { echo "README.md: no commands found" >&2; exit 1; }
echo "README.md: $count commands work"
