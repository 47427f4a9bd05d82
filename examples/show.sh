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

# fresh_folder FOLDER: empty. What such a script left there before goes; anything else stays, and the script ends.
fresh_folder() {
    if [ -d "$1" ] && [ ! -e "$1/.example" ] && [ -n "$(ls -A "$1")" ]; then
        echo "$1: holds files that are not from here; name another folder" >&2
        exit 1
    fi
    rm -rf "$1"
    mkdir -p "$1"
    : >"$1/.example"
}

# exact_match FILE: the figure in what eval printed.
exact_match() {
    sed -n 's/^exact_match *//p' "$1"
}
