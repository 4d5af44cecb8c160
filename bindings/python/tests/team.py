"""Two Kotlin phones and a Python coordinator merge through a relay: four processes.

`cargo xtask test team` runs this file, which the suite `python` does not pick up. Its arguments start a phone, when the
phone's folder is added to them.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import unittest
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from haversack import Client, Contact, ContactFilter, Notebook, Person, Report, Role, Site

START_PHONE = sys.argv[1:]
TIME_MAX_S = 300
PERIOD = ("2008-02-01", "2008-03-01")

# Day, person, syringes out, pieces back. Both meet LOTUS-27 on one day, and JADE-3 on different days.
FIRST_WALK = [
    ("2008-02-04", "client=LOTUS-27", "10", "8"),
    ("2008-02-04", "anonymous=F", "5", "3"),
    ("2008-02-05", "client=JADE-3", "7", "0"),
    ("2008-02-05", "count=4", "20", "0"),
]
SECOND_WALK = [
    ("2008-02-04", "client=LOTUS-27", "4", "2"),
    ("2008-02-06", "client=JADE-3", "6", "6"),
    ("2008-02-06", "anonymous=M", "2", "5"),
]
EXPECTED = {
    "contacts": 7,
    "coded": 4,
    "anonymous": 3,
    "clients": 2,
    "sets": 54,
    "returned": 24,
    "return_pct": "44.4",
    "people_counted": 4,
    "same_day_two_educators": 1,
}


def canonical(value) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def shown_contact(contact: Contact) -> dict:
    """What a phone prints for the same contact."""
    lines = [[line.direction.name, line.item, line.quantity] for line in contact.lines]
    told = {name: value for name, value in vars(contact).items() if name != "state"}
    return told | {"person": shown_person(contact.person), "lines": lines}


def shown_person(person: Person) -> list:
    if person.is_CLIENT():
        return ["client", person.id]
    if person.is_ANONYMOUS():
        return ["anonymous", person.sex, person.age]
    return ["count", person.people] if person.is_COUNT() else ["unattributed"]


def shown_report(report: Report) -> dict:
    """What a phone prints for the same report."""
    return {
        "contacts": report.indicators.contacts,
        "coded": report.indicators.contacts_coded,
        "anonymous": report.indicators.contacts_anonymous,
        "clients": report.indicators.reach_coded,
        "sets": report.indicators.sets_distributed,
        "returned": report.indicators.returned,
        "return_pct": report.indicators.return_pct,
        "people_counted": report.people_counted,
        "same_day_two_educators": report.indicators.same_day_two_educators,
    }


async def together(*calls) -> list:
    """Their results. When one fails the others are stopped, so that nothing runs on while the test is cleaned up."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call) for call in calls]
    return [task.result() for task in tasks]


class Program:
    """A process that prints lines of JSON, and may be asked for one with a line of words."""

    def __init__(self, process: Process):
        self._process = process

    @classmethod
    async def start(cls, *command: str) -> "Program":
        return cls(await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE))

    async def hear(self):
        line = await self._process.stdout.readline()
        assert line, "it ended instead of answering"
        return json.loads(line)

    async def ask(self, *words: str):
        self._process.stdin.write(" ".join(words).encode() + b"\n")
        return await self.hear()

    async def end(self):
        """Closes its input, at which it must end, and well."""
        self._process.stdin.close()
        rest, _ = await self._process.communicate()
        assert (self._process.returncode, rest) == (0, b"")

    async def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.stdin.close()
        await self._process.communicate()


class Team(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    async def asyncSetUp(self):
        # What the coordinator does blocks the loop, and may: the others are processes.
        asyncio.get_running_loop().set_debug(False)

    async def test_two_phones_and_a_coordinator_merge(self):
        async with asyncio.timeout(TIME_MAX_S):
            await self.merge()

    async def merge(self):
        coordinator = self.coordinator()
        phones = await together(self.phone(coordinator, "first"), self.phone(coordinator, "second"))
        async with self.relay() as url:
            await coordinator.sync(url)
            await self.sync_all(phones, url)

        logged = [await self.walk(phone, walk) for phone, walk in zip(phones, (FIRST_WALK, SECOND_WALK))]
        async with self.relay() as url:
            await self.sync_all(phones, url)
            self.assertEqual((await coordinator.sync(url)).contacts, EXPECTED["contacts"])
            await self.sync_all(phones, url)

        self.assertEqual(shown_report(coordinator.report(*PERIOD)), EXPECTED)
        contacts = coordinator.contacts(ContactFilter(_from=None, to=None, newest=None))
        self.assertEqual(sorted(contact.id for contact in contacts), sorted(sum(logged, [])))
        for phone in phones:
            await self.check_same(phone, contacts)
            await phone.end()

    async def check_same(self, phone: Program, contacts: list[Contact]):
        expected = [canonical(shown_contact(contact)) for contact in contacts]
        self.assertEqual([canonical(contact) for contact in await phone.ask("contacts")], expected)
        self.assertEqual(await phone.ask("report", *PERIOD), EXPECTED)

    def coordinator(self) -> Notebook:
        notebook = Notebook.create(str(self.folder / "coordinator"), b"six words or more, please")
        notebook.found_space()
        notebook.put_site(Site(code="KM-V", kind="mobile_van", setting=None, closes_minutes=1020))
        blank = {"sex": None, "birth": None, "injections_a_day": None, "status": None}
        notebook.add_clients([Client(label=label, **blank) for label in ("LOTUS-27", "JADE-3")])
        return notebook

    async def phone(self, coordinator: Notebook, name: str) -> Program:
        """Starts a phone and takes it into the coordinator's space."""
        phone = await self.start(*START_PHONE, str(self.folder / name))
        invitation = coordinator.invite(await phone.hear(), Role.EDUCATOR)
        words = await phone.ask("join", invitation.answer)
        self.assertEqual(len(words.split()), 6)
        self.assertEqual(words, invitation.words)
        return phone

    async def walk(self, phone: Program, walk: list[tuple]) -> list[str]:
        """Logs contacts one by one, while no relay runs, and gives their ids."""
        return [await phone.ask("log", *contact) for contact in walk]

    async def sync_all(self, phones: list[Program], url: str):
        """All at once; what they logged must not be on them alone then."""
        for synced in await together(*(phone.ask("sync", url) for phone in phones)):
            self.assertEqual(synced["here_only"], 0)

    @contextlib.asynccontextmanager
    async def relay(self):
        """Runs the command `haversack` as a relay on a free port, always the same relay, and gives its address."""
        command = [os.environ["HAVERSACK_BIN"], "--json", "relay", "serve", "--stop-with-stdin"]
        command += ["--listen", "127.0.0.1:0", "--data", str(self.folder / "relay")]
        relay = await self.start(*command)
        yield (await relay.hear())["url"]
        await relay.end()

    async def start(self, *command: str) -> Program:
        program = await Program.start(*command)
        self.addAsyncCleanup(program.kill)
        return program


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
