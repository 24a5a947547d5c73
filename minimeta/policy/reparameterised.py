"""A sample of a normal distribution as a map of its parameters, in four forms. The
luck is data: noise ~ N(0, 1) is drawn beforehand, so derivatives flow through the
sample.

    m = mu + sigma noise,    sigma = exp(l),    q = (mu, l)

    m_dot     = mu_dot + sigma (l_dot noise + noise_dot)
    mu_bar    = m_bar,    l_bar = sigma noise m_bar,    noise_bar = sigma m_bar

Source: Kingma & Welling (2014), Auto-encoding variational Bayes, arXiv 1312.6114.
"""
import numpy as np


def halves(q):
    """mu and l = log sigma of q [..., 2 d]."""
    d = q.shape[-1] // 2
    return q[..., :d], q[..., d:]


def sample(q, noise):
    """q [..., 2 d], noise [..., d] -> m [..., d], cache."""
    mu, l = halves(q)
    sigma = np.exp(l)
    return mu + sigma * noise, (sigma, noise)


def sample_jvp(cache, q_dot, noise_dot):
    (sigma, noise), (mu_dot, l_dot) = cache, halves(q_dot)
    sigma_dot = sigma * l_dot
    return mu_dot + sigma_dot * noise + sigma * noise_dot, (sigma_dot, noise_dot)


def sample_vjp(cache, m_bar):
    sigma, noise = cache
    return np.concatenate([m_bar, sigma * noise * m_bar], -1), sigma * m_bar


def sample_vjp_dot(cache, m_bar, cache_dot, m_bar_dot):
    (sigma, noise), (sigma_dot, noise_dot) = cache, cache_dot
    l_bar_dot = (sigma_dot * noise * m_bar + sigma * noise_dot * m_bar
                 + sigma * noise * m_bar_dot)
    noise_bar_dot = sigma_dot * m_bar + sigma * m_bar_dot
    return np.concatenate([m_bar_dot, l_bar_dot], -1), noise_bar_dot
