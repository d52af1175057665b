"""Runs the members service: `python -m services.members`."""

from services.members.server import run

if __name__ == "__main__":
    run()
