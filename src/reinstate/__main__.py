"""``python -m reinstate``: the command, where it is not on the PATH."""

from reinstate.cli import main

if __name__ == "__main__":
    main()
