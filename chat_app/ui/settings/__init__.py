"""The screen of what is one's own: profile, privacy, sounds, devices, the account."""
