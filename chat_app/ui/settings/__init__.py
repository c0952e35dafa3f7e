"""The settings: profile, privacy, sounds, devices and the account."""
