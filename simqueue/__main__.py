"""``python -m simqueue``."""

from simqueue.cli import main

if __name__ == "__main__":
    main()
