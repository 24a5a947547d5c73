"""MAML by hand: one inner step, its Hessian and the meta-gradient, in flat NumPy.

    python examples/by_hand/maml.py            5 seconds

A walker starts in the middle of a corridor of 7 cells. One end pays 1 at each step; a
task is which end. The walker plays 10 episodes, takes one gradient step, and plays
again. An episode earns 6 at most. Four estimators of the Hessian of the inner step
differ by one line each, and one of them hardly learns to explore. The run ends with

    return of an episode      before   after one step
    untrained                   0.71             2.84
    log-likelihood              1.12             3.75
    ratio                       2.98             5.91
    dice                        2.51             5.79
    e-maml                      2.98             5.91
    minimeta gives the same four meta-gradients, to 1e-12
"""
import numpy as np

S, A = 7, 2                 # states (cells); actions: left, right
K, T, B = 20, 8, 10         # tasks of a meta-batch, steps of an episode, episodes
ALPHA, RATE = 2.0, 1.0      # of the inner step; of the outer step
ITERATIONS, SEEDS = 300, 3
ENDS = 0, S - 1             # a task is the one of them that pays

# ---- The policy is a table: theta [K, S, A], a row of logits u for each state.
#   u = x theta,  p = softmax(u),  l = log p[a]      x one-hot: where the walker is
#   dl/du = onehot(a) - p                            the score; along u_dot,
#   l_dot = score . u_dot,  p_dot = p (u_dot - sum_a p u_dot)

def softmax(u):
    return np.exp(u) / np.exp(u).sum(-1, keepdims=True)


def pull(x, u_bar):
    """The transpose of u = x theta: u_bar [K, T, B, A] -> theta_bar [K, S, A]."""
    return np.einsum("ktbs,ktba->ksa", x, u_bar)


def play(theta, goal, rng):
    """B episodes of each task: x [K, T, B, S]; a, r and l [K, T, B]."""
    s, steps = np.full((len(goal), B), S // 2), []
    for _ in range(T):
        x = np.eye(S)[s]
        p = softmax(x @ theta)
        a = (rng.random(s.shape) < p[..., 1]).astype(int)
        s = np.clip(s + 2 * a - 1, 0, S - 1)
        l = np.log(np.where(a, p[..., 1], p[..., 0]))
        steps.append((x, a, (s == goal[:, None]).astype(float), l))
    return [np.stack(column, 1) for column in zip(*steps)]


# ---- The inner loss L is minus a surrogate of l, the mean over episodes. At the theta
# that collected the data all four surrogates have the policy gradient,
#   l_bar = -G / B,   G_t = r_t + r_{t+1} + ..
# They differ in how l_bar moves when l moves by l_dot:  l_bar_dot = -curvature / B.

def to_come(r):
    """The sum over this step and all later ones: [K, T, B]."""
    return r[:, ::-1].cumsum(1)[:, ::-1]


CURVATURE = {
    # sum_t G_t l_t is linear in l
    "log-likelihood": lambda r, l_dot: 0 * l_dot,
    # sum_t G_t exp(l_t - l_old_t): each ratio moves with its own action
    "ratio": lambda r, l_dot: to_come(r) * l_dot,
    # sum_t r_t exp(sum_{i <= t} l_i - l_old_i): with all the actions that led to r_t
    "dice": lambda r, l_dot: to_come(r * l_dot.cumsum(1)),
    "e-maml": lambda r, l_dot: 0 * l_dot,  # see the end of meta_gradient
}


def at(theta, x, a, r, l):
    """What grad L is made of: score and p [K, T, B, A], l_bar [K, T, B, 1]."""
    p = softmax(x @ theta[:, None])
    return np.eye(A)[a] - p, p, -to_come(r)[..., None] / B


def meta_gradient(theta, goal, name, rng):
    """Of the loss after adaptation, the mean over tasks; and the data D, D'."""
    theta = np.broadcast_to(theta, (len(goal), S, A))
    x, _, r, _ = D = play(theta, goal, rng)                          # 1 collect
    score, p, l_bar = at(theta, *D)
    phi = theta - ALPHA * pull(x, l_bar * score)                     # 2 adapt
    D2 = play(phi, goal, rng)                                        # 3 collect again
    score2, _, l_bar2 = at(phi, *D2)
    v = pull(D2[0], l_bar2 * score2)                                 # grad L(phi; D')
    # 4 back through the step: dphi/dtheta = I - alpha H, and H is symmetric.
    # H v is the product rule on  grad L = pull(x, l_bar score)  along theta_dot = v.
    u_dot = x @ v[:, None]
    l_dot = (score * u_dot).sum(-1)
    score_dot = -p * (u_dot - (p * u_dot).sum(-1, keepdims=True))
    l_bar_dot = -CURVATURE[name](r, l_dot)[..., None] / B
    theta_bar = v - ALPHA * pull(x, l_bar_dot * score + l_bar * score_dot)
    # E-MAML: theta also chose D. The score of all of D earns R(phi) - R of the others.
    R = D2[2].sum(1).mean(-1)[:, None, None]
    credit = (R - R.mean()) * len(R) / (len(R) - 1)
    return (theta_bar - (name == "e-maml") * credit * pull(x, score)).mean(0), D, D2


# ---- Meta-training descends it on fresh tasks. Then come 2000 new tasks.

print("return of an episode      before   after one step")
for name in ["untrained", *CURVATURE]:
    returns = 0
    for seed in range(SEEDS):
        rng, theta = np.random.default_rng(seed), np.zeros((S, A))
        for _ in range(0 if name == "untrained" else ITERATIONS):
            theta -= RATE * meta_gradient(theta, rng.choice(ENDS, K), name, rng)[0]
        _, D, D2 = meta_gradient(theta, rng.choice(ENDS, 2000), "ratio", rng)
        returns += np.array([D[2].sum(1).mean(), D2[2].sum(1).mean()]) / SEEDS
    print(f"{name:22}{returns[0]:10.2f}{returns[1]:17.2f}")

# ---- The library computes the same numbers from the same data.

from minimeta import EMAML, MAML, TabularPolicy
from minimeta.rl import Rollout

theta, ones = rng.normal(size=(S, A)), np.ones((K, T, B), bool)
end = ones & (np.arange(T)[:, None] == T - 1)
for name in CURVATURE:
    mine, D, D2 = meta_gradient(theta, rng.choice(ENDS, K), name, rng)
    Learner, inner = (EMAML, {}) if name == "e-maml" else (MAML, {"inner": name})
    learner = Learner(TabularPolicy(S, A), alpha=ALPHA, gamma=1.0, baseline="none",
                      normalise=False, dtype=np.float64, **inner)
    data, data2 = [Rollout(*batch, 0 * batch[2], end, ones) for batch in (D, D2)]
    _, theirs = learner.meta_gradient(theta.ravel(), [data], data2)
    assert np.abs(mine.ravel() - theirs).max() < 1e-12 * np.abs(theirs).max()
print("minimeta gives the same four meta-gradients, to 1e-12")
