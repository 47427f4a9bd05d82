# For the examples' scripts: what they do is printed as it is done.

# say TEXT: what comes next.
say() {
    if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\n\033[1m%s\033[0m\n' "$1"; else printf '\n%s\n' "$1"; fi
}

# run COMMAND...: prints the command as it can be typed, and runs it.
run() {
    local word line='$'
    for word; do
        case $word in
            *[!A-Za-z0-9_./=,:@%+-]*) line+=" '${word//\'/\'\\\'\'}'" ;;
            *) line+=" $word" ;;
        esac
    done
    printf '%s\n' "$line"
    "$@"
}

# exact_match FILE: the figure in what eval printed.
exact_match() {
    sed -n 's/^exact_match *//p' "$1"
}
