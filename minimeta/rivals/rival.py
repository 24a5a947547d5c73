"""The base of the rivals: agents that learn nothing between trials, and so have no
theta. They play in the same rollout as learned agents.
"""
import numpy as np

from ..policy.policies import Act
from ..rl import rollout


class Rival:
    """An agent without theta. Subclasses have begin, see and act, as a recurrent policy
    has them."""

    rounds, episodes = 0, 1  # nothing to adapt; one episode is a trial

    def collect(self, theta, tasks, rng):
        """One trial on each task."""
        self.require_fit(tasks.family)
        return rollout(self, None, tasks, trials=1, episodes=self.episodes, rng=rng)

    def require_fit(self, family):
        """Raises ValueError if the agent cannot play tasks of this family."""


def acted(action):
    """An Act [R] that tells no probability and no value."""
    nothing = np.zeros(len(action))
    return Act(action, nothing, nothing)
