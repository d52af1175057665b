"""Runs the scoring service: `python -m services.scoring`."""

from services.scoring.server import run

if __name__ == "__main__":
    run()
