"""The side pane: who I am, finding people, my conversations."""
