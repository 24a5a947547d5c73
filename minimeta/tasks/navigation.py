"""Navigation in the plane: walk to a place that only the reward tells."""
from dataclasses import dataclass

import numpy as np

from ..calculus import boundary
from .family import Box, Tasks

WALKS = 4000  # uniform walks behind PointTasks.random


@dataclass(frozen=True)
class PointNavigation:
    """A point on a plane that is sent to a goal it does not see.

    sees      its position (x, y); at first (0, 0)
    does      moves by `max_step` times its action, each coordinate of which is clipped to
              [-1, 1]
    earns     minus the Euclidean distance to the goal, after the move
    ends      when both coordinates are within `radius` of the goal's (done), else after
              `horizon` moves
    a task    the goal, uniform on the square [-reach, reach]^2

    The defaults are those of the source, in the authors' code: there too an action of 1 is the
    longest move, 0.1, and nearness is judged by coordinate.
    Source: Finn et al. (2017), MAML, section 5.3 and maml_examples/point_env_randgoal.py.
    """

    horizon: int = 100
    reach: float = 0.5
    max_step: float = 0.1
    radius: float = 0.01
    episodes: int = 1

    def __post_init__(self):
        boundary.count("horizon", self.horizon)
        boundary.count("episodes", self.episodes)
        for name in ("reach", "max_step", "radius"):
            boundary.number(name, getattr(self, name), 0, is_open=True)

    obs_size = 2
    action = Box(2)

    def sample(self, K, rng):
        """K goals."""
        goal = rng.uniform(-self.reach, self.reach, (boundary.count("K", K), 2))
        return PointTasks(self, goal)


@dataclass(frozen=True)
class PointTasks(Tasks):
    """K goals. The state is the position, [K, B, 2], and so is the observation."""

    family: PointNavigation
    goal: np.ndarray  # [K, 2]

    def reset(self, B, rng):
        state = np.zeros((len(self), boundary.count("B", B), 2))
        return state, state.copy()

    def step(self, state, action, rng):
        self.check_actions(action, state.shape[:2])
        state = state + self.family.max_step * np.clip(action, -1, 1)
        reward, done = self.judge(state - self.goal[:, None])
        return state, state.copy(), reward, done

    def judge(self, away):
        """The reward and done of being `away` [..., 2] from the goal."""
        return -np.sqrt((away * away).sum(-1)), (np.abs(away) < self.family.radius).all(-1)

    def oracle(self):
        """Exact: each coordinate goes to the goal's as fast as it can and stays there.

        |away_t| = max(0, |goal| - t max_step) in each coordinate is the least possible at
        every step, so no way earns more at any step or ends earlier.
        """
        return self.walk_return(
            lambda away: np.maximum(np.abs(away) - self.family.max_step, 0), -self.goal)

    def random(self):
        """Simulated: the mean of 4000 walks of uniform actions, the same for all tasks and at
        every call. Standard error 0.5 with the default settings."""
        rng = np.random.default_rng(0)
        return self.walk_return(
            lambda away: away + self.family.max_step * self.family.action.sample((WALKS,), rng),
            np.repeat(-self.goal[:, None], WALKS, 1)).mean(-1)

    def walk_return(self, move, away):
        """The return [...] of an episode in which away [..., 2] becomes move(away)."""
        total, is_on = np.zeros(away.shape[:-1]), np.ones(away.shape[:-1], bool)
        for _ in range(self.family.horizon):
            away = move(away)
            reward, done = self.judge(away)
            total, is_on = total + is_on * reward, is_on & ~done
        return total
