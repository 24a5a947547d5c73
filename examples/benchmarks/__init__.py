"""The parts of benchmark.py.

    rows             what is measured: the sizes, the data, who takes part, the floor
    minimeta_side    each kind of work, written with minimeta
    torch_peer       the same kinds, written as users of PyTorch write them,
    jax_peer         of JAX,
    gymnasium_peer   and of Gymnasium
    formulas         the losses that the peers differentiate, written once
    clock            turns, medians, agreement
    machine          what the processor can do, and so the floor of a row
    child            what a fresh Python process takes: time, memory, disk

A side has one function for each kind of work. The function takes plain NumPy arrays,
prepares all that a user prepares once, and returns run(), which does the work once. A
peer imports its framework, so it is imported only where the framework is installed.
"""
