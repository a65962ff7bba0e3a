"""The parts of benchmarks/evaluation.py: what is measured (plan), one measurement (cell), ours and the
peers, the sets, and the tables.
"""
