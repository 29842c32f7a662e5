"""Says of each file named on standard input whether CPython, json, tomllib or PyYAML accepts it."""

import json
import sys
import tomllib
import warnings

import yaml

warnings.simplefilter("ignore")
sys.setrecursionlimit(100_000)


def reject_constant(name):
    raise ValueError(name)


def accepts(kind, data, path):
    if kind == "Python":
        compile(data, path, "exec", dont_inherit=True)
    elif kind == "JSON":
        json.loads(data.decode("utf-8"), parse_constant=reject_constant)
    elif kind == "TOML":
        tomllib.loads(data.decode("utf-8"))
    else:
        list(yaml.compose_all(data, yaml.SafeLoader))


for line in sys.stdin:
    path, kind = line.rstrip("\n").split("\t")[:2]
    with open(path, "rb") as file:
        data = file.read()
    try:
        accepts(kind, data, path)
        print(1)
    except (SyntaxError, ValueError, yaml.YAMLError, RecursionError, MemoryError):
        print(0)
