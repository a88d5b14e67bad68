"""A private sandwich with real Sendmail: the machine, the network and the daemons of the tests and of the demonstration."""
