"""How news reaches other screens: events, the broker between processes, the hub inside one."""
