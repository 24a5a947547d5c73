"""Chapter 11, trained agents at work: environments with the interface of Gymnasium as
tasks (adapter, spaces).
"""
from .adapter import from_gymnasium

__all__ = ["from_gymnasium"]
