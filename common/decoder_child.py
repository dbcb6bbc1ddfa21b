"""The name of ``common.pictures.child.main`` before 0.2.0; removed in 0.4.0.

A worker that was started before then still starts it.
"""

import runpy

if __name__ == "__main__":
    runpy.run_module("common.pictures.child.main", run_name="__main__", alter_sys=True)
