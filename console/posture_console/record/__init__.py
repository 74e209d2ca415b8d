"""Recordings of placement: written from a master, read again, tried with other rules. Numbers, no pictures."""
