"""`python -m faverify.cli`."""

from . import main

main()
