"""The defaults of families and rivals, each with its reason."""
import pytest

from minimeta.rivals.bandit_agents import majority
from minimeta.rivals.planners import Planner, posterior_sample
from minimeta.tasks import (DependentBandit, GridNavigation, InformativeBandit, PlanarArm,
                            PointNavigation, RandomMDP, RestlessBandit, Sinusoid, TwoStep)

DUAN, WANG, FINN, VARIBAD = ("Duan et al. (2016)", "Wang et al. (2016)", "Finn et al. (2017)",
                             "Zintgraf et al. (2020)")


@pytest.mark.parametrize("made, given, reason", [
    (DependentBandit("easy"), DependentBandit("easy", pulls=100), WANG),
    (InformativeBandit(), InformativeBandit(pulls=5), WANG),
    (RestlessBandit(), RestlessBandit(pulls=100, volatilities=(0.02, 0.1)),
     "pulls as the other bandits of the source; a slow and a fast path"),
    (TwoStep(), TwoStep(episodes=10), "short enough to train in seconds"),
    (RandomMDP(), RandomMDP(states=10, actions=5, horizon=10, episodes=10, noise=1.0), DUAN),
    (GridNavigation(), GridNavigation(size=5, horizon=15, episodes=4, walls=(), goals=None,
                                      sees="cell"), VARIBAD),
    (PointNavigation(), PointNavigation(horizon=100, reach=0.5, max_step=0.1, radius=0.01,
                                        episodes=1), FINN),
    (Sinusoid(), Sinusoid(amplitude=(0.1, 5.0), phase=(0.0, 3.141592653589793), x=(-5.0, 5.0)),
     FINN),
    (PlanarArm(), PlanarArm("target", horizon=50, episodes=1, lengths=(0.5, 0.5),
                            masses=(1.0, 1.0), friction=(0.6, 0.6), gravity=0.0, torque=3.0,
                            effort=0.01, dt=0.05, substeps=4), "ours: an arm of a metre"),
    (majority(), majority(n=20), "fits the published table"),
    (Planner(RandomMDP()), Planner(RandomMDP(), posterior_sample, prior_mean=1.0),
     "PSRL with the true prior"),
], ids=lambda value: type(value).__name__)
def test_defaults_are_those_of_their_source(made, given, reason):
    assert made == given
