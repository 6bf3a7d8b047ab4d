"""Rows that something refuses: found, set aside with their reasons, and the others written.

Before the load `sift` takes a chunk through transform, schema and cast; in the load `placing` tries ways to write it that tell
the bad rows apart. Both add to the chunk's `tally`, which `rejects` keeps in the ledger.
"""
