"""Where the programs are that the tests use: `cargo xtask test` names ours, Python's packages hold the others."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = "[finding]\nmin_measurements = 3\n"
"""For the toy detector: three measurements as in configs/toy.toml."""


class Tools:
    def __init__(self, folder):
        packages = Path(sysconfig.get_paths()["purelib"])
        self.folder = Path(folder)
        self.traccc = _named("TRACCC_PROGRAM")
        self.triton = packages / "pytriton/tritonserver/bin/tritonserver"
        self.envoy = Path(sys.executable).parent / "envoy"
        self.kubernetes_validate = Path(sys.executable).parent / "kubernetes-validate"
        self.perf_analyzer = Path(sys.executable).parent / "perf_analyzer"
        self.backends = self.folder / "backends"
        (self.backends / "traccc").mkdir(parents=True)
        (self.backends / "traccc/libtriton_traccc.so").symlink_to(_named("TRACCC_BACKEND"))
        # perf_analyzer asks for two libraries by names that only Triton's wheel has, with a hash in them.
        self.libraries = self.folder / "lib"
        self.libraries.mkdir()
        for name in ("libb64.so.0d", "libcudart.so.12"):
            stem, end = name.split(".so.")
            [found] = (packages / "nvidia_pytriton.libs").glob(f"{stem}-*.so.{end}*")
            (self.libraries / name).symlink_to(found)
        self.settings = self.folder / "toy.toml"
        self.settings.write_text(SETTINGS)

    def run(self, *command, limit=120, env=None):
        """Runs a program to its end and gives its standard output."""
        command = [str(part) for part in command]
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, env=env)
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def simulate(self, events, particles):
        """A folder with the toy detector and events."""
        folder = self.folder / f"toy{particles}"
        self.run(
            self.traccc, "simulate", "toy", "--output", folder, "--events", events, "--particles", particles
        )
        return folder

    def model(self, repository, detector, *more):
        """Writes a model with the tests' settings into a repository."""
        self.run(
            self.traccc, "model-repository", "--output", repository, "--detector", detector,
            "--config", self.settings, *more,
        )
        return repository

    def counts(self, detector, number):
        """What `traccc run --chain service` finds in an event."""
        text = self.run(
            self.traccc, "run", "--detector", detector, "--input", detector, "--chain", "service",
            "--config", self.settings, "--skip", number, "--events", 1, "--summary", "json",
        )
        return json.loads(text)["counts"]

    def analyze(self, *arguments):
        """Runs Triton's perf_analyzer."""
        env = {**os.environ, "LD_LIBRARY_PATH": str(self.libraries)}
        return self.run(self.perf_analyzer, *arguments, env=env)


def _named(variable):
    """The file that an environment variable names."""
    path = Path(os.environ.get(variable, ""))
    assert path.is_file(), f"{variable} names no file (`{path}`): run the tests by `cargo xtask service`"
    return path.resolve()
