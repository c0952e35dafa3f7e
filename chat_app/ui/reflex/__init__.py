"""All code that uses the inside of Reflex; screens use only its public API."""
