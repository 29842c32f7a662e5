#!/bin/sh
root=$(dirname "$(realpath "$0")")/../debian
LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu" exec "$root/usr/bin/cppcheck" "$@"
