"""All code that uses Reflex's internals; screens use only its public API."""
