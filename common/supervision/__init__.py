"""What makes a program a good child of Supervisor: its own name, a sign of life, and an end together with it.

identity.py   the name of a process, and the lock that makes it the only one of that name
heartbeat.py  its sign of life, which the watchdog looks at
parent.py     how it ends together with supervisord, and with which exit status
"""
