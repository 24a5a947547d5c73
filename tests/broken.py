"""A registry of broken classes: what the checks must say of each."""
import pytest

from minimeta.testing import LawBroken


class Bugs(dict):
    """name -> (law, hint, check). `law` is the headline, `hint` a part of it; None where no hint
    can be expected. A bug is a class with one method changed."""

    def register(self, law, hint, check, *args, **settings):
        """A decorator of a class whose default instance breaks the law."""
        def register(cls):
            name = f"{cls.__bases__[0].__name__}: {cls.__name__.replace('_', ' ')}"
            assert name not in self
            self[name] = law, hint, lambda: check(cls(), *args, **settings)
            return cls
        return register

    def with_hint(self):
        """The share of bugs that have one."""
        return sum(hint is not None for _, hint, _ in self.values()) / len(self)

    def seen(self, name):
        """Whether the right law catches a bug, with the right hint."""
        law, hint, check = self[name]
        with pytest.raises(LawBroken) as failure:
            check()
        headline = str(failure.value).splitlines()[0]
        return headline.startswith(f"{law}: ") and (hint or "") in headline
