"""The service behind the page, without processes: starting, events, endings, the runs that are kept, stopping."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IProcessProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.experiment.page import child
from p2p_twisted.experiment.page.child import MAX_LINE, P2P, STOP_TIMEOUT, descendants
from p2p_twisted.experiment.page.experiment_order import ExperimentOrder
from p2p_twisted.experiment.page.experiment_run import ExperimentRun
from p2p_twisted.experiment.page.service import MAX_RUNS, NOT_KNOWN_YET, ExperimentBusy, ExperimentService

NOW = 1_795_372_416.0
ORDER = ExperimentOrder("task1", peers=3, files=6)


class FakeProcess:
    """The transport of a process that does what the test says."""

    pid = None

    def __init__(self, protocol: Any, argv: list[str]) -> None:
        self.protocol = protocol
        self.argv = argv
        self.signals: list[str] = []
        self.over = False

    def closeStdin(self) -> None:
        pass

    def signalProcess(self, name: str) -> None:
        if self.over:
            raise ProcessExitedAlready()
        self.signals.append(name)

    def say(self, *events: object) -> None:
        self.protocol.outReceived("".join(json.dumps(event) + "\n" for event in events).encode())

    def end(self, code: int | None = 0) -> None:
        self.over = True
        reason = ProcessDone(0) if code == 0 else ProcessTerminated(code, 9 if code is None else None)
        self.protocol.processEnded(Failure(reason))


class FakeReactor(Clock):
    """A clock that starts processes."""

    def __init__(self) -> None:
        super().__init__()
        self.rightNow = NOW
        self.processes: list[FakeProcess] = []

    def spawnProcess(self, protocol: Any, executable: str, args: list[str], env: object) -> None:
        assert IProcessProtocol.providedBy(protocol)
        assert (executable, env) == (sys.executable, None)
        self.processes.append(FakeProcess(protocol, args))
        process: Any = self.processes[-1]
        protocol.makeConnection(process)


class ServiceTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.folder = Path(self.mktemp())
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.service = ExperimentService(self.reactor, self.folder)

    @property
    def process(self) -> FakeProcess:
        return self.reactor.processes[-1]

    def start(self) -> ExperimentRun:
        self.reactor.advance(1)
        return self.service.start(ORDER)

    def done(self, code: int | None = 0) -> ExperimentRun:
        """A run that is over."""
        run = self.start()
        self.process.end(code)
        return run

    def events(self, run: ExperimentRun) -> list[dict[str, Any]]:
        return [json.loads(data) for _, data, _ in run.history.kept]


class StartingTests(ServiceTestCase):
    def test_the_command_line_of_the_child(self) -> None:
        run = self.service.start(ExperimentOrder("task2-best", 3, 7, 9, "1Mbit", "2Mbit", 5, True))
        out = str(self.folder / run.id / "out")
        command = "experiment task2-best --up 1Mbit --down 2Mbit --peers 3 --files 7 --size 9 --seed 5 --events --swarm"
        self.assertEqual(self.process.argv, [*P2P, *command.split(), "--out", out])
        described = run.describe()
        self.assertEqual((described["state"], described["started"], described["ended"]), ("running", NOW, None))

    def test_faults_repeats_and_labs_are_options(self) -> None:
        faults: dict[str, Any] = {
            "kill": ["source@30%", "peer3@5s"],
            "slow": ["peer2=1Mbit"],
            "liar": ["peer4"],
            "churn": "10s",
        }
        self.service.start(ExperimentOrder("task1", repeat=3, lab="netns", **faults))
        said = " ".join(self.process.argv[len(P2P) :]).partition(" --events ")[2].partition(" --out ")[0]
        kills = "--kill source@30% --kill peer3@5s --slow peer2=1Mbit --liar peer4 --churn 10s"
        self.assertEqual(said, f"--repeat 3 --lab netns {kills}")

    def test_scale_doubles_the_peers(self) -> None:
        for peers, said in ((2, "2"), (3, "2,3"), (8, "2,4,8"), (32, "2,4,8,16,32")):
            run = self.service.start(ExperimentOrder("scale", peers=peers, size=4))
            command = f"experiment scale --up 20Mbit --down 100Mbit --peers {said} --size 4 --seed 0 --events"
            self.assertEqual(self.process.argv, [*P2P, *command.split(), "--out", str(self.folder / run.id / "out")])
            self.process.end()

    def test_only_one_experiment_runs_at_a_time(self) -> None:
        run = self.start()
        self.assertIn("is running already", str(self.assertRaises(ExperimentBusy, self.start)))
        self.service.stop(run.id)
        self.assertRaises(ExperimentBusy, self.start)
        self.process.end(7)
        self.assertIsNot(self.start(), run)

    def test_two_in_one_second_do_not_share_a_folder(self) -> None:
        ids = []
        for _ in range(3):
            ids.append(self.service.start(ORDER).id)
            self.process.end(1)
        self.assertEqual(len(set(ids)), 3)
        self.assertEqual([run.id for run in ExperimentService(self.reactor, self.folder).runs()], ids)


class HearingTests(ServiceTestCase):
    def test_events_come_in_any_pieces(self) -> None:
        run = self.start()
        lines = b'{"event":"run","bound":1}\n{"event":"progress","at":0.1}\n'
        for byte in lines:
            self.process.protocol.outReceived(bytes([byte]))
        self.assertEqual(self.events(run), [{"event": "run", "bound": 1}, {"event": "progress", "at": 0.1}])

    def test_the_local_path_of_the_report_is_not_published(self) -> None:
        run = self.start()
        self.process.say({"event": "end", "findings": ["a"], "report": "/srv/rs/lab/1/out/report.html"})
        self.assertEqual(self.events(run), [{"event": "end", "findings": ["a"]}])

    def test_lines_that_are_not_events_are_ignored(self) -> None:
        run = self.start()
        self.process.protocol.outReceived(b'\n{}\n[]\n{"event":1}\nnonsense\n\xff\n' + b"[" * 50_000 + b"\n")
        self.process.say({"event": "run"})
        self.assertEqual(self.events(run), [{"event": "run"}])

    def test_a_line_without_an_end(self) -> None:
        run = self.start()
        for _ in range(MAX_LINE // 1000 + 1):
            self.process.protocol.outReceived(b"x" * 1000)
        self.assertEqual(self.process.signals, ["INT"])
        self.process.end(1)
        self.assertIn("a line of more than", run.describe()["error"])


class EndingTests(ServiceTestCase):
    def test_done(self) -> None:
        run = self.start()
        self.assertIsNone(run.result("report.html"))
        (run.folder / "out").mkdir()
        (run.folder / "out" / "report.html").write_text("a report")
        self.assertIsNone(run.result("report.html"), "not before it is over")
        self.process.end()
        self.assertEqual((run.state, run.describe()["error"]), ("done", None))
        self.assertEqual(run.describe()["results"], {"report": f"/lab/runs/{run.id}/report"})
        self.assertEqual(run.result("report.html"), b"a report")
        self.assertEqual(self.events(run)[-1], {"event": "over", **run.describe()})
        self.assertTrue(run.history.closed)

    def test_copies_that_are_not_right(self) -> None:
        run = self.done(12)
        self.assertEqual((run.state, run.describe()["error"]), ("done", "some copies are missing or wrong"))

    def test_a_failure_says_why(self) -> None:
        run = self.start()
        self.process.protocol.errReceived(b"Traceback\n" * 10_000 + b"p2p: peer3 is not ")
        self.process.protocol.errReceived(b"registered\n\n")
        self.process.end(5)
        self.assertEqual((run.state, run.describe()["error"]), ("failed", "peer3 is not registered"))

    def test_a_failure_without_a_word(self) -> None:
        for code in 1, None:
            run = self.done(code)
            self.assertEqual((run.state, run.describe()["error"]), ("failed", "the experiment ended without a message"))

    def test_stopped(self) -> None:
        run = self.start()
        self.assertTrue(self.service.stop(run.id))
        self.assertEqual((run.state, self.process.signals), ("stopping", ["INT"]))
        self.assertTrue(self.service.stop(run.id))
        self.assertEqual(self.process.signals, ["INT"], "a second one would break into its tidying up")
        self.process.end(7)
        self.assertEqual((run.state, run.describe()["error"]), ("stopped", None))
        self.assertFalse(self.service.stop(run.id))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_somebody_else_interrupted_it(self) -> None:
        self.assertEqual(self.done(7).state, "stopped")

    def test_a_child_that_does_not_stop_is_killed(self) -> None:
        run = self.start()
        self.service.stop(run.id)
        self.reactor.advance(STOP_TIMEOUT - 1)
        self.assertEqual(self.process.signals, ["INT"])
        self.reactor.advance(1)
        self.assertEqual(self.process.signals, ["INT", "KILL"])
        self.process.end(None)
        self.assertEqual(run.state, "stopped")

    def test_stopping_a_child_that_has_already_ended(self) -> None:
        run = self.start()
        self.process.over = True
        self.service.stop(run.id)
        self.reactor.advance(STOP_TIMEOUT)
        self.process.end()
        self.assertEqual(run.state, "stopped")


class KeepingTests(ServiceTestCase):
    def test_the_last_few_are_kept(self) -> None:
        runs = [self.done() for _ in range(MAX_RUNS + 3)]
        self.assertEqual(self.service.runs(), runs[3:])
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), [run.id for run in runs[3:]])
        self.assertIsNone(self.service.run(runs[0].id))

    def test_a_restart_knows_them(self) -> None:
        run = self.start()
        self.process.say({"event": "run"}, {"event": "progress", "at": 0.1})
        self.process.end()
        [again] = ExperimentService(self.reactor, self.folder).runs()
        self.assertEqual(again.describe(), run.describe())
        self.assertEqual(self.events(again), self.events(run))
        self.assertTrue(again.history.closed)

    def test_a_run_that_was_running_when_the_rs_was_killed_has_failed(self) -> None:
        self.start()
        [again] = ExperimentService(self.reactor, self.folder).runs()
        self.assertEqual((again.state, again.describe()["error"]), ("failed", "the RS ended while this ran"))
        self.assertEqual(self.events(again)[-1]["event"], "over")
        [once_more] = ExperimentService(self.reactor, self.folder).runs()
        self.assertEqual(len(self.events(once_more)), 1)

    def test_invalid_records_are_ignored(self) -> None:
        run = self.done()
        good = (run.folder / "record.json").read_text("utf-8")
        bad = ["", "[]", "{}", "[" * 50_000, '"x"', good.replace('"task"', '"tusk"'), good.replace('"started"', '"s"')]
        bad += [good.replace('"events": [', '"events": [7, '), good.replace('"events": [[', '"events": [["x", '), "\0"]
        for place, text in enumerate(bad):
            folder = self.folder / f"20200101-{place:06}"
            folder.mkdir()
            (folder / "record.json").write_text(text, "utf-8")
        (self.folder / "20200101-999999").mkdir()
        (self.folder / "notes").mkdir()
        self.assertEqual([one.id for one in ExperimentService(self.reactor, self.folder).runs()], [run.id])


class PlacesTests(ServiceTestCase):
    """Which labs there are is asked once, when the RS starts."""

    def setUp(self) -> None:
        super().setUp()
        self.service.startService()

    def test_until_it_is_known_there_is_loopback_alone(self) -> None:
        self.assertEqual(self.process.argv, [*P2P, "experiment", "labs", "--json"])
        self.assertEqual(self.service.places(), {"loopback": None, "netns": NOT_KNOWN_YET})

    def test_the_answer_of_the_child_is_used(self) -> None:
        said = json.dumps({"labs": {"loopback": None, "netns": None, "moon": None}}, indent=2)
        self.process.protocol.outReceived(f"{said}\n".encode())
        self.process.end()
        self.assertEqual(self.service.places(), {"loopback": None, "netns": None})

    def test_the_reason_why_a_place_is_not_available(self) -> None:
        self.process.say({"labs": {"loopback": None, "netns": "it needs root"}})
        self.process.end()
        self.assertEqual(self.service.places(), {"loopback": None, "netns": "it needs root"})

    def test_nonsense_and_failures(self) -> None:
        for said in b"", b"x", b"[]", b'{"labs": 1}', b'{"labs": {}', b"\xff":
            service = ExperimentService(self.reactor, self.folder)
            service.startService()
            self.process.protocol.outReceived(said + b"\n")
            self.process.protocol.errReceived(b"p2p: it broke\n")
            self.process.end(1)
            self.assertEqual(service.places(), {"loopback": None, "netns": "it broke"})

    def test_a_child_that_is_still_checking_is_stopped_with_the_rs(self) -> None:
        stopping: Any = self.service.stopService()
        self.assertEqual(self.process.signals, ["INT"])
        self.assertNoResult(stopping)
        self.process.end(7)
        self.successResultOf(stopping)


class ServiceTests(ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service.startService()
        self.process.end()

    def test_the_end_of_the_rs_waits_for_the_end_of_the_run(self) -> None:
        run = self.start()
        stopping: Any = self.service.stopService()
        self.assertNoResult(stopping)
        self.assertEqual(self.process.signals, ["INT"])
        self.assertIn("stopping", str(self.assertRaises(ExperimentBusy, self.start)))
        self.process.end(7)
        self.successResultOf(stopping)
        self.assertEqual(run.state, "stopped")

    def test_with_nothing_running_it_ends_at_once(self) -> None:
        self.done()
        self.assertIsNone(self.service.stopService())

    def test_a_disk_that_is_full_at_the_end_is_logged_and_the_next_may_start(self) -> None:
        run = self.start()
        self.patch(ExperimentRun, "save", lambda self: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        self.process.end()
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertTrue(run.history.closed)
        self.assertRaises(OSError, self.service.start, ORDER)


class DescendantTests(SynchronousTestCase):
    def test_children_and_theirs_even_in_sessions_of_their_own(self) -> None:
        if not child.PROC.is_dir():
            self.skipTest("there is no /proc")
        program = "import subprocess, sys; subprocess.run(['sleep', '60'], start_new_session=True)"
        with subprocess.Popen([sys.executable, "-c", program]) as started:
            deadline = time.monotonic() + 60
            while not (found := descendants(started.pid)) and time.monotonic() < deadline:
                time.sleep(0.01)
            self.assertEqual(len(found), 1)
            self.assertIn(found[0], descendants(os.getpid()))
            started.kill()
            os.kill(found[0], 9)
