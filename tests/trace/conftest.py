"""What the tests of files share."""
import os

import pytest


@pytest.fixture(scope="module", autouse=True)
def no_waiting_for_the_disk():
    """A process that is killed loses nothing that the system was given; fsync is for power
    cuts, and would take most of the time here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda opened: None)
        yield
