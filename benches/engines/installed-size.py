"""Bytes of packages with everything they require here: `installed-size.py PACKAGE...` prints { bytes, packages }."""

import importlib.metadata as metadata
import json
import re
import sys

from packaging.requirements import Requirement

seen = {}


def visit(name, extras=("",)):
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return
    files = distribution.files or []
    seen[key] = sum(path.stat().st_size for path in {file.locate() for file in files} if path.is_file())
    for line in distribution.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            visit(requirement.name, ("", *requirement.extras))


for package in sys.argv[1:]:
    metadata.distribution(package)
    visit(package)
print(json.dumps({"bytes": sum(seen.values()), "packages": len(seen), "withModel": False}))
