"""The name of ``common.programs.watchdog`` before 0.2.0; removed in 0.4.0.

A supervisord that read its configuration before then still starts it.
"""

import runpy

if __name__ == "__main__":
    runpy.run_module("common.programs.watchdog", run_name="__main__", alter_sys=True)
