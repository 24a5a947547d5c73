"""The example catches what it says it catches."""
import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "check_a_gradient.py"


def test_the_laws_catch_every_bug_and_a_common_rule_few_when_the_loss_is_small():
    example = runpy.run_path(str(EXAMPLE))
    table = example["main"](n_steps=3, seed=1)
    caught = {bug: {c for c, error in errors.items() if example["is_caught"](c, error)}
              for bug, errors in table.items()}

    def count(check):
        return sum(check in checks for checks in caught.values())

    assert caught.pop("none") == set() and all(caught.values())
    assert {bug for bug, checks in caught.items() if "complex" not in checks} == {
        "jvp forgets h0", "Hessian is 0.1 % too large", "Hessian forgets U"}
    assert "transpose" not in caught["h0 forgotten by jvp too"]
    assert caught["Hessian is 0.1 % too large"] == {"second"}  # symmetry is blind
    assert caught["Hessian forgets U"] == {"second", "symmetry"}
    assert count("small") < count("common") < count("complex") == 7
    assert "swapped" in str(table["gates i and f are swapped"]["complex"])
