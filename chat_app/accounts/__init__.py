"""Who people are, and the devices they are signed in on."""
