"""The parts of benchmarks/generation.py: what is measured (plan), one measurement (cell), ours and the peers, the sets, the
judge with its classifier, and the tables with their targets.
"""
