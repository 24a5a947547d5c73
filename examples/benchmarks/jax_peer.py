"""Each kind of work, written as users of JAX write it: jitted, a scan over time, vmap
over tasks of grad."""
import jax
import numpy as np
from jax import numpy as jnp
from jax.flatten_util import ravel_pytree

from . import formulas


def arrays(*nests):
    """NumPy's arrays in nests of lists as JAX's."""
    return jax.tree.map(jnp.asarray, nests)


def done(result):
    """The result in NumPy, once it is there."""
    return np.asarray(jax.block_until_ready(result))


# ---- the LSTM: blocks are W, U, b, h0, c0, Wy, by

def unrolled(p, x):
    W, U, b, h0, c0, Wy, by = p

    def step(state, x):
        h, c = state
        i, f, o, g = jnp.split(x @ W + h @ U + b, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    start = tuple(jnp.tile(s, (x.shape[1], 1)) for s in (h0, c0))
    _, hs = jax.lax.scan(step, start, x)
    return hs @ Wy + by


def lstm_gradient(blocks, x, y_bar):
    p, x, y_bar = arrays(blocks, x, y_bar)
    gradient = jax.jit(jax.grad(lambda p, x: (y_bar * unrolled(p, x)).sum(), (0, 1)))
    return lambda: done(gradient(p, x)[1])


def lstm_hvp(blocks, x, targets, v):
    p, x, targets, v = arrays(blocks, x, targets, v)

    def loss(p):
        return ((unrolled(p, x) - targets) ** 2).sum(-1).mean()

    @jax.jit
    def product(p, v):
        return ravel_pytree(jax.jvp(jax.grad(loss), (p,), (v,))[1])[0]

    return lambda: done(product(p, v))


# ---- MAML: before and after are x [K, R, n], a [K, R, m], A [K, R], l_old [K, R]

def maml(blocks, before, after):
    p, before, after = arrays(blocks, before, after)
    gradient = jax.jit(jax.grad(formulas.meta_loss(jnp, jax.grad, jax.vmap)))
    return lambda: np.concatenate(
        [np.ravel(g) for g in jax.block_until_ready(gradient(p, before, after))])


def trust_region(blocks, before, after):
    p, before, after = arrays(blocks, before, after)
    theta, unravel = ravel_pytree(p)
    transforms = jnp, jax.grad, jax.vmap
    mean_loss, mean_kl, policies = (make(*transforms) for make in (
        formulas.meta_loss, formulas.meta_kl, formulas.old_policies))

    def loss(theta):
        return mean_loss(unravel(theta), before, after)

    def kl(theta, old):
        return mean_kl(unravel(theta), old, before, after)

    gradient, old = jax.jit(jax.value_and_grad(loss)), jax.jit(policies)
    fisher = jax.jit(lambda theta, old, v: jax.jvp(
        jax.grad(lambda theta: kl(theta, old)), (theta,), (v,))[1])
    judge = jax.jit(lambda theta, old: (loss(theta), kl(theta, old)))

    def run():
        value, grad = gradient(theta)
        here = old(p, before, after)
        return done(formulas.trust_region_step(
            theta, float(value), grad, lambda v: fisher(theta, here, v),
            lambda candidate: judge(candidate, here)) - theta)
    return run
