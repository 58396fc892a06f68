"""What a job needs of the machine it runs on: a GPU, signals, logs, files that are whole, its provenance."""
