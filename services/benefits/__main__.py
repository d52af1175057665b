"""Runs the benefits service: `python -m services.benefits`."""

from services.benefits.server import run

if __name__ == "__main__":
    run()
