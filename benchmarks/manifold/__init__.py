"""The parts of benchmarks/manifold.py: what is measured (plan), one measurement (cell), the libraries (ours, peers), the sets,
the scorer, and the tables.
"""
