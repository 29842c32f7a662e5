#!/bin/sh
# This version of Staticcheck needs the Go that it was built for.
root=$(dirname "$(realpath "$0")")/../debian
GOROOT="$root/usr/lib/go-1.19" PATH="$root/usr/lib/go-1.19/bin:$PATH" exec "$root/usr/bin/go-staticcheck" "$@"
