"""The name of ``common.programs.dead_letters`` before 0.2.0; removed in 0.4.0.

Commands that were written down before then still call it.
"""

import runpy

if __name__ == "__main__":
    runpy.run_module("common.programs.dead_letters", run_name="__main__", alter_sys=True)
