"""Hypothesis, imported before the first test.

Its plugin imports it at the end of every run. After simulations, which leave greenlets of other
depths behind, the compiler of Python 3.11 then refuses to parse it: "AST constructor recursion
depth mismatch".
"""

import hypothesis

__all__ = ["hypothesis"]
