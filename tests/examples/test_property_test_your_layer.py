"""The example finds its bug and says what it is; its file for pytest runs as it stands."""
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "property_test_your_layer.py"


def test_the_bug_is_found_and_explained():
    example = runpy.run_path(str(EXAMPLE))
    for seed in range(3):
        report, message = example["main"](seed=seed)
        assert not report.failed and set(report.skipped) == {
            "tangent", "transpose", "second", "symmetry"}
        headline = message.splitlines()[0]
        assert headline.startswith("complex step: relative error") and "worst at x[" in headline
        assert "a multiple of x less its mean: a term is missing" in headline


def test_the_file_for_pytest_runs_as_it_stands(tmp_path):
    text = re.search(r"    from minimeta.testing.*check\(\)\n", EXAMPLE.read_text(), re.S)[0]
    code = dedent(text)
    assert len([line for line in code.splitlines() if line]) <= 10
    (tmp_path / "test_layers.py").write_text(code)
    shutil.copy(EXAMPLE, tmp_path / "my_layers.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_layers.py"]
    for name, passed in (("LayerNorm", True), ("Broken", False)):
        (tmp_path / "test_layers.py").write_text(code.replace("LayerNorm", name))
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True,
                             env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "PATH": "/usr/bin:/bin"})
        assert (run.returncode == 0) == passed, run.stdout + run.stderr
        assert ("12 passed, 8 skipped" in run.stdout) == passed
