"""The files of a run, a module for each: what is in it, how it is written, how it is read."""
