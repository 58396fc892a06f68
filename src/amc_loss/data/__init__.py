"""Datasets: where they come from, and the one layout that they are brought into."""
