"""RL^2 by hand: an LSTM learns to play bandits, in flat NumPy.

    python examples/by_hand/rl2.py            10 seconds

A task is a row of 3 slot machines; each pays 1 with a probability of its own. The agent
pulls 10 times, and only its memory adapts. It is trained by the policy gradient over
whole trials: backpropagation through time of all 10 pulls. The run ends with

    random, as at first  5.01 -+0.03 of 10 pulls
    greedy               6.37 -+0.03 of 10 pulls
    RL^2                 6.39 -+0.03 of 10 pulls
    the exact optimum    6.41
"""
import numpy as np

ARMS, T, B = 3, 10, 200         # slot machines; pulls of a trial; trials of a batch
n, H = ARMS + 1, 32             # inputs: the last pull and what it paid; hidden units
ITERATIONS, RATE = 1500, 1e-2   # of Adam; the rate falls to 0
ENTROPY = 0.05                  # weight of the entropy bonus; falls to 0 too
SHAPES = [(n, 4 * H), (H, 4 * H), (4 * H,),     # W, U, b of the gates i, f, o, g
          (H,), (H,), (H, ARMS), (ARMS,)]       # h0, c0; Wy, by of the read-out
TANH = np.arange(4 * H) >= 3 * H                # g is a tanh; i, f, o are sigmoids


def softmax(u):
    return np.exp(u) / np.exp(u).sum(-1, keepdims=True)


def play(theta, paying, rng):
    """A trial on each bandit, paying [B, ARMS]: a list of what happened, by pull."""
    W, U, b, h0, c0, Wy, by = theta
    h, c = (s + np.zeros((len(paying), H)) for s in (h0, c0))    # once for each trial
    x, steps = np.zeros((len(paying), n)), []                    # nothing happened yet
    for t in range(T):
        h_prev, c_prev = h, c
        z = x @ W + h_prev @ U + b
        a = np.where(TANH, np.tanh(z), 0.5 + 0.5 * np.tanh(z / 2))
        i, f, o, g = np.split(a, 4, -1)
        c = f * c_prev + i * g
        q = np.tanh(c)
        h = o * q
        p = softmax(h @ Wy + by)
        arm = (p.cumsum(-1)[:, :-1] < rng.random((len(p), 1))).sum(-1)
        r = (rng.random(len(p)) < paying[np.arange(len(p)), arm]).astype(float)
        steps.append((x, h_prev, c_prev, a, q, h, p, arm, r))
        x = np.concatenate([np.eye(ARMS)[arm], r[:, None]], -1)  # all that it is told
    return steps


def gradient(theta, steps, u_bars):
    """Backpropagation through time of the logits' cotangents: see lstm.py."""
    W, U, b, h0, c0, Wy, by = theta
    W_bar, U_bar, b_bar, h_bar, c_bar, Wy_bar, by_bar = [0 * block for block in theta]
    for (x, h_prev, c_prev, a, q, h, *_), u_bar in zip(steps[::-1], u_bars[::-1]):
        i, f, o, g = np.split(a, 4, -1)
        Wy_bar, by_bar = Wy_bar + h.T @ u_bar, by_bar + u_bar.sum(0)
        h_bar = h_bar + u_bar @ Wy.T
        c_bar = c_bar + h_bar * o * (1 - q * q)
        a_bar = np.concatenate([c_bar * g, c_bar * c_prev, h_bar * q, c_bar * i], -1)
        z_bar = a_bar * (np.where(TANH, 1, a) - a * a)
        W_bar, U_bar = W_bar + x.T @ z_bar, U_bar + h_prev.T @ z_bar
        b_bar, h_bar, c_bar = b_bar + z_bar.sum(0), z_bar @ U.T, c_bar * f
    return [W_bar, U_bar, b_bar, h_bar.sum(0), c_bar.sum(0), Wy_bar, by_bar]


# The loss is  - sum_t (A_t l_t + weight entropy_t),  the mean over trials.
#   l = log p[arm]             dl/du = onehot(arm) - p
#   entropy = -sum p log p     dentropy/du = -p (log p + entropy)

def logits_bar(steps, weight):
    """u_bar [B, ARMS] of each pull."""
    p, arm, r = (np.stack([step[k] for step in steps]) for k in (6, 7, 8))
    G = r[::-1].cumsum(0)[::-1]                      # what the rest of the trial paid,
    A = G - (G.sum(1, keepdims=True) - G) / (B - 1)  # less what it paid in other trials
    entropy = -(p * np.log(p)).sum(-1, keepdims=True)
    score = np.eye(ARMS)[arm] - p
    return -(A[..., None] * score - weight * p * (np.log(p) + entropy)) / B


def greedy(paying, rng):
    """The total of pulling the arm of the best posterior mean so far."""
    (won, pulled), row = np.zeros((2,) + paying.shape), np.arange(len(paying))
    for _ in range(T):
        arm = ((won + 1) / (pulled + 2)).argmax(-1)
        won[row, arm] += rng.random(len(paying)) < paying[row, arm]
        pulled[row, arm] += 1
    return won.sum(-1)


# ---- Meta-training: Adam on fresh bandits.

rng = np.random.default_rng(0)
theta = [rng.normal(size=shape) * (len(shape) == 2) / shape[0] ** 0.5
         for shape in SHAPES]                     # biases and the first state: 0
theta[2][H:2 * H] = 1                             # forget gates begin open
theta[5] *= 0.1                                   # and the arms alike
untrained, m, v = theta, [0 * p for p in theta], [0 * p for p in theta]
for t in range(1, ITERATIONS + 1):
    left = 1 - t / ITERATIONS
    steps = play(theta, rng.random((B, ARMS)), rng)
    grad = gradient(theta, steps, logits_bar(steps, ENTROPY * left))
    m = [0.9 * m_ + 0.1 * g for m_, g in zip(m, grad)]
    v = [0.999 * v_ + 0.001 * g * g for v_, g in zip(v, grad)]
    rate = RATE * left * (1 - 0.999 ** t) ** 0.5 / (1 - 0.9 ** t)
    theta = [p - rate * m_ / (v_ ** 0.5 + 1e-8) for p, m_, v_ in zip(theta, m, v)]

paying, totals = rng.random((20000, ARMS)), {}
totals["random, as at first"] = sum(step[-1] for step in play(untrained, paying, rng))
totals["greedy"] = greedy(paying, rng)
totals["RL^2"] = sum(step[-1] for step in play(theta, paying, rng))
for name, earned in totals.items():
    error = 1.96 * earned.std() / len(earned) ** 0.5
    print(f"{name:20} {earned.mean():.2f} -+{error:.2f} of {T} pulls")

# ---- The library computes the same numbers; and it knows the best that is possible.

from minimeta import LSTM, exact

print(f"the exact optimum    {exact.bayes_optimal_bandit(ARMS, T).value:.2f}")
steps = play(theta, paying[:B], rng)
x, p = (np.stack([step[k] for step in steps]) for k in (0, 6))
net, u_bars = LSTM(n, H, ARMS), logits_bar(steps, ENTROPY)
flat, mine = (np.concatenate([block.ravel() for block in blocks])
              for blocks in (theta, gradient(theta, steps, u_bars)))
u, cache = net.forward(flat, x)
theirs, _ = net.vjp(flat, cache, u_bars)
assert np.abs(softmax(u) - p).max() < 1e-12
assert np.abs(mine - theirs).max() < 1e-12 * np.abs(theirs).max()
print("minimeta gives the same probabilities and gradient, to 1e-12")
