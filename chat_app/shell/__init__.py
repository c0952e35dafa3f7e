"""The operator's door: typer and rich are imported only here."""
