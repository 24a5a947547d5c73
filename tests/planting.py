"""Wrong derivatives, planted one at a time in a class, and what is common to them."""
from contextlib import ExitStack
from unittest.mock import patch

from minimeta.testing import map_hints, map_laws, map_report

SETTING = dict(leads=((2,),), scales=(1.0,), seed=5)
VJP = ("complex step", "central difference", "transpose", "second")


def registrar(bugs):
    """A decorator bug(net, *caught), which registers plant(edit) in the dict `bugs`;
    in it edit(owner, name, wrap) wraps owner.name."""
    def bug(net, *caught):
        def register(plant):
            name = f"{net.__name__}: {plant.__name__.replace('_', ' ')}"
            assert name not in bugs
            bugs[name] = net, plant, set(caught)
            return plant
        return register
    return bug


def planted(plant):
    """A context in which the bug is in the code."""
    stack = ExitStack()

    def edit(owner, name, wrap):
        if isinstance(owner, dict):
            stack.enter_context(patch.dict(owner, {name: wrap(owner[name])}))
        else:
            stack.enter_context(patch.object(owner, name, wrap(getattr(owner, name))))

    plant(edit)
    return stack


def laws_broken(subject, plant):
    """The names of the laws that see the bug. Nobody asks at which coordinate, so that the
    coordinates are not tried one by one."""
    with planted(plant), patch.object(map_laws, "ALL", 0), patch.object(map_hints, "LARGEST", 0):
        return set(map_report(*subject, **SETTING).failed)


# ---- what is done to theta_bar

def on_theta_bar(change, form="vjp"):
    """Plants change(layout, theta_bar) behind a form."""
    def wrap(real):
        def broken(net, *args):
            theta_bar, x_bar = real(net, *args)
            return change(net, theta_bar), x_bar
        return broken
    return lambda net, edit: edit(net, form, wrap)


def on_blocks(**changes):
    """Changes blocks of theta_bar, name=function(block)."""
    def change(net, theta_bar):
        blocks = net.layout.unpack(theta_bar)._asdict()
        return net.layout.pack(**blocks | {n: f(blocks[n]) for n, f in changes.items()})
    return on_theta_bar(change)
