"""The proof that nothing is lost when processes are killed: ``make chaos SECONDS=1800 SEED=7``.

chaos.py           a run: the bot at work, and its processes being killed
strikes.py         which process is killed when, from a seed
killing.py         finds and kills processes
load.py            what people send meanwhile
faults.py          how the Bot API fails meanwhile
ledger.py          what was asked, and what was answered
albums.py          the same of albums: one answer, whose lines come as they are known
watch.py           what is sampled during the run: Redis, lost OKs, held files
judgement.py       why an answer came twice, and how long a recovery took
remains.py         what is left in Redis at the end
report.py          the tables for people
test_chaos.py      a short run, with another seed each time
test_judgement.py  the judge itself
conftest.py        prints the short run's report
__main__.py        the command of the long run
"""
