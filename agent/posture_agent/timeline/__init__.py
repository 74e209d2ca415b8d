"""Posture over time: a person's own upright, episodes of bad posture, summaries, and who is told of them.

Reads committed results; knows nothing of leases or brokers. The arithmetic is pure, times are arguments.
"""
