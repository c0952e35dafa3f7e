"""Simulator of delivery: the chat's code in one process, on a virtual clock, over modelled storage.

A seed decides every delay, loss, order, crash and restart, and repeats it exactly.
"""
