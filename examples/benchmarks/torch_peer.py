"""Each kind of work, written as users of PyTorch write it: torch.nn.LSTM where it can
do the work, a cell of one's own where it cannot, a loop over tasks; `vmap` is the same
by torch.func."""
import numpy as np
import torch
from torch.distributions import Categorical

from . import formulas


def tensors(nest, requires_grad=False):
    """The arrays of a nest of lists as tensors."""
    if isinstance(nest, (list, tuple)):
        return [tensors(part, requires_grad) for part in nest]
    return torch.tensor(nest, requires_grad=requires_grad)


def flat(blocks):
    return torch.cat([block.reshape(-1) for block in blocks])


# ---- the LSTM: blocks are W, U, b, h0, c0, Wy, by

def reordered(block, order):
    """The four gates along the last axis in another order; 0, 1, 3, 2 turns i, f, o, g
    into PyTorch's i, f, g, o, and back."""
    gates = np.split(np.asarray(block), 4, -1)
    return np.concatenate([gates[k] for k in order], -1)


def fused(blocks):
    """torch.nn.LSTM and its read-out, with the weights of the blocks; h0 and c0."""
    W, U, b, h0, c0, Wy, by = blocks
    lstm, read = torch.nn.LSTM(len(W), len(h0)), torch.nn.Linear(*Wy.shape)
    W, U, b = (torch.tensor(reordered(block, (0, 1, 3, 2)).T) for block in (W, U, b))
    lstm.load_state_dict({"weight_ih_l0": W, "weight_hh_l0": U, "bias_ih_l0": b,
                          "bias_hh_l0": torch.zeros_like(b)})
    lstm.bias_hh_l0.requires_grad_(False)    # a second bias would learn twice
    read.load_state_dict({"weight": torch.tensor(Wy.T), "bias": torch.tensor(by)})
    return lstm, read, *(torch.nn.Parameter(torch.tensor(s)) for s in (h0, c0))


def lstm_gradient(blocks, x, y_bar):
    lstm, read, *start = fused(blocks)
    x, y_bar = torch.tensor(x, requires_grad=True), torch.tensor(y_bar)
    trained = [p for p in lstm.parameters() if p.requires_grad]
    wanted = [*trained, *read.parameters(), *start, x]

    def run():
        hs, _ = lstm(x, tuple(s.expand(1, x.shape[1], -1) for s in start))
        return torch.autograd.grad(read(hs), wanted, y_bar)[-1].numpy()
    return run


def unrolled(p, x):
    """The LSTM by hand: the fused one has no second derivative."""
    W, U, b, h0, c0, Wy, by = p
    h, c = (s.expand(x.shape[1], -1) for s in (h0, c0))
    hs = []
    for xW in (x @ W + b).unbind(0):
        i, f, o, g = (xW + h @ U).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
    return torch.stack(hs) @ Wy + by


def lstm_hvp(blocks, x, targets, v):
    p, (x, targets, v) = tensors(blocks, True), tensors((x, targets, v))

    def run():
        loss = ((unrolled(p, x) - targets) ** 2).sum(-1).mean()
        grads = torch.autograd.grad(loss, p, create_graph=True)
        return flat(torch.autograd.grad(grads, p, v)).numpy()
    return run


# ---- RL^2

class Agent:
    """An actor-critic with a memory, and PPO through whole trials."""

    def __init__(self, blocks, options):
        self.lstm, self.read, *self.start = fused(blocks)
        self.options = options
        modules = [*self.lstm.parameters(), *self.read.parameters()]
        self.parameters = [p for p in modules if p.requires_grad] + self.start
        self.adam = torch.optim.Adam(self.parameters, options["rate"])

    def __call__(self, x, state=None):
        if state is None:
            state = tuple(s.expand(1, x.shape[1], -1) for s in self.start)
        h, state = self.lstm(x, state)
        y = self.read(h)
        return Categorical(logits=y[..., :-1]), y[..., -1], state

    @torch.no_grad()
    def rollout(self, arms, pulls, bandits):
        p, last = torch.rand(bandits, arms), torch.zeros(bandits, arms + 2)
        state, steps = None, []
        for t in range(pulls):
            x = torch.cat([torch.full((bandits, 1), 1 - t / pulls), last], -1)
            pi, value, state = self(x[None], state)
            action = pi.sample()
            log_prob, action = pi.log_prob(action)[0], action[0]
            reward = torch.bernoulli(p.gather(1, action[:, None]))
            done = torch.full((bandits, 1), float(t == pulls - 1))
            code = torch.nn.functional.one_hot(action, arms)
            last = torch.cat([code, reward, done], -1)
            steps.append((x, action, reward[:, 0], log_prob, value[0]))
        return [torch.stack(column) for column in zip(*steps)]

    def advantages(self, reward, value):
        """Normalised A, and the value's targets in units of the returns' spread."""
        G = reward.flip(0).cumsum(0).flip(0)
        mean, std = G.mean(), G.std(correction=0)
        V, A, following = mean + std * value, torch.empty_like(G), torch.zeros(2, 1)
        for t in reversed(range(len(G))):
            A[t] = reward[t] - V[t] + following[0] + self.options["lam"] * following[1]
            following = V[t], A[t]
        return (A - A.mean()) / A.std(correction=0), (A + V - mean) / std

    def update(self, x, action, reward, old, value):
        o, (A, target) = self.options, self.advantages(reward, value)
        for _ in range(o["epochs"]):
            pi, value, _ = self(x)
            ratio = torch.exp(pi.log_prob(action) - old)
            clipped = ratio.clamp(1 - o["clip"], 1 + o["clip"])
            loss = (o["value_weight"] * ((value - target) ** 2).mean()
                    - torch.minimum(ratio * A, clipped * A).mean()
                    - o["entropy_weight"] * pi.entropy().mean())
            self.adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters, o["max_norm"])
            self.adam.step()

    @property
    def blocks(self):
        """W, U, b, h0, c0, Wy, by."""
        W, U, b, *_ = (p.detach().numpy().T for p in self.lstm.parameters())
        Wy, by, *start = (p.detach().numpy().T
                          for p in (*self.read.parameters(), *self.start))
        W, U, b = (reordered(block, (0, 1, 3, 2)) for block in (W, U, b))
        return [W, U, b, *start, Wy, by]


def rl2(arms, pulls, H, bandits, iterations, options):
    n = arms + 3
    shapes = ((n, 4 * H), (H, 4 * H), (4 * H,), (H,), (H,), (H, arms + 1), (arms + 1,))
    blocks = [0.1 * torch.randn(shape).numpy() for shape in shapes]
    agent = Agent(blocks, options)

    def run():
        for _ in range(iterations):
            agent.update(*agent.rollout(arms, pulls, bandits))
    return run


def rl2_update(arms, pulls, H, options, blocks, x, action, reward, log_prob, value):
    def run():
        agent = Agent(blocks, options)
        agent.update(*tensors((x, action, reward, log_prob, value)))
        return np.concatenate([(new - old).ravel()
                               for new, old in zip(agent.blocks, blocks)])
    return run


# ---- MAML: before and after are x [K, R, n], a [K, R, m], A [K, R], l_old [K, R]

def adapted(p, before):
    grads = torch.autograd.grad(formulas.inner(torch, p, *before), p, create_graph=True)
    return [block - formulas.ALPHA * g for block, g in zip(p, grads)]


def tasks(before, after):
    """Both batches of each task."""
    return list(zip(zip(*tensors(before)), zip(*tensors(after))))


def meta_loss(p, pairs):
    return sum(formulas.outer(torch, adapted(p, before), *after)
               for before, after in pairs) / len(pairs)


def maml(blocks, before, after):
    p, pairs = tensors(blocks, True), tasks(before, after)
    return lambda: flat(torch.autograd.grad(meta_loss(p, pairs), p)).numpy()


def maml_vmap(blocks, before, after):
    p, before, after = tensors((blocks, before, after))
    gradient = torch.func.grad(
        formulas.meta_loss(torch, torch.func.grad, torch.func.vmap))
    return lambda: flat(gradient(p, before, after)).numpy()


def trust_region(blocks, before, after):
    p, pairs = tensors(blocks, True), tasks(before, after)
    sizes, shapes = [b.numel() for b in p], [b.shape for b in p]

    def divergence(p, olds):
        return sum(formulas.kl(torch, old, adapted(p, before), after[0])
                   for old, (before, after) in zip(olds, pairs)) / len(pairs)

    def run():
        loss = meta_loss(p, pairs)
        grad = flat(torch.autograd.grad(loss, p))
        olds = [[u.detach() for u in formulas.network(
            torch, adapted(p, before), after[0])] for before, after in pairs]
        slope = flat(torch.autograd.grad(divergence(p, olds), p, create_graph=True))

        def product(v):
            return flat(torch.autograd.grad(slope, p, v, retain_graph=True))

        def evaluate(theta):
            there = [block.view(shape).requires_grad_() for block, shape in
                     zip(theta.split(sizes), shapes)]
            return meta_loss(there, pairs).item(), divergence(there, olds).item()

        theta = flat(p).detach()
        return (formulas.trust_region_step(
            theta, loss.item(), grad, product, evaluate) - theta).numpy()
    return run
