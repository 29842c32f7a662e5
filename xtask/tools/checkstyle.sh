#!/bin/sh
jars=$(dirname "$(realpath "$0")")/../debian/usr/share/java
exec java -cp "$jars/*" com.puppycrawl.tools.checkstyle.Main "$@"
