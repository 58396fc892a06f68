"""Numbers of trained networks and of groups of runs."""
