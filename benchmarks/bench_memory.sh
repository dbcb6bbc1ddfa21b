#!/bin/sh
# The whole bot in a machine of 1 GB: 200 photos of up to 12 megapixels, and nothing may be killed.
#
#     benchmarks/bench_memory.sh [--write] [--quick] [--models FOLDER]
#
# The limit is that of a cgroup, of version 2 or 1, below the cgroup of this shell. This needs root, or systemd, which
# gives this script its own cgroup.
set -eu
cd "$(dirname "$0")/.."
limit=$((1024 * 1024 * 1024))
name="whatsit-memory-$$"

# Prints the folder of this process in the memory controller: version 1 where that is mounted, otherwise version 2.
own_cgroup() {
    while IFS=: read -r _ controllers path; do
        case ",$controllers," in
        *,memory,*) [ -d "/sys/fs/cgroup/memory$path" ] && { echo "/sys/fs/cgroup/memory${path%/}"; return; } ;;
        ,,) unified="/sys/fs/cgroup${path%/}" ;;
        esac
    done </proc/self/cgroup
    grep -qsw memory "${unified:-}/cgroup.controllers" && echo "$unified"
}

cannot() {
    echo "error: no cgroup can be made here ($1): run this as root, or where systemd-run --user works" >&2
    exit 1
}

own=$(own_cgroup) || cannot "no memory controller"
cgroup="$own/$name"
if ! mkdir "$cgroup" 2>/dev/null; then
    [ -z "${IN_SCOPE-}" ] && command -v systemd-run >/dev/null || cannot "$own is not ours"
    IN_SCOPE=1 exec systemd-run --quiet --user --scope -p Delegate=yes "benchmarks/${0##*/}" "$@"
fi
trap 'rmdir "$cgroup" || true' EXIT
trap 'exit 130' INT TERM

if [ -e "$cgroup/memory.limit_in_bytes" ]; then
    echo $limit >"$cgroup/memory.limit_in_bytes"
    # Includes swap. A kernel without swap accounting has no such file.
    [ ! -e "$cgroup/memory.memsw.limit_in_bytes" ] || echo $limit >"$cgroup/memory.memsw.limit_in_bytes"
else
    # A cgroup with processes may not limit others, so this shell and its children move to their own cgroup.
    if [ ! -e "$cgroup/memory.max" ]; then
        mkdir "$own/$name-outside"
        # A cgroup that limits others does not accept processes.
        trap 'echo -memory >"$own/cgroup.subtree_control" || :
            echo $$ >"$own/cgroup.procs" || :; rmdir "$cgroup" "$own/$name-outside" || :' EXIT
        echo $$ >"$own/$name-outside/cgroup.procs"
        echo +memory >"$own/cgroup.subtree_control" 2>/dev/null || cannot "$own holds other processes"
    fi
    echo $limit >"$cgroup/memory.max"
    echo 0 >"$cgroup/memory.swap.max"
fi

python=${PYTHON:-.venv/bin/python}
"$python" -m benchmarks.memory --cgroup "$cgroup" "$@"
