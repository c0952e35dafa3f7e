"""The operator's door: shell commands. Typer and rich are imported only here."""
