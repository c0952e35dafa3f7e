"""The foundation of every layer: settings, database, errors, clock. It imports no domain."""
