"""The proof that nothing is lost, whichever process is killed: the whole bot at work, and its processes being killed.

    calm    the bot starts and answers each picture once, so that the right answers are known
    storm   many chats keep a steady backlog while the Bot API fails now and then, and processes are SIGKILLed
    drain   no process is killed; all messages are answered, all processes are back
    settle  nothing is left of any job, neither keys nor files; Redis uses as much memory as before
    stop    nothing is left of any process

The playground's chats are in memory, so it runs outside the supervisord that is killed.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Final

import redis

from common.messages import CHANNELS
from common.settings import PLAYGROUND_TOKEN
from common.supervision.parent import ENDED_BY_SIGTERM
from tests.chaos import killing, remains
from tests.chaos.faults import faults
from tests.chaos.judgement import Kill, judge_duplicates, recovery
from tests.chaos.ledger import Ledger
from tests.chaos.load import RESTARTS, Load
from tests.chaos.report import MEMORY_TOLERANCE, MIB, Memory, Report
from tests.chaos.strikes import ALL_DOWN, EVERYTHING, VICTIMS, strikes
from tests.chaos.watch import Listener, Watch, in_flight_at_death, ready_times
from tests.support import processes, web_server
from tests.support.bot_api import User, free_port, is_up, start_playground
from tests.support.processes import DECODER
from tests.support.running_bot import Bot, running_bot
from tests.support.waiting import wait_until

BACKLOG: Final = 40  # answers awaited at any time: more than all workers together have in flight
CALM_S: Final = 60.0
AT_WORK_AGAIN_S: Final = 10.0  # after so long without an answer, the next process is killed anyway
# A file whose decoder dies is tried once more. If that decoder dies, too, the file is rightly refused.
DECODERS_IN_PEACE_S: Final = 10.0
ANSWERS_KEPT: Final = 30  # so few that the same picture sometimes has a stored answer and sometimes is classified again
DRAIN_S: Final = 120.0  # a job that only the sweeper can restart needs a little over a minute
SETTLED_WITHIN_S: Final = 20.0  # each job cleans up at its end: no need to wait for the sweeper
SWEPT_WITHIN_S: Final = 75.0  # for files that a killed worker left: the sweeper looks each minute
GONE_WITHIN_S: Final = 5.0


class Chaos:
    """One run.

    Args:
        models_dir: Where a model is in use.
        seed: See ``Report``.
        storm_s: For how long processes are killed, in seconds.
        evidence: Where logs and Redis's data are copied to if a promise is broken.
        say: Writes a line about each phase, for the terminal.
    """

    def __init__(self, models_dir: Path, seed: int, storm_s: float, evidence: Path, say: Callable[[str], None]) -> None:
        self._models_dir = models_dir
        self._evidence = evidence
        self._say = say
        self._ledger = Ledger()
        self._kills: list[Kill] = []
        self._calm = Event()
        self._report = Report(seed=seed, storm_s=storm_s)

    def run(self) -> Report:
        """Calm, storm, drain, settle, stop."""
        with contextlib.ExitStack() as stack:
            threads = stack.enter_context(ThreadPoolExecutor(8, thread_name_prefix="chaos"))
            url = stack.enter_context(_playground(self._models_dir, threads))
            web = stack.enter_context(web_server.serving({}))
            settings = {
                "TELEGRAM_API_URL": url,
                "TELEGRAM_TOKEN": PLAYGROUND_TOKEN,
                "FETCH_ALLOW_NETWORKS": "127.0.0.0/8",
                "CACHE_MAX": str(ANSWERS_KEPT),
            }
            bot = stack.enter_context(running_bot(self._models_dir, **settings))
            load = Load(self._report.seed, url, web, self._models_dir, stack)
            watch = Watch(bot, url)
            try:
                self._walk_through(bot, url, load, watch, threads)
            except Exception as error:
                self._broken(f"the run ended early: {error!r}")
                raise
            finally:
                self._calm.set()
                watch.stop()
                self._keep_evidence(bot)
        return self._report

    def _walk_through(self, bot: Bot, url: str, load: Load, watch: Watch, threads: ThreadPoolExecutor) -> None:
        report = self._report
        with remains.connect(bot) as client, User(url) as tester:
            self._say("calm: learning the right answers")
            load.learn()
            self._listen(url, threads)
            self._send_one_of_each(load, client)
            before = remains.memory(client)

            self._say(f"storm: {report.storm_s:g} s")
            tester.faults(*faults(report.seed))
            watching = threads.submit(watch.run)
            began = time.time()
            self._storm(load, bot, threads)

            self._say(f"drain: {self._ledger.outstanding} answers awaited")
            self._ledger.wait_for_fewer(1, DRAIN_S)
            report.silence_s = self._ledger.longest_silence(began, time.time())
            self._wait_until_all_are_back(bot)

            self._say("settle: nothing may be left")
            self._nothing_may_be_left(lambda: [*remains.left_keys(client)], SETTLED_WITHIN_S)
            self._nothing_may_be_left(lambda: [f"file {name}" for name in bot.files()], SWEPT_WITHIN_S)
            watch.stop()
            watching.result()
            tester.faults()
            self._compare_memory(before, remains.memory(client))
            report.counts = remains.counts(client)
            report.redis_version = str(client.info("server")["redis_version"])
        report.in_flight = in_flight_at_death(bot)
        ready = ready_times(bot)
        self._say("stop")
        self._stop(bot)
        self._judge(watch, ready)

    # Calm

    def _listen(self, url: str, threads: ThreadPoolExecutor) -> None:
        listener = Listener(url, self._ledger)
        threads.submit(listener.run)
        assert listener.listening.wait(CALM_S)

    def _send_one_of_each(self, load: Load, client: redis.Redis) -> None:
        for said in load.send_one_of_each():
            self._ledger.say(said)
        assert self._ledger.wait_for_fewer(1, CALM_S), f"unanswered though no process was killed: {self._ledger.lost()}"
        self._nothing_may_be_left(lambda: [*remains.left_keys(client)], SETTLED_WITHIN_S)

    # Storm

    def _storm(self, load: Load, bot: Bot, threads: ThreadPoolExecutor) -> None:
        """Send as answers come, so that about ``BACKLOG`` of them are always awaited, while another thread kills."""
        end = time.monotonic() + self._report.storm_s
        killing = threads.submit(self._strike_on, bot)
        while time.monotonic() < end and not killing.done():
            if self._ledger.wait_for_fewer(BACKLOG, 0.1):
                for said in load.send():
                    self._ledger.say(said)
        self._calm.set()
        killing.result()

    def _strike_on(self, bot: Bot) -> None:
        for strike in strikes(self._report.seed):
            if strike.at_work:
                self._wait_for_an_answer()
            if self._calm.wait(strike.after_s):
                return
            assert bot.supervisord
            if bot.supervisord.poll() is not None:
                self._broken(f"supervisord ended by itself, with status {bot.supervisord.returncode}")
                bot.launch()
            self._strike(bot, strike.victim)

    def _wait_for_an_answer(self) -> None:
        killed_at = self._kills[-1].at if self._kills else 0.0
        end = time.monotonic() + AT_WORK_AGAIN_S
        while self._ledger.first_after(killed_at) is None and time.monotonic() < end and not self._calm.is_set():
            self._calm.wait(0.05)

    def _strike(self, bot: Bot, victim: str) -> None:
        if victim in ALL_DOWN:
            assert bot.supervisord
            bot.supervisord.kill()
            bot.supervisord.wait()
            if victim == EVERYTHING:
                killing.kill_all(bot.root)
            self._kills.append(Kill(victim, time.time()))
            bot.launch()
        elif victim == DECODER and self._struck_since(DECODER, time.time() - DECODERS_IN_PEACE_S):
            return
        elif process := killing.find(bot.root, victim):  # otherwise it waits for its restart
            self._kills.append(Kill(victim, time.time()))
            killing.kill(process)

    def _struck_since(self, victim: str, time: float) -> bool:
        return any(kill.victim == victim and kill.at > time for kill in self._kills)

    # Drain and settle

    def _wait_until_all_are_back(self, bot: Bot) -> None:
        """Whether every killed worker is ready again, and Redis answers."""

        def missing() -> list[str]:
            ready = ready_times(bot)
            return [worker for worker in CHANNELS if self._last_kill(worker) > max(ready[worker], default=0.0)]

        try:
            wait_until(lambda: not missing(), DRAIN_S, "all workers")
        except AssertionError:
            self._broken(f"not ready again within {DRAIN_S:g} s: {', '.join(missing())}")

    def _last_kill(self, worker: str) -> float:
        return max((kill.at for kill in self._kills if kill.victim in {worker, *ALL_DOWN}), default=0.0)

    def _nothing_may_be_left(self, left: Callable[[], list[str]], within_s: float) -> None:
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not left(), within_s, "the end of all jobs")
        for thing in left():
            self._broken(f"left behind: {thing}")

    def _compare_memory(self, before: Memory, after: Memory) -> None:
        self._report.memory = before, after
        more = after.held - before.held - (after.markers - before.markers)
        if more > MEMORY_TOLERANCE:
            self._broken(f"Redis uses {more / MIB:.2f} MiB more than before, without markers")

    def _stop(self, bot: Bot) -> None:
        status = bot.stop()
        if status:
            self._broken(f"supervisord ended with status {status}")
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not processes.of_checkout(bot.root), GONE_WITHIN_S, "the end of all processes")
        for process in processes.of_checkout(bot.root):
            self._broken(f"{process.program} ({process.pid}) outlived supervisord's stop")
            killing.kill(process)

    def _judge(self, watch: Watch, ready: dict[str, list[float]]) -> None:
        report, ledger = self._report, self._ledger
        report.sent, report.answers = ledger.kinds(), ledger.answers()
        report.lost, report.wrong = ledger.lost(), ledger.wrong()
        for what, which in (("answers never came", report.lost), ("answers say something else", report.wrong)):
            if which:
                self._broken(f"{len(which)} {what}: {'; '.join(which[:10])}")
        judged = judge_duplicates(ledger.duplicates(), self._kills, watch)
        report.duplicates, report.chances = judged.causes, judged.chances
        if judged.unexplained:
            times = ", ".join(time.strftime("%H:%M:%S", time.gmtime(again)) for _, again in judged.unexplained)
            self._broken(f"{len(judged.unexplained)} answers came twice without a known cause, at {times} UTC")
        for violation in sorted(watch.violations):
            self._broken(violation)
        report.restarted = report.counts["restarted"] - report.sent[RESTARTS]
        if report.restarted > 0:
            self._broken(f"{report.restarted} jobs had to be restarted: they had no message")
        report.recoveries = {victim: recovery(victim, self._kills, ledger, ready, watch) for victim in VICTIMS}

    def _broken(self, promise: str) -> None:
        self._report.broken.append(promise)
        self._say(f"BROKEN: {promise}")

    def _keep_evidence(self, bot: Bot) -> None:
        if self._report.broken:
            ignored = shutil.ignore_patterns("*.sock*", "files")
            shutil.copytree(bot.root / "run", self._evidence / "run", ignore=ignored)
            lines = [f"{kill.at:.3f} {kill.victim}" for kill in self._kills]
            (self._evidence / "kills").write_text("\n".join(lines))
            (self._evidence / "report.md").write_text(self._report.markdown())


@contextlib.contextmanager
def _playground(models_dir: Path, threads: ThreadPoolExecutor) -> Iterator[str]:
    port = free_port()
    process = start_playground(port, MODELS_DIR=str(models_dir))
    assert process.stderr
    log: Future[str] = threads.submit(process.stderr.read)  # else its pipe fills
    try:
        wait_until(lambda: is_up(port) or process.poll() is not None, CALM_S, "the playground's start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
        log.result()
        process.stderr.close()
    assert process.returncode == ENDED_BY_SIGTERM, log.result()
