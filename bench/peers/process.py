# SPDX-License-Identifier: Apache-2.0
"""A side of a comparison: a process that is told what to do line by line and answers each line with a JSON object."""

import json
import os
import subprocess
from pathlib import Path


class Ended(SystemExit):
    """A side ended of itself; what it said stands on stderr."""

    def __init__(self, program, status):
        super().__init__(f"{program} ended with exit code {status}; what it said stands above")
        self.status = status


class Process:
    """One side, told what to do through its standard input."""

    def __init__(self, command, environment=()):
        self.run = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | dict(environment)
        )
        self.said = []
        self.greeting = self.read()

    def read(self):
        """The next answer; whatever else is said before it goes to `said`."""
        for line in self.run.stdout:
            if line.startswith("{"):
                return json.loads(line)
            self.said.append(line)
        raise Ended(self.run.args[0], self.run.wait())

    def ask(self, command):
        print(command, file=self.run.stdin, flush=True)
        return self.read()

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.run.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.run.stdin.close()
        self.run.wait()
