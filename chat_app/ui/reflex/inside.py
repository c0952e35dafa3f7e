"""The private names of Reflex that this package relies on, in one list.

An upgrade may move any of them without a word. `tests/ui/reflex/test_inside.py` looks each up in
the installed version, and finds any that is used and not listed here.
"""

from typing import NamedTuple


class PrivateName(NamedTuple):
    """A private name: what has it, and what we use it for."""

    owner: str
    name: str
    use: str


PRIVATE_NAMES = (
    PrivateName("reflex.state.BaseState", "_get_root_state", "find the tab of a handler's state"),
    PrivateName("reflex.app.EventNamespace", "_token_manager", "find the socket of a tab"),
    PrivateName("reflex.app.App", "_should_compile", "compile only what has changed"),
    PrivateName(
        "reflex.istate.manager.memory.StateManagerMemory", "_states_locks", "skip states in use"
    ),
    PrivateName(
        "reflex.istate.manager.memory.StateManagerMemory",
        "_purge_token",
        "drop a tab's state",
    ),
    PrivateName("reflex_base.config.Config", "_set_persistent", "serve a build at a given port"),
    PrivateName(
        "reflex_base.vars.base.Var", "_get_all_var_data", "pass on the hooks of one var to another"
    ),
)
