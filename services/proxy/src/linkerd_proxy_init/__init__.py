"""The init step of a meshed pod: the rules that send its TCP connections through the proxy."""
