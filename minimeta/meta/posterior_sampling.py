"""Posterior sampling: the learner of VariBAD, with a policy that acts on guesses.

    m ~ q_t where an episode begins; then held          guess_policy
    (u_t, value_t) = actor(s_t, m)

    VariBAD:  the actor sees the belief (mu, log sigma), so it can plan with it: what it
              does not know, it can find out
    here:     the actor sees one draw m of the belief, and does what is best if m is
              true

All else is the same: the ELBO trains encoder and decoder, and RL^2's loss trains the
actor. Returns end with the episode, since what a guess is worth shows there. A rollout
keeps the guesses in x, as data.

Source: Rakelly et al. (2019), PEARL, arXiv 1903.08254. PEARL trains its actor off
policy, and its encoder by the value of the actions. This is its idea on policy, with
the decoder of VariBAD in place of the value.
"""
from dataclasses import dataclass

from .varibad import VariBAD


@dataclass(frozen=True)
class PosteriorSampling(VariBAD):
    """A policy that acts on guesses of its task. The fields are those of VariBAD, where
    policy is a GuessPolicy."""

    returns: str = "episode"

    guesses = True
