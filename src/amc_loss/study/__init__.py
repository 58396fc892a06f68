"""What is to be run: the configuration, the runs that follow from it, and when they run again.

Imports nothing heavy: Snakemake reads it whenever it parses the workflow.
"""
