"""Fifteen exercises in the order of the chapters: write what minimeta is made of.

    python examples/exercises.py        2 seconds: which are solved, what the laws say
    python examples/exercises.py gae    one exercise alone

Replace `raise NotImplementedError` by your answer. No answer is stored anywhere: yours
is graded by laws that the right one obeys, such as "the gradient is the complex step of
the value". A law that is broken says where, and often why. Where complex numbers go in
they must come out: no abs, no norm, no buffer of floats. Work in this file or in a copy
beside it; `git checkout examples/exercises.py` brings the stubs back.

A _dot is a tangent, a _bar is the gradient of some scalar with respect to a quantity, a
_bar_dot is a tangent of a _bar. Each exercise ends with the name of the library's own
answer: read it afterwards, not before.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import sys

import numpy as np  # noqa: F401  (for your answers)

# ---- Chapter 1, calculus


def tanh_vjp(y, y_bar):
    """1. The transpose of y = tanh(x), written in y.

        x_bar = dy/dx y_bar,    dy/dx = 1 - tanh(x)^2

    y, y_bar, x_bar  [any shape].          Compare: minimeta.calculus.maps.tanh_vjp
    """
    raise NotImplementedError


def affine_vjp_dot(x, W, y_bar, x_dot, W_dot, y_bar_dot):
    """2. The tangent of the transpose of y = x W + b: the product rule on each line of

        x_bar = y_bar W',    W_bar = x' y_bar,    b_bar = the sum of y_bar over rows

    x [R, n], W [n, m], y_bar [R, m]; the others alike.
    Returns x_bar_dot, W_bar_dot, b_bar_dot [m].
    Compare: minimeta.calculus.maps.affine_vjp_dot
    """
    raise NotImplementedError


def lstm_step_vjp(W, U, b, x, h, c, h_next_bar, c_next_bar):
    """3. Backpropagation through one step of an LSTM.

        z = x W + h U + b,    i, f, o = sigmoid(z_i, z_f, z_o),    g = tanh(z_g)
        c_next = f c + i g,   h_next = o tanh(c_next)

    W [n, 4H], U [H, 4H], b [4H]: the columns are those of i, f, o, g, in this order.
    x [B, n], h, c, h_next_bar, c_next_bar [B, H].
    Returns W_bar, U_bar, b_bar, x_bar, h_bar, c_bar.  Compare: minimeta.calculus.lstm
    """
    raise NotImplementedError


def gru(z, state):
    """4. A gated recurrent unit in four forms: gates, no time.

        u = sigmoid(z_u),   r = sigmoid(z_r),   n = tanh(a + r b)
        h = (1 - u) n + u h_prev

    z [4H, B] holds a, z_u, z_r, b, one below the other; state is (h_prev,), [H, B].
    Returns (h,), and as a tuple of arrays what the other three forms need: `kept`.

        gru_jvp(kept, z_dot, state_dot)       -> (h_dot,), kept_dot
        gru_vjp(kept, state_bar)              -> z_bar, (h_prev_bar,)
        gru_vjp_dot(kept, state_bar, kept_dot, state_bar_dot)
                                              -> z_bar_dot, (h_prev_bar_dot,)

    Compare: minimeta.calculus.gru
    """
    raise NotImplementedError


def gru_jvp(kept, z_dot, state_dot):
    raise NotImplementedError


def gru_vjp(kept, state_bar):
    raise NotImplementedError


def gru_vjp_dot(kept, state_bar, kept_dot, state_bar_dot):
    raise NotImplementedError


# ---- Chapter 3, policy


def entropy_grad(u):
    """5. The gradient in the logits of  H = -sum_a p log p,   p = softmax(u).

    u [..., A] -> [..., A].                Compare: minimeta.Categorical.entropy_grad
    """
    raise NotImplementedError


def fisher(u, u_dot):
    """6. The Fisher matrix of a softmax times u_dot:  E_a[score (score . u_dot)],

        score = grad log p[a] = onehot(a) - p

    without a sum over actions if you can. u, u_dot [..., A] -> [..., A].
    Compare: minimeta.Categorical.fisher
    """
    raise NotImplementedError


def rl2_inputs(obs, action, reward, end, n_actions):
    """7. What RL^2 reads in a trial:  x_t = (s_t, onehot(a_{t-1}), r_{t-1}, d_{t-1}).

    At the first step of the trial the last three are zero. At the first step of a later
    episode they are those of the last step of the episode before, and d is 1.

    obs [T, B, n]; action [T, B] integers, reward [T, B], end [T, B] (True at the last
    step of an episode) -> x [T, B, n + n_actions + 2].
    Compare: minimeta.RecurrentPolicy.see
    """
    raise NotImplementedError


# ---- Chapter 4, objective


def ratio_hvp(A, l_old, l, l_dot):
    """8. The curvature of the likelihood ratio: its Hessian in l times l_dot.

        s(l) = sum A exp(l - l_old)

    All [T, B].                            Compare: minimeta.objective.Ratio
    """
    raise NotImplementedError


def dice_grad(r, l_old, l):
    """9. The gradient in l of DiCE, and (below) its Hessian times l_dot.

        s(l) = sum_t r_t exp(w_t),    w_t = sum_{i <= t} (l_i - l_old_i)

    All [T, B].                            Compare: minimeta.objective.Dice

    Two steps that pay 1 and 2: the first action led to both, so it counts 3.

    >>> r, l, l_dot = np.array([[[1.0], [2.0]], [[0.0], [0.0]], [[1.0], [0.0]]])
    >>> dice_grad(r, l, l).T, dice_hvp(r, l, l, l_dot).T
    (array([[3., 2.]]), array([[3., 2.]]))
    """
    raise NotImplementedError


def dice_hvp(r, l_old, l, l_dot):
    raise NotImplementedError


def conjugate_gradient(product, b, steps):
    """10. x with A x = b, for a symmetric positive definite A, from products alone.

        product(v) -> A v;   b [P]. `steps` products at most; P of them suffice.

    Residual and direction begin as b, x as 0. Each step goes along the direction to the
    least of x'Ax/2 - b'x; the next direction is the new residual, made conjugate to the
    last direction.            Compare: minimeta.objective.trust_region
    """
    raise NotImplementedError


# ---- Chapter 6, rl


def gae(reward, value, gamma, lam, cut):
    """11. Generalised advantage estimates.

        delta_t = r_t + gamma V_{t+1} - V_t,    A_t = delta_t + gamma lam A_{t+1}

    The value after the last step is 0. `cut` is True where nothing flows back from the
    next step. All [T, B].                 Compare: minimeta.rl.gae

    >>> gae(np.ones((3, 1)), np.zeros((3, 1)), 0.5, 1.0, np.zeros((3, 1), bool)).T
    array([[1.75, 1.5 , 1.  ]])
    """
    raise NotImplementedError


# ---- Chapter 7, meta


def maml_vjp(losses, theta, alpha, phi_bar):
    """12. The transpose of adaptation by one gradient step on each loss, in turn.

        theta_0 = theta,  theta_{i+1} = theta_i - alpha grad L_i(theta_i),  phi the last

    at = losses[i].at(theta_i) has at.grad [P], and at.hvp(v) [P], the Hessian times v.
    alpha is a number, or [P], one for each parameter. theta, phi_bar [P].
    Returns theta_bar.                     Compare: minimeta.GradientSteps
    """
    raise NotImplementedError


def emaml_credit(R):
    """13. The credit of each task in E-MAML: by how much the return after adaptation is
    better than a baseline, the mean return of the *other* tasks.

    R [K] -> [K].                          Compare: minimeta.EMAML.credit

    >>> emaml_credit(np.array([1.0, 2.0, 6.0]))      # the baselines are 4, 3.5 and 1.5
    array([-3. , -1.5,  4.5])
    """
    raise NotImplementedError


# ---- Chapters 8 and 9, ground truth and rivals


def posterior_mean(successes, failures):
    """14. Bayes on a bandit: the probability that the next pull of an arm pays, given
    its successes and failures so far, if its p was uniform on [0, 1].

    Integers [any shape] -> [the same].    Compare: minimeta.rivals.bandit_agents.mean

    >>> posterior_mean(0, 0), posterior_mean(2, 1)
    (0.5, 0.6)
    """
    raise NotImplementedError


def gittins_fresh(discount):
    """15. The Gittins index of an arm that was never pulled, p uniform on [0, 1].

    It is the sure income per pull nu at which pulling the arm once (and then going on,
    or retiring on nu for ever, whichever is better) is worth as much as retiring now:

        V(s, f) = max(0, m - nu + discount (m V(s + 1, f) + (1 - m) V(s, f + 1)))

    where m is exercise 14 and V is what the arm is worth above nu. To 1e-4.
    Compare: minimeta.exact.gittins_index

    >>> print(f"{gittins_fresh(0.9):.3f}")
    0.703
    """
    raise NotImplementedError


def main(names=()):
    """Prints which are solved."""
    from exercises_laws import main
    return main(globals(), names)


if __name__ == "__main__":
    main(sys.argv[1:])
