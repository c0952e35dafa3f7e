"""Syntax trees of the project's own sources."""

import ast
import gc


def parsed(source: str) -> ast.Module:
    """Parse a source, without a garbage collection on the way.

    A collection can report an object of an earlier test, the report's traceback parses its own
    line, and CPython 3.11 then fails with "AST constructor recursion depth mismatch".
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if was_enabled:
            gc.enable()
