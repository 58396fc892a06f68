"""Figures, tables and texts that people read."""
