# SPDX-License-Identifier: BSD-3-Clause
"""Run a command in the container of a bundle: contain.py BUNDLE COMMAND [ARGUMENT...].

The bundle has the container's configuration but for the command, in base.json.
"""

import json
import os
import sys
from pathlib import Path

bundle = Path(sys.argv[1])
config = json.loads((bundle / "base.json").read_text())
config["process"]["args"] = sys.argv[2:]
(bundle / "config.json").write_text(json.dumps(config))
os.execvp("crun", ["crun", "--cgroup-manager=cgroupfs", "run", "--bundle", str(bundle),
                   "--pid-file", str(bundle / "pid"), bundle.name])
