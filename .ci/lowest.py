"""The lower bound of every dependency in a pyproject.toml, as exact requirements."""

import re
import sys
import tomllib

with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)["project"]
for requirement in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
    sys.stdout.write(re.sub(r">=", "==", requirement) + "\n")
