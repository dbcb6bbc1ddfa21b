"""What computes a model's scores.

    engine.py      what every engine can do
    choose.py      which engine a setting means; loads it
    openvino.py    OpenVINO on the CPU: one picture on all cores, or several in a backlog
    openvino_c.py  the part of OpenVINO's C interface that serving needs
    torch.py       torch, on a GPU where there is one: the reference

Both engines pass the same tests.
"""
