"""The losses of MAML with a Gaussian policy, for NumPy, PyTorch and JAX: `np` is numpy,
torch or jax.numpy. Two hidden layers of tanh; p = W1, b1, W2, b2, W3, b3, log_std.

    phi      = theta - alpha grad inner(theta; before)
    outer    = -mean A exp(l - l_old)        of the actions after the step
    kl       = mean KL(old, policy(phi))     of the states after the step

Letters: R rows; x [R, n], a [R, m], A [R], l_old [R].
"""
ALPHA = 0.1                        # of the inner step
MAX_KL, DAMPING, PRODUCTS = 0.01, 1e-2, 10    # of the trust region
SHRINK, TRIES = 0.8, 15            # of its line search


def network(np, p, x):
    W1, b1, W2, b2, W3, b3, log_std = p
    return np.tanh(np.tanh(x @ W1 + b1) @ W2 + b2) @ W3 + b3, log_std


def log_prob(np, p, x, a):
    mu, log_std = network(np, p, x)
    e = (a - mu) * np.exp(-log_std)
    return (-0.5 * e * e - log_std - 0.9189385).sum(-1)


def inner(np, p, x, a, A, l_old):
    return -(A * log_prob(np, p, x, a)).mean()


def outer(np, p, x, a, A, l_old):
    return -(A * np.exp(log_prob(np, p, x, a) - l_old)).mean()


def kl(np, old, p, x):
    (mu_old, log_old), (mu, log_std) = old, network(np, p, x)
    spread = np.exp(2 * log_old) + (mu - mu_old) ** 2
    each = log_std - log_old + 0.5 * spread * np.exp(-2 * log_std) - 0.5
    return each.sum(-1).mean()


def adapted(np, grad, p, before):
    """phi, by a library's own grad."""
    grads = grad(lambda p: inner(np, p, *before))(p)
    return [block - ALPHA * g for block, g in zip(p, grads)]


def meta_loss(np, grad, vmap):
    """The mean outer loss over tasks, as a function of p, before, after."""
    def task(p, before, after):
        return outer(np, adapted(np, grad, p, before), *after)

    return lambda p, before, after: vmap(task, (None, 0, 0))(p, before, after).mean()


def meta_kl(np, grad, vmap):
    """The mean KL divergence over tasks, as a function of p, old, before, after."""
    def task(p, old, before, after):
        return kl(np, old, adapted(np, grad, p, before), after[0])

    return lambda p, old, before, after: vmap(task, (None, 0, 0, 0))(
        p, old, before, after).mean()


def old_policies(np, grad, vmap):
    """mu [K, R, m] and log_std [K, m] of the adapted policies."""
    def task(p, before, after):
        return network(np, adapted(np, grad, p, before), after[0])

    return vmap(task, (None, 0, 0))


def trust_region_step(theta, loss, grad, product, evaluate):
    """theta after PRODUCTS conjugate gradients and a line search: vectors of any of the
    three libraries.

    product     v -> F v
    evaluate    theta -> loss, mean KL from the policies at the old theta
    """
    x, residual, direction, square = 0 * grad, grad, grad, float(grad @ grad)
    for _ in range(PRODUCTS):
        Fd = product(direction) + DAMPING * direction
        size = square / float(direction @ Fd)
        x, residual = x + size * direction, residual - size * Fd
        before, square = square, float(residual @ residual)
        direction = residual + square / before * direction
    longest = (2 * MAX_KL / float(x @ (grad - residual))) ** 0.5
    for i in range(TRIES):
        candidate = theta - longest * SHRINK ** i * x
        new_loss, divergence = evaluate(candidate)
        if new_loss < loss and divergence <= MAX_KL:
            return candidate
    return theta
