"""Throttling, page sizes and other settings, on servers of their own: R25–R31, R42, R43, R76, R113, R184, R200, R334."""

from judge import claim, judge


if __name__ == "__main__":
    judge()
