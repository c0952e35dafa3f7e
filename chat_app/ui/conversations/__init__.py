"""The side pane: the own name, the search for people, and the conversations."""
