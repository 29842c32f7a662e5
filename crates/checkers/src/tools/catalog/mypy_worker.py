"""Holds mypy's daemon in this process: one line asks, one line answers."""

import json
import os
import sys

from mypy.dmypy_server import Server, process_start_options
from mypy.version import __version__

# Whatever a plugin prints goes to the standard error.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
server = None

for line in sys.stdin:
    asked = json.loads(line)
    arguments = asked["arguments"]
    try:
        if int(__version__.split(".")[0]) < 2:
            raise ValueError("before mypy 2 the daemon had options of its own")
        if server is None:
            flags = arguments[: arguments.index("--")]
            server = Server(process_start_options(flags, False), os.devnull)
        said = server.cmd_run(__version__, arguments, False, False, 80)
        if "restart" in said:
            server = None
            answer = {"cold": said["restart"]}
        else:
            answer = {"exit": said["status"], "stdout": said["out"], "stderr": said["err"]}
    except (Exception, SystemExit) as error:
        server = None
        answer = {"cold": repr(error)}
    answers.write(json.dumps({"id": asked["id"], **answer}) + "\n")
    answers.flush()
