"""One message and what belongs to it: its reactions, its earlier texts, its pin."""
