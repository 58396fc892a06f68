"""What is kept of runs, a module for each file: what is in it, how it is written, how it is read."""
