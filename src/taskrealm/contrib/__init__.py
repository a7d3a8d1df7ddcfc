"""Bridges to what sites use besides TaskRealm; each needs its own extra packages."""
