"""Breaking a chat in every way at once, and proving that nothing is lost or doubled."""
