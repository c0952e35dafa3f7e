"""What every layer may lean on: settings, database, errors, clock. Knows no domain word."""
