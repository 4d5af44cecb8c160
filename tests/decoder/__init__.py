"""A second decoder of Haversack's bytes, written from docs/PROTOCOL.md alone: one idea a file, nothing shared with the engine.

`python -m decoder FOLDER` opens every vector of a folder and refuses every broken one for the reason that it states.
"""
