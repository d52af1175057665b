"""Runs the risk service: `python -m services.risk`."""

from services.risk.server import run

if __name__ == "__main__":
    run()
