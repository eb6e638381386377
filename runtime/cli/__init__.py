"""The `trackly` command line: every role and tool is a subcommand."""
